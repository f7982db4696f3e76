"""A security team's own pipeline hands in who was affected: pieces, a look, a yes."""

import gzip
import json
from datetime import timedelta

import pytest
from django.core.handlers.wsgi import WSGIRequest
from django.utils import timezone

from accounts.models import Account, Address, AuditEntry
from incidents import audience
from incidents.audience import pushing, turns
from incidents.models import AffectedAccount, ImportBatch, UploadPiece
from tests.factories import make_affected, make_incident, make_organisation, make_segment, make_user
from tests.incidents.push import Pipeline, make_pipeline

CSV = (
    b"account_id,email,name,api_key\nnorthwind,owner@northwind.example,,key-4f2\ncontoso,it@contoso.example,Contoso,\n"
)
NORTHWIND = {
    "external_id": "northwind", "name": "Northwind Traders", "locale": "en", "jurisdiction": "US",
    "addresses": [{"value": "owner@northwind.example", "role": "owner"},
                  {"value": "security@northwind.example", "role": "security", "trusted": False}],
    "segments": ["api"], "certainty": "possible", "facts": {"api_key": "…4f2a", "calls": 12, "used": True},
}  # fmt: skip
CONTOSO = {"external_id": "contoso", "email": "it@contoso.example", "facts": {"api_key": "…9c01"}}
FACTS = {"api_key": "text", "calls": "number", "used": "yes_no"}


@pytest.fixture
def incident(db):
    make_organisation()
    incident = make_incident()
    make_segment(incident, "api")
    return incident


@pytest.fixture
def pipeline(incident, ada) -> Pipeline:
    return make_pipeline(ada)


def held() -> set[str]:
    return set(AffectedAccount.objects.values_list("account__external_id", flat=True))


# A file in pieces -----------------------------------------------------------------------------------------------


def test_a_file_in_pieces_becomes_affected_accounts(pipeline):
    assert pipeline.begin(file_name="keys.csv").status_code == 201
    for number in (3, 1, 2):  # in any order, cut anywhere
        assert pipeline.put(number, CSV[(number - 1) * 40 : number * 40 if number < 3 else None]).status_code == 201
    assert pipeline.read().status_code == 202

    audience.work()
    waits = pipeline.state()
    assert (waits["state"], waits["counts"]["read"], waits["comparison"]["new"]) == ("staged", 2, 2)
    assert held() == set()

    assert pipeline.confirm().status_code == 202
    audience.work()

    assert pipeline.state()["state"] == "confirmed"
    assert held() == {"northwind", "contoso"}
    assert not UploadPiece.objects.exists()


def test_a_packed_file_is_read_as_well(pipeline):
    pipeline.begin()
    packed = gzip.compress(CSV)
    pipeline.put(1, packed[:30]), pipeline.put(2, packed[30:])
    pipeline.read()

    audience.work()

    assert pipeline.state()["counts"]["accounts"] == 2


def test_columns_can_be_named(pipeline):
    pipeline.begin(columns={"Kunde": "id", "Adresse": "email", "Schlüssel": "fact:api_key", "Intern": "ignore"})
    pipeline.put(1, "Kunde,Adresse,Schlüssel,Intern\nnorthwind,owner@northwind.example,4f2,x\n".encode())
    pipeline.read()
    audience.work()
    pipeline.confirm()
    audience.work()

    assert AffectedAccount.objects.get().facts == {"api_key": "4f2"}


def test_the_encoding_of_a_file_can_be_said(pipeline):
    lines = ["account_id;name", *(f"a{n};{'Plain ' * 20}" for n in range(900)), "müller;Müller"]
    pipeline.begin(format={"encoding": "windows-1252", "delimiter": ";"})
    pipeline.put(1, "\n".join(lines).encode("windows-1252"))
    pipeline.read()
    audience.work()
    pipeline.confirm()
    audience.work()

    assert Account.objects.get(external_id="müller").name == "Müller"


