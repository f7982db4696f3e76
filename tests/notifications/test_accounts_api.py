"""The company's own product: a banner and the notice for its signed-in customer, and the way over to it."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import AuditEntry
from notifications.models import HandOver, Recipient
from tests.accounts.test_tokens import make_token
from tests.factories import NOON, make_account, make_affected, make_incident, make_organisation
from tests.notifications.reader import OURS, _files_apart, make_letter, make_story, publish  # noqa: F401

pytestmark = pytest.mark.django_db


@pytest.fixture
def letter(wanda, anton):
    make_organisation()
    incident = make_story()
    publish(incident, by=wanda, yes=anton)
    return make_letter(incident)


@pytest.fixture
def api(ada):
    token = make_token(ada, "read:notices", "open:notices")
    return Client(headers={"Authorization": f"Bearer {token}"})


def handed_over(api, who="northwind", **said) -> str:
    response = api.post(f"/api/accounts/{who}/handover", said, content_type="application/json")
    assert response.status_code == 201
    return response.json()["url"].removeprefix("http://localhost:8000")


def test_it_reads_what_its_customer_was_told(api, letter):
    (notice,) = api.get("/api/accounts/northwind/notices").json()["notices"]

    assert (notice["incident"], notice["certainty"]) == ("api-keys-2018", "confirmed")
    assert notice["banner"] == (
        "API keys of some customers were exposed. This concerns your account. There are 2 things to do."
    )
    assert notice["exposed"] == ["API keys"] and notice["possibly_exposed"] == ["Sending statistics"]
    assert [(step["title"], step["done"]) for step in notice["steps"]] == [
        ("Rotate your API keys", False), ("Read your logs", False),
    ]  # fmt: skip
    assert notice["steps"][0]["do_by"].startswith("2026-03-14T12:00")
    (message,) = notice["messages"]
    assert message["code"] == letter.code and "/notice/…/" in message["text"]


def test_unknown_unaffected_and_not_yet_told_answer_in_one_shape(api, letter):
    make_account("unaffected", "a@unaffected.example")
    make_affected(letter.incident, make_account("not-told", "a@not-told.example"))

    answers = [api.get(f"/api/accounts/{who}/notices") for who in ("unknown", "unaffected", "not-told")]

    assert {answer.status_code for answer in answers} == {200}
    assert [answer.json()["notices"] for answer in answers] == [[], [], []]
    assert len({(len(answer.content), str(sorted(answer.headers))) for answer in answers}) == 1
    refused = [
        api.post(f"/api/accounts/{who}/handover", content_type="application/json")
        for who in ("unknown", "unaffected", "not-told")
    ]
    assert {(answer.status_code, answer.content) for answer in refused} == {(404, refused[0].content)}


def test_whoever_was_ruled_out_is_told_so(api, letter):
    letter.affected_account.__class__.objects.update(certainty="ruled_out")

    (notice,) = api.get("/api/accounts/northwind/notices").json()["notices"]

    assert "not affected after all" in notice["banner"]
    assert notice["steps"] == []


def test_a_customer_is_handed_over_to_their_notice(api, letter):
    url, browser = handed_over(api), Client()
    assert "northwind" not in browser.get(url).content.decode()  # a look ahead opens nothing

    response = browser.post(url, **OURS)

    assert (response.status_code, response["Location"]) == (303, "/notice/")
    assert "northwind" in browser.get("/notice/").content.decode()


def test_the_neutral_page_of_a_hand_over_is_that_of_a_link(api, letter):
    from notifications import links

    pages = [Client().get(path) for path in (handed_over(api), f"/notice/{links.token(letter.link)}/")]

    assert pages[0].content == pages[1].content
    assert sorted(pages[0].headers.items()) == sorted(pages[1].headers.items())


def test_it_opens_once_and_for_two_minutes(api, letter):
    once, late = handed_over(api), handed_over(api)
    assert Client().post(once, **OURS).status_code == 303
    HandOver.objects.filter(used_at=None).update(expires_at=timezone.now() - timedelta(seconds=1))

    assert Client().post(once, **OURS).status_code == 410
    assert Client().post(late, **OURS).status_code == 410
    made = HandOver.objects.order_by("-pk").first()
    assert made.made_at < timezone.now()
    assert made.expires_at - made.made_at < timedelta(minutes=2)


def test_it_opens_that_account_and_no_other(api, letter):
    other = make_affected(letter.incident, make_account("contoso", "it@contoso.example"))
    Recipient.objects.filter(affected_account=other).delete()
    browser = Client()
    browser.post(handed_over(api), **OURS)

    notice = browser.get("/notice/").content.decode()

    assert "northwind" in notice and "contoso" not in notice


def test_steps_can_be_ticked_behind_a_hand_over(api, letter):
    browser = Client()
    browser.post(handed_over(api), **OURS)
    step = letter.incident.steps.first()

    browser.post("/notice/steps/", {"shown": step.pk, "done": step.pk})

    (notice,) = api.get("/api/accounts/northwind/notices").json()["notices"]
    assert (notice["steps"][0]["done"], notice["steps_open"]) == (True, 1)


def test_the_incident_can_be_named(api, letter):
    assert handed_over(api, incident="api-keys-2018")
    refused = api.post("/api/accounts/northwind/handover", {"incident": "another"}, content_type="application/json")
    assert refused.status_code == 404


def test_a_hand_over_is_in_the_log_as_the_act_of_a_machine(api, letter, ada):
    handed_over(api)

    entry = AuditEntry.objects.get(act="notice.handed_over")
    assert (entry.by, entry.incident) == (ada, letter.incident_id)
    assert HandOver.objects.get().token in entry.body and "northwind" not in entry.body


def test_only_its_hash_is_kept_and_it_is_forgotten_after_a_day(api, letter):
    token = handed_over(api).split("/")[2]
    assert token.encode() not in bytes(HandOver.objects.get().sha256)
    HandOver.objects.update(made_at=NOON, expires_at=NOON)

    handed_over(api)

    assert HandOver.objects.count() == 1


@pytest.mark.parametrize(
    ("method", "path", "scope"), [("get", "notices", "read:notices"), ("post", "handover", "open:notices")]
)
def test_each_call_is_opened_by_its_scope_and_no_other(letter, ada, method, path, scope):
    other = make_token(ada, "read:incidents", "read:outcomes", "verify:steps")
    right = make_token(ada, scope, name="right")

    def status(token):
        client = Client(headers={"Authorization": f"Bearer {token}"})
        call = getattr(client, method)
        return call(f"/api/accounts/northwind/{path}", content_type="application/json").status_code

    assert status(other) == 403
    assert status(right) in {200, 201}


def test_a_token_of_one_incident_opens_no_accounts(letter, ada):
    token = make_token(ada, "read:notices", incident="api-keys-2018")

    client = Client(headers={"Authorization": f"Bearer {token}"})

    assert client.get("/api/accounts/northwind/notices").status_code == 403


def test_a_signed_in_browser_cannot_call_it(letter, ada, as_user):
    assert as_user(ada).get("/api/accounts/northwind/notices").status_code == 401


def test_a_drill_is_told_to_nobody(api):
    incident = make_incident("drill", visibility="told_only", drill=True)
    make_letter_of = make_affected(incident)
    assert make_letter_of.account.external_id == "northwind"

    assert api.get("/api/accounts/northwind/notices").json()["notices"] == []
