"""Sections of guidance: the same acts on every kind of row."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts import approvals
from accounts.models import AuditEntry
from incidents import casefile, drafting
from incidents.forms.moments import NotAMoment, parse
from incidents.models import Indicator, Measure, ScopeEstimate, Segment, Step, TimelineEvent
from incidents.views.guidance import SECTIONS
from tests.factories import NOON, make_affected, make_event, make_incident, make_segment, make_step

pytestmark = pytest.mark.django_db

WHEN = {"date": "2018-01-03", "time": "", "zone": "UTC", "unknown_because": ""}
FILLED = {
    "exposures": {"data_class": "API keys", "segment": "", "status": "confirmed", "note": "", "veris": ""},
    "segments": {"name": "API customers", "key": "api", "guidance": "Rotate.", "receives_notice": "on"},
    "steps": {"title": "Rotate your API keys", "segment": "", "due_at": "2018-01-08T12:00", "for_affected_only": "on"},
    "measures": {"text": "We closed the way in.", **WHEN},
    "events": {"text": "We noticed.", "kind": "detection", "marks": "detected", "ends": "", "note": "", **WHEN},
    "estimates": {
        "bound": "less_than", "value": "1", "unit": "percent", "of_what": "customers", "certainty": "potential",
        "words": "", "basis": "", "revises": "", **WHEN,
    },
    "indicators": {"kind": "ipv4", "value": "192.0.2.7", "note": ""},
    "faq": {"question": "Am I affected?", "answer": ""},
    "contacts": {"role": "security", "value": "security@relaypost.example", "label": ""},
    "references": {"url": "https://relaypost.example/security", "label": ""},
}  # fmt: skip


@pytest.fixture
def incident():
    return make_incident()


def at(name, incident, section, *more):
    return reverse(f"incidents:{name}", args=[incident.slug, section, *more])


def rows(incident, section):
    return getattr(incident, SECTIONS[section].related).all()


def queries(client, address) -> int:
    """Of a page that was opened before, so that what is remembered per session does not count."""
    client.get(address)
    with CaptureQueriesContext(connection) as captured:
        assert client.get(address).status_code == 200
    return len(captured)


def test_an_edit_says_that_it_ends_the_request_that_waits(as_user, wanda, incident):
    approvals.ask(act="publish", thing=incident, hashes={"content": "a" * 64}, by=wanda, summary="Publish", page="/")
    client = as_user(wanda)

    asks = client.get(at("row_new", incident, "contacts"))
    first = client.post(at("row_new", incident, "contacts"), FILLED["contacts"], follow=True)
    second = client.post(at("row_new", incident, "indicators"), FILLED["indicators"], follow=True)

    assert "saving ends the request" in asks.text
    assert "This ended the request to publish" in first.text
    assert "This ended the request to publish" not in second.text


@pytest.mark.parametrize("section", SECTIONS)
def test_every_section_takes_a_row_and_lists_it(as_user, wanda, incident, section):
    assert "nothing yet" in as_user(wanda).get(at("section", incident, section)).text

    answer = as_user(wanda).post(at("row_new", incident, section), FILLED[section], follow=True)

    row = rows(incident, section).get()
    assert answer.status_code == 200
    assert f'id="row-{row.pk}"' in answer.text
    assert AuditEntry.objects.get().act.endswith(".added")


@pytest.mark.parametrize("section", SECTIONS)
def test_opening_a_row_and_saving_it_unchanged_changes_nothing(as_user, wanda, section):
    """What a form shows is what it would save: no moment, zone or segment is lost on the way."""
    incident = casefile.load(casefile.named("dropbox-sign-2024-04"))
    row = rows(incident, section).first() or rows(casefile.load(casefile.named("circleci-2023-01")), section).first()
    incident = row.incident
    before = casefile.read(incident)
    form = SECTIONS[section].form(instance=row)
    sent = {bound.name: bound.value() for bound in form}
    sent = {
        name: value.strftime("%Y-%m-%dT%H:%M") if isinstance(value, datetime) else "on" if value is True else value
        for name, value in sent.items()
        if value is not None and value is not False
    }

    answer = as_user(wanda).post(at("row_edit", incident, section, row.pk), sent)

    assert answer.status_code == 302
    assert casefile.read(incident) == before


@pytest.mark.parametrize("section", SECTIONS)
def test_deleting_asks_first_and_is_logged(as_user, wanda, incident, section):
    as_user(wanda).post(at("row_new", incident, section), FILLED[section])
    row = rows(incident, section).get()

    assert "Keep it" in as_user(wanda).get(at("row_delete", incident, section, row.pk)).text
    assert rows(incident, section).exists()

    as_user(wanda).post(at("row_delete", incident, section, row.pk))
    assert not rows(incident, section).exists()
    assert AuditEntry.objects.latest("number").act.endswith(".deleted")


def test_guidance_opens_on_what_was_exposed_with_all_counts(as_user, otto):
    incident = casefile.load(casefile.named("mailgun-2018-01"))

    page = as_user(otto).get(reverse("incidents:guidance", args=[incident.slug])).text

    assert "Billing data" in page
    assert 'Questions <span class="count">6</span>' in page


@pytest.mark.parametrize("section", SECTIONS)
def test_a_long_section_costs_no_more_queries_than_an_empty_one(as_user, otto, incident, section):
    full = casefile.load(casefile.named("circleci-2023-01"))

    empty = queries(as_user(otto), at("section", incident, section))
    assert queries(as_user(otto), at("section", full, section)) == empty


def test_steps_move_up_and_down_and_stop_at_the_ends(as_user, wanda, incident):
    first, second = make_step(incident, "First", position=1), make_step(incident, "Second", position=2)

    as_user(wanda).post(at("row_move", incident, "steps", second.pk), {"to": "up"})
    assert [step.title for step in incident.steps.all()] == ["Second", "First"]

    page = as_user(wanda).post(at("row_move", incident, "steps", first.pk), {"to": "down"}, follow=True)
    assert "already stands last" in page.text


def test_dates_move_only_among_equal_moments(as_user, wanda, incident):
    make_event(incident, "Early", at=NOON - timedelta(days=1), position=1)
    make_event(incident, "One of two", position=2)
    make_event(incident, "Two of two", position=3)

    page = as_user(wanda).get(at("section", incident, "events")).text

    assert 'Up<span class="visually-hidden">: Two of two' in page
    assert 'Down<span class="visually-hidden">: One of two' in page
    assert 'Down<span class="visually-hidden">: Early' not in page
    assert 'Up<span class="visually-hidden">: One of two' not in page


def test_holding_back_is_marked_and_undone(as_user, wanda, incident):
    step = make_step(incident)

    page = as_user(wanda).post(at("row_hold", incident, "steps", step.pk), {"held": "yes"}, follow=True).text
    assert "held back" in page
    assert Step.objects.get().held_back

    as_user(wanda).post(at("row_hold", incident, "steps", step.pk), {"held": "no"})
    assert not Step.objects.get().held_back


@pytest.mark.parametrize(("held", "state"), [(False, "void"), (True, "open")])
def test_an_edit_ends_the_approval_unless_the_row_is_held_back(as_user, wanda, incident, held, state):
    step = make_step(incident, held_back=held)
    approval = approvals.ask(act="publish", thing=incident, hashes={"content": "a"}, summary="Publish", by=wanda)

    as_user(wanda).post(
        at("row_edit", incident, "steps", step.pk), FILLED["steps"] | {"started_from": 0, "title": "Rotate now"}
    )

    approval.refresh_from_db()
    assert Step.objects.get().title == "Rotate now"
    assert approval.state == state


def test_the_second_of_two_writers_sees_both_texts(as_user, wanda, anton, incident):
    event = make_event(incident, "As it was.")
    sent = FILLED["events"] | {"started_from": 0}
    as_user(anton).post(at("row_edit", incident, "events", event.pk), sent | {"text": "Anton wrote."})

    page = as_user(wanda).post(at("row_edit", incident, "events", event.pk), sent | {"text": "Wanda wrote."})

    assert page.status_code == 409
    assert "Anton wrote." in page.text
    assert "Wanda wrote." in page.text
    assert TimelineEvent.objects.get().text == "Anton wrote."


def test_a_row_moved_while_somebody_saves_it_keeps_its_new_place(wanda, incident):
    first, _ = make_step(incident, "First", position=1), make_step(incident, "Second", position=2)
    opened = Step.objects.get(pk=first.pk)
    drafting.move(first, up=False, by=wanda)

    opened.title = "Changed"
    drafting.save(opened, changed=["title"], started_from=0, by=wanda)

    assert [step.title for step in incident.steps.all()] == ["Second", "Changed"]


def test_a_segment_that_accounts_belong_to_is_not_deleted(as_user, wanda, incident):
    segment = make_segment(incident)
    make_affected(incident, segments=[segment])

    page = as_user(wanda).post(at("row_delete", incident, "segments", segment.pk), follow=True).text

    assert "Nothing was deleted." in page
    assert Segment.objects.exists()


def test_deleting_a_segment_says_what_goes_with_it(as_user, wanda, incident):
    segment = make_segment(incident)
    make_step(incident, segment=segment)

    assert "1 steps" in as_user(wanda).get(at("row_delete", incident, "segments", segment.pk)).text


def test_a_segment_of_another_incident_cannot_be_chosen(as_user, wanda, incident):
    foreign = make_segment(make_incident("another"))

    page = as_user(wanda).post(at("row_new", incident, "steps"), FILLED["steps"] | {"segment": foreign.pk})

    assert page.status_code == 422
    assert not Step.objects.exists()


@pytest.mark.parametrize(
    ("section", "fields", "words"),
    [
        ("events", {"date": ""}, "Say when it was"),
        ("events", {"time": "25:00"}, "Write the time as 16:35"),
        ("events", {"date": "2018", "time": "10:00"}, "A time needs a whole date"),
        ("events", {"zone": "Middle Earth"}, "We do not know the zone"),
        ("events", {"ends": "2018-01-02"}, "It ends before it began"),
        ("events", {"unknown_because": "Nobody looked."}, "There is a date."),
        ("estimates", {"value": ""}, "Write the number"),
        ("estimates", {"value": "101"}, "More than 100 percent"),
        ("estimates", {"value": "-1"}, "Fewer than nobody"),
        ("measures", {"due_at": "2018-02-01T12:00"}, "Only a promise falls due"),
    ],
)
def test_what_cannot_be_is_refused_in_words(as_user, wanda, incident, section, fields, words):
    page = as_user(wanda).post(at("row_new", incident, section), FILLED[section] | fields)

    assert page.status_code == 422
    assert words in page.text
    assert not rows(incident, section).exists()


@pytest.mark.parametrize("section", ["exposures", "segments", "events", "indicators"])
def test_the_same_row_twice_is_refused_in_words(as_user, wanda, incident, section):
    as_user(wanda).post(at("row_new", incident, section), FILLED[section])

    page = as_user(wanda).post(at("row_new", incident, section), FILLED[section])

    assert page.status_code == 422
    assert "already" in page.text
    assert rows(incident, section).count() == 1


def test_a_moment_not_known_keeps_the_reason(as_user, wanda, incident):
    as_user(wanda).post(
        at("row_new", incident, "events"),
        FILLED["events"] | {"date": "", "unknown_because": "The logs were not kept."},
    )

    event = TimelineEvent.objects.get()
    assert (event.at, event.precision, event.unknown_because) == (None, "unknown", "The logs were not kept.")


def test_a_promise_needs_no_date(as_user, wanda, incident):
    as_user(wanda).post(
        at("row_new", incident, "measures"), FILLED["measures"] | {"date": "", "promised": "on", "due_at": ""}
    )

    assert Measure.objects.get().promised


def test_a_newer_estimate_revises_the_older_one(as_user, wanda, incident):
    as_user(wanda).post(at("row_new", incident, "estimates"), FILLED["estimates"])
    first = ScopeEstimate.objects.get()

    as_user(wanda).post(
        at("row_new", incident, "estimates"), FILLED["estimates"] | {"value": "0.5", "revises": first.pk}
    )
    page = as_user(wanda).post(at("row_new", incident, "estimates"), FILLED["estimates"] | {"revises": first.pk})

    assert ScopeEstimate.objects.get(revises=first).value == pytest.approx(0.5)
    assert "Another estimate already replaces that one" in page.text
    assert (
        "Nothing was deleted"
        in as_user(wanda).post(at("row_delete", incident, "estimates", first.pk), follow=True).text
    )


def test_a_defanged_domain_is_kept_as_it_is(as_user, wanda, incident):
    as_user(wanda).post(
        at("row_new", incident, "indicators"), {"kind": "domain", "value": "evil[.]example", "note": ""}
    )

    assert Indicator.objects.get().value == "evil.example"


@pytest.mark.parametrize(
    ("date", "time", "zone", "precision", "moment"),
    [
        ("2018", "", "UTC", "year", datetime(2018, 1, 1, tzinfo=UTC)),
        ("2018-01", "", "UTC", "month", datetime(2018, 1, 1, tzinfo=UTC)),
        ("2018-01-03", "", "PT", "day", datetime(2018, 1, 3, 8, tzinfo=UTC)),
        ("2024-05-01", "13:30", "PT", "minute", datetime(2024, 5, 1, 20, 30, tzinfo=UTC)),
        ("2024-05-01", "13:30:05", "+02:00", "second", datetime(2024, 5, 1, 11, 30, 5, tzinfo=UTC)),
        ("2024-05-01", "13:30", "Europe/Berlin", "minute", datetime(2024, 5, 1, 11, 30, tzinfo=UTC)),
    ],
)
def test_a_moment_is_known_as_exactly_as_it_is_typed(date, time, zone, precision, moment):
    typed = parse(date=date, time=time, zone=zone)

    assert (typed.at, typed.precision, typed.zone) == (moment, precision, zone)


@pytest.mark.parametrize("hour", ["02:30 2024-03-31", "02:30 2024-10-27"])
def test_an_hour_at_which_the_clocks_change_asks_for_the_offset(hour):
    time, date = hour.split()

    with pytest.raises(NotAMoment, match="clocks change"):
        parse(date=date, time=time, zone="Europe/Berlin")


def test_an_unknown_section_is_not_found(as_user, wanda, incident):
    assert as_user(wanda).get(at("section", incident, "weather")).status_code == 404


def test_acts_that_change_need_a_post_and_a_writer(as_user, otto, wanda, incident):
    step = make_step(incident)

    for name in ("row_move", "row_hold"):
        assert as_user(wanda).get(at(name, incident, "steps", step.pk)).status_code == 405
    for name in ("row_move", "row_hold", "row_edit", "row_delete"):
        assert as_user(otto).post(at(name, incident, "steps", step.pk), {"to": "up", "held": "yes"}).status_code == 403
    assert as_user(otto).post(at("row_new", incident, "steps"), FILLED["steps"]).status_code == 403
    assert Step.objects.get().edits == 0
