"""Faults that are injected for real, and what must hold after each: `manage.py faults`, `make faults`.

A run is a fresh incident, real workers, and a receiving server of our own that counts by Message-ID and by address.
`house` holds the processes, `invariants` is the program that judges, the other modules break things.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from config.faults.house import House

MODULES = ("killing", "broker", "database", "mail", "provider", "webhooks", "operators", "restoring")


class CannotInject(Exception):
    """This machine has no means to inject it; the message says what is missing."""


@dataclass
class Ended:
    """One fault, injected once: what was counted at the receiving server and in the ledger."""

    fault: str
    injected: str
    lost: int = 0
    doubled: int = 0
    unknown: int = 0
    recovery_s: float | None = None
    broken: list[str] = field(default_factory=list)
    """Invariants that do not hold, in words."""
    skipped: str = ""

    @property
    def is_good(self) -> bool:
        return not (self.lost or self.doubled or self.broken)

    def as_json(self) -> dict:
        kept = asdict(self)
        if not self.skipped:
            del kept["skipped"]
        return kept


@dataclass(frozen=True)
class Fault:
    number: str
    injected: str
    inject: "Callable[[House], None]"
    quick: bool


REGISTRY: list[Fault] = []


def fault(number: str, injected: str, *, quick: bool = False) -> "Callable[[Callable[[House], None]], Callable]":
    """Registers a function that injects it into a house. quick: part of the bounded subset that CI runs."""

    def register(inject: "Callable[[House], None]") -> Callable:
        REGISTRY.append(Fault(number, injected, inject, quick))
        return inject

    return register


def load() -> list[Fault]:
    for module in MODULES:
        import_module(f"config.faults.{module}")
    return REGISTRY
