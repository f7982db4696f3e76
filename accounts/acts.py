"""Entries of the audit chain in words, for the log of one incident and for that of the whole house."""

import json
from collections.abc import Iterable
from typing import Any

from accounts.models import AuditEntry, User

# noun.verb as the acts record it. What is not listed reads by itself: "mailing.paused" is "paused the mailing".
VERBS = {
    "begun": "began", "given": "approved", "asked": "asked for", "void": "ended", "refused": "refused",
    "held_back": "held back", "let_through": "let through", "written": "wrote", "role_changed": "changed the role of",
    "frozen": "fixed the words of", "invited_again": "sent the invitation again to",
    "closed": "ended the access of", "reopened": "opened again",
}  # fmt: skip
NOUNS = {
    "approval": "the request", "incident": "the incident", "page": "the page", "import": "the import",
    "evidence": "the evidence", "organisation": "the organisation",
}  # fmt: skip
WHOLE = {
    "approval.asked": "asked for approval",
    "approval.alone": "broke the glass: went ahead without a second person",
    "approval.reviewed": "looked at what one person had published alone",
    "page.edited": "published a minor edit of the page",
    "update.reworded": "mended the wording of a published update, as a draft",
    "update.rewording_dropped": "dropped the draft of a minor edit",
    "page.look": "rendered the page again after an upgrade",
    "page.overdue": "let the page say that a promised update is overdue",
    "page.planned": "planned to publish the page",
    "page.plan_cancelled": "cancelled the planned publication of the page",
    "page.plan_stopped": "did not publish the page as planned",
    "page.translated": "published translations of the page",
    "translation.saved": "saved translations",
    "law_rule.written": "wrote a version of a rule of law",
    "obligation.chosen": "let a legal clock run",
    "obligation.met": "recorded that an obligation was met",
    "obligation.late": "said why an obligation is late",
    "obligation.not_required": "said why an obligation is not required",
    "obligation.open_again": "opened an obligation again",
    "obligation.reading": "chose how an obligation is counted",
    "obligation.rule": "let an obligation count by the newer version of its rule",
    "obligation.reminded": "reminded staff by mail of a legal clock",
    "calendar_feed.made": "made a secret link for calendars",
    "calendar_feed.revoked": "revoked a secret link for calendars",
    "substitute_notice.recorded": "recorded a substitute notice",
    "page.redacted": "took words out of a version of the page",
    "page.published_without": "published the page without words that were taken out",
    "page.telling_changed": "let the page say how far telling has come",
    "evidence.exported": "exported the evidence",
    "evidence.downloaded": "downloaded the evidence",
    "evidence.asked": "asked for the evidence",
    "signing_key.introduced": "introduced a key that signs the log",
    "signing_key.introduced_without_the_old": "introduced a key that signs the log, the one before being lost",
    "readiness.restore_tested": "tried to bring a backup back, and it worked",
    "readiness.test_message_sent": "sent a test message through the provider",
    "attempts.sealed": "sealed the attempts to send of an incident",
    "template.approved": "approved a template for counsel",
    "template.put_away": "put a template away",
    "template.taken_up": "took a template up again",
    "token.made": "made a token for the API",
    "webhook.asked": "asked for a webhook",
    "webhook.switched_on": "switched a webhook on",
    "webhook.paused": "paused a webhook that does not answer",
    "webhook.resumed": "let a webhook go on",
    "webhook.ended": "ended a webhook",
    "webhook.tested": "sent a test to a webhook",
    "token.revoked": "revoked a token of the API",
    "token.used": "came through the API, by token, for the first time that day",
    "steps.verified": "verified steps, by a list",
    "steps.not_verified": "asked by a list for steps of which none could be verified",
    "staff.signed_in": "signed in",
    "staff.refused": "was turned away from a page of the staff room",
    "single_sign_on.off": "switched single sign-on off and ended what came by it",
    "staff.signed_out": "signed out",
    "staff.password_changed": "changed the password",
    "staff.factor_added": "added a second factor",
    "staff.factor_removed": "took away a second factor",
    "staff.factor_reset": "made new recovery codes",
    "notice.test_sent": "sent a test of a notice to themselves",
    "mailing.unknown_sent_again": "sent unknown messages of a mailing again",
    "notice.handed_over": "let the company's own product open the notice of one account",
    "link.revoked": "revoked a personal link",
    "link.all_revoked": "revoked all personal links of an incident",
    "retention.set": "set the day from which on people are forgotten",
    "retention.forgotten": "forgot the people of an incident, whose day had come",
    "address.corrected": "put an address in the place of another, confirmed by two people",
    "report.looked_at": "looked at a message reported as a fake",
    "person.given": "took out one person’s data, to give it to them",
    "person.erased": "erased what may be erased of one person",
    "notice.sent_again": "sent a notice again to one person",
    "mailing.again_opened": "began to gather what is sent again to single people",
    "recipient.sent_again": "sent an unknown message once more",
    "import.uploaded": "uploaded a list of affected accounts",
    "import.dealt_with": "dealt with the rows an import had left out",
    "import.undone": "undid the import",
    "import.downloaded": "downloaded rows of an import",
    "segment.applied": "put the accounts of its rule into a segment",
    "address_rule.made": "stopped trusting addresses by rule",
    "address_rule.ended": "ended a rule about addresses that are not trusted",
    "account.searched": "looked for one account",
    "export.begun": "took affected accounts out of the house",
    "export.ended": "had the whole list of an export",
    "export.broken_off": "had only the beginning of an export: the download broke off",
    "sending.stopped": "stopped all sending",
    "sending.allowed_again": "let sending go on",
    "recipient.record_taken_back": "took back a record of a letter, call or meeting",
    "records.read": "recorded letters, calls and meetings from a file",
    "mailing.letters_taken": "downloaded letters to be posted",
    "mailing.exported": "downloaded the people of a mailing",
    "mailing.unknown_settled": "settled unknown messages of a mailing",
    "mailing.rest_released": "let the rest of a mailing follow the first ones",
    "mailing.paced": "said how a mailing goes out",
    "mailing.scheduled": "set the time at which a mailing starts",
    "mailing.unscheduled": "took back the time at which a mailing starts",
    "mailing.held": "held a mailing",
    "recipient.recorded": "recorded a letter, call or meeting",
    "subscriber.looked_up": "looked whether one address follows by mail",
    "announcement.finished": "sent an update to those who follow",
    "announcement.paused": "paused an update to those who follow",
    "announcement.resumed": "let an update to those who follow go on",
    "inquiries.answered_with": "let five texts answer “was I affected?”",
    "inquiries.paused": "paused the answers to “was I affected?”",
    "inquiries.resumed": "let the answers to “was I affected?” go on",
    "inquiries.switched_off": "switched “was I affected?” off",
    "inquiries.switched_on": "switched “was I affected?” on",
    "inquiryanswer.paused": "held an answer to “was I affected?”",
}
SINGULAR = {"staff": "member of staff"}
OF_ACTS = {"publish": "to publish", "mail": "to send a notice", "import": "to import accounts", "export": "to export"}
# Their facts are a page of numbers.
ONLY_IN_THE_HOUSE_LOG = {"evidence.exported", "evidence.downloaded", "attempts.sealed"}
SAID = (
    "fields", "counts", "count", "answer", "start_at", "rows", "people", "lines", "filter", "kind", "because",
    "number", "version", "needs", "words", "channel", "account", "token", "scopes", "only", "mode", "ruled_out",
    "evidence", "server", "events", "alone", "agrees", "value", "rule", "accounts", "addresses",
)  # of the facts  # fmt: skip


