"""What the staff room has to know at a glance about one incident: numbers, each of them asked for once."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection
from django.db.models import Count, Prefetch, Q

from accounts.models import Approval, AuditEntry, SignOff
from incidents import audience, documents, publishing
from incidents.models import Decision, ImportBatch, Incident, PageVersion
from incidents.obligations import Clock
from notifications import clocks, telling
from notifications.models import Mailing, Recipient

SOON = timedelta(hours=1)
LATEST_ENTRIES = 6
FRESH = timedelta(days=3)

# A pair of an account and a step that ends its exposure counts once. No row in stepstate means: open.
KEYS = """
    SELECT count(*) FILTER (WHERE coalesce(done.state, 'open') = 'open'),
           count(*) FILTER (WHERE done.state = 'ticked'),
           count(*) FILTER (WHERE done.state IN ('verified', 'done_for_you'))
    FROM incidents_step step
    JOIN incidents_affectedaccount affected ON affected.incident_id = step.incident_id
    LEFT JOIN incidents_stepstate done ON done.step_id = step.id AND done.affected_account_id = affected.id
    WHERE step.incident_id = %s AND step.ends_exposure AND affected.certainty <> 'ruled_out'
      AND (step.segment_id IS NULL OR EXISTS (
        SELECT FROM incidents_affectedaccount_segments of WHERE of.affectedaccount_id = affected.id
          AND of.segment_id = step.segment_id))
"""


@dataclass(frozen=True)
class Keys:
    """Exposed keys, by what became of them: still live, said by the person to be gone, known to be gone."""

    live: int
    ticked: int
    gone: int


@dataclass(frozen=True)
class Promise:
    """The next update we promised. `away`: how far in the future, or in the past once it is overdue."""

    by: datetime
    away: timedelta
    is_overdue: bool

    @property
    def is_urgent(self) -> bool:
        return self.is_overdue or self.away <= SOON


@dataclass(frozen=True)
class Overview:
    promise: Promise | None
    drafts: int
    version: PageVersion | None
    changed_since: bool
    approvals: list[Approval]
    affected: int
    acknowledged: int
    outcomes: dict[str, int]
    keys: Keys
    not_written: str
    in_the_way: list[str]
    last_import: ImportBatch | None
    waiting_imports: list[ImportBatch]
    left_out: list[ImportBatch]
    mailings: list[Mailing]
    unknown_messages: dict[int, int]
    """By the number of the mailing: also of those who were told by another one."""
    decisions: list[Decision]
    clocks: list[Clock]
    latest: list[AuditEntry]
    missing: list[str]

    @property
    def has_begun(self) -> bool:
        """Some message was on its way: whoever is not reached since then needs somebody's eye."""
        return self.last_started is not None

    @property
    def last_started(self) -> Mailing | None:
        return max(
            (mailing for mailing in self.mailings if mailing.started_at and not mailing.is_again),
            key=lambda mailing: mailing.number,
            default=None,
        )

    @property
    def unreached(self) -> int:
        """Nobody is unreached before the first message was on its way."""
        return self.outcomes["unreached"] if self.has_begun else 0

    @property
    def is_blocked(self) -> bool:
        return bool(
            self.unreached or self.outcomes["unknown"] or self.unknown_messages or self.left_out
            or self.waiting_imports or self.approvals or self.drafts or self.waiting_mailings
        )  # fmt: skip

    @property
    def waiting_mailings(self) -> list[Mailing]:
        """Mailings that wait for a person: paused or held, or not started at their time."""
        return [one for one in self.mailings if one.state == Mailing.State.PAUSED or one.schedule_problem]

    @property
    def not_told(self) -> int:
        return self.outcomes["on_the_way"] + self.outcomes["unknown"] + self.outcomes["unreached"]

    @property
    def owed(self) -> int:
        """Everyone who has to be told."""
        return self.outcomes["told"] + self.not_told


def read(incident: Incident, *, at: datetime) -> Overview:
    """Asks the same number of questions whether nobody is affected or a hundred thousand are."""
    version = publishing.latest(incident)
    counts = incident.affected_accounts.aggregate(
        all=Count("pk"), acknowledged=Count("pk", filter=Q(acknowledged_at__isnull=False))
    )
    said = incident.updates.aggregate(drafts=Count("pk", filter=Q(published_at=None, held_back=False)), all=Count("pk"))
    outcomes = telling.outcomes(incident)
    left_out = list(audience.left_out(incident))
    waiting = list(audience.waiting(incident))
    last_import = incident.import_batches.select_related("uploaded_by", "confirmed_by").first()
    mailings = list(incident.mailings.select_related("version__notice"))
    decisions = list(incident.decisions.standing().select_related("by", "segment").order_by("-pk"))
    return Overview(
        promise=promise_of(incident, at=at),
        drafts=said["drafts"],
        version=version,
        changed_since=version is not None and not publishing.shows(incident, documents.freeze(incident)),
        approvals=_approvals(incident),
        affected=counts["all"],
        acknowledged=counts["acknowledged"],
        outcomes=outcomes,
        keys=keys(incident),
        not_written=_not_written(incident, version, at),
        in_the_way=in_the_way(incident, outcomes=outcomes, waiting=waiting, left_out=left_out, mailings=mailings),
        last_import=last_import,
        waiting_imports=waiting,
        left_out=left_out,
        mailings=mailings,
        unknown_messages=_unknown_messages(incident),
        decisions=decisions,
        clocks=[clock for clock in clocks.read(incident, at=at) if clock.runs and clock.due_at],
        latest=list(AuditEntry.objects.filter(incident=incident.pk).select_related("by")[:LATEST_ENTRIES]),
        missing=_missing(said=said["all"], version=version, affected=counts["all"], mailings=mailings,
                         decisions=decisions) if _is_fresh(incident, at) else [],
    )  # fmt: skip


