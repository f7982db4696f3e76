"""The pages around one mailing: whom it goes to, how it goes out, when; and its numbers."""

import re

import pytest
from django.urls import reverse

from accounts.models import Account
from incidents.models import AffectedAccount, Incident
from notifications import mailings
from notifications.mailings import going
from notifications.models import Mailing, Outbox, Recipient
from tests.factories import NOON, make_incident, make_many_affected, make_notice, make_organisation, make_segment


@pytest.fixture
def incident(db):
    make_organisation()
    incident = make_incident(first_published_at=NOON)
    make_many_affected(incident, 12)
    return incident


@pytest.fixture
def prepared(incident, wanda):
    return mailings.prepare(make_notice(incident, wanda), by=wanda)


def to(name, mailing, *args):
    return reverse(f"notifications:{name}", args=[mailing.incident.slug, mailing.number, *args])


def of(name, notice):
    return reverse(f"notifications:{name}", args=[notice.incident.slug, notice.pk])


def text(response):
    return re.sub(r"\s+", " ", re.sub("<[^>]+>", " ", response.content.decode()))


# Whom, how, when ------------------------------------------------------------------------------------------------


def test_a_follow_up_asks_whom_it_goes_to_and_prepares_it(running, wanda, as_user):
    Recipient.objects.update(state="delivered")
    notice = make_notice(running.incident, wanda, kind="follow_up", name="More")
    client = as_user(wanda)

    assert "Say whom it goes to" in text(client.get(of("notice_preview", notice)))
    page = text(client.get(of("notice_prepare", notice)))
    assert "Everyone who was told" in page and "Segment" in page and "Those ruled out" not in page
    said = text(client.post(of("notice_prepare", notice), {"whom": "told", "channel": "email"}, follow=True))

    assert "Goes to 12 people, one address each: everyone who was told." in said


def test_a_step_that_is_not_named_is_asked_for(running, wanda, as_user):
    notice = make_notice(running.incident, wanda, kind="reminder", name="Remember")

    answer = as_user(wanda).post(of("notice_prepare", notice), {"whom": "step", "channel": "email"})

    assert answer.status_code == 422 and "Say which step you mean." in text(answer)


def test_prepared_again_it_goes_to_the_same_set_at_the_same_pace(running, wanda, as_user):
    Recipient.objects.update(state="delivered")
    segment = make_segment(running.incident)
    running.incident.affected_accounts.first().segments.add(segment)
    notice = make_notice(running.incident, wanda, kind="follow_up", name="More")
    mailing = mailings.prepare(notice, by=wanda, to=mailings.To(whom="segment", segment=segment))
    mailings.say_how(mailing, by=wanda, an_hour=7)

    as_user(wanda).post(of("notice_prepare", notice), {"like": mailing.number})

    newest = Mailing.objects.first()
    assert newest.number > mailing.number
    assert (newest.whom_segment, newest.recipients_count, newest.an_hour) == (segment, 1, 7)


def test_how_it_goes_out_is_said_on_a_page_of_its_own(prepared, wanda, as_user):
    client = as_user(wanda)
    page = client.get(to("mailing_how", prepared))
    assert "First to so many people" in text(page)

    said = text(client.post(to("mailing_how", prepared), {
        "canary": 3, "canary_minutes": 45, "over_hours": 4, "from_hour": 8, "to_hour": 18, "bounce_limit": "5",
        "complaint_limit": "0.1", "on_unknown": "hold_for_staff",
    }, follow=True))  # fmt: skip

    assert "3 first, then 45 minutes of waiting" in said and "No more than 3 an hour: about 4 hours." in said
    assert "Only between 08:00 and 18:00 UTC." in said


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"from_hour": 8}, "Give both hours, or none."),
        ({"from_hour": 8, "to_hour": 8}, "Two different hours"),
        ({"from_hour": 8, "to_hour": 31}, "Two different hours"),
        ({"an_hour": 5, "over_hours": 5}, "Say one of the two"),
        ({"an_hour": 0}, "At least one an hour"),
    ],
)
def test_a_pace_that_makes_no_sense_is_refused_in_words(prepared, wanda, as_user, given, words):
    answer = as_user(wanda).post(to("mailing_how", prepared), {
        "canary": 3, "canary_minutes": 45, "bounce_limit": "5", "complaint_limit": "0.1",
        "on_unknown": "hold_for_staff", **given,
    })  # fmt: skip

    assert answer.status_code == 422 and words in text(answer)
    assert Mailing.objects.get().canary == 0


def test_a_mailing_to_many_begins_with_a_few(incident, wanda, as_user):
    AffectedAccount.objects.all().delete()
    Account.objects.all().delete()
    make_many_affected(incident, 200)
    notice = make_notice(incident, wanda)

    said = text(as_user(wanda).post(of("notice_prepare", notice), follow=True))

    assert "50 first, then 30 minutes of waiting" in said


