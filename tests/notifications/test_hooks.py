"""Webhooks: two people name an address, its calls are signed and tried again, and none of them leads into our house."""

import base64
import hashlib
import hmac
import json
import socket
import time
from datetime import timedelta

import pytest
from django.utils import timezone

from accounts import approvals
from accounts.models import Approval, AuditEntry
from incidents import publishing
from incidents.models import ImportBatch
from notifications import hooks
from notifications.hooks import reaching
from notifications.hooks.sending import AGAIN_AFTER, MOST_FAILURES
from notifications.models import Hook, HookAttempt, HookCall
from tests.factories import make_account, make_affected, make_incident, make_organisation, make_update
from tests.notifications.arrange import make_mailing
from tests.notifications.hook_server import Listener, listening

ALL = list(Hook.Event.values)
LIST = "/staff/webhooks/"


@pytest.fixture
def listener(tmp_path, settings):
    with listening(tmp_path) as listener:
        settings.WEBHOOK_NETWORKS = ["127.0.0.0/8", "::1/128"]
        settings.WEBHOOK_CA = str(listener.ca)
        yield listener


@pytest.fixture
def hook(db, ada, anton, listener) -> Hook:
    make_organisation()
    return make_hook(listener.address, ada, anton)


def make_hook(address: str, by, other, events=ALL) -> Hook:
    made = hooks.ask(address=address, events=events, by=by, at=timezone.now())
    approvals.answer(Approval.objects.get(thing=f"notifications.hook:{made.pk}"), yes=True, by=other)
    return hooks.switch_on(made, by=by, at=timezone.now())


def tell(hook: Hook, ada) -> None:
    hooks.test(hook, by=ada, at=timezone.now())


def due_now() -> None:
    HookCall.objects.filter(due_at__isnull=False).update(due_at=timezone.now())


# Setting one up -------------------------------------------------------------------------------------------------


def test_an_administrator_asks_another_says_yes_and_the_secret_is_shown_once(ada, anton, as_user, db):
    make_organisation()
    client = as_user(ada)
    client.post(f"{LIST}new/", {"address": "https://hooks.example.com/in", "events": ["page.published"]})
    hook = Hook.objects.get()
    page = f"{LIST}{hook.pk}/"

    assert client.post(f"{page}on/").status_code == 302
    hook.refresh_from_db()
    assert hook.on_at is None

    approval = Approval.objects.get()
    assert "Approve" in as_user(anton).get(page).text
    as_user(anton).post(f"/staff/approvals/{approval.pk}/answer/", {"answer": "yes", "next": page})
    shown = client.post(f"{page}on/")

    hook.refresh_from_db()
    assert hook.on_at
    assert hooks.secret(hook) in shown.text
    assert "no-store" in shown["Cache-Control"]
    assert hooks.secret(hook) not in client.get(page).text
    assert hooks.secret(hook) not in "".join(str(one.__dict__) for one in Hook.objects.all())


def test_whoever_asked_cannot_say_yes_and_nothing_is_switched_on_without_one(db, ada):
    make_organisation()
    hook = hooks.ask(address="https://hooks.example.com/", events=ALL, by=ada, at=timezone.now())

    with pytest.raises(approvals.NotAllowed):
        approvals.answer(Approval.objects.get(), yes=True, by=ada)
    with pytest.raises(approvals.NotApproved):
        hooks.switch_on(hook, by=ada, at=timezone.now())


def test_another_address_than_was_approved_is_not_switched_on(db, ada, anton):
    make_organisation()
    hook = hooks.ask(address="https://hooks.example.com/", events=ALL, by=ada, at=timezone.now())
    approvals.answer(Approval.objects.get(), yes=True, by=anton)
    Hook.objects.update(address="https://evil.example/")

    with pytest.raises(approvals.NotApproved):
        hooks.switch_on(hook, by=ada, at=timezone.now())


@pytest.mark.parametrize("who", ["wanda", "anton", "otto"])
def test_nobody_else_lists_asks_for_or_changes_webhooks(hook, as_user, who, request):
    client = as_user(request.getfixturevalue(who))

    for path in (LIST, f"{LIST}new/"):
        assert client.get(path).status_code == 403
    for act in ("on", "test", "resume", "end"):
        assert client.post(f"{LIST}{hook.pk}/{act}/").status_code == 403
    assert Hook.objects.get().state == "on"


