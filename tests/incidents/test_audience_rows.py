"""What one row says: letters and calls, typed facts, tables, quotes of our own exports."""

import csv
import io
import json

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from accounts.addresses import normalise
from accounts.models import Account, Address
from incidents import audience
from incidents.audience import cells, exporting, facts, mailboxes
from incidents.audience.facts import NotThat
from incidents.models import AffectedAccount, ImportBatch
from tests.factories import make_incident


@pytest.fixture
def incident(db):
    return make_incident()


def read(incident, text: str, **meanings: str) -> ImportBatch:
    batch = audience.read(
        incident, io.BytesIO(text.encode()), file_name="list.csv", by=None, source="room", meanings=meanings
    )
    assert batch.state == ImportBatch.State.STAGED, batch.refusal
    counts = batch.counts
    assert counts["read"] == counts["accepted"] + counts["rejected"] + counts["folded"]
    return batch


def save(batch: ImportBatch) -> ImportBatch:
    return audience.save(batch, by=None, beyond_estimate=True)


# Addresses of several kinds -------------------------------------------------------------------------------------


def test_a_row_may_carry_an_email_a_letter_and_a_call(incident):
    batch = read(incident, 'id,email,phone,post\na,x@one.com,+49 30 12345,"Main St. 1, 10115 Berlin"\n')

    assert list(batch.rows.order_by("kind").values_list("line", "kind", "normal")) == [
        (2, "email", "x@one.com"), (2, "phone", "+493012345"), (2, "post", "main st 1 10115 berlin"),
    ]  # fmt: skip
    assert (batch.counts["read"], batch.counts["accepted"], batch.counts["addresses"]) == (1, 1, 3)
    save(batch)
    assert set(Address.objects.values_list("kind", "value")) == {
        ("email", "x@one.com"), ("phone", "+49 30 12345"), ("post", "Main St. 1, 10115 Berlin"),
    }  # fmt: skip


def test_one_bad_address_of_a_row_rejects_the_whole_row(incident):
    batch = read(incident, "id,email,phone\na,x@one.com,ask at the desk\nb,,12\nc,y@one.com,\n")

    assert [(problem.line, problem.column) for problem in batch.rejected_rows.all()] == [(2, "phone"), (3, "phone")]
    assert batch.rows.get().external_id == "c"


def test_people_known_only_by_post_or_telephone_are_people_and_need_a_letter(incident):
    text = (
        'name,phone,post\nJane Doe,,"1 High Street\nLondon"\nJohn Doe,,"1 High Street, London"\nKim,+44 20 7946 0000,\n'
    )
    batch = read(incident, text)

    assert batch.counts["accounts"] == 3
    assert (batch.counts["without_email"], batch.counts["without_address"]) == (3, 0)
    save(batch)
    assert set(Account.objects.values_list("name", "kind", "external_id")) == {
        ("Jane Doe", "person", None), ("John Doe", "person", None), ("Kim", "person", None),
    }  # fmt: skip
    assert Address.objects.get(account__name="Jane Doe").value == "1 High Street, London"


def test_people_known_by_post_or_telephone_are_found_again_however_it_is_written(incident):
    save(read(incident, 'name,phone,post,key\nJane Doe,,"1 High Street, London",k1\nKim,+44 20 7946 0000,,k2\n'))

    again = save(read(incident, 'name,phone,post,key\nJANE  DOE,,"1, High street; london",k1\n,00442079460000,,k2\n'))

    assert again.counts["new"] == 0
    assert Account.objects.count() == 2


def test_an_email_is_who_a_person_is_before_telephone_and_post(incident):
    batch = read(incident, 'email,phone,post\nJane@One.com,+49 30 12345,"Main St. 1, Berlin"\n,+49 30 12345,\n')

    assert set(batch.rows.values_list("account_key", flat=True)) == {"@jane@one.com", "@phone:+493012345"}


def test_a_row_that_names_nobody_says_so(incident):
    batch = read(incident, "name,phone,post\nJane,,\n")

    assert batch.rejected_rows.get().problem == "Neither an account id nor an address."