def test_a_file_that_is_none_is_refused_in_words(pipeline):
    pipeline.begin()
    pipeline.put(1, b"%PDF-1.7 and so on")
    pipeline.read()

    audience.work()

    assert pipeline.state()["state"] == "refused"
    assert "PDF" in pipeline.state()["refusal"]


# Accounts in pieces ---------------------------------------------------------------------------------------------


def test_accounts_in_json_become_what_a_file_would_have_made_of_them(pipeline):
    pipeline.begin(kind="accounts", facts=FACTS)
    assert pipeline.put(2, json.dumps(CONTOSO).encode() + b"\n\n", kind="application/x-ndjson").status_code == 201
    assert pipeline.put_accounts(1, [NORTHWIND]).status_code == 201
    pipeline.read()
    audience.work()
    assert pipeline.state()["counts"]["rejected"] == 0, ImportBatch.objects.get().rejected_rows.values()
    pipeline.confirm()
    audience.work()

    affected = AffectedAccount.objects.get(account__external_id="northwind")
    assert affected.facts == {"api_key": "…4f2a", "calls": 12, "used": True}
    assert affected.certainty == "possible"
    assert [segment.key for segment in affected.segments.all()] == ["api"]
    assert (affected.account.name, affected.account.locale, affected.account.jurisdiction) == (
        "Northwind Traders", "en", "US",
    )  # fmt: skip
    assert list(affected.account.addresses.order_by("pk").values_list("value", "role", "trusted")) == [
        ("owner@northwind.example", "owner", True),
        ("security@northwind.example", "security", False),
    ]
    assert Account.objects.get(external_id="contoso").addresses.get().value == "it@contoso.example"


def test_an_account_brings_its_table_its_letterbox_and_its_telephone(pipeline):
    account = {
        "external_id": "northwind",
        "addresses": [{"kind": "post", "value": "1 Main Street"}, {"kind": "phone", "value": "+49 30 1234"}],
        "rows": [{"key": "a1", "calls": 3}, {"key": "b2", "calls": 4}, {"key": "c3", "calls": None}],
    }  # fmt: skip

    answer = pipeline.affected(account).json()

    assert (answer["state"], answer["counts"]["rejected"]) == ("confirmed", 0), pipeline.call(
        "GET", "/imports/1/rejected"
    ).text
    assert AffectedAccount.objects.get().facts == {
        "rows": [{"key": "a1", "calls": 3}, {"key": "b2", "calls": 4}, {"key": "c3"}]
    }
    assert set(Address.objects.values_list("kind", flat=True)) == {"post", "phone"}


def test_a_fact_that_was_not_announced_is_refused_by_its_name(pipeline):
    pipeline.begin(kind="accounts", facts={"api_key": "text"})

    response = pipeline.put_accounts(1, [CONTOSO, NORTHWIND])

    assert response.status_code == 422
    assert list(response.json()["fields"]) == ["1.calls"]
    assert not UploadPiece.objects.exists()


@pytest.mark.parametrize(
    ("account", "field"),
    [
        ({"external_id": "a", "colour": "red"}, "1.colour"),
        ({"external_id": 5}, "1.external_id"),
        ({"external_id": "a", "addresses": [{"value": ""}]}, "1.addresses.0.value"),
        ({"external_id": "a", "addresses": [{"value": "x@y.example", "role": "boss"}]}, "1.addresses.0.role"),
        ({"external_id": "a", "facts": {"API Key": "x"}}, "1.facts.API Key.[key]"),
        ({"external_id": "a", "facts": {"rows": "x"}}, "1.facts.rows.[key]"),
        ({"external_id": "a", "name": "x\0"}, "1.name"),
        ({"external_id": "a" * 1001}, "1.external_id"),
        ({"name": "Nobody in particular"}, "1"),
        ({"email": "a@b.example", "rows": [{"k": "1"}, {"k": "2"}]}, "1"),
        ({"addresses": [{"value": "a@b.example"}, {"value": "c@d.example"}]}, "1"),
    ],
)
def test_an_account_of_the_wrong_shape_is_refused_by_place_and_without_its_value(pipeline, account, field):
    pipeline.begin(kind="accounts", facts={"api_key": "text"})

    response = pipeline.put_accounts(1, [CONTOSO, account])

    assert response.status_code == 422
    assert list(response.json()["fields"])[0] == field
    assert "Nobody in particular" not in response.text


