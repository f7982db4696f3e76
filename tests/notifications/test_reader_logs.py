"""A link opens a notice, so it stands in no log line, whatever goes wrong."""

import io
import logging

import pytest
from django.test import Client

from notifications import links, reading
from tests.factories import make_incident
from tests.notifications.arrange import make_recipient
from tests.notifications.reader import OURS, open_link

pytestmark = pytest.mark.django_db


@pytest.fixture
def log():
    """What the console would show, as settings.LOGGING writes it; every logger speaks."""
    (console,) = [handler for handler in logging.getLogger().handlers if handler.get_name() == "console"]
    loggers = [logging.getLogger(name) for name in ("", "django.request", "django.server", "django.security.csrf")]
    levels = [logger.level for logger in loggers]
    stream = console.setStream(written := io.StringIO())
    for logger in loggers:
        logger.setLevel(logging.DEBUG)
    yield written
    console.setStream(stream)
    for logger, level in zip(loggers, levels, strict=True):
        logger.setLevel(level)


def test_no_line_holds_the_token_or_the_address(log, monkeypatch):
    recipient = make_recipient(make_incident(), state="accepted")
    token = links.token(recipient.link)
    client = Client(raise_request_exception=False)

    client.get(f"/notice/{token}/")
    client.get(f"/notice/{token}/x.css")
    client.get(f"/notice/{token}")
    client.put(f"/notice/{token}/")
    client.post(f"/notice/{token}/")
    open_link(recipient, client).get("/notice/")

    def fail(token, **kwargs):
        raise RuntimeError(f"cannot open http://localhost:8000/notice/{token}/ of {recipient.address.value}")

    monkeypatch.setattr(reading, "open_notice", fail)
    response = client.post(f"/notice/{token}/", **OURS)

    assert response.status_code == 500
    assert token not in response.content.decode()
    said = log.getvalue()
    assert "Internal Server Error" in said and "Not Found" in said and "RuntimeError" in said
    assert token not in said
    assert recipient.address.value not in said
