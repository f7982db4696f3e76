from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    PASSED = "passed"
    WARNS = "warns"
    """A person weighs it."""
    STOPS = "stops"
    UNKNOWN = "unknown"
    """It could not be looked at: that stops nothing."""


@dataclass(frozen=True)
class Check:
    level: Level
    words: str
    language: str = ""
    """In words: of which text; empty: of all."""
    detail: str = ""
    """What was found, to the letter."""


def passed(words: str, **more: str) -> Check:
    return Check(Level.PASSED, words, **more)


def warns(words: str, **more: str) -> Check:
    return Check(Level.WARNS, words, **more)


def stops(words: str, **more: str) -> Check:
    return Check(Level.STOPS, words, **more)


def unknown(words: str, **more: str) -> Check:
    return Check(Level.UNKNOWN, words, **more)
