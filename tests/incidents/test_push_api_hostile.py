"""What the API is sent by mistake or in malice: never a 500, never half an import, nobody in the logs."""

import json
import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.models import AuditEntry
from incidents import audience
from incidents.models import AffectedAccount, ImportBatch, UploadPiece
from tests.factories import make_incident, make_organisation, make_segment, make_step
from tests.incidents.push import Pipeline, make_pipeline

HOSTILE = {
    "nothing": b"",
    "no JSON": b"{",
    "deep": b'{"accounts": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "deep objects": b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
    "endless number": b'{"accounts": [{"external_id": ' + b"9" * 10_000 + b"}]}",
    "infinite": b'{"accounts": [{"external_id": "a", "facts": {"x": 1e999}}]}',
    "not a number": b'{"accounts": [{"external_id": "a", "facts": {"x": NaN}}]}',
    "NUL": b'{"accounts": [{"external_id": "a\\u0000"}]}',
    "NUL in a name": b'{"accounts": [{"external_id": "a", "facts": {"x\\u0000": "1"}}]}',
    "lone surrogate": b'{"accounts": [{"external_id": "\\ud800"}]}',
    "no UTF-8": b'{"accounts": [{"external_id": "\xff"}]}',
    "UTF-16": '{"accounts": []}'.encode("utf-16"),
    "another shape": b'[["external_id", "a"]]',
    "null": b"null",
    "a million brackets": b"[],".join([b""] * 500_000),
    "too large": b'{"accounts": [{"external_id": "' + b"a" * 3_000_000 + b'"}]}',
}


@pytest.fixture
def incident(db):
    make_organisation()
    incident = make_incident()
    make_segment(incident, "api")
    make_step(incident)
    return incident


@pytest.fixture
def pipeline(incident, ada) -> Pipeline:
    return make_pipeline(ada)


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("path", ["/affected", "/imports", "/steps/verified"])
def test_a_hostile_body_is_refused_in_words(pipeline, path, body):
    response = pipeline.call("POST", path, raw=body, Idempotency_Key="k")

    assert response.status_code in {400, 413, 422}
    assert set(response.json()) <= {"detail", "fields"}
    assert not ImportBatch.objects.exists()


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_piece_is_refused_in_words(pipeline, body):
    pipeline.begin(kind="accounts", facts={"x": "number"})

    response = pipeline.put(1, body)

    assert response.status_code in {400, 422}
    assert not UploadPiece.objects.exists()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)
WORDS = st.sampled_from(
    ["external_id", "email", "addresses", "name", "locale", "segments", "certainty", "facts", "rows"]
)
NEARLY_AN_ACCOUNT = st.dictionaries(WORDS, JSON | st.text(max_size=30) | st.just([]) | st.just({}), max_size=5)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(account=NEARLY_AN_ACCOUNT)
def test_no_account_whatever_it_says_is_an_error_or_half_an_import(pipeline, account):
    response = pipeline.affected(account, key=str(uuid4()))

    assert response.status_code in {201, 400, 422}
    if response.status_code == 201:
        counts = response.json()["counts"]
        assert counts["read"] == counts["accepted"] + counts["rejected"] + counts["folded"]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(min_size=1, max_size=200), cut=st.integers(0, 200))
def test_no_bytes_in_pieces_are_an_error(pipeline, content, cut):
    number = pipeline.begin(str(uuid4())).json()["number"]
    parts = [part for part in (content[:cut], content[cut:]) if part]
    for place, part in enumerate(parts, start=1):
        assert pipeline.put(place, part, number).status_code == 201

    assert pipeline.read(number).status_code == 202
    audience.work()

    assert pipeline.state(number)["state"] in {"staged", "refused", "discarded"}


ODD_TEXTS = st.text(min_size=1, max_size=20).filter(lambda text: text.strip())


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=ODD_TEXTS, fact=ODD_TEXTS)
def test_what_was_imported_reads_as_it_was_said_or_was_rejected(pipeline, name, fact):
    who = str(uuid4())
    account = {"external_id": who, "name": name, "facts": {"x": fact}}

    response = pipeline.affected(account, key=str(uuid4()))

    if response.status_code == 201 and not response.json()["counts"]["rejected"]:
        affected = AffectedAccount.objects.get(account__external_id=who)
        assert (affected.account.name, affected.facts) == (name.strip(), {"x": fact.strip()})


