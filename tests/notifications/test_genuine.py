"""Is this notice genuine? Whoever holds a code learns when we sent it, and nothing about whom."""

import pytest
from django.test import Client

from incidents.models import Incident
from notifications import links
from notifications.models import Attempt, Recipient, SendBatch
from tests.factories import NOON, make_incident
from tests.notifications.arrange import make_recipient
from tests.notifications.reader import OURS, _files_apart, make_letter, make_story, publish  # noqa: F401

pytestmark = pytest.mark.django_db


@pytest.fixture
def sent():
    """Accepted by the provider; the incident has no public page."""
    return make_recipient(make_incident(visibility="told_only"), state="accepted", state_at=NOON)


def ask(code: str, client: Client | None = None) -> str:
    response = (client or Client()).post("/genuine/", {"code": code}, **OURS)
    assert response.status_code == 200
    return " ".join(response.content.decode().split())


def test_a_message_of_ours_is_told_with_its_moment_and_sender(sent):
    answer = ask(sent.code)

    assert "Yes. We sent a message with this code" in answer
    assert "12:00 UTC, 14 March 2026" in answer
    assert "security@relaypost.example" in answer


def test_the_answer_names_nobody(sent):
    answer = ask(sent.code)

    for theirs in ("northwind", "Northwind", "owner@", "key-…4f2", links.token(sent.link)):
        assert theirs not in answer


def test_a_subject_that_names_the_account_is_told_without_it(sent):
    version = sent.mailing.version
    version.pk, version.number, version.sha256 = None, 2, "1" * 64
    version.subject = "Keys of {{ account }}: notice of {{ organisation }}, {{ code }}"
    version.save()
    type(sent.mailing).objects.update(version=version)

    assert f"Keys of …: notice of Relaypost, {sent.code}" in ask(sent.code)


def test_the_incident_is_named_only_once_it_is_public(wanda, anton):
    incident = make_story()
    letter = make_letter(incident)
    assert "API keys of some customers" not in ask(letter.code)

    publish(incident, by=wanda, yes=anton)
    Incident.objects.update(title="A draft title")

    answer = ask(letter.code)
    assert "API keys of some customers were exposed" in answer
    assert 'href="http://localhost:8000/incidents/api-keys-2018/"' in answer
    assert "A draft title" not in answer


def test_an_incident_told_only_is_not_named(wanda, anton, sent):
    incident = make_story(slug="told", visibility="told_only", title="What we told some")
    publish(incident, by=wanda, yes=anton)
    Recipient.objects.update(incident=incident)

    assert "What we told some" not in ask(sent.code)


def test_a_code_may_be_typed_as_people_type(sent):
    assert "Yes." in ask(f"  {sent.code.lower().replace('-', ' ')} ")


@pytest.mark.parametrize("typed", ["", "   ", "---"])
def test_nothing_typed_is_asked_for(client, typed):
    assert "Type the code first" in ask(typed)


def test_a_typing_mistake_is_told_apart_from_a_code_that_is_not_ours(sent):
    wrong = ("2" if sent.code[0] != "2" else "3") + sent.code[1:]

    answer = ask(wrong)

    assert "typing mistake" in answer
    assert "We have no message" not in answer


def test_a_code_of_another_length_says_how_many_are_missing():
    assert "This has 8 letters and figures; our codes have 12." in ask("K7QF-2M9D")
    assert "This has 1 letter or figure; our codes have 12." in ask("K")


def test_a_code_that_is_not_ours_says_so_and_whom_to_tell(sent):
    answer = ask(links.new_code())

    assert "We have no message with this code" in answer
    assert "mailto:security@relaypost.example" in answer


@pytest.mark.parametrize("state", ["prepared", "queued", "sending", "cancelled", "failed"])
def test_a_message_that_has_not_left_the_house_is_not_ours_yet(sent, state):
    Recipient.objects.update(state=state)

    assert "We have no message with this code" in ask(sent.code)


@pytest.mark.parametrize("state", ["accepted", "delivered", "bounced", "unknown", "unconfirmed"])
def test_a_message_that_left_or_may_have_left_is_ours(sent, state):
    Recipient.objects.update(state=state)

    assert "Yes." in ask(sent.code)


@pytest.mark.parametrize(
    ("outcome", "ours"), [("", True), ("accepted", True), ("unknown", True), ("retry", False), ("released", False)]
)
def test_a_reader_may_be_faster_than_our_own_record(sent, outcome, ours):
    Recipient.objects.update(state="sending")
    batch = SendBatch.objects.create(provider="smtp", handed_over_at=NOON)
    Attempt.objects.create(recipient=sent, number=1, batch=batch, outcome=outcome)

    assert ("Yes." in ask(sent.code)) is ours


def test_a_drill_never_left_the_house(sent):
    Incident.objects.update(drill=True)

    assert "We have no message with this code" in ask(sent.code)


def test_the_form_carries_no_authority_and_puts_nothing_in_the_address(client, sent):
    form = client.get("/genuine/", {"code": sent.code})

    assert sent.code not in form.content.decode()
    assert "csrf" not in form.content.decode()
    assert not client.cookies
    assert Client(enforce_csrf_checks=True).post("/genuine/", {"code": sent.code}, **OURS).status_code == 200


def test_what_was_typed_comes_back_as_text_alone():
    answer = ask('"><script>alert(1)</script>')

    assert "<script>alert" not in answer


@pytest.mark.parametrize("typed", ["\x00", "🙂" * 12, "x" * 100_000, "\ud7ff" * 12])
def test_odd_texts_get_words(typed):
    assert "our codes have 12" in ask(typed) or "typing mistake" in ask(typed) or "Type the code" in ask(typed)
