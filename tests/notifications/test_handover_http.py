"""What an HTTP provider's answer means. Anymail's Mailgun backend speaks to a small server of ours."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import pytest
from django.core.mail import EmailMultiAlternatives

from notifications import handover, providers
from notifications.models import Attempt

ACCEPTED, RETRY, FAILED, UNKNOWN, RELEASED = (
    Attempt.Outcome.ACCEPTED, Attempt.Outcome.RETRY, Attempt.Outcome.FAILED, Attempt.Outcome.UNKNOWN,
    Attempt.Outcome.RELEASED,
)  # fmt: skip
TAKEN = json.dumps({"id": "<20180105.1@mg.relaypost.example>", "message": "Queued. Thank you."})


@pytest.fixture
def provider(settings):
    """Answers every call with `status`, `headers` and `body`, or in the way `fault` says; keeps what it was sent."""
    provider = SimpleNamespace(status=200, headers={}, body=TAKEN, fault="", calls=[])

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            provider.calls.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
            if provider.fault == "drop":
                self.close_connection = True
                return
            if provider.fault == "hang":
                time.sleep(1)
            self.send_response(provider.status)
            for name, value in {**provider.headers, "Content-Length": str(len(provider.body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(provider.body.encode())

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    settings.EMAIL_BACKEND = "anymail.backends.mailgun.EmailBackend"
    settings.ANYMAIL = {
        "MAILGUN_API_KEY": "key", "MAILGUN_SENDER_DOMAIN": "mg.relaypost.example", "REQUESTS_TIMEOUT": (0.5, 0.5),
        "MAILGUN_API_URL": f"http://127.0.0.1:{server.server_port}/v3",
    }  # fmt: skip
    yield provider
    server.shutdown()
    server.server_close()


def send(*readers):
    messages = [
        EmailMultiAlternatives(
            "About your keys", "Hello", "Relaypost Security <security@relaypost.example>", [f"{reader}@x.example"],
            headers={"Message-ID": f"<{reader}@relaypost.example>"},
        )
        for reader in readers
    ]  # fmt: skip
    with handover.line() as connection:
        return handover.hand_over(messages, connection=connection)


def outcomes(results):
    return [result.outcome for result in results]


def test_one_call_per_message_and_the_providers_id_is_kept(provider):
    results = send("a", "b")

    assert outcomes(results) == [ACCEPTED, ACCEPTED]
    assert results[0].provider_id == "<20180105.1@mg.relaypost.example>"
    assert len(provider.calls) == 2
    assert "b%40x.example" not in provider.calls[0]
    assert "b@x.example" not in provider.calls[0]


def test_only_an_opaque_id_travels_along_and_nothing_is_tracked(provider):
    send("a")

    (call,) = provider.calls
    assert "a%40relaypost.example" in call or "a@relaypost.example" in call
    assert "v%3Arecipient" in call or "v:recipient" in call
    assert ("o%3Atracking-clicks=no" in call) or ("o:tracking-clicks" in call and "no" in call)
    assert ("o%3Atracking-opens=no" in call) or ("o:tracking-opens" in call)


@pytest.mark.parametrize(
    ("status", "headers", "outcome", "rest"),
    [
        (400, {}, FAILED, FAILED),
        (422, {}, FAILED, FAILED),
        (429, {"Retry-After": "120"}, RETRY, RELEASED),
        (429, {}, RETRY, RELEASED),
        (503, {"Retry-After": "60"}, RETRY, RELEASED),
        (503, {}, UNKNOWN, RELEASED),
        (500, {}, UNKNOWN, RELEASED),
        (502, {}, UNKNOWN, RELEASED),
    ],
)
def test_each_status_has_its_outcome(provider, status, headers, outcome, rest):
    provider.status, provider.headers, provider.body = status, headers, '{"message": "no, a@x.example"}'

    results = send("a", "b")

    assert outcomes(results) == [outcome, rest]
    assert results[0].code == status
    assert "a@x.example" not in results[0].reply


@pytest.mark.parametrize("status", [401, 402, 403, 404])
def test_a_refused_account_pauses_and_burns_nothing(provider, status):
    provider.status = status

    results = send("a", "b")

    assert outcomes(results) == [RELEASED, RELEASED]
    assert results[0].pause == (
        f"The mail provider refused our account (HTTP {status}). Check its key and its standing."
    )
    assert len(provider.calls) == 1


def test_retry_after_is_read_as_seconds_and_as_a_date(provider):
    provider.status, provider.headers = 429, {"Retry-After": "120"}
    assert send("a")[0].retry_after.total_seconds() == 120

    provider.headers = {"Retry-After": "Wed, 21 Oct 2099 07:28:00 GMT"}
    assert send("a")[0].retry_after.days > 1000

    provider.headers = {"Retry-After": "soon"}
    assert send("a")[0].retry_after is None


@pytest.mark.parametrize("fault", ["drop", "hang"])
def test_no_answer_is_unknown_and_the_rest_is_not_sent(provider, fault):
    provider.fault = fault

    assert outcomes(send("a", "b")) == [UNKNOWN, RELEASED]
    assert len(provider.calls) == 1


def test_an_answer_that_cannot_be_read_is_unknown(provider):
    provider.body = "<html>hello</html>"

    assert outcomes(send("a", "b")) == [UNKNOWN, RELEASED]


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/v3", "http://no.such.host.invalid/v3"])
def test_a_provider_that_cannot_be_reached_is_a_no_for_now(provider, settings, url):
    settings.ANYMAIL = settings.ANYMAIL | {"MAILGUN_API_URL": url}

    assert outcomes(send("a", "b")) == [RETRY, RETRY]


def test_a_message_the_provider_cannot_take_fails_alone(provider):
    results = send("a b c", "d")

    assert outcomes(results) == [FAILED, ACCEPTED]


def test_a_backend_outside_the_table_counts_every_error_as_unknown(settings, monkeypatch):
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    monkeypatch.setattr(
        "django.core.mail.backends.locmem.EmailBackend.send_messages", lambda *_: (_ for _ in ()).throw(OSError("?"))
    )

    assert providers.current().name == "other"
    assert outcomes(send("a", "b")) == [UNKNOWN, RELEASED]
