"""Whatever somebody uploads: never an exception, never half of it, and the counts always add up."""

import csv
import io

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from incidents import audience
from incidents.audience import exporting
from incidents.models import ImportBatch, Incident, RejectedRow, StagedRow
from tests.factories import make_incident, make_segment

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


class Anything(TestCase):
    def setUp(self) -> None:
        self.incident = make_incident()
        make_segment(self.incident, "api")

    def read(self, content: bytes) -> ImportBatch:
        batch = audience.read(self.incident, io.BytesIO(content), file_name="list.csv", by=None, source="room")
        staged, rejected = StagedRow.objects.filter(batch=batch), RejectedRow.objects.filter(batch=batch)
        assert batch.size == len(content)
        if batch.state == ImportBatch.State.REFUSED:
            assert batch.refusal
            assert not staged.exists() and not rejected.exists()
            return batch
        counts = batch.counts
        assert batch.state == ImportBatch.State.STAGED
        assert counts["read"] == counts["accepted"] + counts["rejected"] + counts["folded"]
        assert counts["rejected"] == rejected.values("line").distinct().count()
        assert counts["accepted"] + counts["folded"] == staged.count()
        assert not {row.line for row in staged} & {row.line for row in rejected}
        return batch

    def save(self, batch: ImportBatch) -> None:
        if batch.state != ImportBatch.State.STAGED:
            return
        expected = audience.compare(batch)
        saved = audience.save(batch, by=None, beyond_estimate=True)
        assert saved.counts["new"] == expected.new
        assert Incident.objects.get().affected_accounts.count() == expected.new == saved.counts["accounts"]

    @SLOWLY
    @given(st.binary(max_size=400))
    def test_any_bytes_are_read_or_refused(self, content):
        self.read(content)

    @SLOWLY
    @given(st.binary(max_size=200))
    def test_any_bytes_below_a_good_header_are_read_or_refused(self, content):
        self.save(self.read(b"id,email\n" + content))

    @SLOWLY
    @given(HEADER, st.lists(st.lists(CELL, min_size=1, max_size=6), max_size=8), st.sampled_from([",", ";", "\t"]))
    def test_any_rows_add_up_and_save_as_their_preview_said(self, header, rows, delimiter):
        out = io.StringIO()
        writer = csv.writer(out, delimiter=delimiter, lineterminator="\n")
        writer.writerow(header)
        writer.writerows([(row + [""] * len(header))[: len(header)] for row in rows])

        batch = self.read(out.getvalue().encode("utf-8", "replace"))
        self.save(batch)

    @SLOWLY
    @given(
        st.lists(
            st.lists(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=8), min_size=2, max_size=2),
            max_size=5,
        )
    )
    def test_no_exported_cell_begins_like_a_formula(self, rows):
        text = "".join(exporting.lines(["a", "b"], rows))

        for row in csv.reader(io.StringIO(text, newline="")):
            assert not any(cell.startswith(exporting.FORMULA) for cell in row)
