"""Every provider's events through its real address: twice, in any order, early, forged, many at once."""

import logging
from itertools import permutations

import pytest
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from config import logs
from notifications import dispatch, tracking
from notifications.models import DeliveryEvent, Recipient
from notifications.outcomes import Outcome, Result
from notifications.providers import ADAPTERS, WebhookAuth
from tests.factories import make_incident
from tests.notifications import provider_events
from tests.notifications.arrange import make_another_recipient, make_recipient
from tests.notifications.provider_events import PROVIDERS, READER, Provider

ALL = pytest.mark.parametrize("provider", PROVIDERS, ids=lambda one: one.name)
BY_NAME = {one.name: one for one in PROVIDERS}
STATES = {"accepted": "accepted", "delivered": "delivered", "deferred": "accepted", "bounced": "bounced",
          "soft_bounced": "accepted", "rejected": "failed", "failed": "failed", "complained": "delivered"}  # fmt: skip


@pytest.fixture(autouse=True)
def _secrets(settings):
    settings.ANYMAIL = provider_events.secrets()


@pytest.fixture
def recipient(db) -> Recipient:
    return handed_over(make_recipient(make_incident()))


def handed_over(recipient: Recipient, **fields) -> Recipient:
    """Accepted, and the provider has said its own id of the message."""
    given = provider_events.provider_id(recipient)
    dispatch.record(dispatch.claim(1), {recipient.pk: Result(Outcome.ACCEPTED, provider_id=given)})
    recipient.refresh_from_db()
    return recipient


def post(provider: Provider, kind: str, recipient: Recipient, number: int = 1):
    return provider.call([provider.event(kind, recipient, number)]).post()


def state(recipient: Recipient) -> str:
    recipient.refresh_from_db()
    return recipient.state


# What Anymail has -------------------------------------------------------------------------------------------------


def test_every_provider_of_the_table_that_reports_is_here():
    reporting = {one.name for one in ADAPTERS.values() if one.webhooks != WebhookAuth.NONE}

    assert reporting == set(BY_NAME)


@ALL
def test_the_table_says_how_an_event_is_believed_and_finds_its_recipient(provider):
    (adapter,) = [one for one in ADAPTERS.values() if one.name == provider.name]

    assert (adapter.webhooks == WebhookAuth.SIGNED) == provider.signed
    assert adapter.returns_metadata == (provider.finds_by == "metadata")


# One event --------------------------------------------------------------------------------------------------------


@ALL
def test_each_kind_of_event_is_understood(provider, recipient):
    for number, kind in enumerate(provider.kinds):
        other = handed_over(make_another_recipient(recipient.incident))

        assert post(provider, kind, other, number).status_code == 200
        kept = DeliveryEvent.objects.get(recipient=other)
        assert (kept.type, state(other), bool(other.complained_at)) == (kind, STATES[kind], kind == "complained")
    assert state(recipient) == "accepted"


@ALL
def test_no_address_is_kept(provider, recipient):
    for number, kind in enumerate(provider.kinds):
        post(provider, kind, recipient, number)

    kept = str(list(DeliveryEvent.objects.values())).replace(recipient.message_id, "") + recipient.reason
    assert provider_events.READER not in kept


@ALL
def test_opens_and_clicks_are_not_kept(provider, recipient):
    event = provider.event(provider.kinds[0], recipient, 1)
    for inner in (event, event.get("event-data", {}), event.get("data", {}), event.get("event_data", {})):
        for name in ("event", "RecordType", "type", "status"):
            if name in inner:
                inner[name] = {"RecordType": "Open", "status": "opened"}.get(name, "open")
    if "msys" in event:
        event["msys"]["message_event"]["type"] = "open"
    if provider.name == "postal":
        event["payload"] = {"message": event["payload"]["message"], "url": "https://x.example"}
    if provider.name == "resend":
        event["type"] = "email.opened"

    assert provider.call([event]).post().status_code == 200
    assert not DeliveryEvent.objects.exists()


# Twice, late, in any order ------------------------------------------------------------------------------------------


@ALL
def test_told_three_times_it_is_one_event(provider, recipient):
    for _ in range(3):
        assert post(provider, "bounced", recipient).status_code == 200

    assert DeliveryEvent.objects.count() == 1


