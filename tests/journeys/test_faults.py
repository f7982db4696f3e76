"""The bounded subset of `make faults`, in servers of its own, and the proof that its judge can say no."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.faults import invariants
from config.faults.mail_server import Arrived
from notifications.models import Mailing, Outbox, Recipient
from tests.factories import make_account, make_affected, make_incident, make_organisation
from tests.notifications.arrange import make_mailing

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def folder() -> Iterator[Path]:
    """Not tmp_path: pytest shuts its parent for everybody else, and root's PostgreSQL runs as somebody else."""
    with tempfile.TemporaryDirectory(prefix="candor-faults-", ignore_cleanup_errors=True) as made:
        yield Path(made)


def test_faults_of_the_bounded_subset_lose_and_double_nothing(folder):
    output = folder / "faults.json"
    ours = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "REDIS_URL")}
    command = [
        "-m",
        "config.embedded",
        "run",
        "--",
        sys.executable,
        "manage.py",
        "faults",
        "--quick",
        "--output",
        output,
    ]

    ended = subprocess.run(
        [sys.executable, *command], cwd=ROOT, capture_output=True, text=True,
        env=ours | {"CANDOR_VAR": str(folder), "CANDOR_PG_FAST": "1"},
    )  # fmt: skip

    assert ended.returncode == 0, ended.stdout + ended.stderr
    told = json.loads(output.read_text())
    assert {one["fault"] for one in told} == {"F1", "F4", "F5", "F15"}
    assert all(one["lost"] == one["doubled"] == 0 and not one.get("skipped") for one in told)


# The judge ------------------------------------------------------------------------------------------------------


@pytest.fixture
def mailing(db) -> Mailing:
    """Three people, each of whose messages the server took."""
    make_organisation()
    incident = make_incident()
    canaries = [f"cnryabcdefn{number:05}x" for number in range(3)]
    accounts = [make_account(canary, f"owner@{canary}.example", name=canary) for canary in canaries]
    mailing = make_mailing(incident, [make_affected(incident, account) for account in accounts], state="finished")
    Outbox.objects.all().delete()
    mailing.recipients.update(state="accepted")
    return mailing


def arrived(mailing: Mailing) -> list[Arrived]:
    return [
        Arrived(0.0, one.message_id, one.address.value, f"To: {one.address.value}\r\n\r\nFor {one.account}".encode())
        for one in mailing.recipients.select_related("address", "account")
    ]


def first(mailing: Mailing) -> Recipient:
    return mailing.recipients.order_by("pk")[0]


def changed(one: Arrived, **fields) -> Arrived:
    return Arrived(**{**vars(one), **fields})


def test_all_is_well_where_every_message_is_there_once(mailing):
    verdict = invariants.judge([mailing], arrived(mailing))

    assert (verdict.lost, verdict.doubled, verdict.unknown, verdict.broken) == (0, 0, 0, [])


def test_accepted_and_not_at_the_server_is_lost(mailing):
    verdict = invariants.judge([mailing], arrived(mailing)[1:])

    assert verdict.lost == 1 and any(words.startswith("I4") for words in verdict.broken)


def test_unknown_and_not_at_the_server_is_not_lost_but_listed(mailing):
    Recipient.objects.filter(pk=first(mailing).pk).update(state="unknown")

    verdict = invariants.judge([mailing], arrived(mailing)[1:])

    assert (verdict.lost, verdict.unknown, verdict.broken) == (0, 1, [])


def test_queued_without_a_place_in_the_outbox_is_lost(mailing):
    Recipient.objects.filter(pk=first(mailing).pk).update(state="queued")

    verdict = invariants.judge([mailing], arrived(mailing)[1:])

    assert verdict.lost == 1 and any(words.startswith("I3") for words in verdict.broken)


def test_an_account_without_a_recipient_is_lost(mailing):
    make_affected(mailing.incident, make_account("forgotten", "owner@forgotten.example"))

    assert invariants.judge([mailing], arrived(mailing)).lost == 1


def test_the_same_message_twice_is_doubled(mailing):
    there = arrived(mailing)

    verdict = invariants.judge([mailing], [*there, there[0]])

    assert verdict.doubled == 1 and any(words.startswith("I2") for words in verdict.broken)


def test_one_address_that_gets_two_messages_is_doubled(mailing):
    there = arrived(mailing)

    assert invariants.judge([mailing], [*there, changed(there[0], message_id="another@relaypost.example")]).doubled == 1


@pytest.mark.parametrize(
    "raw",
    [
        b"To: owner@cnryabcdefn00000x.example\r\n\r\nFor cnryabcdefn00000x, and cnryabcdefn00001x",
        b"To: owner@cnryabcdefn00000x.example, owner@cnryabcdefn00001x.example\r\n\r\nFor cnryabcdefn00000x",
        b"To: owner@cnryabcdefn00000x.example\r\nBcc: eve@elsewhere.example\r\n\r\nFor cnryabcdefn00000x",
    ],
)
def test_a_message_that_shows_somebody_else_is_told(mailing, raw):
    there = arrived(mailing)

    verdict = invariants.judge([mailing], [changed(there[0], raw=raw), *there[1:]])

    assert any(words.startswith("I10") for words in verdict.broken)


def test_a_state_its_events_do_not_say_is_told(mailing):
    first(mailing).events.create(provider="Mailgun", key="1", type="bounced", at=mailing.started_at)

    assert any(words.startswith("I5") for words in invariants.judge([mailing], arrived(mailing)).broken)


def test_a_name_in_a_log_or_in_redis_is_told(mailing, broker, tmp_path):
    log = tmp_path / "worker.log"
    log.write_text("sent to owner@cnryabcdefn00000x.example")
    broker.lpush("celery", '{"args": ["cnryabcdefn00001x"]}')

    said = list(invariants.spilt(arrived(mailing), [log], broker))

    assert [words.split()[1] for words in said] == ["worker.log", "Redis"]


def test_a_link_in_a_log_is_told(tmp_path):
    token = "t" * 43
    log = tmp_path / "web.log"
    log.write_text(f"GET /notice/{token}/")
    message = Arrived(0.0, "1", "owner@acme.example", f"http://localhost/notice/{token}/".encode())

    assert list(invariants.spilt([message], [log], None)) == ["I11: web.log holds a link that opens a notice"]
