"""A letter, call or meeting on record: what it closes, what it proves, and when there is none."""

import io
import json
import subprocess
import sys
import zipfile
from datetime import timedelta
from threading import Thread

import pytest
from django.db import connection
from django.template.loader import render_to_string
from django.utils import timezone

from accounts import audit
from accounts.models import AuditEntry, User
from notifications import dispatch, evidence, mailings, reading, recording, telling
from notifications.evidence import writing
from notifications.models import Mailing, Recipient
from tests.factories import NOON, make_account, make_affected, make_incident, make_notice, make_organisation
from tests.notifications import night
from tests.notifications.arrange import make_mailing, make_recipient

POSTED = NOON - timedelta(hours=3)
LETTER = {"channel": "post", "at": POSTED, "person": "Wanda Writer", "proof": "Registered letter RR 1234 5678"}


@pytest.fixture
def incident(db):
    return make_incident()


@pytest.fixture
def bounced(incident):
    return make_recipient(incident, state="bounced")


@pytest.mark.parametrize("channel", ["post", "phone", "in_person"])
def test_an_unreached_account_counts_as_told_once_it_is_on_record(bounced, anton, channel):
    assert telling.outcome_of(bounced.affected_account) == "unreached"

    recipient = recording.record(bounced.affected_account, by=anton, **LETTER | {"channel": channel})

    assert telling.outcome_of(bounced.affected_account) == "told"
    assert (recipient.channel, recipient.state, recipient.state_at) == (channel, "delivered", POSTED)
    assert recipient.recorded_proof == "Wanda Writer: Registered letter RR 1234 5678"
    assert (recipient.mailing, recipient.kind, recipient.sequence) == (bounced.mailing, "first", 1)


def test_somebody_without_any_address_is_closed_too(incident, anton):
    mailing = make_mailing(incident, [make_affected(incident)])
    nowhere = make_affected(incident, make_account("lost", None))

    recipient = recording.record(nowhere, by=anton, **LETTER)

    assert recipient.mailing == mailing
    assert telling.outcome_of(nowhere) == "told"
    assert nowhere not in mailings.unreachable(mailing)


def test_it_stands_under_the_latest_notice_this_account_was_written(bounced, incident, anton):
    other = make_affected(incident, make_account("contoso", "it@contoso.example"))
    make_mailing(incident, [other])

    assert recording.record(bounced.affected_account, by=anton, **LETTER).mailing == bounced.mailing


def test_it_never_stands_under_an_all_clear(bounced, incident, anton):
    make_mailing(incident, [bounced.affected_account], kind="all_clear")

    assert recording.record(bounced.affected_account, by=anton, **LETTER).kind == "first"
    assert telling.outcome_of(bounced.affected_account) == "told"


def test_before_any_notice_was_sent_it_says_what_to_do_first(incident, wanda, anton):
    affected = make_affected(incident)
    prepared = mailings.prepare(make_notice(incident, wanda), by=wanda)

    with pytest.raises(recording.CannotRecord, match="Start the mailing"):
        recording.record(affected, by=anton, **LETTER)

    assert not prepared.recipients.exclude(channel="email").exists()


def test_whoever_was_ruled_out_is_told_nothing(bounced, anton):
    bounced.affected_account.certainty = "ruled_out"
    bounced.affected_account.save()

    with pytest.raises(recording.CannotRecord, match="ruled out"):
        recording.record(bounced.affected_account, by=anton, **LETTER)

    assert Recipient.objects.count() == 1


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"proof": "  "}, "what shows it"), ({"person": ""}, "who did it"),
        ({"channel": "email"}, "letter, a call or a meeting"), ({"channel": "pigeon"}, "letter, a call or a meeting"),
        ({"at": timezone.now() + timedelta(days=400)}, "not come yet"),
    ],
)  # fmt: skip
def test_what_proves_nothing_is_refused(bounced, anton, wrong, words):
    with pytest.raises(recording.CannotRecord, match=words):
        recording.record(bounced.affected_account, by=anton, **LETTER | wrong)

    assert Recipient.objects.count() == 1
    assert not AuditEntry.objects.filter(act="recipient.recorded").exists()


