"""However the rows of an account are ordered, it comes out the same; and every row is in exactly one count."""

import csv
import io
from contextlib import contextmanager

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from incidents import audience
from incidents.models import ImportBatch, RejectedRow, StagedRow
from tests.factories import make_incident, make_segment

pytestmark = pytest.mark.django_db

SLOWLY = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
HEADER = ["id", "email", "phone", "name", "country", "segments", "key", "seen", "call"]
MEANINGS = {"key": "fact:key", "seen": "fact:seen:number", "call": "row:call"}

# Rows that never contradict each other: each account has one name, one country, one fact; what is empty is not said.
AGREEING = st.lists(
    st.builds(
        lambda account, mail, phone, country, segment, key, call: [
            account, mail, phone, f"Name of {account}", country and "DE", segment, key and f"key of {account}",
            key and "12", call,
        ],
        st.sampled_from(["a", "b", "c"]), st.sampled_from(["", "x@one.com", "y@one.com"]),
        st.sampled_from(["", "+49 30 12345"]), st.booleans().map(lambda yes: "1" if yes else ""),
        st.sampled_from(["", "api", "smtp", "api|smtp"]), st.booleans().map(lambda yes: "1" if yes else ""),
        st.sampled_from(["", "c1", "c2", "c3"]),
    ),
    min_size=1, max_size=9,
)  # fmt: skip
CLASHING = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", ""]), st.sampled_from(["", "x@one.com", "nobody"]),
        st.sampled_from(["", "+49 30 12345", "12"]), st.sampled_from(["", "Ann", "Bob"]),
        st.sampled_from(["", "DE", "FR", "Germany"]), st.sampled_from(["", "api", "none"]),
        st.sampled_from(["", "k1", "k2"]), st.sampled_from(["", "1", "2.0", "2", "x"]),
        st.sampled_from(["", "c1", "c2"]),
    ),
    max_size=14,
)  # fmt: skip


@contextmanager
def an_incident():
    with transaction.atomic():
        incident = make_incident()
        make_segment(incident, "api")
        make_segment(incident, "smtp")
        yield incident
        transaction.set_rollback(True)


def read(incident, rows) -> ImportBatch:
    out = io.StringIO()
    csv.writer(out).writerows([HEADER, *rows])
    batch = audience.read(incident, io.BytesIO(out.getvalue().encode()), file_name="list.csv", by=None, source="room",
                          meanings=MEANINGS)  # fmt: skip
    assert batch.state == ImportBatch.State.STAGED, batch.refusal
    return batch


def accounts(batch: ImportBatch) -> dict:
    """What each account says, without which line says it and in which order its table stands."""
    heads: dict = {}
    for row in StagedRow.objects.filter(batch=batch).order_by("account_key", "line", "kind"):
        if row.account_key not in heads:
            table = sorted(str(line) for line in row.facts.pop("rows", []))
            heads[row.account_key] = [row.name, row.jurisdiction, row.segments, row.facts, table, set()]
        if row.normal:
            heads[row.account_key][-1].add((row.kind, row.normal))
    return heads


@SLOWLY
@given(AGREEING, st.randoms())
def test_any_order_of_rows_gives_the_same_accounts(rows, random):
    mixed = list(rows)
    random.shuffle(mixed)

    with an_incident() as incident:
        batch, other = read(incident, rows), read(incident, mixed)

        assert accounts(batch) == accounts(other)
        assert not RejectedRow.objects.exists()


@SLOWLY
@given(CLASHING)
def test_counts_reconcile_whatever_the_rows_say_of_each_other(rows):
    with an_incident() as incident:
        if not any(any(row) for row in rows):
            return
        batch = read(incident, rows)
        counts = batch.counts
        staged = set(StagedRow.objects.filter(batch=batch).values_list("line", flat=True))
        rejected = set(RejectedRow.objects.filter(batch=batch).values_list("line", flat=True))

        assert counts["read"] == counts["accepted"] + counts["rejected"] + counts["folded"]
        assert (len(staged), len(rejected)) == (counts["accepted"] + counts["folded"], counts["rejected"])
        assert not staged & rejected
        for line in rejected:  # the whole row once, for the file to mend
            kept = RejectedRow.objects.filter(batch=batch, line=line, cells__isnull=False)
            assert [len(row.cells) for row in kept] == [len(HEADER)]


def test_a_rejected_row_takes_no_part_in_what_the_account_says():
    incident = make_incident()
    batch = audience.read(
        incident, io.BytesIO(b"id,name,country\na,Ann,\na,Bob,DE\na,,FR\n"), file_name="l.csv", by=None, source="room"
    )

    assert [row.line for row in batch.rejected_rows.all()] == [3]
    assert batch.rows.get(line=2).jurisdiction == "FR"


def test_a_thousand_accounts_with_two_rows_cost_a_few_statements(django_assert_max_num_queries):
    incident = make_incident()
    rows = "".join(f"a{n % 1000},k{n // 1000}\n" for n in range(2000))

    with django_assert_max_num_queries(90):
        batch = audience.read(
            incident, io.BytesIO(f"id,call\n{rows}".encode()), file_name="l.csv", by=None, source="room",
            meanings={"call": "row:call"},
        )  # fmt: skip

    assert (batch.counts["accepted"], batch.counts["folded"]) == (1000, 1000)
    assert all(len(row.facts["rows"]) == 2 for row in batch.rows.filter(line__lte=1001))