def test_the_line_of_a_wrong_account_is_named(pipeline):
    pipeline.begin(kind="accounts", facts={"api_key": "text"})

    response = pipeline.put(1, json.dumps(CONTOSO).encode() + b'\n{"external_id": 5}\n')

    assert list(response.json()["fields"]) == ["line 2.external_id"]


def test_a_cell_that_cannot_be_is_rejected_as_in_a_file(pipeline):
    answer = pipeline.affected(CONTOSO, {"external_id": "fabrikam", "email": "no address"}).json()

    assert (answer["counts"]["rejected"], answer["counts"]["accounts"]) == (1, 1)
    assert held() == {"contoso"}
    row = pipeline.call("GET", "/imports/1/rejected").json()["rows"][0]
    assert (row["column"], row["value"]) == ("email", "no address")


def test_a_call_of_which_nothing_can_be_read_waits_for_somebody_to_look(pipeline):
    answer = pipeline.affected({"external_id": "fabrikam", "email": "no address"}).json()

    assert (answer["state"], answer["counts"]["rejected"]) == ("staged", 1)


# Keys -----------------------------------------------------------------------------------------------------------


def test_the_same_call_again_answers_with_the_same_import(pipeline):
    first, again = pipeline.begin(file_name="keys.csv"), pipeline.begin(file_name="keys.csv")

    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    assert ImportBatch.objects.count() == 1


def test_the_same_key_with_other_words_is_refused(pipeline):
    pipeline.begin(file_name="keys.csv")

    for other in ({"file_name": "others.csv"}, {"file_name": "keys.csv", "kind": "accounts"}, {"mode": "replace"}):
        response = pipeline.begin(**other)
        assert response.status_code == 409
        assert "import 1" in response.json()["detail"]
    assert pipeline.affected(CONTOSO, key="k1").status_code == 409
    assert ImportBatch.objects.count() == 1


def test_a_key_belongs_to_its_incident(pipeline):
    make_incident("other")
    pipeline.begin()

    pipeline.slug = "other"
    assert pipeline.begin(file_name="x.csv").status_code == 201


@pytest.mark.parametrize("key", ["", "two words", "k" * 201, "schlüssel"])
def test_a_key_is_needed_and_has_a_shape(pipeline, key):
    assert pipeline.begin(key=key).status_code == 422
    assert pipeline.call("POST", "/imports", {}).json()["fields"].keys() == {"Idempotency-Key"}


def test_the_same_piece_again_is_fine_and_other_bytes_are_not(pipeline):
    pipeline.begin()
    assert pipeline.put(1, CSV).status_code == 201

    assert pipeline.put(1, CSV).status_code == 200
    assert pipeline.put(1, CSV + b"x").status_code == 409

    assert bytes(UploadPiece.objects.get().content) == CSV
    assert pipeline.state()["size"] == len(CSV)


def test_every_step_can_be_repeated(pipeline):
    pipeline.begin()
    pipeline.put(1, CSV)
    assert [pipeline.read().status_code for _ in range(2)] == [202, 200]
    audience.work()
    assert pipeline.read().json()["state"] == "staged"
    assert [pipeline.confirm().status_code for _ in range(2)] == [202, 200]
    audience.work()
    assert (pipeline.confirm().status_code, pipeline.confirm().json()["state"]) == (200, "confirmed")
    assert AuditEntry.objects.filter(act="import.confirmed").count() == 1


# What is missing, too much, too late ----------------------------------------------------------------------------


