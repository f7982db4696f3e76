"""How far telling has come: who was told, who is next to be tried, and what the public page may say about it."""

from collections.abc import Iterator
from datetime import datetime
from uuid import uuid4

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Exists, OuterRef, QuerySet

from accounts.models import Address
from incidents import audience, publishing
from incidents.models import AffectedAccount, Decision, Incident, PageVersion
from notifications import links, mailing_states, providers
from notifications.composing.template import VARIABLE
from notifications.mailings.preparing import silent
from notifications.models import Mailing, NoticeVersion, Outbox, Recipient

State = Recipient.State
NO_FOR_GOOD = [State.BOUNCED, State.FAILED, State.UNCONFIRMED]
AT_A_TIME = 500  # recipients a call; the next tick goes on
ROLES = [role.value for role in Address.Role]  # in the order in which they are tried


class AlreadyFollowed(Exception):
    """A message at the account's next address is there already."""


class NoOtherAddress(Exception):
    """No trusted address is left that was not tried: the account is unreached until a letter or call is recorded."""


# The next address ----------------------------------------------------------------------------------------------


@transaction.atomic
def next_address(recipient: Recipient) -> Recipient:
    """A new recipient at the account's next trusted address, queued in the same mailing.

    Only addresses that were there when the mailing started: nobody has said yes to a later one.
    Raises AlreadyFollowed, NoOtherAddress, or mailing_states.NotOpen where its mailing sends nothing more.
    """
    mailing = mailing_states.keep_open(recipient.mailing_id, by=None)
    if Recipient.objects.filter(follows=recipient).exists():
        raise AlreadyFollowed(f"{recipient} was followed up by another worker")
    address = min(_untried(recipient), key=lambda address: (ROLES.index(address.role), address.pk), default=None)
    if address is None:
        raise NoOtherAddress(f"{recipient} was at the last trusted address of its account")
    affected = recipient.affected_account
    link = links.make_links([(affected, address)])[affected.pk, address.pk]
    following = Recipient.objects.create(
        incident_id=recipient.incident_id, mailing=mailing, affected_account=affected, account_id=recipient.account_id,
        address=address, link=link, kind=recipient.kind, sequence=recipient.sequence, code=links.new_code(),
        merge=recipient.merge, state=State.QUEUED, follows=recipient, message_id=_message_id(mailing),
    )  # fmt: skip
    Outbox.objects.create(recipient=following, mailing=mailing)
    return following


def follow_up() -> int:
    """Try the next address of everyone whose message met a final no; how many there were.

    Found by looking, not by remembering: a crash between the no and the next try changes nothing.
    """
    held = Decision.objects.filter(
        incident=OuterRef("incident"), kind=Decision.Kind.LAW_ENFORCEMENT_HOLD, superseded_by=None
    )
    stuck = Exists(_stuck().filter(mailing=OuterRef("pk")))
    mailings = Mailing.objects.filter(stuck, ~Exists(held), state__in=mailing_states.OPEN).select_related("incident")
    return sum(_follow_up(mailing) for mailing in mailings.order_by("pk"))


def _follow_up(mailing: Mailing) -> int:
    # Since the mailing started somebody may have been ruled out, or a Decision made not to contact them.
    owed = AffectedAccount.objects.owed_a_notice().filter(incident=mailing.incident).exclude(silent(mailing.incident))
    stuck = _stuck().filter(mailing=mailing, affected_account__in=owed).select_related("affected_account")
    followed = 0
    for recipient in stuck.order_by("pk")[:AT_A_TIME]:
        try:
            next_address(recipient)
        except (AlreadyFollowed, NoOtherAddress):
            continue  # another worker was here first
        except mailing_states.NotOpen:
            break  # cancelled a moment ago, or another mailing of this text has to finish before
        followed += 1
    return followed


def _stuck() -> QuerySet[Recipient]:
    """Met a final no, was not followed up, and the account has an address that was not tried."""
    another = Address.objects.filter(
        account=OuterRef("account"), kind=Address.Kind.EMAIL, trusted=True, withdrawn_at=None,
        created_at__lte=OuterRef("mailing__started_at"),
    ).filter(~Exists(_tried_at(OuterRef("pk"), OuterRef(OuterRef("incident")), OuterRef(OuterRef("kind")),
                               OuterRef(OuterRef("sequence")))))  # fmt: skip
    return Recipient.objects.filter(
        Exists(another), state__in=NO_FOR_GOOD, followed_by=None, channel=Recipient.Channel.EMAIL
    )


