"""What staff say in several languages: a row for each text and language, one page in each, never half a sentence."""

import pytest
from django.db import IntegrityError, InternalError, transaction

from accounts import approvals
from accounts.models import AuditEntry, Organisation
from incidents import documents, drafting, publishing, translating
from incidents.documents import foreign, words
from incidents.models import Contact, FAQEntry, Incident, PageVersion, ScopeEstimate, Translation
from incidents.publishing import outbox, redacting
from incidents.translating import Change, stamp
from tests.factories import NOON, make_event, make_incident, make_organisation, make_segment, make_step, make_update

pytestmark = pytest.mark.django_db
SLUG = "api-keys-2018"
PAGE = f"de/incidents/{SLUG}/index.html"
GERMAN = {
    "title": "API-Schlüssel einiger Kunden lagen offen", "summary": "Jemand las mit dem Konto eines Mitarbeiters.",
    "body": "Wir suchen noch.",
}  # fmt: skip


@pytest.fixture
def incident(site):
    make_organisation(languages=["en", "de"])
    made = make_incident()
    make_update(made, "We are looking into it.", kind="holding")
    return made


@pytest.fixture
def translate(wanda):
    """translate(incident, title="…", …): each text of these names; without names all that GERMAN has."""

    def act(incident, language="de", by=wanda, **said):
        said = said or GERMAN
        texts = [text for text in translating.translations(incident).texts if text.field in said]
        changes = [Change(text.key, said[text.field], stamp(text, language)) for text in texts]
        return translating.save(incident, language=language, changes=changes, by=by, at=NOON)

    return act


def states(incident, language="de"):
    return {text.field: text.state(language) for text in translating.translations(incident).texts}


def test_a_translated_incident_stands_whole_in_the_other_language(site, incident, translate, publish):
    assert translate(incident) == 3

    publish(incident)

    page = (site / PAGE).read_text()
    assert f"<h1>{GERMAN['title']}</h1>" in page and "<p>Wir suchen noch.</p>" in page
    assert 'lang="en"' not in page.split("<main")[1] and "übersetzt" not in page
    assert GERMAN["title"] in (site / "de/index.html").read_text()
    english = (site / f"incidents/{SLUG}/index.html").read_text()
    assert "We are looking into it." in english and "Wir suchen" not in english


def test_what_machines_read_stays_in_the_original(site, incident, translate, publish):
    translate(incident)

    publish(incident)

    for path in ("api/v2/summary.json", "feed.atom", f"incidents/{SLUG}/csaf.json", f"incidents/{SLUG}/feed.json"):
        said = (site / path).read_text()
        assert "Wir suchen" not in said and "einiger Kunden" not in said, path


def test_a_text_that_is_not_translated_stands_in_the_original_and_its_section_says_so(
    site, incident, translate, publish
):
    make_step(incident, "Rotate your API keys", how="In the settings.")
    translate(incident, title="Titel", body="Wir suchen noch.")

    publish(incident)

    page = (site / PAGE).read_text()
    assert "Noch nicht alles auf dieser Seite ist übersetzt." in page
    assert '<span lang="en" dir="ltr">Rotate your API keys</span>' in page
    assert "Noch nicht übersetzt: englisch." in page.split('id="steps"')[1].split("</section>")[0]
    assert "übersetzt" not in page.split('id="updates"')[1].split("</section>")[0]


def test_a_question_and_its_answer_stand_in_one_language(site, incident, translate, publish):
    FAQEntry.objects.create(incident=incident, question="Was I affected?", answer="We wrote to you.")
    translate(incident, question="War ich betroffen?")

    publish(incident)

    page = (site / PAGE).read_text()
    assert "War ich betroffen?" not in page and "Was I affected?" in page


