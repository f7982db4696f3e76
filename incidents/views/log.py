"""Who did what in this incident, newest first, in words."""

import json
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
NOUNS = {"approval": "the request", "incident": "the incident", "page": "the page", "import": "the import"}
OF_ACTS = {"publish": "to publish", "mail": "to send a notice", "import": "to import accounts", "export": "to export"}
SAID = ("fields", "counts", "rows", "kind", "because", "number", "version", "needs", "words")  # of the facts


@staff("read_room")
def log(request: StaffRequest, slug: str) -> HttpResponse:
    """Keyset pages: ?before= the number of the last entry of the page before."""
    incident = get_object_or_404(Incident, slug=slug)
    entries = AuditEntry.objects.filter(incident=incident.pk).select_related("by")
    before, who = request.GET.get("before", ""), request.GET.get("who", "")
    if who.isdecimal():
        entries = entries.filter(by=int(who))
    elif who == "system":
        entries = entries.filter(by=None)
    if before.isdecimal():
        entries = entries.filter(number__lt=min(int(before), 2**63 - 1))
    found = list(entries.order_by("-number")[: ENTRIES + 1])
    shown, more = found[:ENTRIES], len(found) > ENTRIES
    people = AuditEntry.objects.filter(incident=incident.pk, by__isnull=False).order_by("by__name", "by")
    context = {
        "incident": incident, "room": "log", "who": who, "before": before,
        "people": people.values_list("by", "by__name", "by__email").distinct(),
        "lines": [{"entry": entry, **in_words(entry)} for entry in shown],
        "older": "?" + urlencode({"before": shown[-1].number} | ({"who": who} if who else {})) if more else "",
        "newest": ("?" + urlencode({"who": who}) if who else "?") if before else "",
    }  # fmt: skip
    return render(request, "incidents/staff/log.html", context)


def in_words(entry: AuditEntry) -> dict[str, str]:
    """What was done ("changed step 12"), and the facts that say more about it."""
    noun, _, verb = entry.act.partition(".")
    facts: dict[str, Any] = json.loads(entry.body)["facts"]
    thing = NOUNS.get(noun) or f"{noun.replace('_', ' ')} {entry.thing.rpartition(':')[2]}"
    if noun == "approval":
        thing = f"{thing} {OF_ACTS.get(facts.get('of', ''), '')}".strip()
    did = f"{VERBS.get(verb, verb.replace('_', ' '))} {thing}"
    if verb == "moved":
        did += " up" if facts.get("up") else " down"
    return {"did": did, "more": "; ".join(_fact(name, facts[name]) for name in SAID if facts.get(name))}


def _fact(name: str, value: object) -> str:
    if isinstance(value, dict):
        value = ", ".join(f"{key} {count}" for key, count in value.items())
    if isinstance(value, list):
        value = ", ".join(str(one).replace("_", " ") for one in value)
    return f"{name}: {value}"
