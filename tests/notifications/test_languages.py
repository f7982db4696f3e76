"""One notice in several languages: each reader gets theirs, and no sentence is half translated."""

import hashlib

import pytest

from accounts import audit
from incidents.models import Incident
from notifications import composing, mailings, telling
from notifications.composing import CannotCompose, languages
from notifications.composing.batch import joined
from notifications.models import NoticeText, Recipient
from tests.factories import NOON, make_account, make_affected, make_incident, make_notice, make_organisation
from tests.notifications.test_composing import GUIDANCE, make_recipient


@pytest.fixture
def incident(db):
    make_organisation()
    return make_incident(first_published_at=NOON)


@pytest.fixture
def notice(incident, wanda):
    notice = make_notice(incident, wanda, body="Hello {{ name }}, {{ code }}\n\n{{ link }}")
    mailings.edit_in(
        notice, "de", subject="Hinweis {{ code }}", body="Guten Tag {{ name }}, {{ code }}\n\n{{ link }}", by=wanda,
        edits=0,
    )  # fmt: skip
    return notice


@pytest.mark.parametrize(
    ("locale", "language"),
    [
        ("de", "de"), ("de-AT", "de"), ("de_AT", "de"), ("DE", "de"), ("pt-BR", "pt-BR"), ("pt-PT", "en"),
        ("zh-Hant-TW", "zh-Hant"), ("nl", "en"), ("", "en"), ("d", "en"),
    ],
)  # fmt: skip
def test_each_gets_the_nearest_language_there_is(locale, language):
    assert languages.best(locale, ["en", "de", "pt-BR", "zh-Hant"], "en") == language


@pytest.mark.parametrize("locale_from", ["", "their country"])
def test_an_account_is_written_to_in_its_language_said_or_inferred(incident, notice, wanda, locale_from):
    make_affected(incident, make_account("a", "a@a.example", locale="de-AT", locale_from=locale_from))
    make_affected(incident, make_account("b", "b@b.example", locale="nl"))

    mailings.prepare(notice, by=wanda)
    first, second = Recipient.objects.order_by("account__external_id")

    assert first.merge["language"] == "de" and composing.compose(first).text.startswith("Guten Tag")
    assert composing.compose(first).subject.startswith("Hinweis")
    assert '<html lang="de"' in composing.compose(first).html
    assert second.merge["language"] == "en" and composing.compose(second).text.startswith("Hello")


def test_a_message_frozen_before_there_were_languages_is_in_the_default_one(incident, notice, wanda):
    make_affected(incident, make_account("a", "a@a.example", locale="de"))
    mailings.prepare(notice, by=wanda)
    recipient = Recipient.objects.get()
    del recipient.merge["language"]

    assert composing.compose(recipient).text.startswith("Hello")


def test_the_hash_of_a_version_covers_every_language(notice, wanda):
    version = mailings.freeze(notice, by=wanda)
    said = {
        "subject": version.subject, "body": version.body, "language": "en", "guidance": version.guidance,
        "texts": version.texts,
    }  # fmt: skip
    mailings.edit_in(notice, "de", subject="Hinweis", body="Anders {{ code }} {{ link }}", by=wanda, edits=1)

    assert version.sha256 == hashlib.sha256(audit.canonical(said).encode()).hexdigest()
    assert mailings.draft(notice).sha256 != version.sha256
    assert set(version.texts) == {"de"}


def test_a_new_text_and_one_that_is_dropped_end_the_approval(incident, notice, wanda):
    make_affected(incident)
    for number, change in enumerate(
        (
            lambda edits: mailings.edit_in(
                notice, "fr", subject="Avis", body="{{ code }} {{ link }}", by=wanda, edits=edits
            ),
            lambda edits: mailings.drop_language(notice, "fr", by=wanda, edits=edits),
        ),
        1,
    ):
        mailings.ask(mailings.prepare(notice, by=wanda), by=wanda)

        assert change(number) == 1


def test_the_second_of_two_editors_of_one_text_is_told(notice, wanda):
    with pytest.raises(mailings.Changed):
        mailings.edit_in(notice, "de", subject="Hinweis", body="Anders", by=wanda, edits=0)

    assert NoticeText.objects.get().subject == "Hinweis {{ code }}"


def test_lists_stay_in_the_language_they_were_written_in_and_say_so():
    recipient = make_recipient(
        "Guten Tag\n\n{{ steps }}\n\nEnde", guidance={**GUIDANCE, "language": "de", "written_in": "en"}
    )

    message = composing.compose(recipient)

    assert "This concerns what was made before 5 January 2018, 14:05 UTC." in " ".join(message.text.split())
    before, inside, after = message.html.replace('<div lang="en" dir="ltr">', "|").replace("</div>", "|").split("|")
    assert "Guten Tag" in before and "Rotate" in inside and "Ende" in after
    alone = composing.compose(
        make_recipient("Guten Tag\n\n{{ steps }}\n\nEnde", guidance={**GUIDANCE, "language": "en"})
    )
    assert message.text == alone.text


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", "(possibly)"), ("de", "(möglicherweise)"), ("fr", "(peut-être)"), ("es", "(posiblemente)"),
        ("ar", "(ربما)"), ("de-AT", "(möglicherweise)"), ("nl", "(possibly)"),
    ],
)  # fmt: skip
def test_fixed_words_are_those_of_the_language_the_lists_are_in(language, words):
    guidance = {**GUIDANCE, "language": language, "written_in": language}

    message = composing.compose(make_recipient("{{ exposed }}\n\n{{ steps }}", guidance=guidance))

    assert words in message.text
    assert "<div" not in message.html
    assert ('dir="rtl"' in message.html) == (language == "ar")


@pytest.mark.parametrize("language", list(languages.NAMES))
def test_there_is_a_first_draft_in_each_language_with_all_its_parts(language):
    subject, body = composing.starter(Incident(summary="Keys.", language=language), language)

    assert body.count("\n## ") == 5 and "Keys." in body
    for name in ("account", "code", "link", "exposed", "measures", "steps", "contacts", "domain"):
        assert f"{{{{ {name} }}}}" in body
    composing.compose(make_recipient(body, subject, guidance={**GUIDANCE, "language": language}))


def test_a_first_draft_in_another_language_than_the_incident_asks_what_happened():
    subject, body = composing.starter(Incident(summary="Keys.", language="en"), "de")

    assert "Keys." not in body
    with pytest.raises(CannotCompose, match="say what happened"):
        composing.compose(make_recipient(body, subject))


def test_subjects_of_all_languages_may_stand_on_the_page(incident, notice, wanda):
    assert telling._subjects(mailings.draft(notice)) == ["Security notice, reference …", "Hinweis …"]


def test_a_batch_call_joins_to_the_very_words_in_each_language_and_part():
    body = 'Hello {{ name }} {{ link }}\n\n:::if segment "api"\nYours, {{ account }}.\n:::\n\n{{ steps }}'
    recipient = make_recipient(body, "About {{ name }}")
    recipient.mailing.version.texts = {"de": {"subject": "Zu {{ name }}", "body": body.replace("Hello", "Guten Tag")}}
    hashes = set()
    for language, segments in (("en", ["api"]), ("de", ["api"]), ("de", [])):
        recipient.merge |= {"language": language, "segments": segments}

        message, part = composing.compose(recipient), composing.personal(recipient)

        for whole, shared in ((message.text, part.shared.text), (message.html, part.shared.html)):
            assert joined(shared, part.merge) == whole
        assert joined(part.shared.subject, part.merge) == message.subject
        hashes.add(part.sha256)

    assert len(hashes) == 3
