"""The same notice in further languages, and as each kind of reader gets it."""

import pytest
from django.urls import reverse

from notifications import composing, mailings
from notifications.models import NoticeText
from tests.factories import (
    NOON,
    make_account,
    make_affected,
    make_incident,
    make_notice,
    make_organisation,
    make_segment,
)

BODY = """Hello {{ name }}, code {{ code }}

:::if segment "eu"
For Europe, {{ account }}.
:::else
For the others.
:::

{{ link }}"""


@pytest.fixture
def incident(db):
    make_organisation()
    return make_incident(first_published_at=NOON)


@pytest.fixture
def europe(incident):
    return make_segment(incident, "eu", name="Europe")


@pytest.fixture
def notice(incident, europe, wanda):
    return make_notice(incident, wanda, body=BODY)


def to(name, notice, *args):
    return reverse(f"notifications:{name}", args=[notice.incident.slug, notice.pk, *args])


def words(**fields):
    return {"language": "de", "subject": "Hinweis {{ code }}", "body": "Guten Tag {{ name }}", "edits": 0, **fields}


def test_a_text_in_another_language_is_written_and_shown(notice, wanda, as_user):
    make_affected(notice.incident, make_account(locale="de-AT", locale_from="their country"))

    page = as_user(wanda).post(to("notice_text_new", notice), words(), follow=True).content.decode()

    assert "“First notice” in German is saved." in page
    assert "Guten Tag <mark>Northwind Traders</mark>" in page
    assert "<dd>German <small>inferred from their country" in page


def test_a_first_draft_is_offered_in_each_language_that_is_not_there(notice, wanda, as_user):
    page = as_user(wanda).get(to("notice_text_new", notice)).content.decode()
    german = as_user(wanda).get(to("notice_text_new", notice), {"language": "de"}).content.decode()

    assert "?language=ar" in page and "?language=en" not in page
    assert "## Was geschehen ist" in german


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("language", "en", "There is a text in en already"),
        ("language", "no language", "This is no language code."),
        ("body", "Hello {{ name }", "is no variable"),
        ("body", ':::if segment "uk"\nX\n:::', "there is no segment “uk”: there are eu"),
        ("body", ':::if segment "eu"\nX', "Line 1: this part has no end"),
        ("subject", "About {{ link }}", "link cannot stand in the subject"),
    ],
)
def test_what_could_never_be_written_is_not_saved(notice, wanda, as_user, field, value, said):
    response = as_user(wanda).post(to("notice_text_new", notice), words(**{field: value}))

    assert said in response.content.decode().replace("&quot;", '"')
    assert not NoticeText.objects.exists()


def test_a_misspelt_variable_is_named_with_the_one_that_was_meant(notice, wanda, as_user):
    make_affected(notice.incident)

    page = as_user(wanda).post(to("notice_text_new", notice), words(body="{{ api_kye }}"), follow=True)

    assert "No affected account has api_kye so far" in page.content.decode()
    assert "Was api_key meant?" in page.content.decode()


def test_two_editors_of_one_text_are_told_apart(notice, wanda, as_user):
    mailings.edit_in(notice, "de", subject="Hinweis", body="Zuerst", by=wanda, edits=0)

    page = as_user(wanda).post(to("notice_text", notice, "de"), words(body="Danach")).content.decode()

    assert "Somebody else saved this notice while you wrote" in page
    assert "Danach" in page and 'name="edits" value="1"' in page
    assert NoticeText.objects.get().body == "Zuerst"


def test_a_language_is_removed_after_asking(notice, wanda, as_user):
    mailings.edit_in(notice, "de", subject="Hinweis", body="Zuerst", by=wanda, edits=0)
    client = as_user(wanda)

    asked = client.get(to("notice_text_drop", notice, "de")).content.decode()
    page = client.post(to("notice_text_drop", notice, "de"), follow=True).content.decode()

    assert "Whoever would get it in German gets it in English then." in asked
    assert "The text in German is removed" in page and not NoticeText.objects.exists()


# Variants -------------------------------------------------------------------------------------------------------


