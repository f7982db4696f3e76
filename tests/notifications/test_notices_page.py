"""The staff pages where a notice is written, looked at and tried out."""

import pytest
from django.core import mail
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from notifications import mailings
from notifications.models import Mailing, Notice
from tests.factories import (
    NOON,
    make_account,
    make_affected,
    make_incident,
    make_many_affected,
    make_notice,
    make_organisation,
)


@pytest.fixture
def incident(db):
    make_organisation()
    return make_incident(first_published_at=NOON)


@pytest.fixture
def notice(incident):
    return make_notice(incident)


def to(name, incident, *args):
    return reverse(f"notifications:{name}", args=[incident.slug, *args])


def words(**fields):
    return {
        "name": "First", "kind": "first", "language": "en", "subject": "Notice {{ code }}",
        "body": "Hello {{ name }}", "edits": 0, **fields,
    }  # fmt: skip


def test_an_empty_room_says_what_will_stand_here(incident, wanda, as_user):
    page = as_user(wanda).get(to("notices", incident)).content.decode()

    assert "The messages to everyone affected will stand here" in page
    assert to("notice_new", incident) in page


def test_the_first_draft_begins_with_the_five_headings_and_lists_the_variables(incident, wanda, as_user):
    make_affected(incident, facts={"smtp_user": "x", "calls": 3, "rows": [{"key": "k"}]})

    page = as_user(wanda).get(to("notice_new", incident)).content.decode()

    for heading in ("What happened", "What information was involved", "What you can do", "For more information"):
        assert f"## {heading}" in page
    assert "{{ link }}" in page and "{{ smtp_user }}</code>: text" in page
    assert "{{ calls }}</code>: number" in page
    assert "{{ rows }}</code>: table; stands alone on its line" in page


def test_saving_shows_the_notice_as_one_of_them_gets_it(incident, wanda, as_user):
    make_affected(incident)

    page = as_user(wanda).post(to("notice_new", incident), words(), follow=True).content.decode()

    assert "“First” is saved. Nobody gets it until" in page
    assert "Hello <mark>Northwind Traders</mark>" in page
    assert Notice.objects.get().created_by == wanda


def test_subjects_stand_in_sample_words_and_no_kind_is_said_twice(incident, notice, wanda, as_user):
    page = as_user(wanda).get(to("notices", incident)).content.decode()

    assert "<p>Security notice, reference TEST-TEST-TEST</p>" in page
    assert "First notice: " not in page and "{{" not in page


def test_an_empty_list_leads_to_where_it_is_filled(incident, wanda, as_user):
    make_affected(incident)
    notice = make_notice(incident, body="{{ measures }}")
    client, filled_at = as_user(wanda), reverse("incidents:section", args=[incident.slug, "measures"])

    preview = client.get(to("notice_preview", incident, notice.pk)).content.decode()
    prepared = client.post(to("notice_prepare", incident, notice.pk), follow=True).content.decode()

    assert f'<a href="{filled_at}">' in preview
    assert f'<a href="{filled_at}">' in prepared


def test_a_misspelt_variable_is_said_at_once(incident, wanda, as_user):
    make_affected(incident)

    page = as_user(wanda).post(to("notice_new", incident), words(body="{{ api_kye }}"), follow=True).content.decode()

    assert "No affected account has api_kye so far" in page


def test_a_subject_is_one_line(incident, wanda, as_user):
    as_user(wanda).post(to("notice_new", incident), words(subject="One\r\nBcc: x@evil.test"))

    assert Notice.objects.get().subject == "One Bcc: x@evil.test"


def test_an_empty_text_comes_back_with_words(incident, wanda, as_user):
    response = as_user(wanda).post(to("notice_new", incident), words(body=" "))

    assert response.status_code == 200
    assert "One thing needs your eye" in response.content.decode()
    assert not Notice.objects.exists()


def test_the_second_of_two_editors_keeps_her_words_and_is_told(incident, notice, wanda, as_user):
    mailings.edit(notice, by=wanda, edits=0, body="Saved before")

    page = as_user(wanda).post(to("notice_edit", incident, notice.pk), words(body="My words")).content.decode()

    assert "Somebody else saved this notice while you wrote" in page
    assert "My words" in page and 'name="edits" value="1"' in page
    notice.refresh_from_db()
    assert notice.body == "Saved before"


