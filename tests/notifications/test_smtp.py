"""What a broken SMTP conversation means (faults.md): each message ends as accepted, retry, failed or unknown."""

import pytest
from django.core.mail import EmailMessage, get_connection

from notifications import handover
from notifications.models import Attempt
from notifications.smtp import backend
from tests.notifications import smtp_server
from tests.notifications.smtp_server import SmtpServer

ACCEPTED, RETRY, FAILED, UNKNOWN, RELEASED = (
    Attempt.Outcome.ACCEPTED, Attempt.Outcome.RETRY, Attempt.Outcome.FAILED, Attempt.Outcome.UNKNOWN,
    Attempt.Outcome.RELEASED,
)  # fmt: skip


def message_to(reader: str) -> EmailMessage:
    return EmailMessage(
        "About your keys", f"Hello {reader}\n.a line with a dot", "security@relaypost.example",
        [f"{reader}@northwind.example"], headers={"Message-ID": f"<{reader}@relaypost.example>"},
    )  # fmt: skip


@pytest.fixture(params=[True, False], ids=["pipelined", "word by word"])
def pipelining(request, monkeypatch) -> bool:
    """Every test is run against a server that offers PIPELINING, and one that does not."""
    monkeypatch.setattr(smtp_server, "PIPELINING", request.param)
    return request.param


@pytest.fixture
def send(settings, pipelining):
    """send(server, "a", "b"): the outcomes of one window."""
    settings.EMAIL_BACKEND = "notifications.smtp.PhasedBackend"
    settings.EMAIL_HOST, settings.EMAIL_TIMEOUT = "127.0.0.1", 1

    def send(server, *readers, **options):
        settings.EMAIL_PORT = server.port
        with handover.line() as connection:
            return handover.hand_over([message_to(reader) for reader in readers], connection=connection, **options)

    return send


def outcomes(results):
    return [result.outcome for result in results]


def test_a_window_goes_over_one_connection(send):
    with SmtpServer() as server:
        results = send(server, "a", "b", "c")

    assert outcomes(results) == [ACCEPTED, ACCEPTED, ACCEPTED]
    assert server.connections == 1
    assert server.message_ids == ["a@relaypost.example", "b@relaypost.example", "c@relaypost.example"]
    assert ".a line with a dot" in server.accepted[0].get_payload()


@pytest.mark.parametrize(
    ("point", "fault", "outcome", "taken"),
    [
        ("mail", "421 too busy", RETRY, False),
        ("mail", "451 later", RETRY, False),
        ("mail", "552 too big", FAILED, False),
        ("mail", "drop", RETRY, False),
        ("rcpt", "450 mailbox busy", RETRY, False),
        ("rcpt", "550 no such user", FAILED, False),
        ("rcpt", "drop", RETRY, False),
        ("data", "451 not now", RETRY, False),
        ("data", "554 no valid recipients", FAILED, False),
        ("data", "drop", RETRY, False),
        ("body", "drop", UNKNOWN, False),  # a small message has left us whole: nobody here can tell
        ("dot", "451 try again", RETRY, False),
        ("dot", "554 looks like spam", FAILED, False),
        ("dot", "drop", UNKNOWN, True),
        ("dot", "hang", UNKNOWN, True),
        ("dot", "not a number", UNKNOWN, True),
        ("dot", "250 " + "x" * 9000, UNKNOWN, True),
        ("after", "drop", ACCEPTED, True),
    ],
)
def test_each_end_of_a_conversation_has_its_outcome(send, point, fault, outcome, taken):
    with SmtpServer(faults={point: {"*": fault}}, hang=2) as server:
        results = send(server, "northwind")

    assert outcomes(results) == [outcome]
    assert bool(server.accepted) == taken