def _unknown_messages(incident: Incident) -> dict[int, int]:
    unknown = Recipient.objects.filter(incident=incident, state=Recipient.State.UNKNOWN)
    return dict(unknown.order_by("mailing__number").values_list("mailing__number").annotate(Count("pk")))


def promise_of(incident: Incident, *, at: datetime) -> Promise | None:
    """None where nothing is promised or the incident is over."""
    by = incident.next_update_by
    if by is None or not incident.is_active:
        return None
    return Promise(by=by, away=abs(by - at), is_overdue=by < at)


def keys(incident: Incident) -> Keys:
    with connection.cursor() as cursor:
        cursor.execute(KEYS, [incident.pk])
        return Keys(*cursor.fetchone())


def in_the_way(incident: Incident, *, outcomes: dict[str, int], waiting: list[ImportBatch],
               left_out: list[ImportBatch], mailings: list[Mailing]) -> list[str]:  # fmt: skip
    """What keeps the page from saying that whoever got nothing is not affected, a sentence each."""
    unfinished = [mailing for mailing in mailings if mailing.state in {Mailing.State.RUNNING, Mailing.State.PAUSED}]
    found = [
        (incident.not_notified == Incident.NotNotified.NOT_YET_KNOWN,
         "The incident says that it is not yet known what “not written to” means."),
        (not any(outcomes.values()), "Nobody is on the list of affected accounts."),
        (any(batch.mode != ImportBatch.Mode.RULE_OUT for batch in waiting),
         "An import waits to be confirmed or put away: the list may grow."),
        *((True, _left_out(batch)) for batch in left_out),
        (outcomes["on_the_way"] > 0, f"{_accounts(outcomes['on_the_way'])} not known to be reached yet."),
        (outcomes["unknown"] > 0,
         f"{_accounts(outcomes['unknown'])} unknown: a message was handed over and nobody answered."),
        (outcomes["unreached"] > 0, f"{_accounts(outcomes['unreached'])} not written to, or not reached by any way."),
        (bool(unfinished), "A mailing has not finished."),
    ]  # fmt: skip
    return [words for is_so, words in found if is_so]


def _left_out(batch: ImportBatch) -> str:
    rows = batch.counts["rejected"]
    return (
        f"{rows:,} {'row' if rows == 1 else 'rows'} of import {batch.number} could not be read, so whoever they name "
        "is not on the list. Say on that import what became of them, or record the decision that the scope is final."
    )


def _accounts(count: int) -> str:
    return f"{count:,} {'account is' if count == 1 else 'accounts are'}"


def _not_written(incident: Incident, version: PageVersion | None, at: datetime) -> str:
    """What the page says to whoever was not written to; before it is published, what it would say."""
    state = publishing.Telling.of(version.telling if version else incident.telling)
    content = version.content if version else {}
    return documents.not_notified_words(
        meaning=content.get("not_notified", incident.not_notified), state=state.state,
        as_of=state.moment(version.made_at if version else at),
        words=content.get("not_contacted_words", incident.not_contacted_words),
    )  # fmt: skip


def _approvals(incident: Incident) -> list[Approval]:
    sign_offs = Prefetch("sign_offs", SignOff.objects.select_related("by"))
    return list(
        Approval.objects.live().filter(incident=incident.pk).select_related("asked_by").prefetch_related(sign_offs)
    )


def _is_fresh(incident: Incident, at: datetime) -> bool:
    """In its first days an incident is led by the hand; later everybody knows what they left undone."""
    return incident.is_active and at - incident.created_at < FRESH


def _missing(*, said: int, version: PageVersion | None, affected: int, mailings: list[Mailing],
             decisions: list[Decision]) -> list[str]:  # fmt: skip
    """The first things to do that nobody has done yet, in the order in which the night goes."""
    done = {
        "say": said > 0,
        "publish": version is not None,
        "decide": any(decision.kind == Decision.Kind.AWARE for decision in decisions),
        "list": affected > 0,
        "write": any(mailing.started_at for mailing in mailings),
    }
    return [step for step, is_done in done.items() if not is_done]
