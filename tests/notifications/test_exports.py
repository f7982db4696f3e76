"""Taking people out of the house: asked with a reason, allowed by somebody else, downloaded once, read in again."""

import csv
import hashlib
import io
import json
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import openpyxl
import pytest
from django.utils import timezone

from accounts import approvals
from accounts.models import Account, Approval, AuditEntry, Organisation
from incidents import audience
from incidents.models import AffectedAccount, Incident
from notifications import evidence, exports, listing
from notifications.models import Export
from tests.factories import (
    NOON,
    make_account,
    make_address,
    make_affected,
    make_incident,
    make_organisation,
    make_segment,
)
from tests.notifications.arrange import make_another_recipient

pytestmark = pytest.mark.django_db

ROOM = "/staff/api-keys-2018/affected/"
BECAUSE = {"format": "csv", "because": "The regulator asked for it"}


@pytest.fixture
def incident(db) -> Incident:
    make_organisation()
    incident = make_incident()
    make_affected(incident)
    make_affected(incident, make_account("contoso", "it@contoso.example", name="Contoso"), certainty="possible")
    return incident


def ask(client, query: str = "", **fields):
    return client.post(f"{ROOM}export/{query}", BECAUSE | fields, follow=True)


def say_yes(anton, at=None) -> None:
    approvals.answer(Approval.objects.open().get(act="export"), yes=True, by=anton, at=at)


def download(client, export: Export | None = None):
    export = export or Export.objects.latest("pk")
    return client.post(f"{ROOM}exports/{export.pk}/download/")


def body(response) -> bytes:
    return b"".join(response.streaming_content)


def rows_of(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))


def entry(act: str) -> dict:
    return json.loads(AuditEntry.objects.get(act=act).body)


# Asking -----------------------------------------------------------------------------------------------------------


def test_the_page_says_how_many_people_leave_the_house(incident, as_user, ada):
    page = as_user(ada).get(f"{ROOM}export/?certainty=possible").text

    assert "<strong>1 person</strong> would leave the house" in page
    assert "certainty: possible" in page
    assert "Ask to export 2 people" in as_user(ada).get(f"{ROOM}export/").text


def test_two_people_and_a_reason_let_a_list_out_once(incident, as_user, ada, anton):
    client = as_user(ada)

    asked = ask(client)
    assert "It is asked for. Somebody else has to say yes" in asked.text
    assert "It waits for a second person" in asked.text
    assert "Nothing left the house" in client.get(download(client).headers["Location"]).text

    theirs = as_user(anton).get(f"{ROOM}exports/{Export.objects.get().pk}/").text
    assert "The regulator asked for it" in theirs
    assert "2 people" in theirs
    say_yes(anton)

    assert "Download 2 people" in client.get(f"{ROOM}exports/{Export.objects.get().pk}/").text
    response = download(client)
    assert response.status_code == 200
    assert "no-store" in response.headers["Cache-Control"]
    assert [row["account_id"] for row in rows_of(body(response))] == ["northwind", "contoso"]
    again = client.get(download(client).headers["Location"]).text
    assert "It was downloaded already" in again


def test_what_left_is_in_the_log_with_count_filter_reason_and_hash(incident, as_user, ada, anton):
    client = as_user(ada)
    make_affected(incident, make_account("fabrikam", None), certainty="possible")
    ask(client, "?certainty=possible")
    say_yes(anton)

    content = body(download(client))

    begun, ended = entry("export.begun"), entry("export.ended")
    assert begun["facts"]["people"] == 2
    assert begun["facts"]["filter"] == {"certainty": "possible"}
    assert begun["facts"]["because"] == "The regulator asked for it"
    assert ended["facts"] == {"lines": 2, "sha256": hashlib.sha256(content).hexdigest()}
    assert Export.objects.get().sha256 == ended["facts"]["sha256"]
    assert "contoso" not in "".join(AuditEntry.objects.values_list("body", flat=True))


