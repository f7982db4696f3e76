"""The staff page of one mailing: ask, start, watch, stop, settle."""

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts import approvals
from incidents import publishing
from notifications import mailings
from notifications.mailings import going
from notifications.models import Mailing, Outbox, Recipient
from notifications.views import bar
from tests.factories import (
    NOON,
    make_account,
    make_affected,
    make_incident,
    make_many_affected,
    make_notice,
    make_organisation,
    make_step,
    make_update,
)
from tests.notifications.reader import publish


@pytest.fixture
def incident(db):
    make_organisation()
    incident = make_incident(first_published_at=NOON)
    make_many_affected(incident, 12)
    return incident


@pytest.fixture
def prepared(incident, wanda):
    return mailings.prepare(make_notice(incident, wanda), by=wanda)


def say(incident, wanda, anton):
    make_update(incident)
    publish(incident, by=wanda, yes=anton)


def to(name, mailing, *args):
    return reverse(f"notifications:{name}", args=[mailing.incident.slug, mailing.number, *args])


def text(response):
    return re.sub(r"\s+", " ", re.sub("<[^>]+>", " ", response.content.decode()))


def test_the_page_says_how_many_get_it_and_how_many_cannot_be_reached(incident, wanda, as_user):
    make_affected(incident, make_account("lost", None))
    mailing = mailings.prepare(make_notice(incident, wanda), by=wanda)
    client = as_user(wanda)

    said = text(client.get(to("mailing", mailing)))

    assert "Goes to 12 people, one address each: everyone owed a notice who does not have this one yet." in said
    assert "1 account has no address that can be reached." in said
    assert "All 12 messages can be written." in said
    assert "lost" in text(client.get(to("mailing_unreachable", mailing)))


def test_problems_name_the_rows_and_nobody_can_be_asked(incident, wanda, as_user):
    make_affected(incident, make_account("poor", "it@poor.example"), facts={})
    mailing = mailings.prepare(make_notice(incident, wanda, body="Key {{ api_key }}"), by=wanda)
    client = as_user(wanda)

    page = client.get(to("mailing", mailing))
    asked = client.post(to("mailing_ask", mailing), follow=True)

    assert "There is no api_key for this account. (api_key) Concerns poor" in text(page)
    assert "Ask for approval" not in text(page)
    assert "1 message cannot be written." in text(asked)
    assert approvals.living("mail", mailing) is None


def test_from_asking_to_starting_every_step_says_what_happened(prepared, wanda, anton, as_user):
    writer, approver = as_user(wanda), as_user(anton)

    assert "A second person is asked." in text(writer.post(to("mailing_ask", prepared), follow=True))
    approvals.answer(approvals.living("mail", prepared), yes=True, by=anton)
    assert "Send to 12 people" in text(approver.get(to("mailing", prepared)))
    asks = text(approver.get(to("mailing_start", prepared)))
    assert "Subject Security notice, reference TEST-TEST-TEST" in asks
    assert "Approved by Anton Approver" in asks and "What is sent cannot be taken back" in asks
    assert not Outbox.objects.exists()

    assert "Started: 12 people queued." in text(approver.post(to("mailing_start", prepared), follow=True))
    assert Outbox.objects.count() == 12


def test_what_the_page_does_not_say_yet_is_named_wherever_one_decides(incident, wanda, anton, as_user):
    make_step(incident)
    say(incident, wanda, anton)
    make_step(incident, "Change your SMTP password")
    notice = make_notice(incident, wanda, body="{{ steps }}")
    writer = as_user(wanda)

    prepared = writer.post(reverse("notifications:notice_prepare", args=[incident.slug, notice.pk]), follow=True)
    mailing = Mailing.objects.get()
    asked = writer.post(to("mailing_ask", mailing), follow=True)
    approvals.answer(approvals.living("mail", mailing), yes=True, by=anton)
    starts = as_user(anton).get(to("mailing_start", mailing))

    for page in (prepared, asked, starts):
        assert "The page does not say this yet: the step “Change your SMTP password”." in text(page)
    assert "Rotate your API keys”" not in text(prepared)


def test_a_step_in_other_words_than_on_the_page_is_named(incident, wanda, anton):
    step = make_step(incident, how="Under Settings.", due_at=NOON)
    say(incident, wanda, anton)
    notice = make_notice(incident, wanda, body="{{ steps }}")

    assert mailings.ahead_of_the_page(mailings.draft(notice)) == []

    step.how = "Under Account."
    step.save()
    assert mailings.ahead_of_the_page(mailings.draft(notice)) == ["the step “Rotate your API keys” in these words"]


def test_drafts_that_a_notice_does_not_use_are_no_matter(incident, wanda, anton):
    say(incident, wanda, anton)
    make_step(incident)

    assert mailings.ahead_of_the_page(mailings.draft(make_notice(incident, wanda))) == []


