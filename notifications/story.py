"""The story of an incident on one line of time: decisions, page versions, approvals, mailings, imports, obligations."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from django.urls import reverse

from accounts.models import Approval
from incidents.models import Incident, ObligationEntry, PageVersion, SubstituteNotice
from incidents.obligations import Clock


@dataclass(frozen=True)
class Moment:
    """One thing that was done. sort: one of SORTS; at: where it stands; when: as exactly as it is known."""

    at: datetime
    sort: str
    words: str
    link: str
    by: str = ""
    more: str = ""
    when: str = ""


def read(incident: Incident, clocks: list[Clock], *, sorts: set[str] | None = None) -> list[Moment]:
    """In order of time. sorts: only these of SORTS; None: all."""
    wanted = [sort for sort in SORTS if sorts is None or sort in sorts]
    found = [moment for sort in wanted for moment in SORTS[sort][1](incident, clocks)]
    return sorted(found, key=lambda moment: moment.at)


def _decisions(incident: Incident, clocks: list[Clock]) -> Iterator[Moment]:
    page = reverse("incidents:decisions", args=[incident.slug])
    for one in incident.decisions.select_related("by", "segment"):
        whom = f", for {one.segment.name}" if one.segment else ""
        yield Moment(
            one.at or one.recorded_at, "decisions", f"Decided: {one.get_kind_display()}{whom}",
            f"{page}#decision-{one.pk}", _name(one.by), one.reasons, one.in_words(),
        )  # fmt: skip


def _pages(incident: Incident, clocks: list[Clock]) -> Iterator[Moment]:
    for one in PageVersion.objects.filter(incident=incident).select_related("by").defer("content"):
        yield Moment(
            one.made_at, "pages", f"Page version {one.number}",
            reverse("incidents:version", args=[incident.slug, one.number]), _name(one.by), one.get_cause_display(),
        )  # fmt: skip


def _approvals(incident: Incident, clocks: list[Clock]) -> Iterator[Moment]:
    rows = Approval.objects.filter(incident=incident.pk).select_related("asked_by").prefetch_related("sign_offs__by")
    for one in rows:
        yield Moment(one.asked_at, "approvals", f"Asked for approval {_act(one)}", one.page, _name(one.asked_by),
                     one.summary)  # fmt: skip
        for sign in one.sign_offs.all():
            said = "Approved" if sign.yes else "Refused"
            yield Moment(sign.at, "approvals", f"{said} {_act(one)}", one.page, _name(sign.by), sign.words)


def _mailings(incident: Incident, clocks: list[Clock]) -> Iterator[Moment]:
    for one in incident.mailings.of_sets().select_related("started_by", "version__notice"):
        link = reverse("notifications:mailing", args=[incident.slug, one.number])
        what = f"“{one.version.subject}” to {one.recipients_count:,}"
        if one.started_at:
            yield Moment(one.started_at, "mailings", f"Mailing {one.number} began", link, _name(one.started_by), what)
        if one.finished_at:
            yield Moment(one.finished_at, "mailings", f"Mailing {one.number} was finished", link, "", what)


def _imports(incident: Incident, clocks: list[Clock]) -> Iterator[Moment]:
    for one in incident.import_batches.select_related("uploaded_by", "confirmed_by", "undone_by"):
        link = reverse("incidents:affected_import", args=[incident.slug, one.number])
        yield Moment(one.uploaded_at, "imports", f"Import {one.number} came in", link, _name(one.uploaded_by))
        if one.confirmed_at:
            yield Moment(one.confirmed_at, "imports", f"Import {one.number} was confirmed", link,
                         _name(one.confirmed_by))  # fmt: skip
        if one.undone_at:
            yield Moment(one.undone_at, "imports", f"Import {one.number} was taken back", link, _name(one.undone_by))


def _obligations(incident: Incident, clocks: list[Clock]) -> Iterator[Moment]:
    page = reverse("notifications:deadlines", args=[incident.slug])
    for clock in clocks:
        name, link = f"{clock.rule.regime}: {clock.rule.title}", f"{page}#obligation-{clock.obligation.pk}"
        yield Moment(clock.obligation.chosen_at, "obligations", f"Clock chosen: {name}", link,
                     _name(clock.obligation.chosen_by), clock.rule.citation)  # fmt: skip
        if clock.due_at and clock.state != "not_required":
            yield Moment(clock.due_at, "obligations", f"Due: {name}", link, "", clock.because)
        for entry in clock.obligation.entries.all():
            yield Moment(entry.at or entry.recorded_at, "obligations", f"{entry.get_kind_display()}: {name}", link,
                         _name(entry.by), _said(entry), entry.in_words() if entry.at else "")  # fmt: skip
    for notice in SubstituteNotice.objects.filter(incident=incident).select_related("by"):
        yield Moment(notice.recorded_at, "obligations", f"Substitute notice for {notice.unreached:,} accounts",
                     reverse("notifications:substitute", args=[incident.slug]), _name(notice.by),
                     notice.means)  # fmt: skip


SORTS: dict[str, tuple[str, Callable[[Incident, list[Clock]], Iterator[Moment]]]] = {
    "decisions": ("Decisions", _decisions),
    "pages": ("Page versions", _pages),
    "approvals": ("Approvals", _approvals),
    "mailings": ("Mailings", _mailings),
    "imports": ("Imports", _imports),
    "obligations": ("Deadlines", _obligations),
}


def _said(entry: ObligationEntry) -> str:
    return "; ".join(words for words in (entry.reference, entry.reasons) if words)


def _act(approval: Approval) -> str:
    return f"({approval.get_act_display()})"


def _name(user: object) -> str:
    return user.get_full_name() if user else ""  # type: ignore[attr-defined]
