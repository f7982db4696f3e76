"""Settings with which a notice would go nowhere, or an event could be forged, are refused before anything starts."""

import pytest

from notifications import checks


def ids(problems):
    return [problem.id for problem in problems]


@pytest.mark.parametrize("backend", ["console", "dummy", "filebased", "locmem"])
def test_a_backend_that_reaches_nobody_is_refused_in_production(settings, backend):
    settings.EMAIL_BACKEND = f"django.core.mail.backends.{backend}.EmailBackend"

    settings.PRODUCTION = True
    assert ids(checks.mail_reaches_people()) == ["candor.E010"]
    settings.PRODUCTION = False
    assert checks.mail_reaches_people() == []


def test_ours_and_anymails_are_fine_and_a_strange_one_is_pointed_out(settings):
    settings.PRODUCTION = True
    settings.EMAIL_BACKEND = "notifications.smtp.PhasedBackend"
    assert checks.mail_reaches_people() == []

    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    assert ids(checks.mail_reaches_people()) == ["candor.W010"]


def test_features_a_provider_lacks_are_never_ignored(settings):
    settings.ANYMAIL = settings.ANYMAIL | {"IGNORE_UNSUPPORTED_FEATURES": True}
    assert "candor.E011" in ids(checks.mail_reaches_people())

    settings.ANYMAIL = {}
    settings.ANYMAIL_IGNORE_UNSUPPORTED_FEATURES = True
    assert "candor.E011" in ids(checks.mail_reaches_people())


def test_without_a_webhook_secret_nothing_starts(settings):
    settings.EMAIL_BACKEND = "anymail.backends.postmark.EmailBackend"
    settings.ANYMAIL = {}

    (problem,) = checks.events_can_be_believed()

    assert problem.id == "candor.E012"
    assert problem.hint == "Set ANYMAIL_WEBHOOK_SECRET."


def test_mailgun_needs_its_signing_key_too(settings):
    settings.EMAIL_BACKEND = "anymail.backends.mailgun.EmailBackend"
    settings.ANYMAIL = {"WEBHOOK_SECRET": "a:b"}

    (problem,) = checks.events_can_be_believed()

    assert problem.msg.startswith("MAILGUN_WEBHOOK_SIGNING_KEY is not set")
    assert problem.hint == "Set MAILGUN_WEBHOOK_SIGNING_KEY."


@pytest.mark.parametrize(
    ("address", "found"),
    [
        ("", []),
        ("bounce@bounces.example.com", []),
        ("{}@bounces.example.com", []),
        ("bounces.example.com", ["candor.E013"]),
        ("bounce @example.com", ["candor.E013"]),
        ("Bounces <bounce@example.com>", ["candor.E013"]),
    ],
)
def test_a_return_path_nobody_can_write_to_is_refused(settings, address, found):
    settings.BOUNCE_ADDRESS = address

    assert ids(checks.bounces_come_back()) == found


def test_a_mailbox_of_bounces_without_return_paths_is_pointed_out(settings):
    settings.BOUNCE_IMAP_HOST = "imap.example.com"

    assert ids(checks.bounces_come_back()) == ["candor.W013"]