@pytest.mark.parametrize(
    "address",
    [
        "http://hooks.example.com/", "https://user:secret@hooks.example.com/", "https://hooks.example.com/#x", "https:///x",
        "https://hooks.example.com:22/", "https://hooks.example.com:99999/", "ftp://hooks.example.com/", "https://a b/",
        "https://bücher.example/", "https://hooks.example.com/\r\nX: y", "https://127.0.0.1/", "https://[::1]/",
        "https://169.254.169.254/latest/", "https://10.0.0.8/", "https://[fe80::1]/",
    ],
)  # fmt: skip
def test_an_address_that_is_no_https_or_no_public_one_is_refused_when_it_is_typed(db, ada, as_user, address):
    make_organisation()

    answer = as_user(ada).post(f"{LIST}new/", {"address": address, "events": ["page.published"]})

    assert answer.status_code == 422
    assert not Hook.objects.exists()


# What is sent ---------------------------------------------------------------------------------------------------


def test_a_call_is_signed_as_standard_webhooks_says(hook, ada, listener: Listener):
    tell(hook, ada)

    assert hooks.work() == 1

    path, headers, body = listener.heard[0]
    said = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    key = base64.b64decode(hooks.secret(hook).removeprefix("whsec_"))
    assert headers["webhook-signature"] == "v1," + base64.b64encode(hmac.digest(key, said, hashlib.sha256)).decode()
    assert abs(int(headers["webhook-timestamp"]) - time.time()) < 60
    assert (path, headers["Host"], listener.names) == ("/incidents", f"localhost:{listener.port}", ["localhost"])
    assert json.loads(body)["type"] == "test"
    attempt = HookAttempt.objects.get()
    assert (attempt.status, attempt.problem, attempt.call.state) == (204, "", "delivered")


def test_a_second_person_whose_yes_is_wanted_is_announced_without_what_it_is_about(hook, ada, listener: Listener):
    incident = make_incident(title="Nobody knows yet")
    approvals.ask(act="publish", thing=incident, hashes={}, summary="Publish “Nobody knows yet”", by=ada)

    assert hooks.gather(at=timezone.now()) == 1
    hooks.work()

    body = listener.heard[0][2].decode()
    assert json.loads(body)["type"] == "approval.wanted"
    assert "Nobody knows" not in body
    assert incident.slug not in body


def test_what_was_published_is_announced_once_however_often_it_is_gathered(hook, wanda, anton, listener: Listener):
    incident = make_incident()
    make_update(incident)
    approvals.answer(publishing.ask(incident, by=wanda), yes=True, by=anton)
    publishing.publish(incident, by=anton)
    publishing.finish()

    for _ in range(3):
        hooks.gather(at=timezone.now())
    hooks.work()

    said = [json.loads(body) for _, _, body in listener.heard]
    published = [one for one in said if one["type"] == "page.published"]
    assert [one["data"]["incident"] for one in published] == [incident.slug]
    assert published[0]["data"]["page"].endswith(f"/incidents/{incident.slug}/")


def test_an_import_that_waits_is_announced_in_numbers(hook, ada, listener: Listener):
    incident = make_incident()
    ImportBatch.objects.create(
        incident=incident, number=1, source="room", state="staged", rows_read=7, counts={"accounts": 6, "rejected": 1},
        uploaded_by=ada, file_name="jane-doe.csv",
    )  # fmt: skip

    hooks.gather(at=timezone.now())
    hooks.work()

    said = json.loads(listener.heard[0][2])
    assert (said["type"], said["data"]["rows"], said["data"]["accounts"]) == ("import.waiting", 7, 6)
    assert "jane-doe" not in listener.heard[0][2].decode()


def test_only_what_happened_since_it_was_switched_on_is_told(db, ada, anton, listener):
    make_organisation()
    approvals.ask(act="publish", thing=make_incident(), hashes={}, summary="before", by=ada)
    make_hook(listener.address, ada, anton)

    assert hooks.gather(at=timezone.now()) == 0