def test_a_download_that_breaks_off_is_in_the_log_and_cannot_be_repeated(incident, as_user, ada, anton):
    client = as_user(ada)
    ask(client)
    say_yes(anton)
    export = Export.objects.get()

    exports.begin(export, listing.Filter(), by=ada)
    pieces = exports.as_csv(export, listing.Filter())
    next(pieces)
    pieces.close()

    assert entry("export.broken_off")["facts"] == {"lines": 0}
    assert Export.objects.get().ended_at is None
    assert "download broke off" in client.get("/staff/api-keys-2018/log/").text
    assert download(client).status_code == 302


def test_one_person_needs_no_second(incident, as_user, ada):
    client = as_user(ada)

    page = ask(client, "?certainty=possible")

    assert "Download 1 person" in page.text
    assert [row["account_id"] for row in rows_of(body(download(client)))] == ["contoso"]
    assert not Approval.objects.exists()


def test_a_company_of_one_gets_its_yes_at_once(incident, as_user, ada):
    Organisation.objects.update(sign_offs=0)
    client = as_user(ada)

    assert "Download 2 people" in ask(client).text
    assert len(rows_of(body(download(client)))) == 2


def test_a_yes_holds_for_an_hour(incident, as_user, ada, anton):
    client = as_user(ada)
    ask(client)
    say_yes(anton, at=timezone.now() - timedelta(minutes=61))

    page = client.get(download(client).headers["Location"]).text

    assert "A yes holds for an hour, and this one is older" in page
    assert Export.objects.get().begun_at is None


def test_one_persons_list_waits_no_longer_than_an_hour(incident, as_user, ada):
    client = as_user(ada)
    ask(client, "?certainty=possible")
    Export.objects.update(asked_at=timezone.now() - timedelta(minutes=61))

    assert download(client).status_code == 302


def test_a_yes_is_for_exactly_these_people(incident, as_user, ada, anton):
    client = as_user(ada)
    ask(client)
    say_yes(anton)
    AffectedAccount.objects.filter(account__external_id="contoso").delete()
    make_affected(incident, make_account("fabrikam", None))

    page = client.get(download(client).headers["Location"]).text

    assert "The list has changed since this was asked" in page
    assert Approval.objects.get().used_at is None


def test_only_whoever_asked_downloads(incident, as_user, ada, otto, anton):
    ask(as_user(otto))
    say_yes(anton)

    page = as_user(ada).get(download(as_user(ada)).headers["Location"]).text

    assert "Only Otto Auditor, who asked for it, can download it" in page


def test_two_requests_stand_beside_each_other(incident, as_user, ada, otto):
    ask(as_user(ada))
    ask(as_user(otto))

    assert Approval.objects.open().filter(act="export").count() == 2


def test_a_no_ends_it(incident, as_user, ada, anton):
    client = as_user(ada)
    ask(client)
    approvals.answer(Approval.objects.open().get(), yes=False, by=anton)

    assert "The request no longer holds" in client.get(download(client).headers["Location"]).text


@pytest.mark.parametrize("because", ["", "   ", "for jane@fabrikam.example"])
def test_a_reason_is_needed_and_names_nobody(incident, as_user, ada, because):
    page = ask(as_user(ada), because=because)

    assert "One thing needs your eye" in page.text
    assert not Export.objects.exists()


def test_nobody_fits_and_nothing_is_asked(incident, as_user, ada):
    client = as_user(ada)

    assert "Nobody to export" in client.get(f"{ROOM}export/?outcome=told").text
    assert "Nobody fits this filter any more" in ask(client, "?outcome=told").text


def test_a_workbook_holds_so_many_and_csv_the_rest(incident, as_user, ada, monkeypatch):
    monkeypatch.setattr(exports, "MOST_IN_A_WORKBOOK", 1)
    client = as_user(ada)

    assert "A workbook holds 1 people at most. Ask for CSV" in ask(client, format="xlsx").text
    assert not Export.objects.exists()
    assert "It is asked for" in ask(client).text


