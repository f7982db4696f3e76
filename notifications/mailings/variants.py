"""The kinds of reader a notice really has: language, segments and jurisdiction together make one variant of it."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Count, Min, OuterRef

from incidents.models import AffectedAccount
from notifications import composing
from notifications.composing import CannotCompose, Reader
from notifications.composing.guidance import jurisdictions_asked
from notifications.composing.languages import best, name_of
from notifications.mailings import texts, whom
from notifications.mailings.owing import silent
from notifications.models import Notice, NoticeVersion

MOST_COMPOSED = 500


@dataclass
class Variant:
    """One text of the notice, values aside. example: the affected account with the lowest id among its readers."""

    reader: Reader
    count: int
    example: int
    problem: str = ""
    """Why the example's message cannot be written; empty: it can."""

    @property
    def words(self) -> str:
        said = [name_of(self.reader.language), ", ".join(self.reader.segments) or "in no segment"]
        if self.reader.jurisdictions:
            said.append(", ".join(self.reader.jurisdictions))
        return " · ".join(said)


@dataclass(frozen=True)
class Variants:
    """Those of most readers first."""

    listed: list[Variant]
    other_languages: dict[str, int]
    """{locale of readers in whose language there is no text: how many they are}."""

    @property
    def readers(self) -> int:
        return sum(variant.count for variant in self.listed)


def variants(notice: Notice) -> Variants:
    """Of everyone the notice may go to, each composed dry with the facts of its example.

    Counts the whole list in one statement: seconds for a million, so it is asked for and never part of another page.
    """
    version = texts.draft(notice)
    listed, others = _counted(notice, version)
    composed = listed[:MOST_COMPOSED]
    rows = AffectedAccount.objects.select_related("account").prefetch_related("segments")
    examples = rows.in_bulk([variant.example for variant in composed])
    for variant in composed:
        affected = examples[variant.example]
        address = texts.first_reachable(affected.account)
        try:
            composing.compose(texts.recipient_for(version, affected=affected, address=address))
        except CannotCompose as error:
            variant.problem = str(error)
    return Variants(listed, others)


def _counted(notice: Notice, version: NoticeVersion) -> tuple[list[Variant], dict[str, int]]:
    known = {segment["key"] for segment in version.guidance["segments"]}
    by_reader: dict[Reader, Variant] = {}
    others: dict[str, int] = {}
    for locale, jurisdiction, keys, count, example in _rows(notice):
        language = best(locale, version.languages, version.language)
        asked = tuple(jurisdictions_asked(version, language, jurisdiction))
        reader = Reader(language, tuple(sorted(known.intersection(keys))), asked)
        if locale and _base(locale) != _base(language):
            others[_base(locale)] = others.get(_base(locale), 0) + count
        held = by_reader.setdefault(reader, Variant(reader, 0, example))
        held.count += count
        held.example = min(held.example, example)
    listed = sorted(by_reader.values(), key=lambda variant: (-variant.count, variant.example))
    return listed, dict(sorted(others.items(), key=lambda one: (-one[1], one[0])))


def _base(locale: str) -> str:
    return locale.replace("_", "-").partition("-")[0].lower()


def _rows(notice: Notice) -> Iterable[Any]:
    """(locale, jurisdiction, keys of segments, how many, lowest id)"""
    ruled_out = notice.kind == Notice.Kind.ALL_CLEAR
    to = whom.To(whom=whom.Whom.RULED_OUT if ruled_out else whom.Whom.OWED)
    memberships = AffectedAccount.segments.through.objects.filter(affectedaccount=OuterRef("pk"))
    keys = ArraySubquery(memberships.order_by("segment__key").values("segment__key"))
    everyone = whom.everyone(notice.incident, to).filter(~silent(notice.incident))
    return (
        everyone.annotate(keys=keys).order_by().values_list("account__locale", "account__jurisdiction", "keys")
        .annotate(count=Count("pk"), example=Min("pk"))
    )  # fmt: skip