def test_an_estimate_is_never_half_in_each(site, incident, translate, publish):
    ScopeEstimate.objects.create(
        incident=incident, of_what="customers", bound="less_than", value=1, unit="percent", at=NOON, precision="day",
        zone="UTC", basis="Our logs",
    )  # fmt: skip
    translate(incident, of_what="Kunden", basis="Unsere Protokolle")

    publish(incident)

    assert "Weniger als 1" in (site / PAGE).read_text() and "Kunden" in (site / PAGE).read_text()
    translate(incident, of_what="der Kunden", basis="")
    publish(incident)
    assert "Less than 1" in (site / PAGE).read_text() and "der Kunden" not in (site / PAGE).read_text()


def test_a_segment_beside_a_note_keeps_each_in_its_language(site, incident, translate, publish):
    segment = make_segment(incident, name="API customers")
    incident.exposures.create(data_class="Keys", status="confirmed", note="All of them", segment=segment)
    translate(incident, name="API-Kunden")

    publish(incident)

    assert '<small>API-Kunden: <span lang="en" dir="ltr">All of them</span></small>' in (site / PAGE).read_text()


def test_an_original_that_changed_makes_its_translation_stale(incident, translate, wanda):
    translate(incident)
    incident.title = "Keys were exposed"
    drafting.save_incident(incident, changed=["title"], started_from=0, by=wanda, at=NOON)

    assert states(incident) == {"title": "stale", "summary": "translated", "body": "translated"}
    assert "title" not in documents.freeze(incident)["translated"]["de"]


def test_a_translation_that_still_fits_counts_again(incident, translate, wanda):
    translate(incident)
    incident.title = "Keys were exposed"
    drafting.save_incident(incident, changed=["title"], started_from=0, by=wanda, at=NOON)

    translate(incident, title=GERMAN["title"])

    assert states(incident)["title"] == "translated"


def test_what_our_own_words_say_needs_no_translation(incident):
    Contact.objects.create(incident=incident, role="Security", value="security@relaypost.example")
    Contact.objects.create(incident=incident, role="The switchboard", value="+49 30 1234567")

    roles = [text.original for text in translating.translations(incident).texts if text.field == "role"]
    assert roles == ["The switchboard"]
    assert foreign.OURS["role"] == set(words.ROLES)


def test_words_on_who_is_not_contacted_count_where_they_stand(incident):
    incident.not_contacted_words = "Former customers."
    incident.save()
    assert "not_contacted_words" not in states(incident)

    incident.not_notified = Incident.NotNotified.NOT_CONTACTED
    assert states(incident)["not_contacted_words"] == "missing"


def test_a_translation_ends_an_approval(incident, translate, wanda, anton):
    approvals.answer(publishing.ask(incident, by=wanda, at=NOON), yes=True, by=anton, at=NOON)

    translate(incident)

    with pytest.raises(approvals.NotApproved):
        publishing.publish(incident, by=anton, at=NOON)


def test_whoever_translated_cannot_approve_it(incident, translate, wanda, anton):
    translate(incident, by=anton)

    with pytest.raises(approvals.NotAllowed):
        approvals.answer(publishing.ask(incident, by=wanda, at=NOON), yes=True, by=anton, at=NOON)


def test_a_translation_alone_is_a_version_that_nobody_is_told_of(incident, translate, publish):
    heard = []
    publish(incident)
    outbox.published.connect(lambda version, **_: heard.append(version.number), weak=False, dispatch_uid="heard")
    translate(incident)

    version = publish(incident)
    outbox.published.disconnect(dispatch_uid="heard")

    assert (version.number, version.cause) == (2, PageVersion.Cause.TRANSLATED)
    assert heard == []
    assert AuditEntry.objects.filter(act="page.translated").count() == 1
    with pytest.raises(publishing.NothingNew):
        publishing.ask(incident, by=version.by)


def test_a_translation_beside_an_update_is_announced(incident, translate, publish):
    publish(incident)
    make_update(incident, "We closed the way in.")
    translate(incident)

    assert publish(incident).cause == PageVersion.Cause.PUBLISHED


def test_a_minor_edit_leaves_drafts_of_translations_where_they_are(incident, translate, publish, wanda, anton):
    publish(incident)
    translate(incident)
    incident.title = "API keys of some customers were exposed."
    drafting.save_incident(incident, changed=["title"], started_from=0, by=wanda, at=NOON)

    approvals.answer(publishing.ask(incident, by=wanda, minor=True, at=NOON), yes=True, by=anton, at=NOON)
    publishing.publish(incident, by=anton, at=NOON)

    assert not Translation.objects.exclude(published_at=None).exists()


