"""A bounce that comes back as mail is a delivery event like any other; whatever else comes is left alone."""

from datetime import UTC, datetime
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifications import bounces
from notifications.bounces import reports, return_path
from notifications.bounces.reports import Kind
from notifications.bounces.taking import Verdict
from notifications.models import DeliveryEvent, Recipient
from tests.factories import make_incident
from tests.notifications import returned_mail as mail
from tests.notifications.arrange import make_another_recipient, make_recipient

AT = datetime(2026, 3, 14, 13, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _address(settings):
    settings.BOUNCE_ADDRESS = "bounce@bounces.relaypost.example"


@pytest.fixture
def recipient(db) -> Recipient:
    return make_recipient(make_incident(), state="accepted")


@pytest.fixture
def path(recipient) -> str:
    return return_path.of(recipient.pk)


def take(raw: bytes, **given) -> Verdict:
    return bounces.take(raw, at=AT, **given)


def state(recipient: Recipient) -> str:
    recipient.refresh_from_db()
    return recipient.state


# RFC 3464 and RFC 6533 ----------------------------------------------------------------------------------------------


def test_a_bounce_for_good_moves_its_recipient(recipient, path):
    assert take(mail.postfix(path)) == Verdict.KEPT

    assert state(recipient) == "bounced"
    assert recipient.reason == "550 5.1.1 <[address]>: no such user"
    kept = DeliveryEvent.objects.get()
    assert (kept.provider, kept.recipient, kept.at) == ("smtp", recipient, datetime(2026, 3, 14, 12, 0, tzinfo=UTC))


@pytest.mark.parametrize(
    ("action", "status", "then", "kept"),
    [
        ("failed", "5.1.1", "bounced", "bounced"),
        ("Failed (expired)", "5.0.0", "bounced", "bounced"),
        ("failed", "", "bounced", "bounced"),
        ("failed", "4.2.2", "accepted", "soft_bounced"),
        ("failed", "4.4.7 (delivery time expired)", "accepted", "soft_bounced"),
        ("delayed", "4.4.1", "accepted", "deferred"),
        ("delivered", "2.0.0", "delivered", "delivered"),
        ("relayed", "2.0.0", "accepted", "accepted"),
        ("expanded", "2.0.0", "accepted", "accepted"),
    ],
)
def test_action_and_status_say_what_it_is(recipient, path, action, status, then, kept):
    diagnostic = "smtp; 250 ok" if not status else f"smtp; {status}"

    assert take(mail.postfix(path, action=action, status=status, diagnostic=diagnostic)) == Verdict.KEPT

    assert (state(recipient), DeliveryEvent.objects.get().type) == (then, kept)


def test_an_action_nobody_knows_is_left_for_a_person(recipient, path):
    assert take(mail.postfix(path, action="pondered")) == Verdict.LEFT
    assert not DeliveryEvent.objects.exists()


@pytest.mark.parametrize("make", [mail.exchange, mail.global_status, lambda to: mail.global_status(to, encoded=True)])
def test_other_servers_reports_are_understood(recipient, path, make):
    assert take(make(path)) == Verdict.KEPT
    assert state(recipient) == "bounced"


def test_no_address_is_kept_in_any_script(recipient, path):
    take(mail.global_status(path))

    kept = DeliveryEvent.objects.values().get()
    assert "besitzerin" not in str(kept)
    assert "northwind" not in str(kept)


def test_the_same_report_read_twice_is_one_event(recipient, path):
    for _ in range(3):
        take(mail.postfix(path))

    assert DeliveryEvent.objects.count() == 1


def test_reports_may_come_in_any_order(recipient, path):
    ways = [("delayed", "4.4.1"), ("failed", "5.1.1"), ("delivered", "2.0.0")]
    for order in permutations(ways):
        for action, status in order:
            take(mail.postfix(path, action=action, status=status, own_id=f"{action}@mx.example"))

        assert state(recipient) == "bounced"
    assert DeliveryEvent.objects.count() == 3


@pytest.mark.parametrize("before", ["sending", "unknown", "unconfirmed"])
def test_a_bounce_proves_that_the_mail_server_had_taken_it(before, db):
    recipient = make_recipient(make_incident(), state=before)

    take(mail.postfix(return_path.of(recipient.pk), action="delayed", status="4.4.1"))

    assert state(recipient) == "accepted"


# Whose it is --------------------------------------------------------------------------------------------------------


def test_the_envelope_tells_where_the_headers_do_not(recipient, path):
    assert take(mail.postfix("postmaster@relaypost.example"), to=path) == Verdict.KEPT
    assert state(recipient) == "bounced"


@pytest.mark.parametrize("returned", ["message/rfc822", "text/rfc822-headers"])
def test_the_message_it_returns_tells_whose_it_is(recipient, returned):
    raw = mail.postfix("postmaster@relaypost.example", recipient.message_id, returned=returned)

    assert take(raw) == Verdict.KEPT
    assert state(recipient) == "bounced"


def test_a_forged_return_path_moves_nobody(recipient, path):
    forged = path.replace(path[10], "a" if path[10] != "a" else "b")

    assert take(mail.postfix(forged)) == Verdict.NOT_OURS
    assert (state(recipient), DeliveryEvent.objects.count()) == ("accepted", 0)


def test_a_message_of_another_house_is_left_alone(recipient):
    assert take(mail.postfix("bounce@bounces.relaypost.example")) == Verdict.NOT_OURS
    assert not DeliveryEvent.objects.exists()


def test_a_report_about_a_recipient_that_is_gone_is_left_alone(recipient):
    assert take(mail.postfix(return_path.of(recipient.pk + 1))) == Verdict.NOT_OURS


def test_one_persons_bounce_moves_nobody_else(recipient, path):
    other = make_another_recipient(recipient.incident, state="accepted")

    take(mail.postfix(path))

    assert state(other) == "accepted"


def test_a_bounce_within_a_message_is_somebody_elses(recipient, path):
    """A person forwards a bounce they got: it is not one of this message."""
    inner = mail.postfix(path, recipient.message_id).decode()
    raw = (
        "From: someone@northwind.example\nTo: help@relaypost.example\nMIME-Version: 1.0\n"
        'Content-Type: multipart/mixed; boundary="f"\n\n--f\nContent-Type: text/plain\n\nLook!\n'
        f"--f\nContent-Type: message/rfc822\n\n{inner}\n--f--\n"
    )

    assert take(raw.encode()) == Verdict.LEFT
    assert state(recipient) == "accepted"


# RFC 5965 -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["abuse", "fraud", "virus", "other"])
def test_a_complaint_is_a_fact_beside_the_state(recipient, kind):
    assert take(mail.complaint(recipient.message_id, kind=kind)) == Verdict.KEPT

    assert state(recipient) == "delivered"  # whoever complains has it before them
    assert recipient.complained_at == datetime(2026, 3, 14, 11, 30, tzinfo=UTC)


def test_a_complaint_finds_its_recipient_by_the_return_path_too(recipient, path):
    assert take(mail.complaint("rewritten@elsewhere.example", mail_from=path)) == Verdict.KEPT
    assert state(recipient) == "delivered"


def test_not_spam_is_no_complaint(recipient):
    assert take(mail.complaint(recipient.message_id, kind="not-spam")) == Verdict.AUTOMATIC
    assert not DeliveryEvent.objects.exists()


# Without a standard -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "then"),
    [
        (mail.QMAIL, "bounced"),
        (mail.EXIM, "bounced"),
        (mail.OLD_WORDS, "bounced"),
        (mail.EXIM_WARNING, "deferred"),
        (mail.FULL, "soft_bounced"),
    ],
)
def test_words_of_older_servers_are_understood(recipient, path, text, then):
    assert take(mail.plain(path, text)) == Verdict.KEPT
    assert DeliveryEvent.objects.get().type == then


