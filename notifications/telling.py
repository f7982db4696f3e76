"""How far telling has come: who was told, and what the public page may say about it."""

import re
from collections.abc import Collection, Iterator
from datetime import datetime

from django.conf import settings
from django.db import connection
from django.db.models import Exists, OuterRef, Q
from django.db.models.expressions import RawSQL

from incidents import audience, publishing
from incidents.models import AffectedAccount, Incident, PageVersion
from notifications import links, providers
from notifications.composing.variables import VARIABLE
from notifications.models import Mailing, NoticeVersion, Outbox

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
    WHEN r.state = 'accepted' AND r.state_at <= statement_timestamp() - %(quiet_after)s AND COALESCE((
        SELECT b.provider FROM notifications_attempt t JOIN notifications_sendbatch b ON b.id = t.batch_id
        WHERE t.recipient_id = r.id AND t.outcome = 'accepted' ORDER BY t.number DESC LIMIT 1
      ), m.provider) = ANY(%(report_bounces)s) AND NOT EXISTS (
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
# The same of some accounts: each part has to be told, since PostgreSQL computes a grouped part for the whole incident.
AMONG = OUTCOMES.replace(
    "r.incident_id = %(incident)s", "r.incident_id = %(incident)s AND r.affected_account_id = ANY(%(ids)s)"
).replace("a.incident_id = %(incident)s", "a.incident_id = %(incident)s AND a.id = ANY(%(ids)s)")
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


def having(incident: Incident, outcome: str) -> Q:
    """Condition on AffectedAccount: in this one of NAMES."""
    given = _given(incident) | {"outcome": outcome}
    sql = f"SELECT id FROM ({OUTCOMES}) AS each WHERE outcome = %(outcome)s"  # noqa: S608
    names = re.findall(r"%\((\w+)\)s", sql)
    return Q(pk__in=RawSQL(re.sub(r"%\(\w+\)s", "%s", sql), [given[name] for name in names]))  # noqa: S611


def among(incident: Incident, ids: Collection[int]) -> dict[int, str]:
    """{id: one of NAMES} of these affected accounts: as many steps as there are ids, however long the list is."""
    with connection.cursor() as cursor:
        cursor.execute(AMONG, _given(incident) | {"ids": list(ids)})
        return dict(cursor.fetchall())


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
        incident.mailings.of_sets()
        .filter(started_at__isnull=False)
        .select_related("version__notice")
        .order_by("started_at")
    )
    if not started:
        return publishing.Telling()
    return publishing.Telling(
        state="done" if _is_done(incident, started) else "under_way", as_of=at.isoformat(),
        sender=started[-1].sender,
        subjects=tuple(dict.fromkeys(words for mailing in started for words in _subjects(mailing.version))),
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
    if audience.left_out(incident).exists() or audience.growing(incident).exists():
        return False
    counts = outcomes(incident)
    everyone = sum(counts.values())
    return everyone > 0 and everyone == counts["told"] + counts["by_decision_not_told"] + counts["ruled_out"]


def _subjects(version: NoticeVersion) -> list[str]:
    """As readers find it in their mailbox, in each language; what differs from reader to reader is an ellipsis."""
    ours = version.guidance.get("organisation", {})
    said = {"organisation": ours.get("name"), "domain": ours.get("domain")}
    return [
        VARIABLE.sub(lambda found: said.get(found[1]) or "…", version.text_in(language)[0])
        for language in version.languages
    ]


def _now() -> datetime:
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement_timestamp()")
        return cursor.fetchone()[0]
