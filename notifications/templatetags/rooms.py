"""The state each room of an incident is in, in a word or two, for the list at the left of every staff page.

It lives here because it speaks of both: what incidents hold and how far notifications have come.
"""

from datetime import datetime

from django import template

from accounts import approvals
from accounts.models import Approval
from incidents import obligations
from incidents.audience import finding
from incidents.models import Incident, PageVersion
from notifications import awake, stopping
from notifications.inquiries import counting
from notifications.models import Hook, Mailing, Recipient, SendingStop

register = template.Library()


@register.simple_tag
def room_states(incident: Incident) -> dict[str, dict]:
    """{room: {"words": …, "waits": whether somebody has to do something}}; a room without news is left out."""
    states = {
        "updates": _drafts(incident),
        "publish": _page(incident),
        "affected": _affected(incident),
        "notices": _notices(incident),
        "inquiries": _inquiries(incident),
        "decisions": _counted(incident.decisions.count(), "decision"),
        "deadlines": _deadlines(incident),
    }
    return {room: {"words": words, "waits": waits} for room, (words, waits) in states.items() if words}


@register.simple_tag
def silent_since() -> datetime | None:
    """Since when nobody works at what should be going out; None where all is well."""
    return awake.silent_since()


@register.simple_tag
def sending_stop() -> SendingStop | None:
    """The kill switch that holds now."""
    return stopping.standing()


@register.simple_tag
def paused_hooks() -> list[Hook]:
    """Webhooks that failed so often that nothing is sent there any more."""
    return list(Hook.objects.filter(paused_at__isnull=False, ended_at=None))


def _counted(count: int, word: str) -> tuple[str, bool]:
    return (f"{count:,} {word}{'' if count == 1 else 's'}" if count else ""), False


def _drafts(incident: Incident) -> tuple[str, bool]:
    words, _ = _counted(incident.updates.drafts().filter(held_back=False).count(), "draft")
    return words, bool(words)


def _page(incident: Incident) -> tuple[str, bool]:
    asked = approvals.living(Approval.Act.PUBLISH, incident)
    if asked:
        return ("waits for approval" if asked.state == "open" else "approved, not published"), True
    version = PageVersion.objects.filter(incident=incident).values_list("number", flat=True).first()
    return (f"version {version}" if version else "not published"), False


def _affected(incident: Incident) -> tuple[str, bool]:
    """This stands on every page of the room: it may not take longer the more accounts there are."""
    count = finding.counted(incident.affected_accounts.owed_a_notice())
    return (f"more than {finding.MOST_COUNTED:,}", False) if count is None else _counted(count, "account")


def _deadlines(incident: Incident) -> tuple[str, bool]:
    """Without their ends: those may depend on how many accounts there are."""
    left = obligations.unsettled(incident)
    return (f"{left:,} to meet", True) if left else ("", False)


def _inquiries(incident: Incident) -> tuple[str, bool]:
    waiting = counting.waiting(incident)
    return (f"{waiting:,} waiting", True) if waiting else ("", False)


def _notices(incident: Incident) -> tuple[str, bool]:
    unknown = Recipient.objects.filter(incident=incident, state=Recipient.State.UNKNOWN).count()
    if unknown:
        return f"{unknown:,} unknown", True
    mailing = Mailing.objects.of_sets().filter(incident=incident).first()
    if mailing is None:
        return "", False
    if mailing.letters_wait and mailing.state == Mailing.State.FINISHED:
        return "letters wait", True
    words = {
        Mailing.State.PREPARING: "being prepared", Mailing.State.PREPARED: "prepared, not sent",
        Mailing.State.RUNNING: "going out", Mailing.State.PAUSED: "paused",
        Mailing.State.CANCELLED: "cancelled", Mailing.State.FINISHED: "sent",
    }  # fmt: skip
    return words[Mailing.State(mailing.state)], mailing.state in {Mailing.State.PREPARED, Mailing.State.PAUSED}