def test_each_kind_of_reader_is_counted_and_tried(notice, europe, wanda, as_user):
    mailings.edit_in(notice, "de", subject="Hinweis", body="{{ code }} {{ link }} {{ api_key }}", by=wanda, edits=0)
    for number, (locale, segments) in enumerate([("en", [europe]), ("", [europe]), ("nl", []), ("de", [])]):
        facts = {} if locale == "de" else {"api_key": "x"}
        make_affected(notice.incident, make_account(f"a{number}", f"o@a{number}.example", locale=locale),
                      segments=segments, facts=facts)  # fmt: skip

    found = mailings.variants(notice)
    page = as_user(wanda).get(to("notice_variants", notice)).content.decode()

    assert [(one.words, one.count, one.problem) for one in found.listed] == [
        ("English · eu", 2, ""), ("English · in no segment", 1, ""),
        ("German · in no segment", 1, "There is no api_key for this account."),
    ]  # fmt: skip
    assert found.other_languages == {"nl": 1}
    assert "4 people, 3 kinds of reader" in page and "1 of them has the language Dutch" in page
    assert "English · eu</a></th><td>2</td><td>can be written" in page


def test_variants_follow_one_upon_the_other(notice, europe, wanda, as_user):
    make_affected(notice.incident, make_account("in", "o@in.example"), segments=[europe])
    make_affected(notice.incident, make_account("out", "o@out.example"))
    client = as_user(wanda)

    first = client.get(to("notice_preview", notice), {"variant": 1}).content.decode()
    second = client.get(to("notice_preview", notice), {"variant": 2}).content.decode()

    assert "Variant 1 of 2: English · eu. 1 person gets it." in first and "?variant=2" in first
    assert "For Europe" in first and "For the others" not in first
    assert "For the others" in second and "?variant=1" in second
    frame = client.get(to("notice_html", notice), {"variant": 2}).content.decode()
    assert "For the others" in frame


def test_variants_cost_the_same_queries_for_few_and_many(notice, europe, django_assert_max_num_queries):
    for number in range(5):
        make_affected(notice.incident, make_account(f"a{number}", f"o@a{number}.example"), segments=[europe])

    with django_assert_max_num_queries(15):
        mailings.variants(notice)


# What differs is set off ----------------------------------------------------------------------------------------


def test_values_and_parts_are_set_off_in_the_very_words_that_are_sent(notice, europe):
    long_name = make_account("northwind", "o@n.example", name="A rather long name " * 6)
    affected = make_affected(notice.incident, long_name, segments=[europe])
    recipient = mailings.recipient_for(mailings.draft(notice), affected=affected, address=None)
    message, shown = composing.compose(recipient), composing.shown(recipient)

    assert "".join(words for _, words in shown.text) == message.text
    kinds = [kind for kind, _ in shown.text if kind]
    assert kinds.count("theirs") == kinds.count("theirs end") == 1
    inside = shown.text[kinds_at(shown.text, "theirs") : kinds_at(shown.text, "theirs end")]
    assert "".join(words for _, words in inside) == "For Europe, northwind."
    assert '<div class="theirs">' in shown.html and "<mark>northwind</mark>" in shown.html
    assert "<mark" not in shown.html.split("</head>")[0] and "<mark" not in message.html


def kinds_at(pieces, kind):
    return [one for one, _ in pieces].index(kind)


def test_the_frame_may_load_our_own_style_and_nothing_else(notice, wanda, as_user):
    policy = as_user(wanda).get(to("notice_html", notice)).headers["Content-Security-Policy"]

    assert "default-src 'none'" in policy and "style-src 'self'" in policy and "sandbox" in policy


@pytest.mark.parametrize("name", ["notice_variants", "notice_text_new", "notice_text", "notice_text_drop"])
def test_a_stranger_gets_nowhere_and_an_auditor_looks(notice, wanda, stranger, otto, as_user, name):
    mailings.edit_in(notice, "de", subject="Hinweis", body="Zuerst", by=wanda, edits=0)
    args = ["de"] if name in {"notice_text", "notice_text_drop"} else []

    assert as_user(stranger).get(to(name, notice, *args)).status_code == 403
    assert as_user(otto).get(to(name, notice, *args)).status_code == (200 if name == "notice_variants" else 403)