def test_a_filter_that_is_gone_exports_nobody(incident, as_user, ada):
    segment = make_segment(incident)
    incident.affected_accounts.get(account__external_id="northwind").segments.add(segment)
    client = as_user(ada)
    ask(client, "?segment=api")
    segment.delete()

    page = client.get(download(client).headers["Location"]).text

    assert "What it was narrowed to has been removed since" in page


@pytest.mark.parametrize("who", ["wanda", "anton", "stranger"])
def test_who_may_not_export_does_not(incident, as_user, request, ada, who):
    ask(as_user(ada))
    client = as_user(request.getfixturevalue(who))

    assert client.get(f"{ROOM}export/").status_code == 403
    assert ask(client).status_code == 403
    assert download(client).status_code == 403


def test_reading_its_address_downloads_nothing(incident, as_user, ada):
    ask(as_user(ada), "?certainty=possible")

    assert as_user(ada).get(f"{ROOM}exports/{Export.objects.get().pk}/download/").status_code == 405


@pytest.mark.django_db(transaction=True)  # the evidence is read in a transaction of its own
def test_the_evidence_holds_with_an_export_in_it(incident, as_user, ada, anton, tmp_path):
    ask(as_user(ada))
    say_yes(anton)
    body(download(as_user(ada)))
    path = tmp_path / "evidence.zip"
    with path.open("wb") as file:
        evidence.write(incident, file, by=ada, at=timezone.now())

    script = Path(evidence.__file__).parent.parent / "verify_evidence.py"
    ended = subprocess.run([sys.executable, "-I", script, path], capture_output=True, text=True)

    assert ended.returncode == 0, ended.stdout + ended.stderr


# What stands in it ------------------------------------------------------------------------------------------------


def make_rich(incident: Incident) -> None:
    """Everybody whom an export can get wrong."""
    api, smtp = make_segment(incident, "api"), make_segment(incident, "smtp")
    rich = make_affected(
        incident, make_account("rich", "owner@rich.example", name="=HYPERLINK(1)", locale="de", jurisdiction="DE-BY"),
        segments=[smtp, api], certainty="possible",
        facts={"api_key": "=4f2", "calls": -3, "share": 12.5, "live": True, "seen": "2018-01-03", "note": "'+quoted",
               "rows": [{"key": "k1", "uses": 1}, {"key": "@k2"}, {"uses": 3}]},
    )  # fmt: skip
    make_address(rich.account, "+49 30 1234567", kind="phone", role="billing", trusted=False)
    make_address(rich.account, "Street 1, 10115 Berlin", kind="post", role="billing")
    make_address(rich.account, "old@rich.example", withdrawn_at=NOON)
    for number, (kind, value, name) in enumerate([
        ("email", "jane@fabrikam.example", "Jane"), ("phone", "+49 30 7654321", ""),
        ("post", "Street 2, 10115 Berlin", "Max"), ("post", "Street 2, 10115 Berlin", "Moritz"),
    ]):  # fmt: skip
        person = make_account(f"x{number}", None, name=name)
        make_address(person, value, kind=kind)
        person.external_id, person.kind = None, "person"
        person.save()
        make_affected(incident, person, facts={"rows": [{"key": "a"}, {"key": "b"}]} if number else {})
    make_affected(incident, make_account("bare", None, name="", locale="en", locale_from="the country"), facts={})


def exported(incident: Incident, ada, format: str = "csv", asked: listing.Filter | None = None) -> bytes:
    Organisation.objects.update(sign_offs=0)
    asked = asked or listing.Filter()
    export = exports.ask(incident, asked, format=format, because="To test", by=ada, page="/staff/{pk}/")
    exports.begin(export, asked, by=ada)
    if format == "xlsx":
        with exports.as_workbook(export, asked) as file:
            return file.read()
    return b"".join(exports.as_csv(export, asked))