def test_gaps_are_named(pipeline):
    pipeline.begin()
    assert "No piece" in pipeline.read().json()["detail"]
    pipeline.put(2, b"x"), pipeline.put(5, b"x")

    response = pipeline.read()

    assert response.status_code == 409
    assert "Missing: 1, 3, 4." in response.json()["detail"]
    assert pipeline.state()["open"]


@pytest.mark.parametrize(("size", "status"), [(8_000_000, 201), (8_000_001, 413)])
def test_a_piece_has_eight_megabytes_at_most(pipeline, size, status):
    pipeline.begin()

    assert pipeline.put(1, b"x" * size).status_code == status


def test_a_push_has_two_gigabytes_at_most(pipeline):
    pipeline.begin()
    ImportBatch.objects.update(size=1_999_999_999)

    assert pipeline.put(1, b"xx").status_code == 413


def test_imports_that_wait_hold_so_much_and_no_more(pipeline, monkeypatch):
    monkeypatch.setattr(pushing, "LARGEST_WAITING", 10)
    pipeline.begin()
    assert pipeline.put(1, b"12345678").status_code == 201
    pipeline.begin(key="k2")

    response = pipeline.put(1, b"123", number=2)

    assert response.status_code == 413
    assert "Import or discard some of them first" in response.json()["detail"]
    pipeline.call("POST", "/imports/1/discard")
    assert pipeline.put(1, b"123", number=2).status_code == 201


@pytest.mark.parametrize("piece", ["0", "10001", "-1", "x", "9" * 400])
def test_a_piece_has_a_number(pipeline, piece):
    pipeline.begin()

    assert pipeline.put(piece, b"x").status_code == 422


def test_an_empty_piece_is_not_kept(pipeline):
    pipeline.begin(), pipeline.begin("k2", kind="accounts")

    assert pipeline.put(1, b"").status_code == 400
    assert pipeline.put_accounts(1, [], number=2).status_code == 400
    assert not UploadPiece.objects.exists()


def test_a_piece_that_broke_off_is_not_kept(pipeline, monkeypatch):
    pipeline.begin()
    parts = iter([b"acc", b"ount", b""])
    monkeypatch.setattr(WSGIRequest, "read", lambda self, size: next(parts))

    response = pipeline.put(1, CSV)

    assert response.status_code == 400
    assert "broke off" in response.json()["detail"]
    assert not UploadPiece.objects.exists()


def test_no_piece_is_taken_after_the_last(pipeline):
    pipeline.begin()
    pipeline.put(1, CSV)
    pipeline.read()

    assert pipeline.put(2, b"more").status_code == 409
    assert pipeline.put(1, CSV).status_code == 200, "it is there already"


def test_a_discarded_import_is_gone_and_can_be_discarded_again(pipeline):
    pipeline.begin()
    pipeline.put(1, CSV)

    assert pipeline.call("POST", "/imports/1/discard").json()["state"] == "discarded"
    assert pipeline.call("POST", "/imports/1/discard").status_code == 200
    assert pipeline.put(1, CSV).status_code == 409
    assert pipeline.confirm().status_code == 409
    assert not UploadPiece.objects.exists()


def test_a_push_that_nobody_ends_is_forgotten_after_a_week(pipeline):
    pipeline.begin("abandoned"), pipeline.begin("slow"), pipeline.begin("read")
    for number in (1, 2, 3):
        pipeline.put(1, CSV, number)
    ImportBatch.objects.update(worked_at=timezone.now() - timedelta(days=7, minutes=1))
    pipeline.put(2, b"x", 2)
    pipeline.read(3)

    audience.work()

    assert [pipeline.state(number)["state"] for number in (1, 2, 3)] == ["discarded", "received", "staged"]
    assert "no piece for 7 days" in AuditEntry.objects.get(act="import.discarded").body
    assert UploadPiece.objects.filter(batch__number=1).count() == 0