def _tried_at(address, incident, kind, sequence):
    return Recipient.objects.filter(address=address, incident=incident, kind=kind, sequence=sequence)


def _untried(recipient: Recipient) -> list[Address]:
    tried = Recipient.objects.filter(
        account=recipient.account_id, incident=recipient.incident_id, kind=recipient.kind, sequence=recipient.sequence
    )
    addresses = Address.objects.filter(
        account=recipient.account_id, kind=Address.Kind.EMAIL, trusted=True, withdrawn_at=None,
        created_at__lte=recipient.mailing.started_at,
    )  # fmt: skip
    return list(addresses.exclude(pk__in=tried.exclude(address=None).values("address")))


def _message_id(mailing: Mailing) -> str:
    return f"{uuid4().hex}@{providers.domain_of(mailing.sender) or 'localhost'}"


# Outcomes ------------------------------------------------------------------------------------------------------

# One row per affected account, in exactly one outcome; the first that applies.
#
# told      a message reached them: delivered; or accepted and quiet for QUIET_AFTER where the provider reports
#           bounces; or they said they have read it; or a letter, call or meeting is on record. Plain SMTP without
#           bounce reading never gets further than "sent", which is on the way. An all-clear tells nobody of a breach.
# on the way, unknown   as far as the furthest of their messages came.
# by Decision           somebody decided not to contact a Segment, for every Segment they are in (or for everyone),
#                       and nothing is on its way to them all the same.
# unreached             everyone else: no address left, refused or bounced at the last one, or not written to yet.
OUTCOMES = """
WITH held AS (
  SELECT DISTINCT ON (d.segment_id) d.segment_id, d.kind FROM incidents_decision d
  WHERE d.incident_id = %(incident)s AND d.kind IN ('contact', 'do_not_contact')
    AND NOT EXISTS (SELECT FROM incidents_decision s WHERE s.supersedes_id = d.id)
  ORDER BY d.segment_id, d.recorded_at DESC, d.id DESC
), furthest AS (
  SELECT r.affected_account_id AS id, max(CASE
    WHEN r.state = 'delivered' OR (r.channel <> 'email' AND r.recorded_proof <> '') THEN 3
    WHEN r.state = 'accepted' AND m.provider = ANY(%(report_bounces)s)
      AND r.state_at <= statement_timestamp() - %(quiet_after)s AND NOT EXISTS (
        SELECT FROM notifications_deliveryevent e
        WHERE e.recipient_id = r.id AND e.type IN ('soft_bounced', 'deferred')) THEN 3
    WHEN r.state IN ('queued', 'sending', 'accepted') THEN 2
    WHEN r.state = 'unknown' THEN 1
    ELSE 0 END) AS came
  FROM notifications_recipient r JOIN notifications_mailing m ON m.id = r.mailing_id
  WHERE r.incident_id = %(incident)s AND r.kind <> 'all_clear' GROUP BY r.affected_account_id
), segments AS (
  SELECT s.affectedaccount_id AS id, bool_and(COALESCE(held.kind, '') = 'do_not_contact') AS none_is_contacted
  FROM incidents_affectedaccount_segments s JOIN incidents_affectedaccount a ON a.id = s.affectedaccount_id
  LEFT JOIN held ON held.segment_id = s.segment_id
  WHERE a.incident_id = %(incident)s GROUP BY s.affectedaccount_id
)
SELECT a.id, CASE
  WHEN a.certainty = 'ruled_out' THEN 'ruled_out'
  WHEN furthest.came = 3 OR a.acknowledged_at IS NOT NULL THEN 'told'
  WHEN furthest.came = 2 THEN 'on_the_way'
  WHEN furthest.came = 1 THEN 'unknown'
  WHEN segments.none_is_contacted OR EXISTS (
    SELECT FROM held WHERE held.segment_id IS NULL AND held.kind = 'do_not_contact') THEN 'by_decision_not_told'
  ELSE 'unreached' END AS outcome
FROM incidents_affectedaccount a LEFT JOIN furthest ON furthest.id = a.id LEFT JOIN segments ON segments.id = a.id
WHERE a.incident_id = %(incident)s
"""
NAMES = ("told", "on_the_way", "unknown", "unreached", "by_decision_not_told", "ruled_out")