# Typed facts and tables -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("type_of_it", "value", "stored"),
    [
        ("number", "1234", 1234), ("number", "-12.50", -12.5), ("number", "1,234.5", 1234.5),
        ("number", "1.234,5", 1234.5), ("number", "1 234", 1234), ("number", "1'234", 1234), ("number", "12,5", 12.5),
        ("number", "1,234,567", 1234567), ("number", "0", 0), ("number", "-0", 0),
        ("date", "2018-01-03", "2018-01-03"), ("date", "03.01.2018", "2018-01-03"),
        ("date", "3 Jan 2018", "2018-01-03"), ("date", "January 3rd, 2018", "2018-01-03"),
        ("date", "13/01/2018", "2018-01-13"), ("date", "01/13/2018", "2018-01-13"), ("date", "5/5/2018", "2018-05-05"),
        ("date", "20180103", "2018-01-03"), ("date", "2018-01-03 00:00:00", "2018-01-03"),
        ("moment", "2018-01-03T16:35Z", "2018-01-03T16:35:00Z"),
        ("moment", "2018-01-03 17:35:12+01:00", "2018-01-03T16:35:12Z"),
        ("moment", "2018-01-03 16:35 UTC", "2018-01-03T16:35:00Z"),
        ("moment", "Wed, 03 Jan 2018 16:35:00 +0000", "2018-01-03T16:35:00Z"),
        ("moment", "1514997312", "2018-01-03T16:35:12Z"), ("moment", "1514997312000", "2018-01-03T16:35:12Z"),
        ("yes_no", "Yes", True), ("yes_no", "nein", False), ("text", "0012", "0012"),
    ],
)  # fmt: skip
def test_a_fact_is_stored_as_its_type(incident, type_of_it, value, stored):
    batch = read(incident, f'id,seen\na,"{value}"\n', seen=f"fact:seen:{type_of_it}")

    assert batch.rejected_rows.first() is None
    assert batch.rows.get().facts == {"seen": stored}


@pytest.mark.parametrize(
    ("type_of_it", "value", "said"),
    [
        ("number", "1,234", "the comma can mean either"), ("number", "007", "no number"),
        ("number", "NaN", "no number"),
        ("number", "1e400", "no number"), ("number", "12345678901234567890", "15 digits"),
        ("date", "03/04/2018", "cannot be told apart"), ("date", "31.02.2018", "no such day"),
        ("date", "2018-01-03 16:35", "with a time of day"), ("date", "3/1/18", "no date"),
        ("date", "0001-01-01", "year"),
        ("moment", "2018-01-03 16:35", "time zone"), ("moment", "yesterday", "no moment"),
        ("moment", "0001-01-01T00:00+14:00", "year"), ("moment", "9999-12-31T23:59-14:00", "year"),
        ("yes_no", "perhaps", "Neither yes nor no"),
    ],
)  # fmt: skip
def test_a_value_that_is_not_of_its_type_is_rejected_with_a_remedy(incident, type_of_it, value, said):
    batch = read(incident, f'id,seen\na,"{value}"\nb,\n', seen=f"fact:seen:{type_of_it}")

    problem = batch.rejected_rows.get()
    assert (problem.line, problem.column, problem.value) == (2, "seen", value)
    assert said in problem.problem
    assert problem.remedy
    assert batch.rows.get().facts == {}


@given(
    st.sampled_from(list(facts.TYPES)), st.text(max_size=30) | st.from_regex(r"[-+0-9.,:/ TZ]{1,25}", fullmatch=True)
)
@example("moment", "9999999999999")
@example("date", "٣-١-2018")
def test_a_typed_value_is_read_or_refused_and_then_reads_the_same(type_of_it, value):
    try:
        read_once = facts.as_json(value, type_of_it)
    except NotThat as found:
        assert 0 < len(found.problem) <= 300
        assert 0 < len(found.remedy) <= 300
        return

    stored = json.loads(read_once)
    again = facts.as_json(facts.as_text(stored), type_of_it) if facts.as_text(stored) else read_once
    assert json.loads(again) == stored
    assert isinstance(facts.in_words(stored), str)