def test_the_room_shows_a_push_whose_pieces_still_come_and_offers_no_columns(pipeline, ada, as_user):
    pipeline.begin()
    pipeline.put(1, CSV)

    page = as_user(ada).get("/staff/api-keys-2018/affected/imports/1/")

    assert page.status_code == 200
    assert "account_id" not in page.text


def test_a_call_that_does_not_exist_is_refused_as_the_others_are(pipeline):
    response = pipeline.call("GET", "/nothing/here")

    assert (response.status_code, list(response.json())) == (404, ["detail"])


def test_what_is_imported_is_not_discarded(pipeline):
    pipeline.affected(CONTOSO)

    assert pipeline.call("POST", "/imports/1/discard").status_code == 409
    assert held() == {"contoso"}


def test_what_does_not_exist_is_a_404_in_words(pipeline):
    assert "no import 7" in pipeline.call("GET", "/imports/7").json()["detail"]
    pipeline.slug = "nowhere"
    assert "no incident nowhere" in pipeline.begin().json()["detail"]


# A thousand at once ---------------------------------------------------------------------------------------------


def test_a_few_accounts_in_one_call_are_imported_at_once(pipeline):
    answer = pipeline.affected(NORTHWIND, CONTOSO)

    assert (answer.status_code, answer.json()["state"]) == (201, "confirmed")
    assert held() == {"northwind", "contoso"}


def test_no_call_waits_for_an_import_that_is_being_saved(pipeline, monkeypatch):
    monkeypatch.setattr(turns, "taken", lambda incident: True)
    assert pipeline.affected({"external_id": "a"}).json()["state"] == "reading"

    monkeypatch.undo()

    assert pipeline.affected({"external_id": "a"}).json()["state"] == "confirmed"


def test_the_same_call_again_imports_nothing_twice(pipeline):
    pipeline.affected(CONTOSO)

    again = pipeline.affected(CONTOSO)

    assert (again.status_code, again.json()["state"]) == (200, "confirmed")
    assert pipeline.affected(NORTHWIND).status_code == 409
    assert pipeline.affected(CONTOSO, key="k2").json()["state"] == "discarded", "it held nothing new"
    assert AffectedAccount.objects.count() == 1


def test_without_the_scope_it_waits_for_a_person(incident, ada):
    pipeline = make_pipeline(ada, "write:affected")

    answer = pipeline.affected(CONTOSO).json()

    assert (answer["state"], answer["comparison"]["new"], answer["page"]) == (
        "staged", 1, "/staff/api-keys-2018/affected/imports/1/",
    )  # fmt: skip
    assert held() == set()


def test_confirm_false_waits_too(pipeline):
    assert pipeline.affected(CONTOSO, confirm=False).json()["state"] == "staged"


def test_more_than_the_page_says_waits_until_it_is_meant(pipeline, incident):
    incident.estimates.create(bound="less_than", value=1, unit="customers", at=None, precision="unknown")

    waits = pipeline.affected(CONTOSO).json()
    assert (waits["state"], waits["comparison"]["stop"]) == ("staged", True)
    pipeline.confirm()
    audience.work()
    assert "more than the page says" in pipeline.state()["stopped"]

    pipeline.confirm(beyond_estimate=True)
    audience.work()
    assert held() == {"contoso"}


def test_above_the_limit_a_second_person_has_to_say_yes_here_too(pipeline):
    make_organisation(import_limit=1)

    answer = pipeline.affected(CONTOSO, NORTHWIND).json()

    assert answer["state"] == "staged"
    assert "one person alone may import 1" in answer["stopped"]
    assert held() == set()


def test_more_than_a_thousand_in_one_call_are_refused(pipeline):
    assert pipeline.affected(*[CONTOSO] * 1001).status_code == 422
    assert pipeline.affected().status_code == 422
    assert not ImportBatch.objects.exists()


# Who may, and what is told --------------------------------------------------------------------------------------

