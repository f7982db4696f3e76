"""What we say on public pages stands in five languages, whole in each."""

import string
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path

import pytest
from babel.messages.extract import extract
from babel.messages.mofile import read_mo
from babel.messages.pofile import read_po
from django.utils import translation
from django.utils.translation.template import templatize

from incidents import documents, timeline
from incidents.documents import Edition, Telling, telling, words
from incidents.models import Contact, Incident, ScopeEstimate
from tests.factories import NOON, make_event, make_incident, make_organisation, make_step, make_update

OTHERS = ["de", "fr", "es", "ar"]
ROOT = Path(__file__).parents[2]
APPS = ("accounts", "config", "incidents", "notifications")
CALLS = {
    "gettext": None, "gettext_lazy": None, "_": None, "pgettext": ((1, "c"), 2), "pgettext_lazy": ((1, "c"), 2),
    "ngettext": (1, 2), "npgettext": ((1, "c"), 2, 3),
}  # fmt: skip
AT_NOON = Edition(number=1, at=NOON, said_at=NOON)


def catalogue(language):
    return ROOT / "locale" / language / "LC_MESSAGES"


def po(language):
    with (catalogue(language) / "django.po").open("rb") as file:
        return read_po(file, locale=language)


def in_code():
    """(context, message) of everything marked in Python and in templates."""
    python = [file.read_text() for app in APPS for file in (ROOT / app).rglob("*.py")]
    templates = [file.read_text() for file in (ROOT / "templates").rglob("*.*")]
    sources = [text for text in python if "gettext" in text]
    sources += [templatize(text) for text in templates if "translate" in text]
    return {
        (context, message)
        for source in sources
        for _, message, _, context in extract("python", BytesIO(source.encode()), CALLS)
        if message
    }


def key(message):
    return message.context, tuple(message.id) if message.pluralizable else message.id


def said(catalogue):
    """(context, message) → what is said; babel reads contexts of a compiled one as bytes, its plurals as lists."""
    return {
        (context.decode() if isinstance(context, bytes) else context, message): tuple(found.string)
        if found.pluralizable
        else found.string
        for found in catalogue
        if found.id
        for context, message in [key(found)]
    }


def placeholders(text):
    """%(names)s and {names}, and the tags: what a translation must keep."""
    names = {f"{{{name}}}" for _, name, _, _ in string.Formatter().parse(text) if name}
    marked = [piece.split(")")[0] for piece in text.split("%(")[1:]]
    tags = [piece.split(">")[0] for piece in text.split("<")[1:]]
    return names, set(marked), sorted(tags)


@pytest.mark.parametrize("language", OTHERS)
def test_every_word_in_code_is_translated(language):
    there = {key(message): message for message in po(language) if message.id}

    wanted = in_code()

    assert len(wanted) > 150
    assert set(there) == wanted, "make messages, then translate"
    for message in there.values():
        strings = message.string if message.pluralizable else (message.string,)
        assert all(strings) and not message.fuzzy, message.id


@pytest.mark.parametrize("language", OTHERS)
def test_a_translation_keeps_what_stands_for_something(language):
    for message in po(language):
        if not message.id:
            continue
        if message.pluralizable:
            allowed = placeholders(message.id[1])
            assert all(placeholders(text)[1] <= allowed[1] for text in message.string)
        else:
            assert placeholders(message.string) == placeholders(message.id), message.id


@pytest.mark.parametrize("language", OTHERS)
def test_the_compiled_catalogue_says_what_the_written_one_says(language):
    with (catalogue(language) / "django.mo").open("rb") as file:
        compiled = said(read_mo(file))

    assert compiled == said(po(language)), "make messages"


def page(incident, *, state="none", version=AT_NOON):
    told = Telling(state=state, as_of="" if state == "none" else NOON.isoformat())
    made = documents.render(documents.freeze(incident), telling=told, version=version)
    return made[f"incidents/{incident.slug}/index.html"].decode()


@pytest.fixture
def incident(db):
    make_organisation()
    return make_incident(title="Schlüssel lagen offen", summary="Jemand hat Schlüssel benutzt.", language="de")


