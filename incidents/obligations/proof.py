"""Obligations as records for the evidence: the rule as it stood, its decision, its end, what was said of it."""

from datetime import UTC, datetime
from typing import Any

from django.utils import timezone

from accounts.models import User
from incidents.models import Incident, LawRule, ObligationEntry, SubstituteNotice
from incidents.obligations import substitute
from incidents.obligations.rules import CHECK_WITH_COUNSEL
from incidents.obligations.standing import Clock, standing


def obligations_for_evidence(
    incident: Incident, *, at: datetime | None = None, unreached: int | None = None
) -> dict[str, Any]:
    """For one JSON file of the bundle. unreached: how many nobody reaches; None: not known."""
    at = at or timezone.now()
    notices = SubstituteNotice.objects.filter(incident=incident).select_related("by").order_by("pk")
    return {
        "obligations": [_clock(clock) for clock in standing(incident, at=at, unreached=unreached)],
        "substitute_notices": [_notice(incident, notice, at=at) for notice in notices],
    }


def _clock(clock: Clock) -> dict[str, Any]:
    obligation = clock.obligation
    return {
        "id": obligation.pk, "regime": clock.rule.regime, "citation": clock.rule.citation, "title": clock.rule.title,
        "state": clock.state.value, "because": clock.because, "chosen_by": _person(obligation.chosen_by),
        "chosen_at": _moment(obligation.chosen_at), "decision": clock.trigger.pk if clock.trigger else None,
        "started_at": _moment(clock.started_at), "due_at": _moment(clock.due_at),
        "readings": [
            {"number": one.number, "words": one.words, "source": one.source, "due_at": _moment(one.due_at)}
            for one in clock.readings
        ],
        "reading_chosen": clock.reading, "is_undecided": clock.is_undecided,
        "rule": _rule(clock.rule), "rule_when_chosen": _rule(obligation.rule),
        "entries": [_entry(entry) for entry in obligation.entries.all()],
    }  # fmt: skip


def _rule(rule: LawRule) -> dict[str, Any]:
    return rule.as_record() | {"made_by": _person(rule.made_by), "made_at": _moment(rule.made_at),
                               "advice": CHECK_WITH_COUNSEL}  # fmt: skip


def _entry(entry: ObligationEntry) -> dict[str, Any]:
    return {
        "id": entry.pk, "kind": entry.kind, "at": _moment(entry.at), "precision": entry.precision, "zone": entry.zone,
        "proof": entry.proof, "reference": entry.reference, "reasons": entry.reasons, "reading": entry.reading,
        "rule_version": entry.rule.number if entry.rule else None, "by": _person(entry.by),
        "recorded_at": _moment(entry.recorded_at),
    }  # fmt: skip


def _notice(incident: Incident, notice: SubstituteNotice, *, at: datetime) -> dict[str, Any]:
    shown = substitute.shown(incident, notice, at=at)
    return {
        "id": notice.pk, "unreached": notice.unreached, "unreached_sha256": notice.unreached_sha256,
        "means": notice.means, "reasons": notice.reasons, "by": _person(notice.by),
        "recorded_at": _moment(notice.recorded_at),
        "page": shown.as_record() if shown else None,
        "phone": notice.phone, "phone_from": notice.phone_from, "phone_to": notice.phone_to,
    }  # fmt: skip


def _person(user: User | None) -> dict[str, Any] | None:
    return {"id": user.pk, "name": user.get_full_name()} if user else None


def _moment(at: datetime | None) -> str | None:
    return at.astimezone(UTC).isoformat() if at else None
