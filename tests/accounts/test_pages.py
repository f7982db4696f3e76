"""Approvals, organisation and log, as somebody at the screen sees them."""

import pytest
from django.db import transaction
from django.template.loader import get_template
from django.test import Client
from django.urls import reverse

from accounts import approvals, audit, people
from accounts.models import Approval, AuditEntry, Organisation
from incidents.models import Incident
from tests.factories import make_incident, make_organisation


@pytest.fixture
def asked(wanda):
    make_organisation()
    return approvals.ask(
        act="publish", thing=make_incident(), hashes={"content": "a" * 64}, by=wanda,
        summary="Everyone can read the page", page="/staff/api-keys-2018/publish/",
    )  # fmt: skip


def answer(client, approval: Approval, **form) -> str:
    return client.post(f"/staff/approvals/{approval.pk}/answer/", form, follow=True).content.decode()


def test_an_approver_finds_what_waits_in_the_bar_and_on_the_page(asked, anton, as_user):
    page = as_user(anton).get("/staff/approvals/").content.decode()

    assert '<span class="count">1</span> approval waits for you' in " ".join(page.split())
    assert "Everyone can read the page" in page
    assert 'href="/staff/api-keys-2018/publish/"' in page
    assert "a" * 64 in page


def test_whoever_asked_sees_it_and_has_no_buttons(asked, wanda, as_user):
    page = as_user(wanda).get("/staff/approvals/").content.decode()

    assert "Everyone can read the page" in page
    assert 'value="yes"' not in page
    assert '<span class="count">' not in page, "nothing waits for her"


def test_a_yes_is_taken_and_said(asked, anton, as_user):
    page = answer(as_user(anton), asked, answer="yes", words="Read twice")

    assert "You approved. It can go ahead now; nothing has been done yet." in page
    asked.refresh_from_db()
    assert asked.state == "given"
    assert asked.sign_offs.get().words == "Read twice"


def test_a_no_is_taken_and_said(asked, anton, as_user):
    page = answer(as_user(anton), asked, answer="no", words="The date\0 is wrong", next="/staff/approvals/")

    assert "You refused." in page
    assert "Refused: publish to everyone" in page
    assert asked.sign_offs.get().words == "The date is wrong"


def test_her_own_request_cannot_be_answered_by_posting_to_it(ada, as_user):
    own = approvals.ask(act="mail", thing=Organisation(pk=1), hashes={"text": "b"}, by=ada, summary="Send")

    page = answer(as_user(ada), own, answer="yes")

    assert "Your answer was not taken. You asked for this yourself" in page
    own.refresh_from_db()
    assert own.state == "open"


@pytest.mark.parametrize("who", ["wanda", "otto"])
def test_a_role_that_does_not_approve_is_refused(request, asked, as_user, who):
    client = as_user(request.getfixturevalue(who))

    assert client.post(f"/staff/approvals/{asked.pk}/answer/", {"answer": "yes"}).status_code == 403
    asked.refresh_from_db()
    assert asked.state == "open"


def test_an_answer_that_is_neither_changes_nothing(asked, anton, as_user):
    assert "Nothing was changed" in answer(as_user(anton), asked, answer="perhaps", next="/staff/approvals/")
    asked.refresh_from_db()
    assert asked.state == "open"


def test_a_stale_tab_is_told_that_it_is_too_late(asked, anton, wanda, as_user):
    approvals.void(act="publish", thing=make_incident_of(asked), because="edited", by=wanda)

    page = answer(as_user(anton), asked, answer="yes", next="/staff/approvals/")

    assert "no longer holds" in page


def make_incident_of(approval: Approval):
    return Incident.objects.get(pk=approval.thing.partition(":")[2])


@pytest.mark.parametrize(
    ("wanted", "goes_to"),
    [
        ("/staff/log/", "/staff/log/"),
        ("https://evil.example/", "/staff/api-keys-2018/publish/"),
        ("//evil.example/staff/", "/staff/api-keys-2018/publish/"),
        ("/admin/", "/staff/api-keys-2018/publish/"),
        ("", "/staff/api-keys-2018/publish/"),
    ],
)
def test_the_answer_leads_back_into_our_own_staff_room(asked, anton, as_user, wanted, goes_to):
    response = as_user(anton).post(f"/staff/approvals/{asked.pk}/answer/", {"answer": "yes", "next": wanted})

    assert response.status_code == 302
    assert response.headers["Location"] == goes_to


def test_answering_by_following_a_link_is_not_possible(asked, anton, as_user):
    assert as_user(anton).get(f"/staff/approvals/{asked.pk}/answer/").status_code == 405


def form_of(organisation: Organisation, **changes) -> dict:
    fields = {field.name: getattr(organisation, field.name) for field in Organisation._meta.fields}
    return {name: "" if value is None else value for name, value in (fields | changes).items()}


def test_a_sender_of_two_lines_is_refused_before_a_mailing_fails_of_it(ada, as_user):
    organisation = make_organisation()

    page = as_user(ada).post("/staff/organisation/", form_of(organisation, sender_name="Relaypost\nBcc: x@y.example"))

    assert page.status_code == 422
    assert "take the line break" in page.content.decode()
    assert Organisation.get().sender_name == "Relaypost Security"


