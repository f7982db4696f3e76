"""Words to begin from."""

import pytest
from django.urls import reverse

from accounts.models import AuditEntry, Organisation
from incidents import templates
from incidents.models import Incident, Template
from notifications import composing
from notifications.composing import CannotCompose
from tests.factories import NOON, make_incident, make_update

pytestmark = pytest.mark.django_db


def make_template(kind="update", **fields) -> Template:
    said = {"name": "First word", "words": {"body": "On {{ today }} {{ organisation }} learned of it."}}
    return Template.objects.create(kind=kind, **said | fields)


def page(name, *args):
    return reverse(f"notifications:{name}", args=args)


def saved(template, **said):
    return {"name": template.name, "case": template.case, "started_from": template.edits, **template.words, **said}


# The starter set ------------------------------------------------------------------------------------------------


def test_the_starter_set_has_every_case_and_each_kind_in_it():
    found = {(one["case"], one["kind"]) for one in templates.starters()}

    assert found == {(case, kind) for case in Template.Case.values if case != "any" for kind in Template.Kind.values}


def test_the_starter_set_says_nothing_that_its_forms_would_refuse():
    for one in templates.starters():
        assert set(one["words"]) <= set(templates.FIELDS[one["kind"]]), one["starter"]
        if one["kind"] == Template.Kind.NOTICE:
            composing.check_subject(one["words"]["subject"])
            composing.check_body(one["words"]["body"], segments=())
        else:
            for text in one["words"].values():
                templates.check(text)


def test_the_starter_set_comes_once_and_never_overwrites():
    templates.load_starter()
    one = Template.objects.get(starter="api_key.update.1")
    Template.objects.filter(pk=one.pk).update(words={"body": "Ours."})

    assert templates.load_starter() == 0
    one.refresh_from_db()
    assert one.words == {"body": "Ours."}


# The sandbox ----------------------------------------------------------------------------------------------------


def test_variables_are_filled_when_something_is_begun():
    ours = Organisation.get()
    ours.name = "Relaypost"
    ours.save()

    assert templates.begun_from(make_template(), at=NOON)["body"].endswith("Relaypost learned of it.")


def test_a_value_is_never_read_for_variables_again():
    assert templates.filled("{{ incident }}", {"incident": "{{ today }}", "today": "now"}) == "{{ today }}"


@pytest.mark.parametrize("text", [
    "{{ settings }}", "{{ organisation.pk }}", "{{ organisation|upper }}", "{% load x %}", "{{ today", "}}",
    "{{ ''.__class__ }}",
])  # fmt: skip
def test_whatever_is_no_known_name_is_refused(text):
    with pytest.raises(templates.UnknownVariable):
        templates.check(text)


def test_the_form_says_which_variables_there_are(as_user, wanda):
    one = make_template()

    answer = as_user(wanda).post(page("template_edit", one.pk), saved(one, body="Dear {{ customer }}"))

    assert answer.status_code == 422
    assert "Nothing is known as customer" in answer.content.decode()


def test_a_notice_is_checked_as_notices_are(as_user, wanda):
    one = make_template("notice", words={"subject": "Notice", "body": "{{ account }}"})

    answer = as_user(wanda).post(page("template_edit", one.pk), saved(one, subject="{{ steps }}"))

    assert answer.status_code == 422


# Beginning from one ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "address", "words"), [
    ("incident", lambda _: reverse("incidents:new"), {"title": "Keys exposed", "summary": "They were."}),
    ("update", lambda one: reverse("incidents:update_new", args=[one.slug]), {"body": "We learned of it."}),
    ("question", lambda one: reverse("incidents:row_new", args=[one.slug, "faq"]), {"question": "Am I concerned?"}),
    ("step", lambda one: reverse("incidents:row_new", args=[one.slug, "steps"]), {"title": "Replace it now"}),
    ("notice", lambda one: reverse("notifications:notice_new", args=[one.slug]),
     {"subject": "About {{ account }}", "body": "This concerns {{ account }}."}),
])  # fmt: skip
def test_each_new_form_can_begin_from_a_template(as_user, wanda, kind, address, words):
    one, client = make_template(kind, words=words), as_user(wanda)
    at = address(make_incident())

    assert one.name in client.get(at).content.decode()
    form = client.get(at, {"template": one.pk}).context["form"]

    assert {name: form[name].value() for name in words} == words