def test_what_was_published_stays_and_the_next_words_are_the_next_row(incident, translate, publish):
    translate(incident)
    publish(incident)
    first = Translation.objects.get(field="title")
    with pytest.raises((InternalError, IntegrityError)), transaction.atomic():
        Translation.objects.filter(pk=first.pk).update(words="Anders")

    translate(incident, title="Anders")

    assert [row.words for row in Translation.objects.filter(field="title")] == [first.words, "Anders"]
    publish(incident)
    assert not Translation.objects.filter(published_at=None).exists()


def test_a_draft_that_stands_nowhere_yet_stays_a_draft(incident, translate, publish):
    FAQEntry.objects.create(incident=incident, question="Was I affected?", answer="We wrote to you.")
    translate(incident, question="War ich betroffen?", body="Wir suchen noch.")

    publish(incident)

    assert list(Translation.objects.filter(published_at=None).values_list("field", flat=True)) == ["question"]


def test_two_who_translate_at_once_do_not_overwrite_each_other(incident, translate, wanda, anton):
    text = next(text for text in translating.translations(incident).texts if text.field == "title")
    opened = stamp(text, "de")
    translate(incident, title="Der erste")

    with pytest.raises(translating.EditedMeanwhile) as problem:
        translating.save(incident, language="de", changes=[Change(text.key, "Der zweite", opened)], by=anton)

    assert problem.value.theirs[text.key].newest["de"].words == "Der erste"
    assert Translation.objects.get(field="title").words == "Der erste"


def test_a_translation_of_another_original_is_not_saved_unseen(incident, wanda):
    text = next(text for text in translating.translations(incident).texts if text.field == "title")
    opened = stamp(text, "de")
    incident.title = "Nobody's keys were exposed"
    drafting.save_incident(incident, changed=["title"], started_from=0, by=wanda, at=NOON)

    with pytest.raises(translating.EditedMeanwhile):
        translating.save(incident, language="de", changes=[Change(text.key, "Schlüssel offen", opened)], by=wanda)


def test_nothing_is_translated_into_a_language_that_is_off(incident, wanda):
    with pytest.raises(translating.NotALanguage):
        translating.save(incident, language="fr", changes=[], by=wanda)


def test_a_language_may_have_to_be_complete(site, incident, translate, publish):
    make_organisation(languages=["en", "de"], only_complete_languages=True)
    translate(incident, title="Titel", summary="Zusammenfassung")
    publish(incident)
    assert not (site / PAGE).exists()
    assert "hreflang" not in (site / f"incidents/{SLUG}/index.html").read_text()
    assert f'href="/incidents/{SLUG}/"' in (site / "de/index.html").read_text()

    translate(incident, body="Wir suchen noch.")
    publish(incident)
    assert 'hreflang="de"' in (site / f"incidents/{SLUG}/index.html").read_text()
    assert "Wir suchen noch." in (site / PAGE).read_text()

    make_update(incident, "More is known.")
    publish(incident)
    assert not (site / PAGE).exists()
    assert f'href="/incidents/{SLUG}/"' in (site / "de/index.html").read_text()


def test_a_language_that_is_switched_off_leaves_one_page_that_says_so(site, incident, translate, publish):
    translate(incident)
    publish(incident)
    assert (site / PAGE).exists() and (site / "de/404.html").exists()

    make_organisation(languages=["en"])
    publishing.tick()

    assert sorted(path.name for path in (site / "de").rglob("*")) == ["404.html", "404.html.br", "404.html.gz"]
    assert "Wir veröffentlichen in dieser Sprache keine Seiten mehr." in (site / "de/404.html").read_text()
    make_update(incident, "We closed the way in.")
    publish(incident)
    assert not (site / PAGE).exists()

    make_organisation(languages=["en", "de"])
    publishing.tick()
    assert "keine Seiten mehr" not in (site / "de/404.html").read_text()


