"""manage.py import_affected: what it prints, what it leaves out, how it ends."""

import gzip
import io
import json

import openpyxl
import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from incidents.models import AffectedAccount, ImportBatch, Incident
from tests.factories import make_incident, make_organisation

pytestmark = pytest.mark.django_db

GOOD = "id,email,name\nnorthwind,owner@northwind.example,Northwind\ncontoso,it@contoso.example,Contoso\n"


@pytest.fixture
def run(tmp_path, capsys):
    """run(text, "--confirm") is (exit code, everything printed)."""
    make_organisation()
    make_incident()

    def run(content: str | bytes, *options: str) -> tuple[int, str]:
        path = tmp_path / "list.csv"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        with pytest.raises(SystemExit) as ended:
            call_command("import_affected", "api-keys-2018", str(path), *options)
        printed = capsys.readouterr()
        return ended.value.code, printed.out + printed.err

    return run


def test_without_confirm_it_only_shows_what_would_happen(run):
    code, printed = run(GOOD)

    assert code == 0
    assert "Nothing is imported yet. Import 1 waits" in printed
    assert not AffectedAccount.objects.exists()
    assert ImportBatch.objects.get().source == "command"


def test_confirm_imports_in_the_name_of_whoever_is_named(run, wanda):
    code, printed = run(GOOD, "--confirm", "--by", "Wanda@relaypost.example")

    assert code == 0
    assert "Imported as import 1: 2 new, 0 changed." in printed
    assert ImportBatch.objects.get().confirmed_by == wanda


def test_the_same_file_again_says_so(run):
    run(GOOD, "--confirm")

    assert "This file holds nothing new." in run(GOOD, "--confirm")[1]


def test_rejected_rows_end_with_1_and_the_others_are_imported(run):
    code, printed = run(GOOD + "fabrikam,secret-nobody,Fabrikam\n", "--confirm")

    assert code == 1
    assert "line 4, email:" in printed
    assert AffectedAccount.objects.count() == 2


def test_values_are_printed_only_when_asked_for(run):
    text = GOOD + "fabrikam,secret-nobody,Fabrikam\n"

    for hidden in ("northwind", "contoso", "secret-nobody", "Fabrikam", "@"):
        assert hidden not in run(text)[1].replace("it has no @", "").replace("name@example.com", "")
    assert "secret-nobody" in run(text, "--show-values")[1]


def test_a_refused_file_ends_with_2(run):
    code, printed = run("colour,size\nred,4\n", "--confirm")

    assert code == 2
    assert "No column says who is meant" in printed


def test_more_than_the_page_says_ends_with_2_unless_said_explicitly(run):
    batch_incident = make_incident("unused")  # another incident's estimate does not matter
    batch_incident.estimates.create(of_what="x", bound="exactly", value=0, unit="x", precision="unknown")
    Incident.objects.get(slug="api-keys-2018").estimates.create(
        of_what="customers", bound="exactly", value=1, unit="customers", precision="unknown"
    )

    code, printed = run(GOOD, "--confirm")
    assert (code, AffectedAccount.objects.count()) == (2, 0)
    assert "Nothing was imported. This is more than the page says" in printed

    code, _ = run(GOOD, "--confirm", "--beyond-estimate")
    assert (code, AffectedAccount.objects.count()) == (0, 2)


def test_json_is_one_object_without_any_person(run):
    code, printed = run(GOOD, "--confirm", "--json")

    told = json.loads(printed)
    assert (code, told["state"], told["counts"]["new"], told["import"]) == (0, "confirmed", 2, 1)
    assert "northwind" not in printed


def test_it_says_how_the_file_was_read(run):
    letters = GOOD.replace("Contoso", "Contoso Söhne") + "x,x@x.example,X\n" * 100_000

    code, printed = run(gzip.compress(letters.replace(",", ";").encode("windows-1252")), "--json")

    told = json.loads(printed)
    assert code == 0
    assert told["format"] == {
        "kind": "csv", "compression": "gzip", "encoding": "windows-1252", "delimiter": ";", "sheet": "", "header": True,
    }  # fmt: skip
    assert told["columns"] == {"id": "id", "email": "email", "name": "name"}


def test_a_column_can_be_said_and_is_remembered_for_the_next_file(run, wanda):
    odd = "Wer,Merkmal\nnorthwind,…4f2a\n"
    assert run(odd)[0] == 2

    code, printed = run(odd, "--map", "Wer=id", "--map", "Merkmal=fact:api_key", "--by", wanda.email)
    assert code == 0
    assert "Read as CSV, UTF-8, comma." in printed
    assert ImportBatch.objects.get(number=2).rows.get().facts == {"api_key": "…4f2a"}

    code, printed = run(odd.replace("northwind", "contoso"))
    assert code == 0
    assert "Columns as last time, by Wanda Writer on" in printed


def test_all_that_is_detected_can_be_said(run):
    code, _ = run("a|Łódź\n".encode("windows-1250"), "--encoding", "cp1250", "--delimiter", "bar", "--no-header",
                  "--map", "column 1=id", "--map", "column 2=name")  # fmt: skip

    row = ImportBatch.objects.get().rows.get()
    assert (code, row.line, row.external_id, row.name) == (0, 1, "a", "Łódź")


@pytest.mark.parametrize(
    "options", [["--encoding", "klingon"], ["--delimiter", "x"], ["--map", "nothing"], ["--mode", "delete"]]
)
def test_nonsense_in_an_option_is_said(run, options):
    with pytest.raises(CommandError, match=f"argument {options[0]}"):
        call_command("import_affected", "api-keys-2018", "list.csv", *options)


@pytest.mark.parametrize("said", ["Merkmal=password", "Other=id", "Wer=fact:1"])
def test_a_meaning_that_cannot_be_is_refused_in_words(run, said):
    code, printed = run("Wer,Merkmal\na,b\n", "--map", "Wer=id", "--map", said)

    assert code == 2
    assert "The file could not be read" in printed


def test_what_the_file_is_for_can_be_said(run):
    run(GOOD, "--confirm")

    code, printed = run(GOOD, "--mode", "rule_out", "--evidence", "The gateway's log shows none of their keys.")

    batch = ImportBatch.objects.get(number=2)
    assert (code, batch.mode) == (0, ImportBatch.Mode.RULE_OUT)
    assert "gateway" in batch.evidence


def test_a_workbook_is_read_by_its_sheet(run):
    book = openpyxl.Workbook()
    book.active.append(["nothing", "here"])
    book.create_sheet("People").append(["id", "email"])
    book["People"].append([12345.0, "a@a.example"])
    out = io.BytesIO()
    book.save(out)

    code, printed = run(out.getvalue(), "--sheet", "People")

    assert code == 0
    assert "Read as Excel workbook, sheet “People”." in printed
    assert ImportBatch.objects.get().rows.get().external_id == "12345"
    assert run(out.getvalue(), "--sheet", "Nobody")[0] == 2


@pytest.mark.parametrize("by", ["otto@relaypost.example", "nobody@relaypost.example"])
def test_only_staff_who_may_write_can_be_named(run, otto, by):
    with pytest.raises(CommandError, match="may import"):
        call_command("import_affected", "api-keys-2018", "list.csv", "--by", by)


def test_an_unknown_incident_or_file_is_said(run):
    with pytest.raises(CommandError, match="no incident"):
        call_command("import_affected", "nothing", "list.csv")
    with pytest.raises(CommandError, match="cannot be opened"):
        call_command("import_affected", "api-keys-2018", "/nowhere/list.csv")