def test_nobody_begins_from_what_is_put_away(as_user, wanda):
    one, client = make_template("incident", words={"title": "T", "summary": "S"}), as_user(wanda)

    client.post(page("template_put_away", one.pk), {"away": "yes"})

    assert client.get(reverse("incidents:new"), {"template": one.pk}).status_code == 404
    assert one not in client.get(page("templates")).context["page"]
    assert one in client.get(page("templates"), {"away": "yes"}).context["page"]


def test_what_only_the_writer_knows_is_found_before_publishing():
    incident = make_incident(summary="[Say here what happened]")
    make_update(incident, body="Since [Say here when].")
    incident.faq.create(question="Q?", answer="[Say here]")
    incident.steps.create(title="Do", how="[Say here how]", held_back=True)

    assert [place for place, _ in templates.still_asked(incident)] == [
        "edit/#id_summary", f"updates/{incident.updates.get().pk}/edit/", "guidance/faq/",
    ]  # fmt: skip


def test_a_notice_with_a_blank_is_not_composed(wanda):
    from notifications import mailings

    notice = mailings.create(make_incident(), by=wanda, name="N", language="en", kind="first",
                             subject="Notice {{ code }}", body="It was [Say here what].")  # fmt: skip

    with pytest.raises(CannotCompose, match="Say here"):
        mailings.sample(notice)


# Saving, and counsel --------------------------------------------------------------------------------------------


def test_counsel_approves_and_a_change_ends_it(as_user, wanda, ada):
    one = make_template()

    as_user(ada).post(page("template_approve", one.pk), {"started_from": 0})
    one.refresh_from_db()
    assert one.counsel_by == ada
    assert "Ada Administrator approved" in as_user(wanda).get(page("template", one.pk)).content.decode()

    as_user(wanda).post(page("template_edit", one.pk), saved(one, body="Other words."))
    one.refresh_from_db()
    assert (one.words, one.counsel_by, one.counsel_at) == ({"body": "Other words."}, None, None)
    assert list(AuditEntry.objects.order_by("number").values_list("act", flat=True)) == [
        "template.approved", "template.changed",
    ]  # fmt: skip


def test_words_that_changed_meanwhile_are_not_approved(as_user, ada):
    one = make_template(edits=1)

    as_user(ada).post(page("template_approve", one.pk), {"started_from": 0})

    one.refresh_from_db()
    assert one.counsel_at is None


def test_nobody_approves_their_own_words(as_user, ada):
    one = make_template(changed_by=ada)

    as_user(ada).post(page("template_approve", one.pk), {"started_from": 0})

    one.refresh_from_db()
    assert one.counsel_at is None


def test_a_writer_does_not_speak_for_counsel(as_user, wanda):
    assert as_user(wanda).post(page("template_approve", make_template().pk)).status_code == 403


def test_the_second_of_two_writers_overwrites_nobody(as_user, wanda, anton):
    one = make_template()
    first, second = saved(one, body="Wanda's."), saved(one, body="Anton's.")
    as_user(wanda).post(page("template_edit", one.pk), first)

    answer = as_user(anton).post(page("template_edit", one.pk), second)

    one.refresh_from_db()
    assert one.words == {"body": "Wanda's."}
    assert "Anton&#x27;s." in answer.content.decode()


def test_a_new_one_is_saved(as_user, wanda):
    as_user(wanda).post(page("template_new", "step"), {
        "name": "Rotate it", "case": "any", "started_from": 0, "title": "Rotate",
    })  # fmt: skip

    one = Template.objects.get(name="Rotate it")
    assert (one.kind, one.words, one.changed_by) == ("step", {"title": "Rotate"}, wanda)


def test_the_list_is_searched_and_filtered(as_user, otto):
    make_template(name="Alpha", case="ransomware")
    make_template("step", name="Beta", words={"title": "Do"})

    said = as_user(otto).get(page("templates"), {"case": "ransomware", "q": "alp"}).content.decode()

    assert "Alpha" in said
    assert "Beta" not in said


def test_an_incident_is_not_called_templates(as_user, wanda):
    as_user(wanda).post(reverse("incidents:new"), {"title": "T", "slug": "templates", "summary": "S"})

    assert not Incident.objects.exists()