def test_a_change_of_the_organisation_is_in_the_log_with_old_and_new(ada, as_user):
    organisation = make_organisation()

    as_user(ada).post("/staff/organisation/", form_of(organisation, name="Relaypost Inc.", phone="+49 30 1234"))

    entry = AuditEntry.objects.get(act="organisation.changed")
    assert '"told":{"name":["Relaypost","Relaypost Inc."]}' in entry.body
    assert '"fields":["name","phone"]' in entry.body
    assert "1234" not in entry.body, "a telephone number may be a person's"


def test_saving_without_a_change_leaves_no_entry(ada, as_user):
    page = as_user(ada).post("/staff/organisation/", form_of(make_organisation()), follow=True).content.decode()

    assert "nothing was changed" in page
    assert AuditEntry.objects.count() == 0


def test_asking_fewer_people_has_to_be_meant(ada, as_user):
    organisation = make_organisation(sign_offs=1)
    client = as_user(ada)

    refused = client.post("/staff/organisation/", form_of(organisation, sign_offs=0))
    assert refused.status_code == 422
    assert "You go from 1 to 0" in refused.content.decode()
    assert Organisation.get().sign_offs == 1

    client.post("/staff/organisation/", form_of(organisation, sign_offs=0, fewer_eyes="on"))
    assert Organisation.get().sign_offs == 1, "it waits for somebody else"


def test_letting_one_person_import_more_has_to_be_meant(ada, as_user):
    organisation = make_organisation(import_limit=1000)
    client = as_user(ada)

    refused = client.post("/staff/organisation/", form_of(organisation, import_limit=50_000))
    assert refused.status_code == 422
    assert Organisation.get().import_limit == 1000

    client.post("/staff/organisation/", form_of(organisation, import_limit=50_000, fewer_eyes="on"))
    assert Organisation.get().import_limit == 1000, "it waits for somebody else"


def fill_log(by, count: int) -> None:
    for number in range(count):
        with transaction.atomic():
            audit.record(
                act="thing.done" if number % 2 else "thing.begun", thing=Organisation(pk=1), by=by, count=number
            )


def test_the_log_shows_the_newest_first_and_leads_to_the_rest(otto, wanda, as_user):
    fill_log(wanda, 60)
    client = as_user(otto)

    first = client.get("/staff/log/").content.decode()
    assert "entry 60," in first and "entry 11," in first and "entry 10," not in first

    second = client.get("/staff/log/?before=11").content.decode()
    assert "entry 10," in second and "entry 1," in second and "entry 11," not in second
    assert "before=11" in first


def test_the_log_can_be_narrowed_by_act_and_person(otto, wanda, as_user):
    fill_log(wanda, 3)
    fill_log(None, 2)
    client = as_user(otto)

    assert client.get("/staff/log/?act=thing.done").content.decode().count("log-entry") == 2
    assert client.get(f"/staff/log/?by={wanda.pk}").content.decode().count("log-entry") == 3
    assert client.get("/staff/log/?by=system").content.decode().count("log-entry") == 2
    assert client.get("/staff/log/?by=99999").content.decode().count("Nothing fits") == 1


def test_the_log_tells_acts_in_words_and_whom_they_were_about(otto, wanda, ada, as_user):
    people.change(wanda, name="Wanda Writer", role="Approver", by=ada)
    with transaction.atomic():
        audit.record(act="measure.held_back", thing=Organisation(pk=7), by=wanda)

    page = as_user(otto).get("/staff/log/").content.decode()

    assert '<span class="log-what">changed the role of Wanda Writer' in page
    assert '<span class="log-what">held back measure 7' in page
    assert '<option value="measure.held_back">held back a measure</option>' in page
    assert "accounts.user:" in page  # for whoever checks the seals


@pytest.mark.parametrize("query", ["before=x", "before=-1", "by=x", "by=9999999999999999999999", "act=%00", "before=²"])
def test_a_mistyped_filter_is_no_error(otto, as_user, query):
    assert as_user(otto).get(f"/staff/log/?{query}").status_code == 200


def test_the_chain_is_verified_at_a_press(otto, wanda, as_user):
    fill_log(wanda, 5)

    page = as_user(otto).post(reverse("accounts:verify_log"), follow=True).content.decode()

    assert "The chain holds: 5 entries" in page


def test_an_error_page_of_ours_needs_no_database():
    assert "Something went wrong on our side" in get_template("500.html").render()


def test_an_unknown_staff_page_says_so_in_words(ada, as_user):
    response = as_user(ada).get("/account/nothing/here/")

    assert response.status_code == 404
    assert "Nothing stands at this address" in response.content.decode()


def test_a_form_without_its_token_is_refused_in_words(ada):
    client = Client(enforce_csrf_checks=True)
    client.force_login(ada)

    response = client.post("/staff/log/verify/")

    assert response.status_code == 403
    assert "This form is too old to be taken" in response.content.decode()