def told(entries: Iterable[AuditEntry]) -> list[dict]:
    """Each entry with `did` ("changed step 12") and `more`, the facts that say more about it."""
    entries = list(entries)
    things = {entry.thing for entry in entries if entry.act.startswith("mailing.")}
    prepared = AuditEntry.objects.filter(act="mailing.prepared", thing__in=things) if things else ()
    known = {entry.thing: facts_of(entry)["number"] for entry in prepared} | _people(entries)
    return [{"entry": entry, **in_words(entry, known)} for entry in entries]


def _people(entries: list[AuditEntry]) -> dict[str, str]:
    """Members of staff that entries are about, by thing."""
    users = {entry.thing for entry in entries if entry.act.startswith("staff.")}
    found = User.objects.filter(pk__in=[thing.rpartition(":")[2] for thing in users]) if users else ()
    return {f"accounts.user:{user.pk}": user.get_full_name() for user in found}


def what(act: str) -> str:
    """The kind of act in words, for a filter: "changed a step"."""
    noun, _, verb = act.partition(".")
    return WHOLE.get(act) or f"{VERBS.get(verb, verb.replace('_', ' '))} {NOUNS.get(noun) or _a(noun)}"


def _a(noun: str) -> str:
    return f"{'an' if noun[:1] in 'aeiou' else 'a'} {SINGULAR.get(noun, noun).replace('_', ' ')}"


def in_words(entry: AuditEntry, known: dict[str, Any]) -> dict[str, str]:
    """known: numbers of mailings and names of staff, by thing. Nobody knows a mailing by its key."""
    noun, _, verb = entry.act.partition(".")
    facts = facts_of(entry)
    number = known.get(entry.thing) or entry.thing.rpartition(":")[2]
    thing = NOUNS.get(noun) or (str(number) if noun == "staff" else f"{noun.replace('_', ' ')} {number}")
    did = WHOLE.get(entry.act) or f"{VERBS.get(verb, verb.replace('_', ' '))} {thing}"
    if noun == "approval":
        did = f"{did} {OF_ACTS.get(facts.get('of', ''), '')}".strip()
    if verb == "moved":
        did += " up" if facts.get("up") else " down"
    if entry.act in ONLY_IN_THE_HOUSE_LOG:
        return {"did": did, "more": ""}
    said = [name for name in SAID if facts.get(name) and not (name == "number" and noun == "mailing")]
    return {"did": did, "more": "; ".join(_fact(name, facts[name]) for name in said)}


def facts_of(entry: AuditEntry) -> dict[str, Any]:
    return json.loads(entry.body)["facts"]


def _fact(name: str, value: object) -> str:
    if isinstance(value, dict):
        value = ", ".join(f"{key} {count}" for key, count in value.items()).replace("_", " ")
    if isinstance(value, list):
        value = ", ".join(str(one) for one in value).replace("_", " ")
    return f"{name}: {value}"