@pytest.mark.parametrize("text", [mail.UNCLEAR, mail.BOTH, "", "550"])
def test_what_does_not_say_it_clearly_is_left_for_a_person(recipient, path, text):
    assert take(mail.plain(path, text)) == Verdict.LEFT
    assert (state(recipient), DeliveryEvent.objects.count()) == ("accepted", 0)


def test_words_without_our_return_path_are_not_believed(recipient):
    assert take(mail.plain("help@relaypost.example", mail.QMAIL)) == Verdict.LEFT
    assert not DeliveryEvent.objects.exists()


def test_a_person_who_quotes_a_code_has_not_bounced(recipient, path):
    raw = mail.plain(path, "My server said 550 5.1.1 to somebody", sender="owner@northwind.example", subject="Re: keys")

    assert take(raw) == Verdict.LEFT
    assert state(recipient) == "accepted"


@pytest.mark.parametrize(
    "headers",
    [
        {"Auto_Submitted": "auto-replied"},
        {"Auto_Submitted": "auto-replied; owner-email=x"},
        {"Precedence": "auto_reply"},
        {"X_Autoreply": "yes"},
    ],
)
def test_an_automatic_reply_is_no_bounce(recipient, path, headers):
    raw = mail.plain(path, mail.AWAY, sender="owner@northwind.example", subject="Away", **headers)

    assert take(raw) == Verdict.AUTOMATIC
    assert (state(recipient), DeliveryEvent.objects.count()) == ("accepted", 0)