def test_a_large_message_cut_off_in_its_body_is_surely_not_accepted(send, settings):
    with SmtpServer(faults={"body": {"*": "drop"}}) as server:
        settings.EMAIL_PORT = server.port
        big = message_to("northwind")
        big.body = "x" * 70 + "\n"
        big.body *= 200_000  # more than socket buffers hold, so that the client is still writing
        with get_connection() as connection:
            (result,) = handover.hand_over([big], connection=connection)

    assert result.outcome == RETRY


def test_one_refused_reader_does_not_hold_up_the_next(send):
    with SmtpServer(faults={"rcpt": {"b": "550 no such user <b@northwind.example>"}}) as server:
        results = send(server, "a", "b", "c")

    assert outcomes(results) == [ACCEPTED, FAILED, ACCEPTED]
    assert (results[1].code, results[1].reply) == (550, "no such user <[address]>")
    assert server.connections == 1


def test_after_an_unknown_the_rest_of_the_window_is_surely_not_sent(send):
    with SmtpServer(faults={"dot": {"b": "drop"}}) as server:
        results = send(server, "a", "b", "c", "d")

    assert outcomes(results) == [ACCEPTED, UNKNOWN, RELEASED, RELEASED]
    assert server.message_ids == ["a@relaypost.example", "b@relaypost.example"]


def test_a_kept_connection_that_went_stale_is_opened_again_unnoticed(send):
    with SmtpServer(faults={"after": {"a": "drop"}}) as server:
        results = send(server, "a", "b")

    assert outcomes(results) == [ACCEPTED, ACCEPTED]
    assert server.connections == 2


def test_the_connection_is_renewed_every_few_hundred(send, monkeypatch):
    monkeypatch.setattr(backend, "RECONNECT_AFTER", 2)
    with SmtpServer() as server:
        send(server, "a", "b", "c", "d", "e")

    assert server.connections == 3


def test_a_server_that_is_not_there_is_a_no_for_now_for_the_whole_window(send):
    with SmtpServer() as server:
        pass

    results = send(server, "a", "b")

    assert outcomes(results) == [RETRY, RETRY]
    assert results[0].throttled


def test_a_banner_that_refuses_is_a_no_for_now(send):
    with SmtpServer(faults={"greeting": {"*": "421 too many connections"}}) as server:
        results = send(server, "a", "b")

    assert outcomes(results) == [RETRY, RETRY]


def test_a_refused_password_pauses_and_burns_nothing(send, settings):
    settings.EMAIL_HOST_USER, settings.EMAIL_HOST_PASSWORD = "relaypost", "wrong"
    with SmtpServer(auth=True, faults={"auth": {"*": "535 5.7.8 bad credentials"}}) as server:
        results = send(server, "a", "b")

    assert outcomes(results) == [RELEASED, RELEASED]
    assert results[0].pause == (
        "The mail server refused our user name or password (SMTP 535). Check the mail settings, then resume."
    )


def test_a_password_server_that_is_out_of_order_is_a_no_for_now(send, settings):
    settings.EMAIL_HOST_USER, settings.EMAIL_HOST_PASSWORD = "relaypost", "right"
    with SmtpServer(auth=True, faults={"auth": {"*": "454 4.7.0 temporary failure"}}) as server:
        results = send(server, "a")

    assert outcomes(results) == [RETRY]
    assert not results[0].pause


def test_a_refused_sender_pauses_since_it_would_burn_everyone(send):
    with SmtpServer(faults={"mail": {"*": "550 sender not allowed"}}) as server:
        results = send(server, "a", "b")

    assert outcomes(results) == [RELEASED, RELEASED]
    assert "refused our sender" in results[0].pause


def test_a_stop_between_messages_releases_the_rest(send):
    answers = iter([True, False])
    with SmtpServer() as server:
        results = send(server, "a", "b", "c", go_on=lambda: next(answers))

    assert outcomes(results) == [ACCEPTED, RELEASED, RELEASED]


def test_an_address_that_breaks_the_envelope_fails_alone(send):
    with SmtpServer() as server:
        results = send(server, "a", "grüße", "c")

    assert outcomes(results)[0] == outcomes(results)[2] == ACCEPTED
    assert outcomes(results)[1] in (FAILED, ACCEPTED)