def test_a_version_the_system_makes_brings_no_language_back(site, incident, translate, publish):
    translate(incident)
    publish(incident)
    make_organisation(languages=["en"])
    publishing.tick()

    publishing.record_telling(incident, documents.Telling(state="under_way", as_of=NOON.isoformat()))
    publishing.finish()

    assert not (site / PAGE).exists()
    assert "hreflang" not in (site / f"incidents/{SLUG}/index.html").read_text()


def test_a_first_language_that_changes_moves_the_first_page_alone(site, incident, translate, publish):
    translate(incident)
    publish(incident)

    make_organisation(languages=["de", "en"])
    publishing.tick()

    assert not (site / "de/index.html").exists() and (site / "en/index.html").exists()
    assert (site / PAGE).exists()


def test_redaction_reaches_translations(site, incident, translate, publish, wanda, anton):
    translate(incident, title="Der Schlüssel hieß hunter22", body="Wir suchen noch.")
    publish(incident)
    asked = redacting.ask(incident, words="hunter22", because="A secret", by=wanda, at=NOON)
    waits = approvals.living(redacting.ACT, asked)
    approvals.answer(waits, yes=True, by=anton, at=NOON)

    redacting.carry_out(asked, by=anton, at=NOON)
    publishing.finish()

    assert "hunter22" not in (site / PAGE).read_text() and "[removed]" in (site / PAGE).read_text()
    assert not Translation.objects.filter(words__contains="hunter22").exists()
    assert not PageVersion.objects.filter(content__icontains="hunter22").exists()
    assert states(incident)["title"] == "translated"


def test_every_version_keeps_its_page_in_each_language_and_they_are_compared(
    client, site, incident, translate, publish
):
    publish(incident)
    translate(incident)
    publish(incident)
    make_update(incident, "We closed the way in.")
    publish(incident)

    said = client.get(f"/compare/{SLUG}/?from=1&to=2&in=de").content.decode()
    assert '<html lang="de"' in said and f"<ins>{GERMAN['title']}</ins>" in said and "<del>API keys" in said
    assert f'href="/compare/{SLUG}/?from=2&amp;to=3&amp;in=de"' in (site / PAGE).read_text()
    assert "<ins>" in client.get(f"/compare/{SLUG}/?from=2&to=3&in=de").content.decode()
    assert '<html lang="en"' in client.get(f"/compare/{SLUG}/?from=1&to=2&in=xx").content.decode()


def test_a_version_from_before_a_language_has_nothing_to_compare(client, site, incident, publish):
    make_organisation(languages=["en"])
    publish(incident)
    make_organisation(languages=["en", "de"])
    publish(incident)

    said = client.get(f"/compare/{SLUG}/?from=1&to=2&in=de").content.decode()

    assert "Version 1 gab es nicht in dieser Sprache" in said


def test_related_incidents_are_named_in_the_language_of_the_page(site, incident, translate, publish):
    translate(incident)
    publish(incident)
    other = make_incident("other", title="Something else", related=[SLUG])
    make_update(other, "Words.")

    publish(other)

    assert GERMAN["title"] in (site / "de/incidents/other/index.html").read_text()
    assert "API keys of some customers" in (site / "incidents/other/index.html").read_text()


def test_with_english_alone_nothing_of_it_is_in_the_content(incident, translate):
    translate(incident)
    make_event(incident)
    make_organisation(languages=["en"])

    assert "translated" not in str(documents.freeze(incident))
    assert Organisation.get().languages == ["en"]


def test_whom_a_step_is_for_is_said_in_one_language(site, incident, translate, publish):
    make_step(incident, "Rotate your API keys", segment=make_segment(incident, name="API customers"))
    translate(incident, title="Schlüssel tauschen")

    publish(incident)

    assert '<span lang="en" dir="ltr">For API customers.</span>' in (site / PAGE).read_text()
    translate(incident, name="API-Kunden")
    publish(incident)
    assert "<p>Für API-Kunden.</p>" in (site / PAGE).read_text()
