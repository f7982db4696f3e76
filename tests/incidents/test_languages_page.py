"""The room where an incident is translated."""

import pytest

from incidents import publishing, translating
from incidents.models import Incident, Translation
from incidents.translating import Change, stamp
from tests.factories import make_incident, make_organisation, make_update

pytestmark = pytest.mark.django_db
SLUG = "api-keys-2018"
ROOM = f"/staff/{SLUG}/languages/"


@pytest.fixture
def incident(site):
    make_organisation(languages=["en", "de", "ar"])
    made = make_incident()
    make_update(made, "We are looking into it.", kind="holding")
    return made


def form_of(incident, language="de", **said):
    """What a browser sends: every text as it stands, but for those said."""
    sent = {}
    for text in translating.translations(incident).texts:
        newest = text.newest.get(language)
        sent |= {text.key: newest.words if newest else "", f"{text.key}-stamp": stamp(text, language)}
        if text.field in said:
            sent[text.key] = said[text.field]
    return sent


def test_the_room_says_what_is_missing_in_each_language(incident, as_user, otto):
    said = as_user(otto).get(ROOM).content.decode()

    assert "German" in said and "Arabic" in said and "3 of 3" in said


def test_with_one_language_the_room_says_who_switches_others_on(incident, as_user, wanda):
    make_organisation(languages=["en"])

    assert "An administrator switches languages on" in as_user(wanda).get(ROOM).content.decode()
    assert as_user(wanda).get(f"{ROOM}de/").status_code == 404


def test_originals_stand_beside_fields_of_the_other_language(incident, as_user, wanda):
    said = as_user(wanda).get(f"{ROOM}ar/").content.decode()

    assert 'lang="ar" dir="rtl"' in said and "We are looking into it." in said and "3 of 3 texts are" in said


def test_what_was_typed_is_saved_as_drafts_and_nothing_else(incident, as_user, wanda):
    answer = as_user(wanda).post(f"{ROOM}de/save/", form_of(incident, title="Titel"), follow=True)

    assert "1 text is saved as a draft." in answer.content.decode()
    assert [(row.field, row.words, row.written_by) for row in Translation.objects.all()] == [("title", "Titel", wanda)]
    assert "2 of 3 texts are not translated" in answer.content.decode()
    shown = as_user(wanda).get(f"{ROOM}de/?show=open").content.decode()
    assert "API keys of some customers" not in shown.split("<form")[-1] and "We are looking into it." in shown


def test_two_at_once_are_shown_both_texts_and_nothing_is_lost(incident, as_user, wanda, anton):
    opened = form_of(incident, title="Zweiter")
    as_user(anton).post(f"{ROOM}de/save/", form_of(incident, title="Erster"))

    answer = as_user(wanda).post(f"{ROOM}de/save/", opened)

    said = answer.content.decode()
    assert answer.status_code == 409 and "Erster" in said and "Zweiter" in said
    assert Translation.objects.get().words == "Erster"
    again = as_user(wanda).post(f"{ROOM}de/save/", form_of(incident, title="Zweiter"))
    assert again.status_code == 302 and Translation.objects.get().words == "Zweiter"


def test_a_translation_is_said_to_fit_still(incident, as_user, wanda):
    as_user(wanda).post(f"{ROOM}de/save/", form_of(incident, title="Titel"))
    Incident.objects.update(title="API keys were exposed")
    incident.refresh_from_db()
    assert "The translation still fits as it is" in as_user(wanda).get(f"{ROOM}de/").content.decode()

    title = next(text for text in translating.translations(incident).texts if text.field == "title")
    as_user(wanda).post(f"{ROOM}de/save/", form_of(incident) | {f"{title.key}-fits": "on"})

    title = next(text for text in translating.translations(incident).texts if text.field == "title")
    assert title.state("de") == "translated"


def test_who_may_not_write_reads_and_saves_nothing(incident, as_user, otto, stranger):
    assert "<textarea" not in as_user(otto).get(f"{ROOM}de/").content.decode()
    assert as_user(otto).post(f"{ROOM}de/save/", form_of(incident, title="Titel")).status_code == 403
    assert as_user(stranger).get(ROOM).status_code in (302, 403)
    assert not Translation.objects.exists()


def test_whoever_publishes_is_told_what_readers_see_in_the_original(incident, as_user, wanda):
    as_user(wanda).post(f"{ROOM}de/save/", form_of(incident, title="Titel"))

    said = as_user(wanda).get(f"/staff/{SLUG}/publish/").content.decode()

    assert "German: 2 of 3 texts are not translated; readers see the original with a note." in said
    assert "<ins>Titel</ins>" in said.split("What readers of German will see change")[1]
    make_organisation(languages=["en", "de"], only_complete_languages=True)
    assert "does not stand in German until they are" in as_user(wanda).get(f"/staff/{SLUG}/publish/").content.decode()


def test_translations_alone_are_published_as_such(incident, publish, as_user, wanda):
    publish(incident)
    as_user(wanda).post(f"{ROOM}de/save/", form_of(incident, title="Titel"))

    said = as_user(wanda).get(f"/staff/{SLUG}/publish/").content.decode()

    assert "Only translations changed" in said
    assert "Add translations to" in publishing.ask(incident, by=wanda).summary


def test_the_page_is_looked_at_in_each_language_before(incident, as_user, wanda):
    as_user(wanda).post(f"{ROOM}de/save/", form_of(incident, title="Titel"))

    german = as_user(wanda).get(f"/staff/{SLUG}/preview/?in=de").content.decode()
    assert '<html lang="de"' in german and "<h1>Titel</h1>" in german
    assert '<html lang="en"' in as_user(wanda).get(f"/staff/{SLUG}/preview/?in=fr").content.decode()


def test_a_text_that_went_meanwhile_is_left_out(incident, as_user, wanda):
    sent = form_of(incident, title="Titel", body="Wir suchen.")
    incident.updates.all().delete()

    assert as_user(wanda).post(f"{ROOM}de/save/", sent).status_code == 302
    assert Translation.objects.get().field == "title"


def test_another_row_of_the_room_is_never_taken_for_a_text(incident, wanda):
    with pytest.raises(translating.EditedMeanwhile):
        translating.save(incident, language="de", changes=[Change("update:999.body", "x", "0.0")], by=wanda)