def test_an_address_is_told_of_nothing_else_than_it_was_approved_for(db, ada, anton, listener):
    make_organisation()
    make_hook(listener.address, ada, anton, events=["page.published"])
    approvals.ask(act="publish", thing=make_incident(), hashes={}, summary="after", by=ada)

    assert hooks.gather(at=timezone.now()) == 0


# Again ----------------------------------------------------------------------------------------------------------


def test_a_call_that_failed_is_sent_again_word_for_word_under_the_same_id(hook, ada, listener: Listener):
    approvals.ask(act="publish", thing=make_incident(), hashes={}, summary="x", by=ada)
    hooks.gather(at=timezone.now())
    listener.status = 503
    hooks.work()
    call = HookCall.objects.get()
    assert timedelta(0) < call.due_at - timezone.now() <= AGAIN_AFTER[0]
    assert hooks.work() == 0  # not due yet

    listener.status = 200
    due_now()
    hooks.work()

    assert [attempt.status for attempt in HookAttempt.objects.order_by("pk")] == [503, 200]
    first, second = listener.heard
    assert (first[1]["webhook-id"], first[2]) == (second[1]["webhook-id"], second[2])
    assert HookCall.objects.get().state == "delivered"


def test_a_worker_that_died_over_a_call_leaves_it_to_another(hook, ada, listener: Listener, monkeypatch):
    approvals.ask(act="publish", thing=make_incident(), hashes={}, summary="x", by=ada)
    hooks.gather(at=timezone.now())

    def die(*args, **kwargs):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(reaching, "post", die)
        with pytest.raises(KeyboardInterrupt):
            hooks.work()
    assert hooks.work() == 0
    due_now()

    assert hooks.work() == 1
    assert HookCall.objects.get().state == "delivered"


def test_after_many_failures_it_is_paused_and_every_administrator_sees_why(hook, ada, as_user, listener: Listener):
    approvals.ask(act="publish", thing=make_incident(), hashes={}, summary="x", by=ada)
    hooks.gather(at=timezone.now())
    Hook.objects.update(failures=MOST_FAILURES - 1)
    listener.status = 500

    hooks.work()

    hook.refresh_from_db()
    assert (hook.state, "answered 500" in hook.paused_because) == ("paused", True)
    assert AuditEntry.objects.filter(act="webhook.paused").exists()
    assert "is paused" in as_user(ada).get("/staff/").text
    due_now()
    assert hooks.work() == 0

    listener.status = 200
    as_user(ada).post(f"{LIST}{hook.pk}/resume/")

    assert hooks.work() == 1
    assert "is paused" not in as_user(ada).get("/staff/").text


def test_an_address_that_says_it_is_gone_is_paused_at_once(hook, ada, listener: Listener):
    listener.status = 410
    tell(hook, ada)

    hooks.work()

    hook.refresh_from_db()
    assert hook.state == "paused"


def test_nothing_is_sent_to_one_that_was_ended(hook, ada, listener: Listener):
    tell(hook, ada)
    hooks.end(hook, by=ada, at=timezone.now())
    approvals.ask(act="publish", thing=make_incident(), hashes={}, summary="x", by=ada)

    assert (hooks.gather(at=timezone.now()), hooks.work(), listener.heard) == (0, 0, [])


def test_one_dead_address_does_not_keep_another_waiting(hook, ada, anton, listener: Listener):
    dead = make_hook("https://localhost:1024/", ada, anton)
    for _ in range(3):
        tell(dead, ada)
    tell(hook, ada)

    hooks.work()

    assert HookAttempt.objects.filter(call__hook=dead).count() == 1
    assert len(listener.heard) == 1


# Nothing of ours can be reached ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "ip",
    [
        "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "100.100.100.200",
        "0.0.0.0", "224.0.0.1", "255.255.255.255", "168.63.129.16", "192.0.0.192", "::1", "::", "fe80::1%eth0",
        "fc00::1", "fd00:ec2::254", "ff02::1", "ff0e::1", "::ffff:127.0.0.1", "::ffff:a9fe:a9fe", "64:ff9b::7f00:1",
        "fec0::1", "64:ff9b:1::a9fe:a9fe", "2002:7f00:1::", "2002:a9fe:a9fe::1", "::127.0.0.1",
    ],
)  # fmt: skip
def test_a_name_that_leads_into_a_network_that_is_not_public_is_not_called(monkeypatch, ip):
    calls = []
    family = socket.AF_INET6 if ":" in ip else socket.AF_INET
    public = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("93.184.215.14", 443))
    found = [public, (family, socket.SOCK_STREAM, 6, "", (ip, 443))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: found)
    monkeypatch.setattr(socket.socket, "connect", lambda self, place: calls.append(place))

    with pytest.raises(reaching.Unfit):
        reaching.post("https://hooks.example.com/", body=b"{}", headers={})

    assert calls == []