@ALL
def test_the_end_is_the_same_in_any_order(provider, recipient):
    told = [
        (kind, number) for number, kind in enumerate(provider.kinds) if kind in ("accepted", "delivered", "deferred")
    ]
    told.append(("bounced", 99))
    others = []
    for order in permutations(told):
        others.append(handed_over(make_another_recipient(recipient.incident)))
        for kind, number in (*order, order[0]):
            post(provider, kind, others[-1], 1000 * len(others) + number)

    ends = {(state(one), one.reason) for one in others}
    assert len(ends) == 1
    assert ends.pop()[0] == "bounced"


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_set_of_events_in_any_order_has_one_end(recipient, data):
    """Two recipients hear the same set, shuffled and repeated: state, words and complaint end alike."""
    provider = data.draw(st.sampled_from(PROVIDERS))
    told = data.draw(st.lists(st.tuples(st.sampled_from(provider.kinds), st.integers(0, 5)), min_size=1, max_size=6))
    shuffled = data.draw(st.permutations(told + data.draw(st.lists(st.sampled_from(told), max_size=4))))
    incident, ends = recipient.incident, set()
    for order in (told, shuffled):
        one = handed_over(make_another_recipient(incident))
        for kind, number in order:
            # Unlike numbers for unlike kinds: no provider gives two events one id.
            post(provider, kind, one, one.pk * 1000 + provider.kinds.index(kind) * 10 + number)
        state(one)
        complained = one.complained_at and (one.complained_at.timestamp() - provider_events.epoch(one.pk * 1000)) // 1
        ends.add((one.state, one.reason, complained))

    assert len(ends) == 1


@ALL
def test_an_event_that_comes_before_our_own_commit_is_not_lost(provider, db):
    """The provider is faster than we write down that it took the message."""
    recipient = make_recipient(make_incident())
    batch = dispatch.claim(1)

    assert post(provider, "bounced", recipient).status_code == 200
    given = provider_events.provider_id(recipient)
    dispatch.record(batch, {recipient.pk: Result(Outcome.ACCEPTED, provider_id=given)})
    tracking.match_orphans()

    assert state(recipient) == "bounced"
    assert dispatch.claim(1) is None


@ALL
def test_an_event_of_a_message_of_nobody_is_kept_and_moves_nobody(provider, recipient):
    stranger = Recipient(pk=999_999, message_id="stranger@other.example")

    assert post(provider, "bounced", stranger).status_code == 200
    assert DeliveryEvent.objects.get().recipient is None
    assert state(recipient) == "accepted"


# Forged -------------------------------------------------------------------------------------------------------------


@ALL
@pytest.mark.parametrize("authorization", ["", "Basic bGFwdG9wOndyb25n", "Basic !!!", "Bearer x"])
def test_a_wrong_password_changes_nothing(provider, recipient, authorization):
    call = provider.call([provider.event("bounced", recipient, 1)])

    response = call.post(HTTP_AUTHORIZATION=authorization)

    assert response.status_code == 400
    assert (state(recipient), DeliveryEvent.objects.count()) == ("accepted", 0)


@pytest.mark.parametrize("name", [one.name for one in PROVIDERS if one.signed])
def test_a_wrong_signature_changes_nothing_even_with_the_password(recipient, name, settings):
    call = BY_NAME[name].call([BY_NAME[name].event("bounced", recipient, 1)])
    settings.ANYMAIL = provider_events.secrets() | {
        "MAILGUN_WEBHOOK_SIGNING_KEY": "another", "RESEND_SIGNING_SECRET": "whsec_" + "YW5vdGhlcg==" * 3,
        "MAILERSEND_SIGNING_SECRET": "another", "MAILTRAP_TRACKING_SECRET": "another",
        "MANDRILL_WEBHOOK_KEY": "another",
        "POSTAL_WEBHOOK_KEY": provider_events.public(provider_events.rsa.generate_private_key(65537, 2048)),
        "UNISENDER_GO_API_KEY": "another",
    }  # fmt: skip

    response = call.post()

    assert response.status_code == 400
    assert (state(recipient), DeliveryEvent.objects.count()) == ("accepted", 0)


