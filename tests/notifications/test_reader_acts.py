"""What an affected person does: ticks steps, takes a tick back, says they have read it."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from incidents.models import AffectedAccount, StepState
from notifications import links, reading
from notifications.models import ReaderLink
from tests.factories import NOON, make_account, make_address, make_affected
from tests.notifications.arrange import make_mailing
from tests.notifications.reader import _files_apart, make_letter, make_story, open_link, page, publish  # noqa: F401

pytestmark = pytest.mark.django_db


@pytest.fixture
def letter(wanda, anton):
    incident = make_story()
    publish(incident, by=wanda, yes=anton)
    return make_letter(incident)


@pytest.fixture
def steps(letter):
    """Their two steps, in order."""
    return list(letter.incident.steps.exclude(segment__key="billing"))


@pytest.fixture
def reader(letter):
    return open_link(letter)


def save(client: Client, shown, done, **kwargs):
    return client.post("/notice/steps/", {"shown": [step.pk for step in shown], "done": done}, **kwargs)


def states():
    return dict(StepState.objects.values_list("step__title", "state"))


def test_a_tick_is_remembered(reader, steps):
    response = save(reader, steps, [steps[0].pk])

    assert (response.status_code, response["Location"]) == (302, "/notice/")
    notice = page(reader)
    assert "Saved. One step is ticked." in notice
    assert f'value="{steps[0].pk}" checked' in notice
    assert f'value="{steps[1].pk}" checked' not in notice
    assert states() == {"Rotate your API keys": "ticked"}


def test_a_tick_can_be_taken_back(reader, steps):
    save(reader, steps, [steps[0].pk, steps[1].pk])

    save(reader, steps, [steps[1].pk])

    assert states() == {"Rotate your API keys": "open", "Read your logs": "ticked"}


def test_saving_twice_changes_nothing_the_second_time(reader, steps):
    save(reader, steps, [steps[0].pk])
    before = StepState.objects.values().get()

    save(reader, steps, [steps[0].pk])

    assert StepState.objects.values().get() == before


@pytest.mark.parametrize("state", ["verified", "done_for_you"])
@pytest.mark.parametrize("done", [True, False])
def test_what_we_settled_stays_whatever_the_form_says(reader, letter, steps, state, done):
    StepState.objects.create(affected_account=letter.affected_account, step=steps[0], state=state, at=NOON)

    save(reader, steps, [steps[0].pk] if done else [])

    assert states() == {"Rotate your API keys": state}


def test_a_form_made_before_another_step_was_ticked_elsewhere_leaves_that_one_alone(reader, steps):
    save(reader, steps, [steps[1].pk])

    save(reader, steps[:1], [steps[0].pk])

    assert states() == {"Rotate your API keys": "ticked", "Read your logs": "ticked"}


def test_steps_of_others_and_nonsense_are_left_alone(reader, letter, steps):
    theirs = letter.incident.steps.get(segment__key="billing")
    elsewhere = make_story(slug="another").steps.first()

    response = reader.post(
        "/notice/steps/",
        {"shown": [theirs.pk, elsewhere.pk, "x"], "done": [theirs.pk, elsewhere.pk, "x", "-1", "9" * 30, "١"]},
    )

    assert response.status_code == 302
    assert not StepState.objects.exists()


def test_one_readers_pass_ticks_nothing_of_anothers(letter, reader, steps):
    other = make_affected(letter.incident, make_account("contoso", "owner@contoso.example"))
    mailing = make_mailing(letter.incident, [other], kind="follow_up")
    contoso = open_link(mailing.recipients.get())

    save(reader, steps, [steps[1].pk])

    assert "checked" not in page(contoso)
    assert StepState.objects.get().affected_account == letter.affected_account


def test_two_addresses_of_one_account_see_the_same_ticks(letter, reader, steps):
    second = make_address(letter.account, "security@northwind.example", role="security")
    link = links.make_links([(letter.affected_account, second)])[letter.affected_account_id, second.pk]
    other = Client()
    other.post(f"/notice/{links.token(link)}/", HTTP_SEC_FETCH_SITE="same-origin")

    save(reader, steps, [steps[0].pk])

    assert f'value="{steps[0].pk}" checked' in page(other)


def test_without_an_open_notice_nothing_is_saved_and_the_page_says_so(client, letter, steps):
    response = save(client, steps, [steps[0].pk])

    assert response.status_code == 403
    assert "nothing was saved" in response.content.decode()
    assert not StepState.objects.exists()


def test_an_act_needs_a_form_of_ours(letter, steps):
    client = open_link(letter, Client(enforce_csrf_checks=True))

    assert save(client, steps, [steps[0].pk]).status_code == 403
    assert client.post("/notice/read/", {"read": "yes"}).status_code == 403
    assert not StepState.objects.exists()


@pytest.mark.parametrize("path", ["/notice/steps/", "/notice/read/", "/notice/close/"])
def test_acts_are_no_links(reader, path):
    assert reader.get(path).status_code == 405


def test_saying_that_one_has_read_it_is_kept_once(reader):
    reader.post("/notice/read/", {"read": "yes"})
    first = AffectedAccount.objects.get().acknowledged_at
    assert timezone.now() - first < timedelta(minutes=1)
    assert "You told us that you have read it" in page(reader)

    reader.post("/notice/read/", {"read": "yes"})

    assert AffectedAccount.objects.get().acknowledged_at == first
    assert "Nothing has changed" in page(reader)


def test_without_the_tick_nothing_is_acknowledged(reader):
    reader.post("/notice/read/", {})

    assert AffectedAccount.objects.get().acknowledged_at is None
    assert "Nothing was saved" in page(reader)


def test_the_first_opening_keeps_its_moment(letter):
    token = links.token(letter.link)
    reading.open_notice(token, at=NOON)

    reading.open_notice(token)

    link = ReaderLink.objects.get()
    assert (link.first_opened_at, link.opens) == (NOON, 2)