def test_the_same_again_is_the_one_there_is(bounced, anton):
    first = recording.record(bounced.affected_account, by=anton, **LETTER)
    again = recording.record(bounced.affected_account, by=anton, **LETTER)
    call = recording.record(bounced.affected_account, by=anton, **LETTER | {"channel": "phone"})

    assert again == first
    assert call != first
    assert AuditEntry.objects.filter(act="recipient.recorded").count() == 2


@pytest.mark.django_db(transaction=True)
def test_two_clicks_at_once_make_one_record(anton):
    bounced = make_recipient(make_incident(), state="bounced")

    def click() -> None:
        try:
            recording.record(bounced.affected_account, by=anton, **LETTER)
        finally:
            connection.close()

    clicks = [Thread(target=click) for _ in range(4)]
    for one in clicks:
        one.start()
    for one in clicks:
        one.join()

    assert Recipient.objects.filter(channel="post").count() == 1


def test_the_log_says_who_recorded_what_and_names_nobody(bounced, anton):
    recipient = recording.record(bounced.affected_account, by=anton, **LETTER)

    entry = AuditEntry.objects.get(act="recipient.recorded")
    assert (entry.by, entry.thing) == (anton, audit.name_of(recipient))
    assert json.loads(entry.body)["facts"] == {
        "channel": "post", "account": bounced.account_id, "mailing": bounced.mailing_id, "was_at": POSTED.isoformat(),
    }  # fmt: skip


def test_the_page_hears_that_the_last_one_was_told(bounced, incident, anton):
    Mailing.objects.update(state="finished", finished_at=NOON)
    telling.push(incident)
    incident.refresh_from_db()
    assert incident.telling["state"] == "under_way"

    recording.record(bounced.affected_account, by=anton, **LETTER)

    incident.refresh_from_db()
    assert incident.telling["state"] == "done"


def test_the_sums_of_the_mailing_stay_sums_of_messages(bounced, anton):
    recording.record(bounced.affected_account, by=anton, **LETTER)

    assert mailings.progress(bounced.mailing) == {"bounced": 1}
    assert dispatch.finish_mailings() == 1
    assert json.loads(AuditEntry.objects.get(act="mailing.finished").body)["facts"]["counts"] == {"bounced": 1}


def test_their_own_notice_names_the_letter_without_a_code_that_nobody_printed(bounced, anton):
    letter = recording.record(bounced.affected_account, by=anton, **LETTER)

    page = render_to_string("notifications/reader/notice.html", {
        "notice": reading.personal_notice(bounced.link), "organisation": make_organisation(),
    })  # fmt: skip

    assert "Letter by post, " in page
    assert letter.code not in page


@pytest.mark.django_db(transaction=True)
def test_evidence_with_a_letter_in_it_verifies(anton_of_the_night, tmp_path):
    incident = night.play(tmp_path / "site")
    unreached = Recipient.objects.get(account__external_id="zeta-2").affected_account
    before = telling.outcomes(incident)
    recording.record(unreached, by=anton_of_the_night(), **LETTER)
    with (tmp_path / "evidence.zip").open("w+b") as file:
        evidence.write(incident, file, by=None, at=NOON)

    verified = subprocess.run(
        [sys.executable, "-I", str(writing.VERIFIER), str(tmp_path / "evidence.zip")],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip

    assert verified.returncode == 0, verified.stdout
    with zipfile.ZipFile(tmp_path / "evidence.zip") as bundle:
        rows = [json.loads(line) for line in io.BytesIO(bundle.read("recipients.jsonl"))]
        counts = json.loads(bundle.read("manifest.json"))["counts"]
    letter = next(row for row in rows if row["channel"] == "post")
    assert letter["recorded_proof"] == "Wanda Writer: Registered letter RR 1234 5678"
    assert (letter["state"], letter["state_at"], letter["address"]) == ("delivered", POSTED.isoformat(), None)
    assert counts["outcomes"]["told"] == before["told"] + 1
    assert counts["outcomes"].get("unreached", 0) == before["unreached"] - 1


@pytest.fixture
def anton_of_the_night():
    """The one that night.play makes."""
    return lambda: User.objects.get(email="anton@relaypost.example")
