"""Many recipients in one call: each gets the very message that was composed for them, and nobody sees another."""

import dataclasses
import hashlib
import json
from urllib.parse import parse_qs, urlencode

import pytest
from anymail.backends import mailgun as anymail_mailgun
from django.test import override_settings
from hypothesis import given
from hypothesis import strategies as st

from notifications import batches, composing, dispatch, handover, links, providers
from notifications import mailgun as quick
from notifications.composing.batch import joined
from notifications.models import Attempt, Outbox, Recipient
from tests.factories import make_account, make_affected, make_incident, make_many_affected
from tests.notifications.arrange import make_mailing
from tests.notifications.provider_stub import Mailgun, fields_of
from tests.notifications.test_composing import make_recipient

MAILGUN = providers.ADAPTERS["anymail.backends.mailgun.EmailBackend"]
BODY = "Hello {{ name }}\n\nThis is about {{ account }} and the key {{ api_key }}.\n\n- {{ name }}\n\n{{ link }}"


@pytest.fixture
def mailgun(settings):
    settings.EMAIL_BACKEND = "anymail.backends.mailgun.EmailBackend"
    with Mailgun() as mailgun:
        settings.ANYMAIL = mailgun.settings()
        yield mailgun


# Writing -------------------------------------------------------------------------------------------------------


@given(st.text(max_size=100), st.text(max_size=100))
def test_joined_at_the_provider_it_is_what_composing_writes(name, key):
    recipient = make_recipient(BODY, "For {{ name }}, code {{ code }}", name=name, api_key=key)
    try:
        message = composing.compose(recipient)
        part = composing.personal(recipient)
    except (composing.CannotCompose, composing.CannotShare):
        return

    assert joined(part.shared.subject, part.merge) == message.subject
    assert joined(part.shared.text, part.merge) == message.text
    assert joined(part.shared.html, part.merge) == message.html


def test_the_shared_text_holds_nothing_of_anybody():
    part = composing.personal(make_recipient(BODY, name="Canary", account="canary-a", api_key="key-canary"))

    assert "canary" not in repr(part.shared).casefold()


def test_the_hash_covers_the_values_and_the_version_and_not_the_token():
    recipient = make_recipient(BODY, name="A", api_key="one")
    sha256 = composing.personal(recipient).sha256

    recipient.link.serial = 2  # another token
    assert composing.personal(recipient).sha256 == sha256
    recipient.merge["facts"] = {"api_key": "two"}
    assert composing.personal(recipient).sha256 != sha256


@given(st.text(max_size=50))
def test_the_hash_is_that_of_canonical_json(name):
    recipient = make_recipient(BODY, name=name, api_key="k")
    recipient.merge |= {"language": "en", "jurisdictions": ["DE", "FR"]}
    try:
        part = composing.personal(recipient)
    except (composing.CannotCompose, composing.CannotShare):
        return

    mailing = recipient.mailing
    said = {
        "version": mailing.version.sha256, "from": mailing.sender, "reply_to": mailing.reply_to, "merge": part.merge,
        "to": recipient.address.value, "segments": recipient.merge.get("segments", []), "language": "en",
        "jurisdictions": ["DE", "FR"],
    }  # fmt: skip
    canonical = json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    canonical = canonical.replace(links.token(recipient.link), composing.message.TOKEN_MASK)
    assert part.sha256 == hashlib.sha256(canonical.encode()).hexdigest()


@pytest.mark.parametrize("where", ["name", "body"])
def test_what_the_provider_would_take_for_a_place_goes_by_itself(where):
    body = BODY if where == "name" else "100 %recipient.x% of {{ name }}"
    recipient = make_recipient(body, name="%recipient.t1%" if where == "name" else "A", api_key="k")

    with pytest.raises(composing.CannotShare):
        composing.personal(recipient)


# Handing over --------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_window_is_one_call_and_each_reader_gets_their_own_message(mailgun):
    incident = make_incident()
    mailing = make_mailing(incident, make_many_affected(incident, 30))

    assert dispatch.run_lane() == 30

    assert len(mailgun.calls) == 1
    assert set(mailing.recipients.values_list("state", flat=True)) == {"accepted"}
    for recipient in mailing.recipients.select_related("mailing__version", "address", "link"):
        (message,) = [sent for sent in mailgun.sent if sent["to"] == recipient.address.value]
        composed = composing.compose(recipient)
        assert (message["subject"], message["text"], message["html"]) == (
            composed.subject, composed.text, composed.html,
        )  # fmt: skip
        assert message["message_id"] == f"<{recipient.message_id}>"
        assert message["metadata"] == recipient.message_id
        assert message["together"] == 1
        assert recipient.attempts.get().sha256 == composing.personal(recipient).sha256
    assert mailgun.calls[0]["o:tracking-clicks"] == mailgun.calls[0]["o:tracking-opens"] == ["no"]


@pytest.mark.django_db
def test_the_id_of_a_call_is_nobodys_own(mailgun):
    """An event that names it alone must not be taken for one of them."""
    incident = make_incident()
    make_mailing(incident, make_many_affected(incident, 3))

    dispatch.run_lane()

    assert set(Attempt.objects.values_list("provider_id", flat=True)) == {""}
    assert all("20180105.1" in reply for reply in Attempt.objects.values_list("reply", flat=True))