@pytest.mark.parametrize("name", [one.name for one in PROVIDERS if one.signed and one.name not in ("mailgun",)])
def test_a_signed_call_with_another_body_changes_nothing(recipient, name):
    call = BY_NAME[name].call([BY_NAME[name].event("bounced", recipient, 1)])
    changed = provider_events.Call(call.url, call.body.replace(b"a", b"b"), call.headers, call.content_type)

    assert changed.post().status_code == 400
    assert (state(recipient), DeliveryEvent.objects.count()) == ("accepted", 0)


def test_mailguns_token_counts_once_whatever_body_comes_with_it(recipient):
    """It signs the token alone: a call that was overheard could be posted again about somebody else."""
    mailgun = BY_NAME["mailgun"]
    other = handed_over(make_another_recipient(recipient.incident))
    heard = mailgun.event("delivered", recipient, 1)
    mailgun.call([heard]).post()

    replayed = mailgun.event("bounced", other, 2) | {"signature": heard["signature"]}
    response = mailgun.call([replayed]).post()

    assert response.status_code == 200
    assert (state(recipient), state(other), DeliveryEvent.objects.count()) == ("delivered", "accepted", 1)


def test_sendgrids_signature_is_checked_where_its_key_is_set(recipient, settings):
    settings.ANYMAIL |= {
        "SENDGRID_TRACKING_WEBHOOK_VERIFICATION_KEY": provider_events.public(provider_events.sendgrid_key())
    }
    event = BY_NAME["sendgrid"].event("bounced", recipient, 1)

    assert BY_NAME["sendgrid"].call([event]).post().status_code == 400
    assert state(recipient) == "accepted"
    assert provider_events.sendgrid_signed([event]).post().status_code == 200
    assert state(recipient) == "bounced"


def test_a_hundred_forged_events_are_one_line_and_no_secret(recipient, caplog):
    call = BY_NAME["mandrill"].call([BY_NAME["mandrill"].event("bounced", recipient, 1)])
    window = logs.OncePerWindow()
    caplog.handler.addFilter(window)
    try:
        with caplog.at_level(logging.INFO, "django.security"):
            for _ in range(100):
                call.post(HTTP_X_MANDRILL_SIGNATURE="forged")
    finally:
        caplog.handler.removeFilter(window)

    lines = [record for record in caplog.records if record.name.startswith("django.security")]
    assert [record.getMessage() for record in lines] == [
        "A call at /webhooks/mandrill/tracking/ has a wrong secret or signature"
    ]
    assert "laptop-webhook-secret" not in caplog.text
    assert state(recipient) == "accepted"


@pytest.mark.parametrize("name", ["mailersend", "postal", "unisender_go", "mandrill", "mailgun"])
def test_a_provider_that_is_not_set_up_takes_nothing_and_says_so(recipient, name, settings):
    call = BY_NAME[name].call([BY_NAME[name].event("bounced", recipient, 1)])
    settings.ANYMAIL = {"WEBHOOK_SECRET": provider_events.PASSWORD}

    response = call.post()

    assert (response.status_code, state(recipient)) == (404, "accepted")
    assert "No events of this kind" in response.content.decode()


@pytest.mark.parametrize("name", ["amazon_ses", "sendinblue", "pigeon"])
def test_no_other_doors_are_open(db, name):
    assert Client().post(f"/webhooks/{name}/tracking/", b"{}", content_type="application/json").status_code == 404


@ALL
@pytest.mark.parametrize("body", [b"", b"{", b"\xff\x00", b"[]", b"7", b"null", b'"x"', b"[[]]", b"{}", b'[{"a":1}]'])
def test_garbage_is_never_a_500(provider, db, body):
    call = provider_events.Call(provider_events.url(provider.name), body)

    assert call.post().status_code in (200, 400)
    assert not DeliveryEvent.objects.exists()


@ALL
def test_ten_megabytes_are_turned_away(provider, db):
    call = provider_events.Call(provider_events.url(provider.name), b'["' + b"x" * 10_100_000 + b'"]')

    assert call.post().status_code == 400