CALLS = [
    ("GET", "", "read:incidents"),
    ("GET", "/updates", "read:incidents"),
    ("POST", "/updates", "write:updates"),
    ("PUT", "/updates/1", "write:updates"),
    ("POST", "/ask", "ask:publish"),
    ("GET", "/steps", "read:incidents"),
    ("GET", "/mailings", "read:outcomes"),
    ("GET", "/outcomes", "read:outcomes"),
    ("POST", "/imports", "write:affected"),
    ("PUT", "/imports/1/pieces/1", "write:affected"),
    ("POST", "/imports/1/read", "write:affected"),
    ("GET", "/imports/1", "write:affected"),
    ("GET", "/imports/1/rejected", "write:affected"),
    ("POST", "/imports/1/confirm", "confirm:affected"),
    ("POST", "/imports/1/discard", "write:affected"),
    ("POST", "/affected", "write:affected"),
    ("POST", "/steps/verified", "verify:steps"),
]


@pytest.mark.parametrize(("method", "path", "scope"), CALLS)
def test_each_call_is_opened_by_its_scope_and_no_other(incident, ada, method, path, scope):
    others = [one for one in ("read:incidents", "write:affected", "confirm:affected", "read:rejected", "read:outcomes",
                              "verify:steps") if one != scope]  # fmt: skip

    refused = make_pipeline(ada, *others).call(method, path, {})
    allowed = make_pipeline(ada, scope).call(method, path, {})

    assert (refused.status_code, refused.json()["detail"]) == (403, f"This token lacks the scope {scope}.")
    assert allowed.status_code not in {401, 403}


def test_every_call_of_the_api_is_in_that_table():
    from config.api import api

    described = {
        (method.upper(), path.replace("/api/incidents/{slug}", "").replace("{number}", "1").replace("{piece}", "1"),
         operation["x-scope"])
        for path, operations in api.get_openapi_schema()["paths"].items()
        for method, operation in operations.items()
        if path.startswith("/api/incidents/")
    }  # fmt: skip

    assert described == set(CALLS)


def test_a_session_reads_and_does_not_write(incident, ada, as_user):
    client = as_user(ada)

    for method, path, _ in CALLS:
        response = client.generic(method, f"/api/incidents/api-keys-2018{path}", b"{}", content_type="application/json")
        assert (response.status_code == 401) == (method != "GET"), path


def test_a_role_that_may_not_read_the_room_reads_nothing(incident, as_user):
    client = as_user(make_user("sam@relaypost.example", role="Support"))

    assert client.get("/api/incidents/api-keys-2018").status_code == 403


def test_values_of_rejected_rows_need_a_scope_of_their_own(pipeline, ada):
    pipeline.affected({"external_id": "a", "email": "jane doe at fabrikam"})
    poor = make_pipeline(ada, "write:affected")

    assert "jane doe" in pipeline.call("GET", "/imports/1/rejected").text
    assert "jane doe" not in poor.call("GET", "/imports/1/rejected").text


def test_rejected_rows_come_in_pages(pipeline):
    pipeline.affected(*[{"external_id": f"a{n}", "email": "none"} for n in range(5)])

    first = pipeline.call("GET", "/imports/1/rejected?limit=3").json()
    rest = pipeline.call("GET", f"/imports/1/rejected?limit=3&after={first['next']}").json()

    assert [len(first["rows"]), len(rest["rows"]), rest["next"]] == [3, 2, None]


def test_where_it_stands_names_nobody(pipeline, incident):
    make_affected(incident)
    text = pipeline.affected(NORTHWIND, CONTOSO, confirm=False).text

    assert "northwind" not in text
    assert "contoso" not in text


def test_the_log_says_that_it_came_by_this_token(pipeline):
    pipeline.affected(CONTOSO)

    entry = AuditEntry.objects.get(act="import.pushed")
    assert json.loads(entry.body)["facts"]["token"] == pipeline.token.split("_")[1]
    assert entry.by.email == "ada@relaypost.example"
    assert "contoso" not in "".join(AuditEntry.objects.values_list("body", flat=True))
