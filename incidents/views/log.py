"""Who did what in this incident, newest first, in words."""

import json
from collections.abc import Iterable
from typing import Any

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.http import urlencode

from accounts.access import StaffRequest, staff
from accounts.models import AuditEntry
from incidents.models import Incident

ENTRIES = 100

# noun.verb as the acts record it. What is not listed reads by itself: "mailing.paused" is "paused the mailing".
VERBS = {
    "begun": "began", "given": "approved", "asked": "asked for", "void": "ended", "refused": "refused",
    "held_back": "held back", "let_through": "let through", "written": "wrote", "role_changed": "changed the role of",
}  # fmt: skip
NOUNS = {
    "approval": "the request", "incident": "the incident", "page": "the page", "import": "the import",
    "evidence": "the evidence",
}  # fmt: skip
WHOLE = {
    "approval.asked": "asked for approval",
    "page.telling_changed": "let the page say how far telling has come",
    "evidence.exported": "exported the evidence",
    "account.searched": "looked for one account",
    "recipient.recorded": "recorded a letter, call or meeting",
}
OF_ACTS = {"publish": "to publish", "mail": "to send a notice", "import": "to import accounts", "export": "to export"}
ONLY_IN_THE_HOUSE_LOG = {"evidence.exported"}  # their facts are a page of numbers
SAID = (
    "fields", "counts", "rows", "kind", "because", "number", "version", "needs", "words", "channel", "account",
)  # of the facts  # fmt: skip


@staff("read_room")
def log(request: StaffRequest, slug: str) -> HttpResponse:
    """Keyset pages: ?before= the number of the last entry of the page before."""
    incident = get_object_or_404(Incident, slug=slug)
    entries = AuditEntry.objects.filter(incident=incident.pk).select_related("by")
    before, who = request.GET.get("before", ""), request.GET.get("who", "")
    if who.isdecimal() and len(who) < 19:
        entries = entries.filter(by=int(who))
    elif who == "system":
        entries = entries.filter(by=None)
    if before.isdecimal() and len(before) < 19:
        entries = entries.filter(number__lt=int(before))
    found = list(entries.order_by("-number")[: ENTRIES + 1])
    shown, more = found[:ENTRIES], len(found) > ENTRIES
    people = AuditEntry.objects.filter(incident=incident.pk, by__isnull=False).order_by("by__name", "by")
    context = {
        "incident": incident, "room": "log", "who": who, "before": before,
        "people": people.values_list("by", "by__name", "by__email").distinct(),
        "lines": told(shown),
        "older": "?" + urlencode({"before": shown[-1].number} | ({"who": who} if who else {})) if more else "",
        "newest": ("?" + urlencode({"who": who}) if who else "?") if before else "",
    }  # fmt: skip
    return render(request, "incidents/staff/log.html", context)


def told(entries: Iterable[AuditEntry]) -> list[dict]:
    """Each entry with `did` ("changed step 12") and `more`, the facts that say more about it."""
    entries = list(entries)
    things = {entry.thing for entry in entries if entry.act.startswith("mailing.")}
    prepared = AuditEntry.objects.filter(act="mailing.prepared", thing__in=things) if things else ()
    numbers = {entry.thing: _facts(entry)["number"] for entry in prepared}
    return [{"entry": entry, **in_words(entry, numbers)} for entry in entries]


def in_words(entry: AuditEntry, numbers: dict[str, int]) -> dict[str, str]:
    """numbers: of the mailings, by thing. Staff know a mailing by its number in the incident, not by its key."""
    noun, _, verb = entry.act.partition(".")
    facts = _facts(entry)
    number = numbers.get(entry.thing) or entry.thing.rpartition(":")[2]
    thing = NOUNS.get(noun) or f"{noun.replace('_', ' ')} {number}"
    did = WHOLE.get(entry.act) or f"{VERBS.get(verb, verb.replace('_', ' '))} {thing}"
    if noun == "approval":
        did = f"{did} {OF_ACTS.get(facts.get('of', ''), '')}".strip()
    if verb == "moved":
        did += " up" if facts.get("up") else " down"
    if entry.act in ONLY_IN_THE_HOUSE_LOG:
        return {"did": did, "more": ""}
    said = [name for name in SAID if facts.get(name) and not (name == "number" and noun == "mailing")]
    return {"did": did, "more": "; ".join(_fact(name, facts[name]) for name in said)}


def _facts(entry: AuditEntry) -> dict[str, Any]:
    return json.loads(entry.body)["facts"]


def _fact(name: str, value: object) -> str:
    if isinstance(value, dict):
        value = ", ".join(f"{key} {count}" for key, count in value.items()).replace("_", " ")
    if isinstance(value, list):
        value = ", ".join(str(one) for one in value).replace("_", " ")
    return f"{name}: {value}"