@pytest.mark.parametrize(
    "fields",
    [
        {"to": ["a@x.example", "b@x.example"]},
        {"to": []},
        {"cc": ["b@x.example"]},
        {"bcc": ["b@x.example"]},
        {"to": ["a@x.example, b@x.example"]},
        {"to": ["a@x.example\nBcc: b@x.example"]},
    ],
)
def test_a_message_with_more_than_its_one_reader_is_refused(send, fields):
    message = EmailMessage("Hello", "there", "security@relaypost.example", **{"to": ["a@x.example"], **fields})

    with pytest.raises(handover.NotOneReader):
        handover.hand_over([message])


def test_merge_data_is_refused():
    message = message_to("a")
    message.merge_data = {"a@northwind.example": {"name": "A"}}

    with pytest.raises(handover.NotOneReader):
        handover.hand_over([message])


# Pipelining ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("where", ["a", "b", "c"])
@pytest.mark.parametrize(
    ("point", "fault"),
    [
        *((point, fault) for point in ("mail", "rcpt", "data", "dot")
          for fault in ("drop", "421 going away", "451 later", "554 no", "not a number")),
        *((point, "hang") for point in ("rcpt", "dot")),
        ("body", "drop"), ("after", "drop"),
    ],
)  # fmt: skip
def test_wherever_it_breaks_nothing_that_was_taken_counts_as_not_sent(send, point, fault, where):
    """Counted at the server: a no was never taken, a yes always was, and one message at most is unknown."""
    with SmtpServer(faults={point: {where: fault}}, hang=1.5) as server:
        results = dict(zip("abc", outcomes(send(server, "a", "b", "c")), strict=True))

    taken = [message_id.partition("@")[0] for message_id in server.message_ids]
    assert len(taken) == len(set(taken))
    for reader, outcome in results.items():
        if outcome == ACCEPTED:
            assert reader in taken
        elif outcome != UNKNOWN:
            assert reader not in taken
    assert list(results.values()).count(UNKNOWN) <= 1


def test_a_refusal_in_the_middle_breaks_nothing_behind_it(send):
    faults = {"rcpt": {"b": "550 gone", "d": "450 busy"}, "data": {"c": "451 not now"}, "dot": {"e": "554 spam"}}
    with SmtpServer(faults=faults) as server:
        results = send(server, *"abcdef")

    assert outcomes(results) == [ACCEPTED, FAILED, RETRY, RETRY, FAILED, ACCEPTED]
    assert server.connections == 1
    assert server.message_ids == ["a@relaypost.example", "f@relaypost.example"]


def test_a_refused_reader_in_one_window_does_not_spoil_the_next(settings, send):
    with SmtpServer(faults={"rcpt": {"b": "550 gone"}}) as server:
        settings.EMAIL_PORT = server.port
        with handover.line() as connection:
            first = handover.hand_over([message_to("a"), message_to("b")], connection=connection)
            second = handover.hand_over([message_to("c")], connection=connection)

    assert outcomes(first + second) == [ACCEPTED, FAILED, ACCEPTED]
    assert server.connections == 1


def test_a_server_that_takes_data_for_nobody_gets_an_empty_text(send):
    with SmtpServer(faults={"rcpt": {"b": "550 gone"}}, careless=True, pipelining=True) as server:
        results = send(server, "a", "b", "c")

    assert outcomes(results) == [ACCEPTED, FAILED, ACCEPTED]
    assert server.message_ids == ["a@relaypost.example", "c@relaypost.example"]


def test_a_window_is_said_in_the_order_of_its_messages(send):
    with SmtpServer(pipelining=True) as server:
        send(server, "a", "b")

    said = [command.partition(":")[0] for command in server.commands]
    assert said[1:7] == ["MAIL FROM", "RCPT TO", "DATA"] * 2