def test_the_preview_is_chosen_by_external_id(incident, notice, wanda, as_user):
    make_affected(incident)
    make_affected(incident, make_account("contoso", "it@contoso.example"))
    client = as_user(wanda)

    page = client.get(to("notice_preview", incident, notice.pk), {"account": "contoso"}).content.decode()

    assert "This concerns your account <mark>contoso</mark>" in page and "northwind" not in page
    assert "it@contoso.example" not in page
    assert "No affected account here has the id nobody" in client.get(
        to("notice_preview", incident, notice.pk), {"account": "nobody"}
    ).content.decode()  # fmt: skip


def test_a_message_that_cannot_be_written_says_why(incident, wanda, as_user):
    make_affected(incident, facts={})
    notice = make_notice(incident, body="Your key {{ api_key }}")

    page = as_user(wanda).get(to("notice_preview", incident, notice.pk)).content.decode()

    assert "This message cannot be written" in page and "There is no api_key for this account." in page


def test_the_html_part_stands_in_a_frame_that_may_do_nothing(incident, wanda, as_user):
    make_affected(incident, make_account("x", "x@x.example", name="<script>alert(1)</script>"))
    notice = make_notice(incident, body="Hello {{ name }}")

    response = as_user(wanda).get(to("notice_html", incident, notice.pk), {"account": "x"})

    assert "Hello <mark>&lt;script&gt;" in response.content.decode()
    policy = response.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "sandbox" in policy and "script-src" not in policy
    page = as_user(wanda).get(to("notice_preview", incident, notice.pk))
    assert "frame-src 'self'" in page.headers["Content-Security-Policy"]
    assert 'sandbox=""' in page.content.decode()


def test_a_test_message_goes_to_oneself(incident, notice, wanda, as_user, settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"

    page = as_user(wanda).post(to("notice_test", incident, notice.pk), follow=True).content.decode()

    assert "on its way to your own address" in page
    assert [email.to for email in mail.outbox] == [[wanda.email]]


def test_preparing_leads_to_the_mailing(incident, notice, wanda, as_user):
    make_many_affected(incident, 3)

    page = as_user(wanda).post(to("notice_prepare", incident, notice.pk), follow=True).content.decode()

    assert "Mailing 1 is prepared: 3 messages were written as a trial. Nothing is sent." in page


def test_preparing_for_nobody_is_said(incident, notice, wanda, as_user):
    page = as_user(wanda).post(to("notice_prepare", incident, notice.pk), follow=True).content.decode()

    assert "Nobody is left to be told this" in page
    assert not Mailing.objects.exists()


def test_an_auditor_may_look_and_change_nothing(incident, notice, otto, as_user):
    client = as_user(otto)

    assert client.get(to("notices", incident)).status_code == 200
    assert client.get(to("notice_preview", incident, notice.pk)).status_code == 200
    assert client.get(to("notice_new", incident)).status_code == 403
    assert client.post(to("notice_edit", incident, notice.pk), words()).status_code == 403
    assert client.post(to("notice_test", incident, notice.pk)).status_code == 403
    assert client.post(to("notice_prepare", incident, notice.pk)).status_code == 403


@pytest.mark.parametrize("name", ["notices", "notice_new", "notice_preview", "notice_html", "notice_edit"])
def test_a_stranger_gets_nowhere(incident, notice, stranger, as_user, name):
    args = [] if name in {"notices", "notice_new"} else [notice.pk]

    assert as_user(stranger).get(to(name, incident, *args)).status_code == 403


def test_a_notice_of_another_incident_is_not_found_here(notice, wanda, as_user):
    other = make_incident("other")

    assert as_user(wanda).get(to("notice_preview", other, notice.pk)).status_code == 404


def test_the_list_costs_the_same_queries_for_one_and_for_many(incident, wanda, as_user):
    client, costs = as_user(wanda), []
    make_many_affected(incident, 2)
    for more in (1, 5):
        for number in range(more):
            mailings.prepare(make_notice(incident, wanda, body=f"Words {number}"), by=wanda)
        client.get(to("notices", incident))  # the first visit also notes the session
        with CaptureQueriesContext(connection) as queries:
            assert client.get(to("notices", incident)).status_code == 200
        costs.append(len(queries))

    assert costs[0] == costs[1]