def test_the_page_says_at_once_that_writing_has_begun_and_has_not_ended(approved, wanda, anton, as_user):
    say(approved.incident, wanda, anton)
    client = as_user(anton)

    client.post(to("mailing_start", approved))
    begun = publishing.latest(approved.incident)
    client.post(to("mailing_cancel", approved), {"because": "wrong text"})

    assert begun.telling["state"] == "under_way"
    assert publishing.latest(approved.incident).telling["state"] == "under_way"


def test_starting_twice_says_who_was_first(running, ada, as_user):
    said = text(as_user(ada).post(to("mailing_start", running), follow=True))

    assert "is already going out: Anton Approver started it at" in said
    assert Outbox.objects.count() == 12


def test_whoever_is_asked_reads_the_words_before_the_answer(prepared, wanda, anton, as_user):
    mailings.ask(prepared, by=wanda)

    said = text(as_user(anton).get(to("mailing", prepared)))

    assert said.index(prepared.version.body.split()[0]) < said.index("Words to go with your answer")
    assert prepared.version.subject in said


def test_starting_without_a_yes_says_what_is_missing(prepared, anton, as_user):
    assert "Nobody has been asked to approve this yet." in text(
        as_user(anton).post(to("mailing_start", prepared), follow=True)
    )


def test_the_page_is_refused_in_words_before_the_incident_is_public(prepared, wanda, as_user):
    prepared.incident.first_published_at = None
    prepared.incident.save()

    assert "The page is not public yet" in text(as_user(wanda).post(to("mailing_ask", prepared), follow=True))


def test_pause_resume_and_cancel_say_the_counts(running, anton, as_user):
    client = as_user(anton)

    assert "Paused. 0 are sent, 12 people wait; 0 messages under way" in text(
        client.post(to("mailing_pause", running), follow=True)
    )
    assert "It goes on: 12 people left." in text(client.post(to("mailing_resume", running), follow=True))
    assert "Do not send to 12 people" in text(client.get(to("mailing_cancel", running)))
    assert Mailing.objects.get().state == "running"
    said = text(client.post(to("mailing_cancel", running), {"because": "wrong text"}, follow=True))
    assert (
        "Cancelled: 0 are sent, 12 people stay unsent" in said
        and "was prepared for 12" in said
        and "wrong text" in said
    )
    assert "it is cancelled" in text(client.post(to("mailing_resume", running), follow=True))


def test_cancelling_needs_a_reason(running, anton, as_user):
    response = as_user(anton).post(to("mailing_cancel", running), {"because": " "})

    assert response.status_code == 200
    assert Mailing.objects.get().state == "running"


def test_progress_has_a_bar_counts_in_words_and_refreshes_itself(running, otto, as_user):
    rows = list(running.recipients.all())
    for row, state in zip(rows, ["delivered", "delivered", "accepted", "bounced", "unknown"], strict=False):
        Recipient.objects.filter(pk=row.pk).update(state=state)
    client = as_user(otto)

    page = client.get(to("mailing", running))
    part = client.get(to("mailing_progress", running), {"state": "running"})

    assert "2 delivered 1 accepted 1 unknown 1 bounced 7 queued" in text(page)
    assert 'http-equiv="refresh"' in page.content.decode() and 'hx-trigger="every 2s"' in page.content.decode()
    assert "style=" not in page.content.decode()
    assert "<html" not in part.content.decode() and "2 delivered" in text(part)
    assert "HX-Refresh" not in part.headers
    Mailing.objects.update(state="finished")
    assert client.get(to("mailing_progress", running), {"state": "running"}).headers["HX-Refresh"] == "true"


def test_a_finished_mailing_shows_sums_that_add_up(running, otto, as_user):
    ids = list(running.recipients.values_list("pk", flat=True))
    Recipient.objects.filter(pk__in=ids[:9]).update(state="delivered")
    Recipient.objects.filter(pk__in=ids[9:]).update(state="failed", reason="Mailbox does not exist")
    Mailing.objects.update(state="finished")

    said = text(as_user(otto).get(to("mailing", running)))

    assert "told: it arrived, or a letter is on record 9" in said and "could not be written 3" in said
    assert "together, the people it was prepared for 12" in said
    assert "3 not reached by mail" in said


def test_a_pause_names_who_paused_once(running, anton, as_user):
    as_user(anton).post(to("mailing_pause", running))

    assert f"Paused: by {anton.get_full_name()}" in text(as_user(anton).get(to("mailing", running)))


def test_recipients_are_listed_by_state_fifty_a_page_without_addresses(incident, running, otto, as_user):
    failed = running.recipients.first()
    Recipient.objects.filter(pk=failed.pk).update(state="failed", reason="Mailbox does not exist")
    client = as_user(otto)

    said = text(client.get(to("mailing_recipients", running), {"state": "failed"}))

    assert str(failed.account) in said and "Mailbox does not exist" in said
    assert "acme-0002" not in said and "@acme" not in said
    assert "acme-0002" in text(client.get(to("mailing_recipients", running), {"state": "nonsense", "page": "x"}))