@pytest.mark.parametrize("format", ["csv", "xlsx"])
def test_an_export_imported_again_says_nothing_new(incident, ada, format):
    make_rich(incident)

    content = exported(incident, ada, format)

    batch = audience.read(incident, io.BytesIO(content), file_name=f"l.{format}", by=None, source="room")
    assert batch.state == "staged", batch.refusal
    assert list(batch.rejected_rows.values_list("value", "problem")) == []
    comparison = audience.compare(batch)
    assert (comparison.new, comparison.changed, comparison.missing) == (0, 0, 0)
    assert comparison.unchanged == incident.affected_accounts.count()


def test_the_same_list_in_another_house_makes_the_same_people(incident, ada):
    make_rich(incident)
    before = shape(incident)

    content = exported(incident, ada)
    other = make_incident("another")
    make_segment(other, "api")
    make_segment(other, "smtp")
    incident.affected_accounts.all().delete()
    Account.objects.all().delete()
    batch = audience.read(other, io.BytesIO(content), file_name="l.csv", by=None, source="room")
    audience.save(batch, by=None, beyond_estimate=True)

    assert shape(other) == before


def shape(incident: Incident) -> list:
    """All that an export carries of everybody, in an order of its own."""
    return sorted(
        (
            affected.account.external_id or "", affected.account.name,
            "" if affected.account.locale_from else affected.account.locale,
            "" if affected.account.jurisdiction_from else affected.account.jurisdiction, affected.certainty,
            json.dumps(affected.facts, sort_keys=True), sorted(segment.key for segment in affected.segments.all()),
            sorted(
                (one.kind, one.normal, one.role, one.trusted)
                for one in affected.account.addresses.filter(withdrawn_at=None)
            ),
        )
        for affected in incident.affected_accounts.all()
    )  # fmt: skip


def test_no_cell_can_be_run_as_a_formula(incident, ada):
    make_rich(incident)
    texts = [cell for row in csv.reader(io.StringIO(exported(incident, ada).decode("utf-8-sig"))) for cell in row]
    sheet = openpyxl.load_workbook(io.BytesIO(exported(incident, ada, "xlsx"))).active
    cells = [cell for row in sheet.iter_rows() for cell in row if cell.value is not None]

    for text in [*texts, *(cell.value for cell in cells)]:
        assert not text.startswith(("=", "+", "-", "@", "\t", "\r"))
    assert {cell.data_type for cell in cells} == {"s"}
    assert "'=4f2" in texts
    assert "''+quoted" in texts


def test_each_line_holds_one_address_with_its_role_and_one_line_of_the_table(incident, ada):
    make_rich(incident)

    lines = [row for row in rows_of(exported(incident, ada)) if row["account_id"] == "rich"]

    assert [(row["email"], row["phone"], row["role"], row["trusted"]) for row in lines] == [
        ("owner@rich.example", "", "owner", "yes"), ("", "'+49 30 1234567", "billing", "no"),
        ("", "", "billing", "yes"),
    ]  # fmt: skip
    assert [(row["row:key"], row["row:uses:number"]) for row in lines] == [("k1", "1"), ("'@k2", ""), ("", "3")]
    assert [row["fact:calls:number"] for row in lines] == ["'-3", "", ""]
    assert [row["fact:live:yes_no"] for row in lines] == ["yes", "", ""]
    assert [row["certainty"] for row in lines] == ["possible", "", ""]
    assert lines[0]["segments"] == "api|smtp"


def test_the_last_column_says_how_far_telling_has_come_and_narrows(incident, ada):
    told = make_another_recipient(incident, state="delivered").affected_account
    make_another_recipient(incident, state="unknown")

    everybody = rows_of(exported(incident, ada))
    those_told = rows_of(exported(incident, ada, asked=listing.Filter(outcome="told")))

    assert [row["telling"] for row in everybody] == ["unreached", "unreached", "told", "unknown"]
    assert [row["account_id"] for row in those_told] == [told.account.external_id]