def test_rows_of_a_table_collect_in_the_order_of_the_file(incident):
    text = "id,email,key,calls\na,x@one.com,k1,3\nb,,k9,\na,y@one.com,k2,4\na,,k1,3\na,,,\n"

    batch = read(incident, text, key="row:key", calls="row:calls:number")

    head = batch.rows.get(line=2)
    assert head.facts == {"rows": [{"key": "k1", "calls": 3}, {"key": "k2", "calls": 4}]}
    assert batch.rows.get(line=3).facts == {"rows": [{"key": "k9"}]}
    assert (batch.counts["accepted"], batch.counts["folded"], batch.counts["rejected"]) == (2, 3, 0)
    save(batch)
    assert len(AffectedAccount.objects.get(account__external_id="a").facts["rows"]) == 2


def test_more_than_two_hundred_lines_of_one_table_are_rejected_in_words(incident):
    batch = read(incident, "id,key\n" + "".join(f"a,k{n}\n" for n in range(203)), key="row:key")

    assert len(batch.rows.get(line=2).facts["rows"]) == 200
    assert [problem.line for problem in batch.rejected_rows.all()] == [202, 203, 204]
    assert "200 lines" in batch.rejected_rows.first().problem
    assert batch.rejected_rows.first().cells == ["a", "k200"]


def test_two_values_of_one_fact_are_rejected_and_the_remedy_names_the_list(incident):
    batch = read(incident, "id,key,name\na,k1,Ann\na,k2,Ann\n")

    problem = batch.rejected_rows.get()
    assert (problem.line, problem.column, problem.value) == (3, "key", "k2")
    assert "list" in problem.remedy


# Quotes, speed ---------------------------------------------------------------------------------------------------


@given(st.text(alphabet="'=+-@a1 ", max_size=8))
@example("'=1")
@example("''=1")
@example("+1@example.com")
def test_a_quote_put_before_a_formula_is_taken_off_again(cell):
    exported = exporting.safe(cell)

    assert not exported.startswith(exporting.FORMULA)
    assert cells.as_typed(exported) == cell


def test_a_fact_that_begins_like_a_formula_survives_export_and_import(incident):
    rows = [["a", "=1+1"], ["b", "-5"], ["c", "'=x"], ["d", "'quoted'"]]

    batch = read(incident, "".join(exporting.lines(["id", "note"], rows)))

    assert list(batch.rows.order_by("line").values_list("external_id", "facts")) == [
        (account, {"note": note}) for account, note in rows
    ]


LOCAL = st.text(alphabet="abcXYZ019._+-'=!@ ıKß", min_size=1, max_size=12)
DOMAIN = st.text(alphabet="abcXYZ019.-_ K", min_size=1, max_size=14)


@settings(max_examples=500)
@given(st.one_of(st.emails(), st.builds("{}@{}.com".format, LOCAL, DOMAIN), st.builds("{}@{}".format, LOCAL, DOMAIN)))
@example("\N{KELVIN SIGN}im@example.com")
@example("a@xn--exmple-4nf.com")
@example("a" * 65 + "@example.com")
@example("a@" + "b" * 64 + ".com")
def test_the_quick_way_accepts_only_what_the_careful_way_does(address):
    normal = mailboxes.plain(address)

    if normal:
        assert mailboxes.problem_with(address) is None
        assert normal == normalise(address)


def test_the_whole_row_is_kept_once_for_each_rejected_line(incident):
    batch = read(incident, "id,email,role,note\na,nobody,boss,keep me\n")

    assert list(batch.rejected_rows.values_list("column", "cells")) == [
        ("email", ["a", "nobody", "boss", "keep me"]), ("role", None),
    ]  # fmt: skip
    assert next(csv.reader(["id,email,role,note"])) == batch.headers