@pytest.mark.django_db
def test_one_bad_address_is_found_and_fails_alone(mailgun):
    incident = make_incident()
    mailing = make_mailing(incident, make_many_affected(incident, 20))
    mailgun.bad = {"owner@acme-0007.example"}

    dispatch.run_lane()

    (failed,) = mailing.recipients.filter(state="failed").select_related("address")
    assert failed.address.value == "owner@acme-0007.example"
    assert mailing.recipients.filter(state="accepted").count() == 19
    assert sorted(sent["to"] for sent in mailgun.sent) == sorted({sent["to"] for sent in mailgun.sent})
    assert len(mailgun.sent) == 19
    assert len(mailgun.calls) < 12


@pytest.mark.django_db
def test_two_accounts_with_one_mailbox_never_share_a_call(mailgun):
    """The merge data goes by address: the second would read the first one's message."""
    incident = make_incident()
    one = make_affected(incident, make_account("one", "shared@x.example"), facts={"api_key": "key-one"})
    two = make_affected(incident, make_account("two", "Shared@x.example"), facts={"api_key": "key-two"})
    make_mailing(incident, [one, two])

    dispatch.run_lane()

    assert len(mailgun.calls) == 2
    assert sorted("key-one" in sent["text"] for sent in mailgun.sent) == [False, True]


@pytest.mark.django_db
@pytest.mark.parametrize("status", [500, 502])
def test_no_answer_to_a_call_leaves_all_of_it_unknown_and_nothing_else(mailgun, status):
    incident = make_incident()
    mailing = make_mailing(incident, make_many_affected(incident, 5))
    mailgun.status = status

    dispatch.run_window(5)

    assert set(mailing.recipients.values_list("state", flat=True)) == {"unknown"}
    assert not Outbox.objects.exists()


@pytest.mark.django_db
def test_a_refused_account_burns_nobody(mailgun):
    incident = make_incident()
    mailing = make_mailing(incident, make_many_affected(incident, 5))
    mailgun.status = 401

    dispatch.run_lane()

    mailing.refresh_from_db()
    assert (mailing.state, set(Recipient.objects.values_list("state", flat=True))) == ("paused", {"queued"})


@pytest.mark.django_db
def test_batches_can_be_switched_off(mailgun, settings):
    settings.SENDING_BATCHES = False
    incident = make_incident()
    make_mailing(incident, make_many_affected(incident, 3))

    dispatch.run_lane()

    assert len(mailgun.calls) == 3
    assert all("recipient-variables" not in call for call in mailgun.calls)


# The guard -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("backend", sorted(providers.ADAPTERS))
def test_only_providers_that_keep_readers_apart_get_several(backend):
    adapter = providers.ADAPTERS[backend]
    one, two = (composing.personal(make_recipient("Hi {{ name }}", to=f"{to}@x.example")) for to in "ab")
    two = dataclasses.replace(two, shared=one.shared)

    if adapter.batch > 1:
        assert batches.build([one, two], adapter).merge_data.keys() == {one.to, two.to}
    else:
        with pytest.raises(batches.ReadersWouldMeet):
            batches.build([one, two], adapter)


def test_a_part_of_a_call_is_never_sent_where_nobody_would_join_it(settings, mailoutbox):
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"

    with pytest.raises(batches.ReadersWouldMeet):
        handover.hand_over([composing.personal(make_recipient("Hi {{ name }}"))])
    assert not mailoutbox


def test_variables_of_a_call_are_for_its_readers_alone(mailgun):
    parts = [composing.personal(make_recipient("Hi {{ name }}", to=f"{to}@x.example")) for to in "abc"]
    with handover.line() as connection:
        handover.hand_over(parts, connection=connection)

    for call in mailgun.calls:
        assert set(json.loads(call["recipient-variables"][0])) == set(call["to"])


# The form ------------------------------------------------------------------------------------------------------


KEYS = {"MAILGUN_API_KEY": "key", "MAILGUN_SENDER_DOMAIN": "mg.relaypost.example"}


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r"), max_size=60))
@override_settings(ANYMAIL=KEYS | {"MAILGUN_SEND_DEFAULTS": {"tags": ["notice", "x=1&y"]}})
def test_the_form_holds_what_anymails_own_would(name):
    recipient = make_recipient(BODY, "For {{ name }}", name=name, api_key="key & one")
    try:
        one = composing.personal(recipient)
    except (composing.CannotCompose, composing.CannotShare):
        return
    readers = [one, dataclasses.replace(one, to="two+a&b@example.org"), dataclasses.replace(one, to="o'x@example.org")]
    message = batches.build(readers, MAILGUN)

    ours = _fields(quick.Backend(), message)
    theirs = _fields(anymail_mailgun.EmailBackend(), message)

    assert isinstance(quick.Backend().build_message_payload(message, {}), quick.Call)
    assert json.loads(ours.pop("recipient-variables")[0]) == json.loads(theirs.pop("recipient-variables")[0])
    assert ours == theirs


@override_settings(ANYMAIL=KEYS)
def test_what_is_no_plain_address_goes_through_anymail():
    one = composing.personal(make_recipient(BODY, name="A", api_key="k"))
    message = batches.build([one, dataclasses.replace(one, to="jürgen@bücher.example")], MAILGUN)

    assert not isinstance(quick.Backend().build_message_payload(message, {}), quick.Call)


def _fields(backend, message):
    params = backend.build_message_payload(message, backend.send_defaults).get_request_params(backend.api_url)
    if isinstance(params["data"], dict):
        return parse_qs(urlencode(params["data"], doseq=True), keep_blank_values=True)
    return fields_of(params["headers"]["Content-Type"], params["data"])