def outcomes(incident: Incident) -> dict[str, int]:
    """How many affected accounts are in each of NAMES; every account is in exactly one."""
    counts = dict.fromkeys(NAMES, 0)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT outcome, count(*) FROM ({OUTCOMES}) AS each GROUP BY outcome", _given(incident))  # noqa: S608
        counts.update(cursor.fetchall())
    return counts


def outcome_of(affected: AffectedAccount) -> str:
    """The one of NAMES that this account is in."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT outcome FROM ({OUTCOMES}) AS each WHERE id = %(id)s",  # noqa: S608
                       _given(affected.incident) | {"id": affected.pk})  # fmt: skip
        return cursor.fetchone()[0]


def accounts_in(incident: Incident, outcome: str) -> list[int]:
    """Ids of the affected accounts in this one of NAMES, in order."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT id FROM ({OUTCOMES}) AS each WHERE outcome = %(outcome)s ORDER BY id",  # noqa: S608
                       _given(incident) | {"outcome": outcome})  # fmt: skip
        return [pk for (pk,) in cursor.fetchall()]


def each_outcome(incident: Incident) -> Iterator[tuple[int, str]]:
    """(id, one of NAMES) of every affected account, by id. Streams; wants to be inside a transaction."""
    with connection.chunked_cursor() as cursor:
        cursor.execute(f"SELECT id, outcome FROM ({OUTCOMES}) AS each ORDER BY id", _given(incident))  # noqa: S608
        while window := cursor.fetchmany(2000):
            yield from window


def _given(incident: Incident) -> dict:
    return {
        "incident": incident.pk,
        "report_bounces": providers.that_report_bounces(),
        "quiet_after": settings.QUIET_AFTER,
    }


# What the page says --------------------------------------------------------------------------------------------


def telling_of(incident: Incident, *, at: datetime) -> publishing.Telling:
    """How far it has come, as the page may state it: "done" only when every account was reached or is accounted for."""
    started = list(
        incident.mailings.filter(started_at__isnull=False).select_related("version__notice").order_by("started_at")
    )
    if not started:
        return publishing.Telling()
    return publishing.Telling(
        state="done" if _is_done(incident, started) else "under_way", as_of=at.isoformat(),
        sender=started[-1].sender, subjects=tuple(dict.fromkeys(_subject(mailing.version) for mailing in started)),
        code_form=links.CODE_FORM,
    )  # fmt: skip


def push(incident: Incident) -> PageVersion | None:
    """Tell the page how far telling has come; None where it says so already."""
    telling = telling_of(incident, at=_now())
    if telling.says_the_same_as(publishing.Telling.of(incident.telling)):
        return None  # a later as-of alone is no news
    return publishing.record_telling(incident, telling)


def push_all() -> int:
    """Every incident somebody has been written to about; how many pages have something new to say."""
    incidents = Incident.objects.filter(
        Exists(Mailing.objects.filter(incident=OuterRef("pk"), started_at__isnull=False))
    )
    return sum(push(incident) is not None for incident in incidents)


def _is_done(incident: Incident, started: list[Mailing]) -> bool:
    if Outbox.objects.filter(mailing__in=started).exists():  # cheap, and true most of the time it matters
        return False
    if audience.left_out(incident).exists():
        return False
    counts = outcomes(incident)
    everyone = sum(counts.values())
    return everyone > 0 and everyone == counts["told"] + counts["by_decision_not_told"] + counts["ruled_out"]


def _subject(version: NoticeVersion) -> str:
    """As readers find it in their mailbox; what differs from reader to reader is an ellipsis."""
    ours = version.guidance.get("organisation", {})
    said = {"organisation": ours.get("name"), "domain": ours.get("domain")}
    return VARIABLE.sub(lambda found: said.get(found[1]) or "…", version.subject)


def _now() -> datetime:
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement_timestamp()")
        return cursor.fetchone()[0]
