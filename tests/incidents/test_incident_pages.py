"""The list of incidents, a new one, and its frame."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts import approvals
from accounts.models import AuditEntry
from incidents.models import Incident
from tests.factories import NOON, make_incident, make_update

pytestmark = pytest.mark.django_db

INDEX = reverse("incidents:index")
NEW = reverse("incidents:new")


def frame(incident, **fields):
    """What the edit form sends."""
    return {
        "started_from": incident.edits, "title": incident.title, "summary": incident.summary, "phase": incident.phase,
        "impact": incident.impact, "visibility": incident.visibility, "not_notified": incident.not_notified,
        "not_contacted_words": "", "next_update_by": "", "originally_posted_on": "", "told_through": "",
        "exposed_channels": "", "internal_notes": incident.internal_notes, **fields,
    }  # fmt: skip


def queries(client, address) -> int:
    """Of a page that was opened before, so that what is remembered per session does not count."""
    client.get(address)
    with CaptureQueriesContext(connection) as captured:
        assert client.get(address).status_code == 200
    return len(captured)


def test_an_empty_list_says_how_to_begin(as_user, wanda):
    page = as_user(wanda).get(INDEX)

    assert "No incident yet" in page.text
    assert NEW in page.text


def test_active_incidents_stand_before_closed_ones(as_user, otto):
    make_incident("active", title="The active one")
    make_incident("closed", title="The closed one", phase="resolved")

    page = as_user(otto).get(INDEX).text

    assert page.index("The active one") < page.index("The closed one")
    assert "New incident" not in page


def test_the_list_finds_words_and_says_when_nothing_fits(as_user, otto):
    make_incident("keys", title="API keys were exposed")
    make_incident("laptop", title="A laptop was lost", summary="A supplier lost it.")

    assert "A laptop was lost" not in as_user(otto).get(INDEX, {"q": "api keys"}).text
    assert "Nothing fits" in as_user(otto).get(INDEX, {"q": "zeppelin"}).text


def test_the_list_says_what_waits_and_who_sees_it(as_user, otto, wanda):
    incident = make_incident(visibility="private", drill=True)
    make_update(incident)

    assert "1 draft update." in as_user(otto).get(INDEX).text

    approvals.ask(act="publish", thing=incident, hashes={"content": "a"}, summary="Publish", by=wanda)
    page = as_user(otto).get(INDEX).text
    assert "Waits for a second person" in page
    assert "drill · private · nothing published" in page


def test_thirty_incidents_cost_no_more_queries_than_one(as_user, otto, wanda):
    make_update(make_incident(created_by=wanda))
    one = queries(as_user(otto), INDEX)

    for number in range(29):
        make_update(make_incident(f"incident-{number}", created_by=wanda))

    assert queries(as_user(otto), INDEX) == one


def test_a_new_incident_is_private_and_logged(as_user, wanda):
    answer = as_user(wanda).post(
        NEW, {"title": "Keys were exposed", "slug": "march-2026", "summary": "Somebody read keys."}
    )

    incident = Incident.objects.get()
    assert answer.headers["Location"] == reverse("incidents:updates", args=["march-2026"])
    assert (incident.visibility, incident.created_by) == ("private", wanda)
    assert AuditEntry.objects.get().act == "incident.begun"


def test_the_suggested_address_says_nothing_of_what_happened_and_is_free(as_user, wanda, time_of_march):
    make_incident("march-2026")

    assert 'value="march-2026-2"' in as_user(wanda).get(NEW).text


@pytest.fixture
def time_of_march(monkeypatch):
    monkeypatch.setattr("incidents.forms.incident.timezone.now", lambda: NOON)


@pytest.mark.parametrize("slug", ["new", "approvals", "people", "organisation", "log", "incidents", "Log"])
def test_an_address_of_the_staff_room_is_refused(as_user, wanda, slug):
    page = as_user(wanda).post(NEW, {"title": "Keys", "slug": slug, "summary": "Somebody read keys."})

    assert page.status_code == 422
    assert "is the address of a page of the staff room" in page.text
    assert not Incident.objects.exists()


def test_an_address_that_is_taken_is_refused(as_user, wanda):
    make_incident("march-2026")

    page = as_user(wanda).post(NEW, {"title": "Keys", "slug": "March-2026", "summary": "Somebody read keys."})

    assert "Another incident already has the address" in page.text


def test_an_edit_is_saved_logged_and_ends_the_approval(as_user, wanda):
    incident = make_incident()
    approval = approvals.ask(act="publish", thing=incident, hashes={"content": "a"}, summary="Publish", by=wanda)

    as_user(wanda).post(
        reverse("incidents:edit", args=[incident.slug]),
        frame(incident, title="A new title", told_through="email\n\n blog \nemail"),
    )

    incident.refresh_from_db()
    approval.refresh_from_db()
    assert (incident.title, incident.told_through, incident.edits) == ("A new title", ["email", "blog"], 1)
    assert approval.state == "void"
    assert '"fields":["title","told_through"]' in AuditEntry.objects.get(act="incident.changed").body


def test_internal_notes_leave_the_approval_alone(as_user, wanda):
    incident = make_incident()
    approval = approvals.ask(act="publish", thing=incident, hashes={"content": "a"}, summary="Publish", by=wanda)

    as_user(wanda).post(reverse("incidents:edit", args=[incident.slug]), frame(incident, internal_notes="Call legal."))

    approval.refresh_from_db()
    assert approval.state == "open"


def test_saving_without_a_change_changes_nothing(as_user, wanda):
    incident = make_incident()

    page = as_user(wanda).post(reverse("incidents:edit", args=[incident.slug]), frame(incident), follow=True)

    incident.refresh_from_db()
    assert "Nothing was changed." in page.text
    assert incident.edits == 0


def test_the_second_of_two_writers_sees_both_texts_and_can_save_on_top(as_user, wanda, anton):
    incident = make_incident(title="As it was")
    address = reverse("incidents:edit", args=[incident.slug])
    as_user(anton).post(address, frame(incident, title="Anton's title"))

    refused = as_user(wanda).post(address, frame(incident, title="Wanda's title"))

    assert refused.status_code == 409
    assert "Anton Approver saved it" in refused.text
    assert "Anton&#x27;s title" in refused.text
    assert "Wanda&#x27;s title" in refused.text
    assert Incident.objects.get().title == "Anton's title"

    assert 'name="started_from" value="1"' in refused.text
    incident.refresh_from_db()
    as_user(wanda).post(address, frame(incident, title="Wanda's title"))
    assert Incident.objects.get().title == "Wanda's title"


def test_becoming_public_asks_first_and_says_what_it_means(as_user, wanda):
    incident = make_incident(visibility="private")
    address = reverse("incidents:edit", args=[incident.slug])

    asked = as_user(wanda).post(address, frame(incident, visibility="public"))

    assert asked.status_code == 422
    assert "everyone will be able to read this incident" in asked.text
    assert Incident.objects.get().visibility == "private"

    as_user(wanda).post(address, frame(incident, visibility="public", confirm_public="on"))
    assert Incident.objects.get().visibility == "public"


def test_a_drill_never_becomes_public(as_user, wanda):
    incident = make_incident(visibility="private", drill=True)

    page = as_user(wanda).post(
        reverse("incidents:edit", args=[incident.slug]), frame(incident, visibility="public", confirm_public="on")
    )

    assert "A drill never leaves the house" in page.text
    assert Incident.objects.get().visibility == "private"


def test_not_contacted_needs_to_say_who_and_why(as_user, wanda):
    incident = make_incident()

    page = as_user(wanda).post(
        reverse("incidents:edit", args=[incident.slug]), frame(incident, not_notified="not_contacted")
    )

    assert "Say who is affected and not contacted, and why." in page.text


def test_only_those_who_write_may_begin_or_edit(as_user, otto, stranger):
    incident = make_incident()
    edit = reverse("incidents:edit", args=[incident.slug])

    for address in (NEW, edit):
        assert as_user(otto).get(address).status_code == 403
        assert as_user(otto).post(address, frame(incident, title="Mine")).status_code == 403
    assert as_user(stranger).get(INDEX).status_code == 403
    assert Incident.objects.get().title == incident.title


def test_an_unknown_incident_is_not_found(as_user, wanda):
    assert as_user(wanda).get(reverse("incidents:edit", args=["nowhere"])).status_code == 404


def test_related_incidents_are_chosen_among_the_public_ones(wanda, as_user):
    incident, client = make_incident(), as_user(wanda)
    page = f"/staff/{incident.slug}/edit/"
    assert "Related incidents" not in client.get(page).content.decode()
    make_incident("other", title="The other one", visibility="public", first_published_at=NOON)

    shown = client.get(page)
    form = {name: value for name, value in shown.context["form"].initial.items() if value not in (None, [])}
    client.post(page, form | {"related": ["other"], "told_through": "", "exposed_channels": ""})

    incident.refresh_from_db()
    assert "The other one" in shown.content.decode()
    assert incident.related == ["other"]
