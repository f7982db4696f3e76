"""The table of providers: one row for each, and every row says what it must say."""

from datetime import timedelta
from importlib import import_module

import pytest
from anymail import urls as anymail_urls

from notifications import checks, providers
from notifications.providers import LookUp, WebhookAuth

ANYMAILS = {backend: adapter for backend, adapter in providers.ADAPTERS.items() if adapter.is_anymail}


@pytest.mark.parametrize("backend", sorted(providers.ADAPTERS))
def test_each_backend_of_the_table_is_there(backend):
    module, name = backend.rsplit(".", 1)

    assert hasattr(import_module(module), name)


def test_no_two_rows_have_one_name():
    names = [adapter.name for adapter in providers.ADAPTERS.values()]

    assert len(set(names)) == len(names)


@pytest.mark.parametrize("adapter", ANYMAILS.values(), ids=lambda adapter: adapter.name)
def test_what_signs_its_calls_names_the_secret_and_what_reports_has_an_address(adapter):
    webhooks = {pattern.name for pattern in anymail_urls.urlpatterns}

    assert bool(adapter.signed_with) == (adapter.webhooks == WebhookAuth.SIGNED)
    assert (f"{adapter.name}_tracking_webhook" in webhooks) == (adapter.webhooks != WebhookAuth.NONE)
    assert adapter.reports_bounces == (adapter.webhooks != WebhookAuth.NONE)


@pytest.mark.parametrize("adapter", ANYMAILS.values(), ids=lambda adapter: adapter.name)
def test_a_replay_needs_a_key_that_is_remembered(adapter):
    assert (adapter.look_up == LookUp.REPLAY) == (adapter.replay_within > timedelta(0))


@pytest.mark.parametrize(("backend", "adapter"), ANYMAILS.items(), ids=lambda value: getattr(value, "name", ""))
def test_tracking_is_said_to_be_off_only_where_anymail_can_say_so(backend, adapter):
    module = import_module(backend.rsplit(".", 1)[0])
    payloads = [value for name, value in vars(module).items() if name.endswith("Payload") and name != "RequestsPayload"]

    if adapter.tracking_can_be_off:
        assert any("set_track_clicks" in vars(payload) for payload in payloads)


def test_amazon_is_not_among_them():
    """No idempotency, and boto3 repeats by itself what timed out."""
    assert not any("amazon" in backend for backend in providers.ADAPTERS)


def test_a_spare_provider_needs_its_secret_too(settings):
    settings.EMAIL_BACKEND = "notifications.smtp.PhasedBackend"
    settings.SPARE_EMAIL_BACKEND = "anymail.backends.mandrill.EmailBackend"
    settings.ANYMAIL = {"WEBHOOK_SECRET": "a:b"}

    (problem,) = checks.events_can_be_believed()

    assert problem.hint == "Set MANDRILL_WEBHOOK_KEY."


@pytest.mark.django_db
def test_a_name_nobody_set_up_is_no_channel():
    with pytest.raises(providers.NoSuchChannel, match="is not set up any more"):
        providers.channel("pigeon")