def test_a_call_is_answered_with_no_cookie_and_no_cache(db):
    for response in (Client().post("/webhooks/sendgrid/tracking/"), Client().get("/webhooks/sendgrid/tracking/")):
        assert response.headers["Cache-Control"] == "private, no-store"
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert response.headers["Content-Length"] == str(len(response.content))
        assert not response.cookies


# Many at once -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [one.name for one in PROVIDERS if one.many])
def test_several_in_one_call_are_each_heard(recipient, name):
    provider = BY_NAME[name]
    others = [handed_over(make_another_recipient(recipient.incident)) for _ in range(3)]
    kinds = ["bounced", "complained", "deferred"]
    events = [provider.event(kind, one, number) for number, (kind, one) in enumerate(zip(kinds, others, strict=True))]

    assert provider.call(events + events[:1]).post().status_code == 200

    assert [state(one) for one in others] == ["bounced", "delivered", "accepted"]
    assert DeliveryEvent.objects.count() == 3


@pytest.mark.parametrize("name", [one.name for one in PROVIDERS if one.many])
def test_one_nobody_can_read_refuses_none_of_those_beside_it(recipient, name, caplog):
    provider, other = BY_NAME[name], handed_over(make_another_recipient(recipient.incident))
    odd = {"event_name": "transactional_email_status", "event_data": READER} if name == "unisender_go" else READER
    events = [provider.event("bounced", recipient, 1), odd, provider.event("complained", other, 2)]

    assert provider.call(events).post().status_code == 200

    assert (state(recipient), state(other), DeliveryEvent.objects.count()) == ("bounced", "delivered", 2)
    assert "was left out" in caplog.text and READER not in caplog.text


@pytest.mark.parametrize("name", [one.name for one in PROVIDERS if one.many])
def test_where_nobody_can_read_any_of_them_the_call_is_refused(recipient, name):
    odd = {"event_name": "transactional_email_status", "event_data": 7} if name == "unisender_go" else 7

    assert BY_NAME[name].call([odd, odd]).post().status_code == 400
    assert not DeliveryEvent.objects.exists()


def test_several_about_one_person_in_one_call_end_as_one_by_one(recipient):
    sendgrid = BY_NAME["sendgrid"]
    kinds = ["delivered", "bounced", "accepted", "complained"]

    sendgrid.call([sendgrid.event(kind, recipient, number) for number, kind in enumerate(kinds)]).post()

    assert state(recipient) == "bounced"
    assert recipient.complained_at == provider_events.at(3)


def test_five_thousand_in_a_burst_are_all_heard(recipient, django_assert_max_num_queries):
    sendgrid = BY_NAME["sendgrid"]
    strangers = [Recipient(pk=10_000 + number, message_id=f"{number}@other.example") for number in range(4_999)]
    events = [sendgrid.event("delivered", one, number) for number, one in enumerate([*strangers, recipient])]

    with django_assert_max_num_queries(6):
        assert sendgrid.call(events).post().status_code == 200

    assert (DeliveryEvent.objects.count(), state(recipient)) == (5_000, "delivered")
    assert sendgrid.call(events).post().status_code == 200  # and all of it once more
    assert DeliveryEvent.objects.count() == 5_000


def test_a_call_is_answered_only_after_its_events_are_stored(recipient, monkeypatch):
    """While the database is away the provider has to tell us again: all of it, or nothing."""
    from django.db import OperationalError

    from notifications.tracking import sharing

    def away(*_):
        raise OperationalError("terminating connection")

    sendgrid = BY_NAME["sendgrid"]
    call = sendgrid.call([sendgrid.event("bounced", recipient, 1)])
    monkeypatch.setattr(sharing, "keep", away)
    with pytest.raises(OperationalError):
        call.post()
    monkeypatch.undo()

    assert call.post().status_code == 200
    assert state(recipient) == "bounced"


def test_a_held_message_of_postal_is_no_quiet_one(recipient):
    """It is on the suppression list, and nobody will get it unless somebody lets it go."""
    event = BY_NAME["postal"].event("delivered", recipient, 1)
    event["payload"]["status"] = "Held"

    BY_NAME["postal"].call([event]).post()

    assert DeliveryEvent.objects.get().type == "deferred"