def test_a_name_is_resolved_once_so_that_a_second_answer_gains_nothing(monkeypatch):
    """DNS rebinding: public when it is judged, ours when it is called."""
    public = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("93.184.215.14", 443))
    ours = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 443))
    answers, called = [[public], [ours], [ours]], []

    def connect(self, place):
        called.append(place[0])
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: answers.pop(0))
    monkeypatch.setattr(socket.socket, "connect", connect)

    with pytest.raises(reaching.NoAnswer):
        reaching.post("https://hooks.example.com/", body=b"{}", headers={})

    assert called == ["93.184.215.14"]
    assert len(answers) == 2


def test_an_answer_that_sends_us_elsewhere_is_not_followed(hook, ada, listener: Listener):
    listener.status, listener.headers = 307, {"Location": listener.address + "/other"}
    tell(hook, ada)

    hooks.work()

    assert [path for path, _, _ in listener.heard] == ["/incidents"]
    assert "not followed" in HookAttempt.objects.get().problem


def test_an_answer_of_one_letter_at_a_time_ends_with_the_time_we_give_it(listener: Listener):
    listener.drips = True
    began = time.monotonic()

    with pytest.raises(reaching.NoAnswer, match="within 1 seconds"):
        reaching.post(listener.address, body=b"{}", headers={}, within=1)

    assert time.monotonic() - began < 3


def test_a_certificate_of_another_authority_is_not_trusted(listener: Listener, settings):
    settings.WEBHOOK_CA = ""

    with pytest.raises(reaching.NoAnswer, match="certificate"):
        reaching.post(listener.address, body=b"{}", headers={})

    assert listener.heard == []


def test_a_proxy_of_the_environment_is_not_asked(listener: Listener, monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")

    assert reaching.post(listener.address, body=b"{}", headers={}) == 204


# The pages ------------------------------------------------------------------------------------------------------


def test_the_page_of_a_webhook_shows_each_try_and_no_bodies(hook, ada, as_user, listener: Listener):
    client = as_user(ada)
    client.post(f"{LIST}{hook.pk}/test/")
    hooks.work()

    page = client.get(f"{LIST}{hook.pk}/").text

    assert "204" in page
    assert "delivered" in page
    assert "This is a test." not in page
    assert "localhost" in client.get(LIST).text


def test_calls_that_are_long_over_are_forgotten_and_not_told_again(hook, ada, listener):
    approvals.ask(act="publish", thing=make_incident(), hashes={}, summary="x", by=ada)
    hooks.gather(at=timezone.now())
    hooks.work()

    later = timezone.now() + timedelta(days=31)
    assert hooks.forget(at=later) > 0
    assert hooks.gather(at=later) == 0


def test_a_mailing_that_ended_is_announced_and_a_while_later_those_nobody_reached(hook, listener: Listener):
    incident = make_incident()
    reached, bounced = make_affected(incident), make_affected(incident, make_account("contoso", "it@contoso.example"))
    mailing = make_mailing(incident, [reached, bounced], state="finished", finished_at=timezone.now())
    mailing.recipients.filter(affected_account=reached).update(state="delivered")
    mailing.recipients.filter(affected_account=bounced).update(state="bounced")

    hooks.gather(at=timezone.now())
    hooks.work()
    hooks.gather(at=timezone.now() + timedelta(minutes=16))
    due_now()
    hooks.work()

    said = [json.loads(body) for _, _, body in listener.heard]
    assert [one["type"] for one in said] == ["mailing.finished", "people.unreached"]
    assert said[0]["data"]["people_by_state"] == {"delivered": 1, "bounced": 1}
    assert said[1]["data"]["people"] == 1
    assert "contoso" not in str(said)
