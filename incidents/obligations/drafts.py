"""What an authority asks, filled from what stands in the room. What is missing is marked; nothing is made up."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from accounts.models import Organisation
from incidents import timeline
from incidents.models import Decision, Exposure, Incident
from incidents.obligations.standing import counts


@dataclass(frozen=True)
class Section:
    """One question of the authority. missing: what somebody still has to write, in words."""

    heading: str
    lines: list[str] = field(default_factory=list)
    missing: str = ""


@dataclass(frozen=True)
class Kind:
    title: str
    citation: str
    sections: Callable[[Incident, datetime], Iterator[Section]]


@dataclass(frozen=True)
class Draft:
    kind: str
    title: str
    citation: str
    organisation: str
    incident: str
    at: datetime
    sections: list[Section]

    @property
    def missing(self) -> int:
        return sum(1 for section in self.sections if section.missing)

    def as_record(self) -> dict[str, Any]:
        return {
            "draft": True, "kind": self.kind, "title": self.title, "citation": self.citation,
            "organisation": self.organisation, "incident": self.incident, "as_of": self.at.astimezone(UTC).isoformat(),
            "missing": self.missing,
            "sections": [
                {"heading": one.heading, "lines": one.lines, "missing": one.missing or None} for one in self.sections
            ],
        }  # fmt: skip


def draft(incident: Incident, kind: str, *, at: datetime) -> Draft:
    """Raises KeyError where there is no such kind."""
    form, organisation = KINDS[kind], Organisation.get()
    return Draft(
        kind=kind, title=form.title, citation=form.citation, organisation=organisation.legal_name or organisation.name,
        incident=incident.title, at=at, sections=list(form.sections(incident, at)),
    )  # fmt: skip


# The forms ------------------------------------------------------------------------------------------------------


def _gdpr(incident: Incident, at: datetime) -> Iterator[Section]:
    yield Section("Nature of the breach", _what(incident) + _when(incident), _unless(incident.summary, "what happened"))
    yield Section("Categories and approximate number of people", _people(incident), _count_open(incident))
    yield _asked("Categories and approximate number of records", _data(incident), "which data were concerned")
    yield _asked("Data protection officer or other contact point", _contacts(incident), "name and contact details")
    yield Section("Likely consequences", _consequences(incident), "the likely consequences, in your own words")
    yield _asked("Measures taken or proposed", _measures(incident), "what was done and what is proposed")
    yield Section("When we became aware", _decided(incident, Decision.Kind.AWARE),
                  _unless(_decided(incident, Decision.Kind.AWARE), "the decision “We became aware”"))  # fmt: skip
    yield Section("Reasons for a delay, after 72 hours", [], _late(incident, at))


def _nis2_early(incident: Incident, at: datetime) -> Iterator[Section]:
    yield Section("The incident", _what(incident) + _when(incident), _unless(incident.summary, "what happened"))
    yield Section("Is it suspected of being caused by unlawful or malicious acts?", [], "yes or no, and why")
    yield Section("Could it have a cross-border impact?", _places(incident), "yes or no")
    yield _asked("Contact", _contacts(incident), "whom to call")


def _nis2_notification(incident: Incident, at: datetime) -> Iterator[Section]:
    yield from _nis2_early(incident, at)
    yield Section("Initial assessment: severity and impact", [f"Impact as published: {incident.get_impact_display()}.",
                  *_people(incident), *_data(incident)], "severity, as you judge it")  # fmt: skip
    yield _asked("Indicators of compromise", _indicators(incident), "none are on record")


def _nis2_final(incident: Incident, at: datetime) -> Iterator[Section]:
    yield Section("Detailed description, severity and impact", _what(incident) + _when(incident) + _people(incident)
                  + _data(incident), _unless(incident.summary, "what happened"))  # fmt: skip
    yield Section("Type of threat or root cause", [], "what is likely to have triggered it")
    yield _asked("Mitigation measures, applied and ongoing", _measures(incident), "what was done")
    yield Section("Cross-border impact", _places(incident), "where it applies")


def _california(incident: Incident, at: datetime) -> Iterator[Section]:
    """The five headings of Cal. Civ. Code § 1798.82(d)(1), in their order and words."""
    yield Section("What Happened", _what(incident) + _when(incident), _unless(incident.summary, "what happened"))
    yield _asked("What Information Was Involved", _data(incident), "which personal information was involved")
    yield _asked("What We Are Doing", _measures(incident), "what was done")
    yield _asked("What You Can Do", [f"{step.title}." for step in incident.steps.filter(held_back=False)],
                 "what people should do")  # fmt: skip
    yield _asked("For More Information", _contacts(incident), "where people can ask, with a telephone number")


KINDS = {
    "gdpr-33": Kind("Notification to the supervisory authority", "GDPR, Article 33(3)", _gdpr),
    "nis2-early": Kind("Early warning", "NIS2, Article 23(4)(a)", _nis2_early),
    "nis2-notification": Kind("Incident notification", "NIS2, Article 23(4)(b)", _nis2_notification),
    "nis2-final": Kind("Final report", "NIS2, Article 23(4)(d)", _nis2_final),
    "california": Kind("Notice of Data Breach", "Cal. Civ. Code § 1798.82(d)", _california),
}


# What stands in the room ----------------------------------------------------------------------------------------


def _asked(heading: str, lines: list[str], missing: str) -> Section:
    return Section(heading, lines, "" if lines else missing)


def _unless(there: object, missing: str) -> str:
    return "" if there else missing


def _what(incident: Incident) -> list[str]:
    return [text for text in (incident.title.strip(), incident.summary.strip()) if text]


def _when(incident: Incident) -> list[str]:
    events = timeline.in_order(incident.events.all())
    return [f"{event.in_words()}: {event.text.strip()}" for event in events]


def _people(incident: Incident) -> list[str]:
    by_place = counts(incident)
    if not by_place:
        return []
    places = ", ".join(f"{place or 'not known'} {count:,}" for place, count in sorted(by_place.items()))
    lines = [f"{by_place.total():,} affected accounts are on the list, by place: {places}."]
    return lines + [f"Category: {segment.name}." for segment in incident.segments.all()]


def _count_open(incident: Incident) -> str:
    if not incident.affected_accounts.exists():
        return "how many people, and of which categories"
    final = incident.decisions.standing().filter(kind=Decision.Kind.SCOPE_FINAL).exists()
    return "" if final else "say that the number is not final, or record that the scope is final"


def _data(incident: Incident) -> list[str]:
    exposures = incident.exposures.select_related("segment").exclude(status=Exposure.Status.RULED_OUT)
    lines = []
    for one in exposures:
        whose = f", of {one.segment.name}" if one.segment else ""
        lines.append(f"{one.data_class}{whose}: {one.get_status_display().lower()}. {one.note}".strip())
    return lines


def _consequences(incident: Incident) -> list[str]:
    return [f"If a step is not taken: {step.if_not}" for step in incident.steps.exclude(if_not="")]


def _measures(incident: Incident) -> list[str]:
    return [
        f"{'Proposed' if one.promised else 'Done'}{f', {one.in_words()}' if one.at else ''}: {one.text.strip()}"
        for one in incident.measures.all()
    ]


def _contacts(incident: Incident) -> list[str]:
    own = [f"{one.role}: {one.value}" for one in incident.contacts.all()]
    return own or [f"{one['role']}: {one['value']}" for one in Organisation.get().contacts]


def _indicators(incident: Incident) -> list[str]:
    return [f"{one.get_kind_display()}: {one.value}" for one in incident.indicators.all()]


def _places(incident: Incident) -> list[str]:
    places = sorted({place.split("-")[0] for place in counts(incident) if place})
    return [f"Affected accounts are in: {', '.join(places)}."] if places else []


def _decided(incident: Incident, kind: str) -> list[str]:
    found = incident.decisions.standing().filter(kind=kind).last()
    return [f"{found.in_words()}. {found.reasons}"] if found else []


def _late(incident: Incident, at: datetime) -> str:
    aware = incident.decisions.standing().filter(kind=Decision.Kind.AWARE, at__isnull=False).last()
    is_late = aware is not None and aware.at is not None and (at - aware.at).total_seconds() > 72 * 3600
    return "72 hours have passed: say why it comes later" if is_late else ""
