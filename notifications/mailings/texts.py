"""The text of a notice: written, edited, frozen as a version, looked at, tried out on oneself."""

import hashlib
import uuid
from dataclasses import replace
from datetime import datetime
from smtplib import SMTPException

from anymail.exceptions import AnymailError
from django.conf import settings
from django.db import connection, transaction
from django.db.models import F
from django.utils import timezone

from accounts import approvals, audit
from accounts.models import Account, Address, Organisation, User
from incidents.audience import facts
from incidents.audience.facts import TABLE
from incidents.models import AffectedAccount, ImportBatch, Incident
from notifications import composing, providers, stopping
from notifications.composing import Message
from notifications.mailings.said_no import Changed, NotSent
from notifications.models import Mailing, Notice, NoticeText, NoticeVersion, ReaderLink, Recipient

SAMPLE_ACCOUNT, SAMPLE_NAME = "SAMPLE-ACCOUNT", "Sample Customer"
NOBODY = "nobody@example.invalid"
SAMPLE_CODE = "TEST-TEST-TEST"  # its check symbol is wrong: it can never be taken for a real one


@transaction.atomic
def create(incident: Incident, *, by: User, at: datetime | None = None, **fields) -> Notice:
    notice = Notice.objects.create(incident=incident, created_by=by, **fields)
    audit.record(act="notice.written", thing=notice, by=by, at=at, incident=incident.pk, kind=notice.kind)
    return notice


@transaction.atomic
def edit(notice: Notice, *, by: User, edits: int, at: datetime | None = None, **fields) -> int:
    """Save a new text; the number of approvals this ended.

    edits: the count the writer started from. Raises Changed where somebody else has saved since.
    """
    _take_turn(notice, edits, **fields)
    return _edited(notice, edits, by=by, at=at)


@transaction.atomic
def edit_in(notice: Notice, language: str, *, subject: str, body: str, by: User, edits: int,
            at: datetime | None = None) -> int:  # fmt: skip
    """Save the text in one more language; as `edit`."""
    _take_turn(notice, edits)
    NoticeText.objects.update_or_create(
        notice=notice, language=language, defaults={"subject": subject, "body": body}
    )  # fmt: skip
    return _edited(notice, edits, by=by, at=at, language=language)


@transaction.atomic
def drop_language(notice: Notice, language: str, *, by: User, edits: int, at: datetime | None = None) -> int:
    """Whoever would have got this language gets the default one; as `edit`."""
    _take_turn(notice, edits)
    notice.texts.filter(language=language).delete()
    return _edited(notice, edits, by=by, at=at, without=language)


def _take_turn(notice: Notice, edits: int, **fields) -> None:
    if not Notice.objects.filter(pk=notice.pk, edits=edits).update(edits=F("edits") + 1, **fields):
        raise Changed(
            "Somebody else saved this notice while you wrote. Your words stand below: compare and save again."
        )


def _edited(notice: Notice, edits: int, *, by: User, at: datetime | None, **what) -> int:
    prepared = Mailing.objects.filter(version__notice=notice, state=Mailing.State.PREPARED)
    ended = sum(
        approvals.void(act="mail", thing=mailing, because="the notice was edited", by=by, at=at) for mailing in prepared
    )
    audit.record(act="notice.edited", thing=notice, by=by, at=at, incident=notice.incident_id,
                 edit=edits + 1, approvals_ended=ended, **what)  # fmt: skip
    notice.refresh_from_db()
    return ended


def draft(notice: Notice) -> NoticeVersion:
    """The version the notice would become if it were frozen now, in all its languages; not saved."""
    guidance = {**composing.freeze_guidance(notice.incident), "language": notice.language}
    texts = {
        text.language: {"subject": text.subject, "body": text.body}
        for text in NoticeText.objects.filter(notice=notice)
        if text.language != notice.language
    }
    said = {"subject": notice.subject, "body": notice.body, "language": notice.language, "guidance": guidance}
    if texts:
        said["texts"] = texts
    return NoticeVersion(
        notice=notice, subject=notice.subject, body=notice.body, texts=texts, guidance=guidance,
        sha256=hashlib.sha256(audit.canonical(said).encode()).hexdigest(),
    )  # fmt: skip


@transaction.atomic
def freeze(notice: Notice, *, by: User, at: datetime | None = None) -> NoticeVersion:
    """The immutable version of what stands there now: the one there is, where nothing has changed since."""
    version, is_new = frozen(notice, by=by, at=at)
    if is_new:
        record_frozen(version, by=by, at=at)
    return version


def frozen(notice: Notice, *, by: User, at: datetime | None) -> tuple[NoticeVersion, bool]:
    """The version, and whether it is new: then `record_frozen` has to follow before the transaction ends."""
    notice = Notice.objects.select_for_update(of=("self",), no_key=True).select_related("incident").get(pk=notice.pk)
    version = draft(notice)
    held = notice.versions.filter(sha256=version.sha256).first()
    if held:
        return held, False
    newest = notice.versions.first()
    version.number = newest.number + 1 if newest else 1
    version.made_by, version.made_at = by, at or timezone.now()
    version.save(force_insert=True)
    return version, True


def record_frozen(version: NoticeVersion, *, by: User, at: datetime | None) -> None:
    audit.record(act="notice.frozen", thing=version, by=by, at=at, incident=version.notice.incident_id,
                 number=version.number, sha256=version.sha256)  # fmt: skip