def test_neither_people_nor_tokens_get_into_the_logs(pipeline, caplog):
    person = {"external_id": "canary-id", "email": "canary@canary.example", "name": "Canary Name"}
    with caplog.at_level(logging.DEBUG):
        pipeline.affected(person)
        pipeline.affected(person | {"email": "canary at canary"}, key="k2")
        pipeline.affected(person | {"colour": "canary-red"}, key="k3")
        pipeline.call("POST", "/affected", raw=b'{"accounts": "canary-broken', Idempotency_Key="k4")
        pipeline.call("POST", "/steps/verified", {"checks": [{"step": 1, "email": "canary@canary.example"}]})
        pipeline.token = pipeline.token[:-1] + "x"
        assert pipeline.affected(person).status_code == 401

    spoken = [record.getMessage() for record in caplog.records if not record.name.startswith("django.db")]
    assert "canary" not in " ".join(spoken).lower()
    assert pipeline.token.split("_")[2][:-1] not in " ".join(spoken)
    assert not any("canary" in body for body in AuditEntry.objects.values_list("body", flat=True))


# At the same moment ---------------------------------------------------------------------------------------------


def at_once(pipeline: Pipeline, *acts) -> list:
    """The answers of calls that begin together."""
    ready = threading.Barrier(len(acts))

    def call(act):
        try:
            ready.wait()
            return act(Pipeline(pipeline.token))
        finally:
            connection.close()

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(call, acts))


@pytest.fixture
def committed(transactional_db, ada) -> Pipeline:
    make_organisation()
    make_step(make_incident())
    return make_pipeline(ada)


def test_the_same_call_twice_at_once_begins_one_import(committed):
    answers = at_once(committed, *[lambda one: one.begin(file_name="x.csv")] * 4)

    assert sorted(answer.status_code for answer in answers) == [200, 200, 200, 201]
    assert {answer.json()["number"] for answer in answers} == {1}


def test_one_key_with_different_words_at_once_begins_one_import(committed):
    answers = at_once(committed, lambda one: one.begin(file_name="a.csv"), lambda one: one.begin(file_name="b.csv"))

    assert sorted(answer.status_code for answer in answers) == [201, 409]


def test_the_same_accounts_twice_at_once_are_imported_once(committed):
    people = [{"external_id": f"a{n}", "email": f"a{n}@a.example"} for n in range(20)]

    answers = at_once(committed, *[lambda one: one.affected(*people)] * 3)

    assert {answer.status_code for answer in answers} == {200, 201}
    audience.work()
    assert committed.state()["state"] == "confirmed"
    assert AffectedAccount.objects.count() == 20
    assert AuditEntry.objects.filter(act="import.confirmed").count() == 1


def test_one_piece_twice_at_once_is_kept_once(committed):
    committed.begin()

    answers = at_once(committed, *[lambda one: one.put(1, b"account_id\na\n")] * 3, lambda one: one.put(1, b"other"))

    assert sorted(answer.status_code for answer in answers) in ([200, 200, 201, 409], [201, 409, 409, 409])
    assert committed.state()["size"] == len(bytes(UploadPiece.objects.get().content))


def test_a_piece_that_comes_while_the_push_is_finished_is_in_it_or_refused(committed):
    committed.begin()
    committed.put(1, b"account_id\na\n")

    late, finished = at_once(committed, lambda one: one.put(2, b"b\n"), lambda one: one.read())

    assert finished.status_code == 202
    assert late.status_code in {201, 409}
    audience.work()
    assert committed.state()["counts"]["accounts"] == (2 if late.status_code == 201 else 1)


def test_a_piece_that_waited_for_the_end_of_the_push_is_refused(committed):
    committed.begin()

    def put():
        try:
            return Pipeline(committed.token).put(1, b"too late")
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            batch = ImportBatch.objects.select_for_update(no_key=True).get()
            late = pool.submit(put)
            time.sleep(0.5)
            assert not late.done(), "it waits"
            ImportBatch.objects.filter(pk=batch.pk).update(state="reading", sha256="0" * 64)

        assert late.result().status_code == 409
    assert not UploadPiece.objects.exists()


def test_a_step_verified_twice_at_once_is_verified_once(committed):
    committed.affected({"external_id": "a", "facts": {"k": "1"}})
    step = ImportBatch.objects.get().incident.steps.get().pk
    body = {"checks": [{"step": step, "external_id": "a"}]}

    answers = at_once(committed, *[lambda one: one.call("POST", "/steps/verified", body)] * 3)

    results = sorted(answer.json()["results"][0]["result"] for answer in answers)
    assert results == ["already", "already", "verified"]
    assert json.loads(AuditEntry.objects.get(act="steps.verified").body)["facts"]["counts"] == {"verified": 1}
