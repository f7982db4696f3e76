"""Who comes into a segment by its rule, how many are in each, and whether they are written to."""

from dataclasses import dataclass
from datetime import datetime

from django.db import connection, transaction

from accounts.models import User
from incidents.audience import distrusting, rules, turns
from incidents.models import Decision, Incident, Segment

COUNTS = """
SELECT member.segment_id, count(*), count(*) FILTER (WHERE affected.certainty = 'ruled_out')
  FROM incidents_affectedaccount_segments member
  JOIN incidents_affectedaccount affected ON affected.id = member.affectedaccount_id
 WHERE affected.incident_id = %s
 GROUP BY member.segment_id
"""


@transaction.atomic
def fill(segment: Segment, *, by: User, at: datetime | None = None) -> int:
    """Everybody on the list of whom its rule is true comes into it; how many came.

    Where the segment's addresses are not trusted, theirs are not from now on.
    """
    turns.take_turn(segment.incident_id)
    joined = rules.apply_to_list(segment, by=by, at=at)
    distrusting.apply_to_list(segment.incident)
    return joined


@dataclass(frozen=True, slots=True)
class Line:
    """decision: by which these people are not contacted, with ground and means; None: they are."""

    segment: Segment
    accounts: int
    ruled_out: int
    decision: Decision | None

    @property
    def owed(self) -> int:
        return self.accounts - self.ruled_out


def lines(incident: Incident) -> list[Line]:
    """In the order of the guidance. Asks the same number of questions whatever the number of accounts."""
    with connection.cursor() as cursor:
        cursor.execute(COUNTS, [incident.pk])
        counts = {segment: (accounts, ruled_out) for segment, accounts, ruled_out in cursor.fetchall()}
    decisions = _not_contacted(incident)
    return [
        Line(segment, *counts.get(segment.pk, (0, 0)), decisions.get(segment.pk) or decisions.get(None))
        for segment in incident.segments.all()
    ]


def _not_contacted(incident: Incident) -> dict[int | None, Decision]:
    """By segment; under None the decision that is about everyone."""
    kinds = [Decision.Kind.CONTACT, Decision.Kind.DO_NOT_CONTACT]
    newest: dict[int | None, Decision] = {}
    for decision in incident.decisions.standing().filter(kind__in=kinds).select_related("by").order_by("pk"):
        newest[decision.segment_id] = decision
    return {key: one for key, one in newest.items() if one.kind == Decision.Kind.DO_NOT_CONTACT}
