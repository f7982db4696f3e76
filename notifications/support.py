"""What support reads out to one person, and what the page said when we wrote to them: published content alone."""

from bisect import bisect_right
from datetime import datetime

from incidents.models import AffectedAccount, Incident, PageVersion, StepState
from incidents.publishing.versions import last_said
from notifications import resending
from notifications.composing.variables import VARIABLE
from notifications.models import Recipient
from notifications.person import OUTCOMES

SETTLED = [StepState.State.VERIFIED, StepState.State.DONE_FOR_YOU]
_TOLD = {
    "told": "You are on the list of those affected, and our message reached you.",
    "on_the_way": "You are on the list of those affected, and our message is on its way to you.",
    "unknown": "You are on the list of those affected. We wrote to you, and do not know yet whether it arrived.",
    "unreached": "You are on the list of those affected. No message of ours has reached you so far.",
    "ruled_out": "You were found not to be affected.",
}


def pages_then(incident: Incident, recipients: list[Recipient]) -> dict[int, int]:
    """{recipient: number of the page version that stood when its message was handed over}; none before the first.

    Needs attempts and their batches at hand.
    """
    versions = list(PageVersion.objects.filter(incident=incident).order_by("number").values_list("made_at", "number"))
    moments = [made_at for made_at, _ in versions]
    places = {row.pk: bisect_right(moments, _left_at(row)) for row in recipients}
    return {pk: versions[place - 1][1] for pk, place in places.items() if place}


def _left_at(recipient: Recipient) -> datetime:
    moments = [one.batch.handed_over_at for one in recipient.attempts.all() if one.batch.handed_over_at]
    return min(moments, default=recipient.state_at)


def script(affected: AffectedAccount, outcome: str) -> list[str]:
    """Sentences to read out: what happened, what we wrote, what to do. Nothing of a draft stands in it."""
    version = last_said(affected.incident)
    content = version.content if version else {}
    said = [content[name] for name in ("title", "summary") if content.get(name)]
    said.append(_TOLD.get(outcome, OUTCOMES[outcome][1]))
    original = resending.last_approved(affected)
    if original:
        subject, _ = original.mailing.version.text_in(original.merge.get("language", ""))
        named = VARIABLE.sub("…", subject)
        said.append(f"Our message has the subject “{named}” and comes from {original.mailing.sender}.")
        said.append("It carries a reference code, which you can check on our page. We never ask for a password.")
    steps = [step["title"] for step in _open_steps(affected, content.get("steps", []))]
    return [*said, *([f"Please do this: {'; '.join(steps)}."] if steps else [])]


def _open_steps(affected: AffectedAccount, steps: list[dict]) -> list[dict]:
    """Theirs alone, but what we did for them or saw done; none for whoever is ruled out."""
    if affected.certainty == AffectedAccount.Certainty.RULED_OUT:
        return []
    theirs = {None, *affected.segments.values_list("key", flat=True)}
    settled = set(affected.step_states.filter(state__in=SETTLED).values_list("step_id", flat=True))
    return [step for step in steps if step["segment"] in theirs and step.get("id") not in settled]
