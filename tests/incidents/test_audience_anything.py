"""Whatever somebody uploads: never an exception, never half of it, and the counts always add up."""

import csv
import io
from contextlib import contextmanager

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from incidents import audience
from incidents.audience import exporting
from incidents.models import ImportBatch, Incident, RejectedRow, StagedRow
from tests.factories import make_incident, make_segment

pytestmark = pytest.mark.django_db

SLOWLY = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))

CELL = st.one_of(
    st.sampled_from([
        "", "a", "b", "a@b.example", "A@B.example", "c@d.example", "owner", "boss", "api", "api|smtp", "ruled out",
        "no", "=1+1", "@x", 'say "hi"', "line\nbreak", "ex\N{CYRILLIC SMALL LETTER A}mple.com", " ",
    ]),
    st.text(max_size=12),
)  # fmt: skip
HEADER = st.lists(
    st.sampled_from([
        "id", "email", "name", "role", "segments", "certainty", "trusted", "language", "country", "api key",
    ]),
    min_size=1, max_size=6, unique=True,
)  # fmt: skip


@contextmanager
def an_incident():
    """An incident with a segment, forgotten after each example."""
    with transaction.atomic():
        incident = make_incident()
        make_segment(incident, "api")
        yield incident
        transaction.set_rollback(True)


def read(incident: Incident, content: bytes) -> ImportBatch:
    batch = audience.read(incident, io.BytesIO(content), file_name="list.csv", by=None, source="room")
    staged, rejected = StagedRow.objects.filter(batch=batch), RejectedRow.objects.filter(batch=batch)
    assert batch.size == len(content)
    if batch.state == ImportBatch.State.REFUSED:
        assert batch.refusal
        assert not staged.exists()
        assert not rejected.exists()
        return batch
    counts = batch.counts
    assert batch.state == ImportBatch.State.STAGED
    assert counts["read"] == counts["accepted"] + counts["rejected"] + counts["folded"]
    assert counts["rejected"] == rejected.values("line").distinct().count()
    assert counts["accepted"] + counts["folded"] == staged.count()
    assert not {row.line for row in staged} & {row.line for row in rejected}
    return batch


def save(batch: ImportBatch) -> None:
    if batch.state != ImportBatch.State.STAGED:
        return
    expected = audience.compare(batch)
    saved = audience.save(batch, by=None, beyond_estimate=True)
    assert saved.counts["new"] == expected.new
    assert batch.incident.affected_accounts.count() == expected.new == saved.counts["accounts"]


@SLOWLY
@given(st.binary(max_size=400))
def test_any_bytes_are_read_or_refused(content):
    with an_incident() as incident:
        read(incident, content)


@SLOWLY
@given(st.binary(max_size=200))
def test_any_bytes_below_a_good_header_are_read_or_refused(content):
    with an_incident() as incident:
        save(read(incident, b"id,email\n" + content))


@SLOWLY
@given(HEADER, st.lists(st.lists(CELL, min_size=1, max_size=6), max_size=8), st.sampled_from([",", ";", "\t"]))
def test_any_rows_add_up_and_are_saved_as_their_preview_said(header, rows, delimiter):
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter, lineterminator="\n")
    writer.writerow(header)
    writer.writerows([(row + [""] * len(header))[: len(header)] for row in rows])

    with an_incident() as incident:
        save(read(incident, out.getvalue().encode("utf-8", "replace")))


@SLOWLY
@given(st.lists(st.tuples(CELL, CELL), max_size=5))
def test_no_exported_cell_begins_like_a_formula(rows):
    text = "".join(exporting.lines(["a", "b"], rows))

    for row in csv.reader(io.StringIO(text, newline="")):
        assert not any(cell.startswith(exporting.FORMULA) for cell in row)
