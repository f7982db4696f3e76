"""What support reads out to one person, and what the page said when we wrote to them: published content alone."""

from bisect import bisect_right
from datetime import datetime

from django.utils import translation
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.languages import ENGLISH, is_spoken, spoken
from incidents.documents import foreign
from incidents.models import AffectedAccount, Incident, PageVersion, StepState
from incidents.publishing.versions import last_said
from notifications import resending
from notifications.composing.variables import VARIABLE
from notifications.models import Recipient

SETTLED = [StepState.State.VERIFIED, StepState.State.DONE_FOR_YOU]
_TOLD = {
    "told": _("You are on the list of those affected, and our message reached you."),
    "on_the_way": _("You are on the list of those affected, and our message is on its way to you."),
    "unknown": _(
        "You are on the list of those affected. We wrote to you, and do not know yet whether it arrived."
    ),
    "unreached": _("You are on the list of those affected. No message of ours has reached you so far."),
    "by_decision_not_told": _("You are on the list of those affected. It was decided not to write to everyone on it."),
    "ruled_out": _("You were found not to be affected."),
}  # fmt: skip


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


def language_of(affected: AffectedAccount) -> str:
    """In which they are read to first: that of their messages, where we have words in it."""
    locale = affected.account.locale
    return spoken(locale if is_spoken(locale) else affected.incident.language)


def script(affected: AffectedAccount, outcome: str, *, language: str = ENGLISH) -> list[str]:
    """Sentences to read out in this language: what happened, what we wrote, what to do. Nothing of a draft stands in
    it; what is not translated stays in its own language.
    """
    version = last_said(affected.incident)
    with translation.override(language):
        content = _in_language(version.content, language) if version else {}
        happened = [content[name] for name in ("title", "summary") if content.get(name)]
        return [*happened, str(_TOLD[outcome]), *_what_we_wrote(affected), *_to_do(affected, content)]


def _in_language(content: dict, language: str) -> dict:
    return content if content["language"] == language else foreign.in_language(content, language)


def _what_we_wrote(affected: AffectedAccount) -> list[str]:
    original = resending.last_approved(affected)
    if original is None:
        return []
    subject, _body = original.mailing.version.text_in(original.merge.get("language", ""))
    said = gettext("Our message has the subject “%(subject)s” and comes from %(sender)s.")
    return [
        said % {"subject": VARIABLE.sub("…", subject), "sender": original.mailing.sender},
        gettext("It carries a reference code, which you can check on our page. We never ask for a password."),
    ]


def _to_do(affected: AffectedAccount, content: dict) -> list[str]:
    steps = [step["title"] for step in _open_steps(affected, content.get("steps", []))]
    if not steps:
        return []
    return [foreign.whole(lambda: gettext("Please do this: %(steps)s.") % {"steps": "; ".join(steps)}, *steps)]


def _open_steps(affected: AffectedAccount, steps: list[dict]) -> list[dict]:
    """Theirs alone, but what we did for them or saw done; none for whoever is ruled out."""
    if affected.certainty == AffectedAccount.Certainty.RULED_OUT:
        return []
    theirs = {None, *affected.segments.values_list("key", flat=True)}
    settled = set(affected.step_states.filter(state__in=SETTLED).values_list("step_id", flat=True))
    return [step for step in steps if step["segment"] in theirs and step.get("id") not in settled]
