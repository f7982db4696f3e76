"""Parts of a notice that only some of its readers get.

    :::if segment "eu", "uk" and jurisdiction "DE"
    …
    :::else
    …
    :::

Each of these stands alone on its line. One part never stands inside another. Nothing is ever evaluated: a part holds
for somebody, or it does not.
"""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from functools import lru_cache

from notifications.composing.errors import CannotCompose

SIGN = ":::"
_TERM = re.compile(r'(not +)?(segment|jurisdiction) +("[^"]*"(?: *, *"[^"]*")*)')
_CODE = re.compile(r"[A-Z]{2}(?:-[A-Z0-9]{1,3})?")
FORM = ':::if segment "eu" or :::if jurisdiction "DE", "US-CA", then :::else, and ::: at the end'


@dataclass(frozen=True)
class Term:
    """any one of `these` holds; or none of them."""

    kind: str
    these: tuple[str, ...]
    is_not: bool

    def holds(self, segments: Collection[str], jurisdictions: Collection[str]) -> bool:
        theirs = segments if self.kind == "segment" else jurisdictions
        return any(one in theirs for one in self.these) != self.is_not


@dataclass
class Part:
    """Lines of the body. No terms: everybody gets them."""

    line: int
    terms: tuple[Term, ...] = ()
    otherwise: bool = False
    lines: list[str] = field(default_factory=list)

    def holds(self, segments: Collection[str], jurisdictions: Collection[str]) -> bool:
        if not self.terms:
            return True
        return all(term.holds(segments, jurisdictions) for term in self.terms) != self.otherwise


@lru_cache(maxsize=128)
def parts(body: str) -> tuple[Part, ...]:
    """The body from top to bottom. Raises CannotCompose, naming the line."""
    found = [Part(1)]
    for number, line in enumerate(body.replace("\r\n", "\n").split("\n"), 1):
        said = line.strip()
        if not said.startswith(SIGN):
            found[-1].lines.append(line)
            continue
        found.append(_next(found[-1], said, number))
    if found[-1].terms:
        raise _no(found[-1].line, f"this part has no end: write {SIGN} alone on the line after it")
    return tuple(found)


def _next(part: Part, said: str, number: int) -> Part:
    """The part that begins with this line."""
    what = said.removeprefix(SIGN).strip()
    if not what:
        if not part.terms:
            raise _no(number, f"{SIGN} ends a part, and none has begun")
        return Part(number)
    if what == "else":
        if not part.terms or part.otherwise:
            raise _no(number, f"{SIGN}else belongs between {SIGN}if … and {SIGN}, once")
        return Part(number, part.terms, otherwise=True)
    if part.terms:
        raise _no(number, f"end the part of line {part.line} first: no part stands inside another")
    word, _, rest = what.partition(" ")
    if word != "if":
        raise _no(number, f"“{said[:60]}” is not understood: write {FORM}")
    return Part(number, tuple(_term(text, number) for text in re.split(r" +and +", rest.strip())))


def _term(text: str, number: int) -> Term:
    found = _TERM.fullmatch(text.strip())
    if not found:
        raise _no(number, f"“{text.strip()[:60]}” is not understood: write {FORM}")
    these = tuple(one.strip() for one in re.findall(r'"([^"]*)"', found[3]))
    if "" in these:
        raise _no(number, f"there is nothing between the quotation marks: name the {found[2]}")
    if found[2] == "jurisdiction":
        these = tuple(one.upper() for one in these)
        for one in these:
            if not _CODE.fullmatch(one):
                raise _no(number, f"“{one}” is no jurisdiction: write it as in ISO 3166, DE or US-CA")
    return Term(found[2], these, bool(found[1]))


def _no(number: int, why: str) -> CannotCompose:
    return CannotCompose(SIGN, f"Line {number}: {why}.")


def refuse_unknown_segments(body: str, known: Iterable[str]) -> None:
    """Raises CannotCompose for a part about a segment that is not there (or held back): nobody would ever get it."""
    there = sorted(known)
    for part in parts(body):
        for term in part.terms:
            for one in term.these:
                if term.kind == "segment" and one not in there:
                    has = f"there are {', '.join(there)}" if there else "this incident has none"
                    raise _no(part.line, f"there is no segment “{one}”: {has}")


def chosen(
    body: str, *, segments: Collection[str], jurisdictions: Collection[str], around: tuple[str, str] | None = None
) -> str:
    """The body as somebody gets it who is in these. around: what to put before and after a part not for everybody."""
    if SIGN not in body:
        return body
    return _joined((part for part in parts(body) if part.holds(segments, jurisdictions)), around)


def everything(body: str) -> str:
    """The body with every part, whoever it is for: to look for words in it."""
    return _joined(parts(body)) if SIGN in body else body


def _joined(these: Iterable[Part], around: tuple[str, str] | None = None) -> str:
    # An empty line in place of the sign: what stood apart stays apart.
    return "\n\n".join(
        f"{around[0]}\n\n{words}\n\n{around[1]}" if around and part.terms and words.strip() else words
        for part in these
        for words in ["\n".join(part.lines)]
    )


@lru_cache(maxsize=128)
def segments_named(body: str) -> frozenset[str]:
    return _named(body, "segment")


@lru_cache(maxsize=128)
def jurisdictions_named(body: str) -> frozenset[str]:
    return _named(body, "jurisdiction")


def _named(body: str, kind: str) -> frozenset[str]:
    """Empty where the body is not understood: composing it says so."""
    if SIGN not in body:
        return frozenset()
    try:
        terms = [term for part in parts(body) for term in part.terms]
    except CannotCompose:
        return frozenset()
    return frozenset(one for term in terms if term.kind == kind for one in term.these)


def within(jurisdiction: str, named: Iterable[str]) -> list[str]:
    """Which of these a jurisdiction belongs to: US-CA is in US-CA and in US, US is not in US-CA."""
    code = jurisdiction.upper()
    return sorted(one for one in named if code == one or code.startswith(f"{one}-"))
