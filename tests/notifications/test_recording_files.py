"""Letters, calls and meetings from a file: problems first, then all of it or nothing."""

import io

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import AuditEntry
from notifications import recording, recording_files, telling
from notifications.models import Recipient, RecordUpload
from tests.factories import make_account, make_affected, make_incident, make_many_affected
from tests.notifications.arrange import make_mailing
from tests.notifications.test_mailing_settings_page import text

HEADER = "account,code,channel,at,person,proof\n"


@pytest.fixture
def mailing(wanda):
    incident = make_incident()
    mailing = make_mailing(incident, make_many_affected(incident, 3))
    mailing.recipients.update(state="bounced")
    return mailing


def read(mailing, body: str | bytes, by) -> RecordUpload:
    data = body if isinstance(body, bytes) else (HEADER + body).encode()
    return recording_files.read(mailing.incident, io.BytesIO(data), file_name="calls.csv", by=by)


def test_rows_count_only_after_a_yes(mailing, anton):
    code = mailing.recipients.last().code
    upload = read(
        mailing,
        "acme-0001,,letter,2026-01-05,Wanda,RR 1\n"
        f",{code.lower()},call,2026-01-05 14:05,,Call 8841\n",
        anton,
    )  # fmt: skip
    assert upload.problems == [] and telling.outcomes(mailing.incident)["told"] == 0

    assert recording_files.record(upload, by=anton) == 2

    assert telling.outcomes(mailing.incident)["told"] == 2
    call = Recipient.objects.get(channel="phone")
    assert call.recorded_proof == "Anton Approver: Call 8841" and f"{call.state_at:%H:%M}" == "14:05"
    upload.refresh_from_db()
    assert (upload.rows, upload.recorded) == ([], 2)
    assert '"count":2' in AuditEntry.objects.get(act="records.read").body


@pytest.mark.parametrize(
    ("line", "column", "words"),
    [
        ("nobody,,letter,2026-01-05,W,RR", "account", "has this id"),
        (",AAAA-BBBB,letter,2026-01-05,W,RR", "code", "reference code"),
        (",,letter,2026-01-05,W,RR", "account", "Neither"),
        ("acme-0001,,pigeon,2026-01-05,W,RR", "channel", "letter, call or meeting"),
        ("acme-0001,,letter,soon,W,RR", "at", "Write the day"),
        ("acme-0001,,letter,2026-02-31,W,RR", "at", "Write the day"),
        ("acme-0001,,letter,2099-01-05,W,RR", "at", "has not come yet"),
        ("acme-0001,,letter,2026-01-05,W,", "proof", "without proof"),
        ("acme-0001,,letter,2026-01-05,W,to a@b.example", "proof", "Leave it out"),
        ("gone,,letter,2026-01-05,W,RR", "account", "ruled out"),
    ],
)
def test_each_line_that_cannot_count_says_why(mailing, anton, line, column, words):
    make_affected(mailing.incident, make_account("gone", None), certainty="ruled_out")

    (problem,) = read(mailing, line + "\n", anton).problems

    assert (problem["line"], problem["column"]) == (2, column) and words in problem["words"]


def test_a_code_of_another_account_than_the_id_is_a_problem(mailing, anton):
    code = mailing.recipients.last().code

    (problem,) = read(mailing, f"acme-0001,{code},letter,2026-01-05,W,RR\n", anton).problems

    assert "another account" in problem["words"]


def test_the_same_line_twice_counts_once(mailing, anton):
    upload = read(mailing, "acme-0001,,letter,2026-01-05,W,RR\n" * 2, anton)

    assert len(upload.rows) == 1 and "earlier line" in upload.problems[0]["words"]


def test_semicolons_and_letters_of_windows_are_read(mailing, anton):
    upload = read(
        mailing, "Customer;Channel;When;By;Proof\nacme-0001;Meeting;2026-01-05;Jürgen;Büro\n".encode("cp1252"), anton
    )

    assert upload.rows[0]["person"] == "Jürgen" and upload.rows[0]["channel"] == "in_person"


@pytest.mark.parametrize("data", [b"", b"a,b,c\n1,2,3\n", b"\0\0", b'account,channel,at,proof\n"open'])
def test_a_file_that_says_nothing_is_refused_in_words(mailing, anton, data):
    with pytest.raises(recording_files.Refused):
        read(mailing, data, anton)


def test_twice_pressed_counts_once(mailing, anton):
    upload = read(mailing, "acme-0001,,letter,2026-01-05,W,RR\n", anton)
    recording_files.record(upload, by=anton)

    with pytest.raises(recording.CannotRecord, match="already"):
        recording_files.record(upload, by=anton)


@given(data=st.binary(max_size=300), under_a_header=st.booleans())
def test_whatever_bytes_come_they_are_rows_problems_or_refused(data, under_a_header):
    try:
        for _ in recording_files._lines(HEADER.encode() * under_a_header + data):
            pass
    except recording_files.Refused:
        pass


# The pages ------------------------------------------------------------------------------------------------------


def to(name, mailing, *args):
    return reverse(f"notifications:{name}", args=[mailing.incident.slug, *args])


def test_upload_look_and_put_on_record(mailing, anton, as_user):
    client = as_user(anton)
    file = SimpleUploadedFile(
        "calls.csv", (HEADER + "acme-0001,,call,2026-01-05,W,Call 8\nnobody,,call,x,W,y\n").encode()
    )

    looked_at = client.post(to("record_upload", mailing), {"file": file}, follow=True)
    assert "1 record of 1 person" in text(looked_at) and "No affected account of this incident" in text(looked_at)
    said = client.post(to("record_file", mailing, RecordUpload.objects.get().pk), follow=True)

    assert "On record: 1 letters" in text(said)
    assert telling.outcomes(mailing.incident)["told"] == 1


def test_a_file_can_be_put_away(mailing, anton, as_user):
    upload = read(mailing, "acme-0001,,letter,2026-01-05,W,RR\n", anton)

    said = as_user(anton).post(to("record_put_away", mailing, upload.pk), follow=True)

    assert "Put away" in text(said) and telling.outcomes(mailing.incident)["told"] == 0
    assert "nothing of it is on record" in text(as_user(anton).get(to("record_file", mailing, upload.pk)))


def test_a_refused_file_says_why_on_the_page(mailing, anton, as_user):
    answer = as_user(anton).post(to("record_upload", mailing), {"file": SimpleUploadedFile("x.csv", b"a,b\n")})

    assert answer.status_code == 422 and "has to name the columns" in text(answer)


@pytest.mark.parametrize("who", ["wanda", "otto"])
def test_whoever_may_not_send_records_nothing(mailing, as_user, request, who):
    assert as_user(request.getfixturevalue(who)).get(to("record_upload", mailing)).status_code == 403
