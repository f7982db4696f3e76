"""What an import found that is no error and that a person should see: kind by kind, page by page, as a file."""

from django.core.paginator import Paginator
from django.db import transaction
from django.db.models import QuerySet
from django.http import Http404, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from accounts import audit
from accounts.access import StaffRequest, staff
from accounts.models import User
from incidents.audience import exporting
from incidents.models import Finding, ImportBatch
from incidents.views.downloads import csv_download

PER_PAGE = 50
EXAMPLES = 3
OTHER: dict[str, str] = {
    Finding.Kind.CHANGED: "Was", Finding.Kind.SAME_ADDRESS: "Also of", Finding.Kind.POSSIBLE_DUPLICATE: "Like",
    Finding.Kind.DOUBTFUL_ADDRESS: "Perhaps",
}  # fmt: skip
# What a file does not say, but our list does. A file of nobody would be an export without a second person's yes.
OURS_ALONE = {Finding.Kind.MISSING.value}


def found_in(batch: ImportBatch) -> list[dict]:
    """For the batch page: each kind there is, how many in all, and the first of them. One question."""
    counts = batch.counts.get("findings", {})
    kinds = _kinds(counts)
    if not kinds:
        return []
    first = [batch.findings.filter(kind=kind).order_by("pk")[:EXAMPLES] for kind, _ in kinds]
    examples = list(first[0].union(*first[1:], all=True)) if len(first) > 1 else list(first[0])
    return [
        {"kind": kind, "label": label, "count": counts[kind], "examples": [row for row in examples if row.kind == kind]}
        for kind, label in kinds
    ]


@never_cache
@require_GET
@staff("read_room")
def findings(request: StaffRequest, slug: str, number: int) -> HttpResponse:
    batch = _batch(slug, number)
    counts = batch.counts.get("findings", {})
    kinds = [{"key": kind, "label": label, "count": counts[kind]} for kind, label in _kinds(counts)]
    kind = _kind(request) or (kinds[0]["key"] if kinds else "")
    page = Paginator(_of(batch, kind), PER_PAGE).get_page(request.GET.get("page"))
    total = counts.get(kind, 0)
    return render(request, "incidents/staff/affected_findings.html", {
        "incident": batch.incident, "room": "affected", "batch": batch, "kinds": kinds, "kind": kind, "page": page,
        "stands": "New" if kind == Finding.Kind.CHANGED else "There stands", "other": OTHER.get(kind, "Held"),
        "total": total, "kept": page.paginator.count, "label": dict(Finding.Kind.choices).get(kind, ""),
        "of_the_file": kind not in OURS_ALONE,
    })  # fmt: skip


@never_cache
@require_GET
@staff("write", "export")
def findings_csv(request: StaffRequest, slug: str, number: int) -> StreamingHttpResponse:
    batch = _batch(slug, number)
    kind = _kind(request)
    if kind in OURS_ALONE:
        raise Http404("Whom a file leaves out is our list: it leaves the house as an export.")
    rows = (
        _of(batch, kind)
        .exclude(kind__in=OURS_ALONE)
        .values_list("kind", "line", "account", "column", "value", "other", "words")
    )
    record_download(batch, kind or "findings", by=request.user)
    header = ["kind", "line", "account", "column", "value", "other", "what it means"]
    lines = exporting.lines(header, (["" if cell is None else cell for cell in row] for row in rows.iterator(2000)))
    return csv_download(lines, f"import-{number}-{kind or 'findings'}.csv")


@transaction.atomic
def record_download(batch: ImportBatch, what: str, *, by: User) -> None:
    """That somebody took rows of a file with them is in the log; what they say is not."""
    audit.record(act="import.downloaded", thing=batch, by=by, incident=batch.incident_id, what=what)


def _of(batch: ImportBatch, kind: str) -> QuerySet[Finding]:
    rows = batch.findings.order_by("pk")
    return rows.filter(kind=kind) if kind else rows


def _kind(request: StaffRequest) -> str:
    kind = request.GET.get("kind", "")
    return kind if kind in Finding.Kind.values else ""


def _kinds(counts: dict[str, int]) -> list[tuple[str, str]]:
    return [(kind, label) for kind, label in Finding.Kind.choices if counts.get(kind)]


def _batch(slug: str, number: int) -> ImportBatch:
    return get_object_or_404(ImportBatch.objects.select_related("incident"), incident__slug=slug, number=number)