def test_a_start_can_be_set_for_later_and_taken_back(prepared, anton, as_user):
    client = as_user(anton)
    said = text(client.post(to("mailing_schedule", prepared), {"start_at": "2099-01-05T14:05"}, follow=True))
    assert "It starts at 05 January 2099, 14:05 UTC" in said and "Starts by itself at" in said

    said = text(client.post(to("mailing_schedule", prepared), {"never": "1"}, follow=True))

    assert "does not start by itself any more" in said and Mailing.objects.get().scheduled_for is None


def test_the_first_few_and_who_waits_for_them_stand_on_the_page(running, anton, as_user):
    Mailing.objects.update(canary=3)
    Outbox.objects.all().delete()
    going.queue(Mailing.objects.get(), at=NOON)
    client = as_user(anton)

    page = text(client.get(to("mailing", running)))
    assert "The first 3 go out now; then it waits." in page
    asked = text(client.get(to("mailing_rest", running)))
    assert "9 people wait for them to prove harmless" in asked and "Send to the other 9 people now" in asked
    assert Outbox.objects.filter(not_before__gte=going.HELD).count() == 9
    said = text(client.post(to("mailing_rest", running), follow=True))

    assert "It goes on: 9 people more are on their way." in said


def test_where_nobody_waits_for_the_first_nothing_is_asked(running, anton, as_user):
    said = text(as_user(anton).get(to("mailing_rest", running), follow=True))

    assert "Nobody of mailing 1 waits for the first ones." in said


@pytest.mark.parametrize("name", ["mailing_how", "mailing_schedule", "mailing_rest", "mailing_move"])
def test_whoever_only_looks_changes_nothing_of_it(running, otto, as_user, name):
    assert as_user(otto).post(to(name, running)).status_code == 403


def test_numbers_by_provider_and_domain(running, otto, as_user):
    Recipient.objects.filter(pk=running.recipients.first().pk).update(state="bounced")

    said = text(as_user(otto).get(to("mailing", running)))

    assert "acme-0001.example 1 1 bounced" in said and "all others 2 2 queued" in said


def test_the_rest_is_moved_to_the_spare_provider_by_one_deliberate_act(running, anton, as_user, settings):
    settings.SPARE_EMAIL_BACKEND = "anymail.backends.postmark.EmailBackend"
    client = as_user(anton)
    assert "Move the rest" in text(client.get(to("mailing", running)))

    assert "Send to the other 12 people through postmark (spare)" in text(client.get(to("mailing_move", running)))
    said = text(client.post(to("mailing_move", running), {"to": "postmark"}, follow=True))

    assert "Moved: 12 people who wait" in said and Mailing.objects.get().provider == "postmark"


def test_the_provider_is_chosen_where_there_are_two(running, wanda, as_user, settings):
    notice = make_notice(running.incident, wanda)
    assert "Through" not in text(as_user(wanda).get(of("notice_prepare", notice)))
    settings.SPARE_EMAIL_BACKEND = "anymail.backends.postmark.EmailBackend"
    Recipient.objects.update(state="cancelled")

    as_user(wanda).post(of("notice_prepare", notice), {"whom": "owed", "channel": "email", "provider": "postmark"})

    assert Mailing.objects.first().provider == "postmark"


def test_a_provider_that_is_part_of_the_breach_is_refused_at_once(running, wanda, as_user, settings):
    settings.SPARE_EMAIL_BACKEND = "anymail.backends.postmark.EmailBackend"
    Incident.objects.update(exposed_channels=["postmark"])
    notice = make_notice(running.incident, wanda)

    said = as_user(wanda).post(
        of("notice_prepare", notice), {"whom": "owed", "channel": "email", "provider": "postmark"}, follow=True
    )

    assert "is part of this incident" in text(said)


def test_a_mailing_that_waits_for_a_person_stands_on_the_overview(running, anton, as_user):
    mailings.pause(running, by=anton, because="support is full")

    assert "Mailing 1 is paused: support is full" in text(as_user(anton).get(f"/staff/{running.incident.slug}/"))


def test_the_page_is_asked_for_anew_once_nobody_waits_for_the_first(running, anton, as_user):
    Mailing.objects.update(canary=3)
    Outbox.objects.all().delete()
    going.queue(Mailing.objects.get(), at=NOON)
    client, given = as_user(anton), {"state": "running", "waits": "1"}
    assert "HX-Refresh" not in client.get(to("mailing_progress", running), given).headers

    mailings.end_the_wait(running, by=anton)

    assert client.get(to("mailing_progress", running), given).headers["HX-Refresh"] == "true"