def test_a_read_receipt_is_no_bounce(recipient, path):
    raw = (
        f"From: owner@northwind.example\nTo: {path}\nMIME-Version: 1.0\n"
        'Content-Type: multipart/report; report-type=disposition-notification; boundary="r"\n\n'
        "--r\nContent-Type: text/plain\n\nIt was shown.\n--r\nContent-Type: message/disposition-notification\n\n"
        "Final-Recipient: rfc822; owner@northwind.example\nDisposition: manual-action; displayed\n\n--r--\n"
    )

    assert take(raw.encode()) == Verdict.AUTOMATIC


# Strangers ----------------------------------------------------------------------------------------------------------


def nested(depth: int) -> bytes:
    opened = "".join(f'Content-Type: multipart/report; boundary="{number}"\n\n--{number}\n' for number in range(depth))
    return f"From: x@y.example\nMIME-Version: 1.0\n{opened}".encode()


HOSTILE = {
    "nothing": b"",
    "zeros": b"\0" * 10_000,
    "no header": b"\n\n\n",
    "nested": nested(3_000),
    "nested a little": nested(60),
    "messages within messages": b"Content-Type: message/rfc822\n\n" * 5_000,
    "unknown charset": b"From: MAILER-DAEMON@x\nTo: {}\nContent-Type: text/plain; charset=klingon\n\n5.1.1 \xff",
    "report without parts": b'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\n\n',
    "status as text": b"Content-Type: message/delivery-status\n\n\xff\xfe: \x00\n\nAction: failed\nStatus: \xff\n",
    "status encoded": b"Content-Type: message/global-delivery-status\nContent-Transfer-Encoding: base64\n\n!!!!",
    "feedback empty": b"Content-Type: message/feedback-report\n\n",
    "header without end": b"Subject: " + b"x" * 600_000,
    "many headers": b"A: b\n" * 60_000,
    "odd date": b"Date: 99 Foo 99999 99:99:99 +9999\nContent-Type: message/delivery-status\n\nA: b\n\nAction: failed\n",
    "many groups": b"Content-Type: message/delivery-status\n\nA: b\n" + b"\nAction: failed\nStatus: 5.0.0\n" * 15_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_no_message_however_hostile_raises(recipient, path, name):
    raw = HOSTILE[name].replace(b"{}", path.encode())

    assert isinstance(take(raw), Verdict)
    assert isinstance(take(raw, to=path), Verdict)


def test_a_date_from_beyond_all_time_is_the_moment_we_read_it(recipient, path):
    raw = mail.postfix(path).replace(b"Sat, 14 Mar 2026", b"Sat, 14 Mar 9999")

    take(raw)

    assert DeliveryEvent.objects.get().at == AT


def test_nul_and_broken_letters_are_kept_as_what_can_be_kept(recipient, path):
    raw = mail.postfix(path, diagnostic="smtp; 550 5.1.1 \0 no").replace(b" no\n", b" \xff\xfe no\n")

    assert take(raw) == Verdict.KEPT
    assert "\0" not in DeliveryEvent.objects.get().words


@given(st.binary(max_size=2_000), st.sampled_from(["", "x@y.example"]))
def test_no_bytes_raise(raw, to):
    assert reports.read(raw, to=to).kind in Kind


@given(st.data())
def test_no_damage_to_a_report_raises(data):
    raw = bytearray(mail.postfix("bounce@bounces.relaypost.example", "x@relaypost.example"))
    for _ in range(data.draw(st.integers(1, 30))):
        place = data.draw(st.integers(0, len(raw) - 1))
        raw[place : place + data.draw(st.integers(0, 40))] = data.draw(st.binary(max_size=10))
    reports.read(bytes(raw))