# Looking at it --------------------------------------------------------------------------------------------------


FACTS_OF_THE_NEWEST = """
SELECT key, min(jsonb_typeof(value))
  FROM (SELECT facts FROM incidents_affectedaccount WHERE incident_id = %s ORDER BY id DESC LIMIT 1000) AS affected,
       jsonb_each(facts)
 GROUP BY key
"""
TYPES_OF_JSON = {"number": "number", "boolean": "yes_no", "array": TABLE}


def facts_known(incident: Incident) -> dict[str, str]:
    """The personal facts of this incident, each a variable: {name: its type in words}, by name.

    What imports took their columns for, and what the newest accounts have; not asked of a million rows.
    """
    with connection.cursor() as cursor:
        cursor.execute(FACTS_OF_THE_NEWEST, [incident.pk])
        known = {name: TYPES_OF_JSON.get(kind, "text") for name, kind in cursor.fetchall()}
    imported = incident.import_batches.filter(state=ImportBatch.State.CONFIRMED).order_by("number")
    for columns in imported.values_list("columns", flat=True):
        for meaning in columns.values():
            if fact := facts.of_meaning(meaning):
                known |= {TABLE: TABLE} if fact.in_table else {fact.name: fact.type}
    words = facts.TYPES | {TABLE: "table; stands alone on its line"}
    return {name: words[known[name]] for name in sorted(known)}


def preview(notice: Notice, *, affected: AffectedAccount, address: Address | None) -> Message:
    """The message as this account will get it, with a sample link and code. Raises CannotCompose."""
    return composing.compose(recipient_for(draft(notice), affected=affected, address=address))


def recipient_for(version: NoticeVersion, *, affected: AffectedAccount, address: Address | None) -> Recipient:
    """To compose for; never to send to."""
    merge = composing.merge_facts(affected, version, address=address)
    return as_recipient(version, merge=merge, to=address.value if address else NOBODY)


def first_reachable(account: Account) -> Address | None:
    """The address a first message would go to."""
    return account.addresses.reachable().first()


def sample(notice: Notice, *, language: str = "", to: str = NOBODY) -> Message:
    """The message with data that is obviously nobody's, in all segments. Raises CannotCompose.

    language: one of the notice's; its default one where none is given.
    """
    return composing.compose(sample_recipient(draft(notice), language=language, to=to))


def sample_recipient(version: NoticeVersion, *, language: str = "", to: str = NOBODY) -> Recipient:
    """Nobody, in all segments, with a value for every variable."""
    used = composing.variables_in(*version.text_in(language)) - composing.VARIABLES.keys()
    merge = {
        "account": SAMPLE_ACCOUNT,
        "name": SAMPLE_NAME,
        "language": language or version.language,
        "segments": sorted(segment["key"] for segment in version.guidance["segments"]),
        "facts": {name: [{"sample": "[sample]"}] if name == TABLE else f"[sample {name}]" for name in used},
    }
    return as_recipient(version, merge=merge, to=to)


def subject_with_samples(text: Notice | NoticeVersion, *, ours: Organisation) -> str:
    """The subject as a reader would find it, for staff: names of variables tell nobody what a message says."""
    return composing.with_samples(text.subject, {
        "account": SAMPLE_ACCOUNT, "name": SAMPLE_NAME, "code": SAMPLE_CODE, "organisation": ours.name,
        "domain": ours.domain, "security_email": ours.security_email,
    })  # fmt: skip


def test_send(notice: Notice, *, by: User, at: datetime | None = None) -> Message:
    """Send the text with sample data to `by` alone; nothing of it enters the ledger.

    Raises CannotCompose, or NotSent where the provider did not take it.
    """
    if stopping.standing():
        raise NotSent("All sending is stopped: no test message leaves either.")
    message = sample(notice, to=by.email)
    message = replace(message, subject=f"[Test] {message.subject}")
    try:
        sent = composing.to_email(message).send()
    except (OSError, SMTPException, AnymailError) as error:
        raise NotSent(f"The mail provider did not take the test message ({type(error).__name__}).") from error
    if not sent:
        raise NotSent("The mail provider did not take the test message.")
    with transaction.atomic():
        audit.record(act="notice.test_sent", thing=notice, by=by, at=at, incident=notice.incident_id,
                     sha256=draft(notice).sha256)  # fmt: skip
    return message


def as_recipient(version: NoticeVersion, *, merge: dict, to: str) -> Recipient:
    """A recipient that is nobody's: its link opens nothing and its code is never genuine."""
    organisation = Organisation.get()
    incident = version.notice.incident
    return Recipient(
        incident=incident,
        mailing=Mailing(incident=incident, version=version, sender=organisation.sender, reply_to=organisation.reply_to),
        address=Address(value=to),
        link=ReaderLink(pk=0, serial=0, key_id=next(iter(settings.LINK_KEYS))),
        merge=merge,
        code=SAMPLE_CODE,
        message_id=message_id(organisation.sender),
    )


def message_id(sender: str) -> str:
    """Without angle brackets, at the domain we send from, so that it agrees with DKIM and DMARC."""
    return f"{uuid.uuid4().hex}@{providers.domain_of(sender) or 'localhost'}"