def test_a_page_speaks_the_language_of_its_incident(incident):
    make_update(incident, "Wir suchen noch.", kind="holding")
    make_step(incident, "Tauschen Sie Ihre Schlüssel")
    make_event(incident, "Es begann.", marks="attack_start", at=datetime(2018, 1, 1, tzinfo=UTC), precision="day")

    made = page(incident)

    assert '<html lang="de" dir="ltr">' in made
    assert "Wenn wir Ihnen schreiben" in made and "Der Angriff begann" in made and "1. Januar 2018" in made
    assert ">Untersuchung" in made or "Wird untersucht" in made
    assert "What to do" not in made and "updated" not in made and 'class="visually-hidden">: ' not in made


def test_a_page_in_arabic_keeps_its_own_digits_and_runs_from_the_right(incident):
    incident.language = "ar"
    make_update(incident, "نحقق في الأمر.", kind="holding")

    made = page(incident, state="done")

    assert '<html lang="ar" dir="rtl">' in made and "إذا كنا قد راسلناكم" in made
    assert not set("٠١٢٣٤٥٦٧٨٩") & set(made)


def test_a_language_we_have_no_words_in_gets_english_ones_and_its_own_mark(incident):
    incident.language, incident.title = "pt-BR", "Chaves expostas"
    make_update(incident, "Estamos a investigar.", kind="holding")

    made = page(incident)

    assert '<html lang="en" dir="ltr">' in made and "If we write to you" in made
    assert '<h1><span lang="pt-BR" dir="ltr">Chaves expostas</span></h1>' in made
    assert "<title>Chaves expostas · Relaypost</title>" in made
    assert '<div lang="pt-BR" dir="ltr"><p>Estamos a investigar.</p>' in made
    assert '"inLanguage": "pt\\u002DBR"' in made


def test_an_estimate_is_said_in_one_language_as_a_whole(incident):
    incident.language = "pt"
    ScopeEstimate.objects.create(
        incident=incident, of_what="clientes", bound="less_than", value=1, unit="percent", certainty="potential",
        precision="unknown", at=None,
    )  # fmt: skip

    made = page(incident)

    assert '<span lang="pt" dir="ltr">Less than 1\xa0% of clientes, potentially</span>' in made


def test_numbers_and_estimates_follow_the_language(incident):
    estimate = {"of_what": "Kunden", "bound": "about", "value": "18240.5", "unit": "", "certainty": "believed",
                "words": "", "unknown_because": "", "at": None}  # fmt: skip

    with translation.override("de"):
        assert words.estimate(estimate) == "Etwa 18.240,5 Kunden, wie wir annehmen"
    with translation.override("en"):
        assert words.estimate(estimate) == "About 18,240.5 Kunden, as we believe"


@pytest.mark.parametrize("language", ["en", *OTHERS])
def test_the_sentence_on_not_being_told_fits_together_in_every_language(language):
    with translation.override(language):
        for meaning, by_state in telling.SENTENCES.items():
            for state in by_state:
                said = telling.not_notified_words(meaning=meaning, state=state, as_of=NOON, words="1 2 3")
                assert "{" not in said and ("1 2 3." in said) == (meaning == "not_contacted")


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("de", "am 3. Januar 2018 um 16:35 UTC"), ("fr", "le 3 janvier 2018 à 16:35 UTC"),
        ("es", "el 3 de enero de 2018 a las 16:35 UTC"), ("ar", "في 3 يناير 2018 الساعة 16:35 UTC"),
    ],
)  # fmt: skip
def test_moments_are_said_as_the_language_says_them(language, said):
    at = datetime(2018, 1, 3, 16, 35, tzinfo=UTC)

    with translation.override(language):
        assert timeline.say(at, "minute") == said
        between = timeline.say(at, "day", until=at + timedelta(days=2))

    assert "3" in between and "5" in between and "%" not in between


def test_known_roles_of_contacts_are_translated_and_others_left(incident):
    Contact.objects.create(incident=incident, role="media", value="presse@relaypost.example")
    Contact.objects.create(incident=incident, role="ombudsmann", value="o@relaypost.example", position=1)

    made = page(incident)

    assert "<dt>Medien</dt>" in made and "<dt>Ombudsmann</dt>" in made


def test_what_machines_read_does_not_depend_on_who_publishes(incident):
    incident.visibility = Incident.Visibility.PUBLIC
    make_update(incident, "Wir suchen noch.")
    content = documents.freeze(incident)
    expected = documents.render(content, telling=Telling(), version=AT_NOON)

    with translation.override("fr"):
        assert documents.render(content, telling=Telling(), version=AT_NOON) == expected
