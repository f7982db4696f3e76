"""Names, addresses, tokens and facts of one person, walked through the house: none is left where it does not belong."""

import inspect
import io
import logging

import pytest
from django.db import transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import AuditEntry
from config.celery import app
from incidents.models import Incident, PageDocument
from notifications import dispatch, links, person, recording
from notifications.models import Mailing, Recipient
from tests.factories import make_account, make_affected, make_incident, make_user
from tests.notifications.arrange import make_recipient
from tests.notifications.reader import OURS, open_link

pytestmark = pytest.mark.django_db
ID, NAME, MAILBOX, KEY = "zq7-id-canary", "Zq7name Limited", "zq7box@zq7canary.example", "key-zq7fact"
CANARIES = ["zq7"]


@pytest.fixture
def log():
    """What the console would show, every logger at its most talkative."""
    (console,) = [handler for handler in logging.getLogger().handlers if handler.get_name() == "console"]
    names = ("", "django.request", "django.server", "notifications", "incidents", "accounts", "celery")
    loggers = [logging.getLogger(name) for name in names]
    levels = [logger.level for logger in loggers]
    stream = console.setStream(written := io.StringIO())
    for logger in loggers:
        logger.setLevel(logging.DEBUG)
    yield written
    console.setStream(stream)
    for logger, level in zip(loggers, levels, strict=True):
        logger.setLevel(level)


@pytest.fixture
def told() -> Recipient:
    affected = make_affected(make_incident(), make_account(ID, MAILBOX, name=NAME), facts={"api_key": KEY})
    return make_recipient(affected.incident, affected)


@pytest.fixture
def walked(told, log, broker, as_user, monkeypatch) -> str:
    """Sent, read, asked for, looked up, sent again, recorded, an error with all of it in its words; what was said."""
    said: list[str] = []
    dispatch.run_lane(seconds=1)
    Recipient.objects.filter(pk=told.pk).update(state="accepted")
    reader = open_link(told, Client())
    said.append(reader.get("/notice/").headers.get("Location", ""))
    Client().post("/genuine/", {"code": told.code}, **OURS)
    Client().post(f"/inquiry/{told.incident.slug}/", {"address": MAILBOX}, **OURS)
    Client().post("/genuine/report/", {"sender": MAILBOX, "words": NAME}, **OURS)
    sam = as_user(make_user("sam@relaypost.example", role="Support"))
    found = sam.post(reverse("notifications:look_up"), {"text": MAILBOX})
    said.append(found.headers["Location"])
    at = reverse("notifications:send_again", args=[told.incident.slug, told.affected_account_id, told.address_id])
    said += [at, sam.post(at).headers["Location"]]
    by = make_user("ada@relaypost.example", role="Administrator")
    recording.record(
        told.affected_account, channel="phone", at=timezone.now(), person="Us", proof="call 12", by=by
    )  # fmt: skip

    def fail(*args, **kwargs):
        logging.getLogger("notifications").warning("cannot open %s of %s", links.url(told.link), MAILBOX)
        with transaction.atomic():
            make_account(ID, MAILBOX, name=NAME)  # PostgreSQL quotes the id in its words

    monkeypatch.setattr(person, "read", fail)
    staff = as_user(by)
    staff.raise_request_exception = False
    answer = staff.get(reverse("notifications:affected_account", args=[told.incident.slug, told.affected_account_id]))
    assert answer.status_code == 500
    said.append(answer.content.decode())
    for key in broker.scan_iter("*"):
        said += [key.decode(), str(broker.dump(key))]
    said.append(log.getvalue())
    return "\n".join(said).casefold()


def test_no_log_no_error_page_no_redis_no_address_of_a_page(walked, told):
    assert "integrityerror" in walked and "cannot open" in walked
    assert [word for word in [*CANARIES, links.token(told.link).casefold()] if word in walked] == []


def test_no_entry_of_the_log_of_acts(walked):
    assert AuditEntry.objects.count() >= 3
    assert [entry.act for entry in AuditEntry.objects.all() if "zq7" in f"{entry.body}{entry.thing}".casefold()] == []


def test_no_public_document(walked):
    bodies = [bytes(body or b"").casefold() for body in PageDocument.objects.values_list("body", flat=True)]
    assert not any(b"zq7" in body for body in bodies)
    assert Incident.objects.exists() and Mailing.objects.exists()


def test_tasks_take_nothing_but_numbers():
    """Arguments stand in Redis, in Flower, and in error mails."""
    ours = [
        task for name, task in app.tasks.items() if name.split(".")[0] in {"accounts", "incidents", "notifications"}
    ]
    assert ours
    taken = {
        f"{task.name}({given.name})": given.annotation
        for task in ours
        for given in inspect.signature(task.run).parameters.values()
    }
    assert {name: kind for name, kind in taken.items() if kind not in (int, "int")} == {}