def test_an_unknown_is_settled_by_its_name_after_a_page_that_asks(running, anton, as_user):
    first = running.recipients.first()
    running.recipients.filter(pk=first.pk).update(state="unknown")
    client = as_user(anton)
    assert f'name="recipient" value="{first.pk}"' in client.get(to("mailing", running)).content.decode()

    asked = client.post(to("mailing_settle_unknown", running), {"answer": "leave", "recipient": first.pk})

    assert "Leave 1 person unconfirmed" in text(asked)
    first.refresh_from_db()
    assert first.state == "unknown"


def test_a_letter_goes_through_no_mail_provider(prepared, wanda, as_user):
    Mailing.objects.update(channel="post")

    said = text(as_user(wanda).get(to("mailing", prepared)))

    assert "printed and posted by us" in said and "through smtp" not in said


def test_an_answer_nobody_offered_decides_nothing(running, anton, as_user):
    first = running.recipients.first()
    running.recipients.filter(pk=first.pk).update(state="unknown")
    given = {"answer": "recent", "recipient": first.pk, "sure": "1"}

    said = as_user(anton).post(to("mailing_settle_unknown", running), given, follow=True)

    assert "say what became of the message" in text(said)
    first.refresh_from_db()
    assert first.state == "unknown"


def test_a_pause_among_the_first_few_need_not_end_their_trial(running, anton, as_user):
    Mailing.objects.update(canary=3, canary_wait=timedelta(minutes=1))
    Outbox.objects.filter(recipient__in=running.recipients.all()[3:]).update(not_before=going.HELD)
    client = as_user(anton)
    client.post(to("mailing_pause", running))

    assert "Go on" in text(client.get(to("mailing", running)))
    client.post(to("mailing_resume", running))

    running.refresh_from_db()
    assert (running.state, running.canary_passed_at) == ("running", None)
    assert Outbox.objects.filter(not_before__gte=going.HELD).count() == 9


def test_where_the_first_few_made_it_hold_only_a_deliberate_word_goes_on(running, anton, as_user):
    Mailing.objects.update(canary=3, state="paused", paused_because="Of the first 3, 1 were refused or came back.")
    Outbox.objects.filter(recipient__in=running.recipients.all()[3:]).update(not_before=going.HELD)
    Recipient.objects.filter(pk=running.recipients.first().pk).update(state="bounced")

    said = text(as_user(anton).get(to("mailing", running)))

    assert "Go on" not in said and "The rest waits for a person" in said


POSTS = ["mailing_ask", "mailing_start", "mailing_pause", "mailing_resume", "mailing_cancel"]
PAGES = ["mailing", "mailing_progress", "mailing_recipients", "mailing_unreachable"]


def test_an_auditor_looks_and_does_nothing(prepared, otto, as_user):
    client = as_user(otto)

    assert [client.get(to(name, prepared)).status_code for name in PAGES] == [200] * 4
    assert [client.post(to(name, prepared)).status_code for name in POSTS] == [403] * 5
    assert client.post(to("mailing_settle_unknown", prepared)).status_code == 403


def test_a_writer_asks_and_does_not_send(approved, wanda, as_user):
    client = as_user(wanda)

    assert [client.post(to(name, approved)).status_code for name in POSTS[1:]] == [403] * 4
    assert "Send to 12 people" not in text(client.get(to("mailing", approved)))


def test_a_stranger_gets_nowhere(prepared, stranger, as_user, client):
    assert [as_user(stranger).get(to(name, prepared)).status_code for name in PAGES] == [403] * 4
    assert client.get(to("mailing", prepared)).status_code == 302


def test_nothing_happens_by_get(approved, anton, as_user):
    client = as_user(anton)
    for name in ("mailing_ask", "mailing_pause", "mailing_resume"):
        assert client.get(to(name, approved)).status_code == 405
    client.get(to("mailing_start", approved))
    client.get(to("mailing_cancel", approved))

    assert Mailing.objects.get().state == "prepared"


@pytest.mark.parametrize("name", PAGES)
def test_pages_cost_the_same_queries_for_few_and_for_many(incident, wanda, as_user, name):
    client, costs = as_user(wanda), []
    for more in (2, 20):
        for number in range(more):
            key = f"more-{more}-{number}"
            make_affected(incident, make_account(key, f"x@{key}.example" if number % 2 else None))
        mailing = mailings.prepare(make_notice(incident, wanda), by=wanda)
        client.get(to(name, mailing))  # the first visit also notes the session
        with CaptureQueriesContext(connection) as queries:
            assert client.get(to(name, mailing)).status_code == 200
        costs.append(len(queries))

    assert costs[0] == costs[1]


def test_the_bar_is_a_hundred_wide_and_shows_even_one_in_a_million():
    pieces = bar.pieces({"delivered": 1_000_000, "unknown": 1, "queued": 0})

    assert [(piece.state, piece.count) for piece in pieces] == [("delivered", 1_000_000), ("unknown", 1)]
    assert float(pieces[1].width[:-1]) >= 0.39
    assert sum(float(piece.width[:-1]) for piece in pieces) == pytest.approx(100, abs=0.05)
    assert bar.pieces({}) == []
