"""Parts that only some readers get; and whatever a template says, nothing of it is ever executed."""

import re

import pytest
from django.conf import settings
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from notifications import composing, mailings
from notifications.composing import CannotCompose, conditions
from notifications.models import Recipient
from tests.factories import make_account, make_affected, make_incident, make_notice, make_organisation, make_segment
from tests.notifications.test_composing import make_recipient, text_words, words_of


def said(body, *, segments=(), jurisdictions=()):
    recipient = make_recipient(body, segments=segments)
    recipient.merge["jurisdictions"] = list(jurisdictions)
    message = composing.compose(recipient)
    assert words_of(message.html) == text_words(message.text)
    return " ".join(message.text.split())


def test_a_part_is_for_its_segment_alone():
    body = 'One\n:::if segment "api"\nTwo\n:::\nThree'

    assert said(body, segments=["api"]) == "One Two Three"
    assert said(body) == "One Three"


def test_else_is_for_everybody_else():
    body = ':::if jurisdiction "DE", "US-CA"\nTheirs\n:::else\nOthers\n:::'

    assert said(body, jurisdictions=["US-CA"]) == "Theirs"
    assert said(body) == "Others"


def test_not_and_and():
    body = 'Hello\n\n:::if segment "api" and not jurisdiction "DE"\nHere\n:::'

    assert said(body, segments=["api"]) == "Hello Here"
    assert said(body, segments=["api"], jurisdictions=["DE"]) == "Hello"
    assert said(body) == "Hello"


def test_a_country_holds_for_its_parts_and_a_part_not_for_its_country():
    assert conditions.within("US-CA", ["US", "US-CA", "DE", "U"]) == ["US", "US-CA"]
    assert conditions.within("US", ["US-CA"]) == []
    assert conditions.within("", ["US"]) == []


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (':::if segment "api"\nNo end', "Line 1: this part has no end"),
        ("Text\n:::\n", "Line 2: ::: ends a part, and none has begun"),
        (":::else\n:::", "Line 1: :::else belongs between"),
        (':::if segment "api"\n:::else\n:::else\n:::', "Line 3: :::else belongs between"),
        (':::if segment "api"\n:::if segment "api"\n:::\n:::', "Line 2: end the part of line 1 first"),
        (":::if segment api\n:::", "“segment api” is not understood: write"),
        (':::if language "de"\n:::', "is not understood"),
        (':::when segment "api"\n:::', "is not understood"),
        (':::if segment "api" or segment "smtp"\n:::', "is not understood"),
        (':::if segment "eu"\nX\n:::', "there is no segment “eu”: there are api"),
        (':::if jurisdiction "Germany"\nX\n:::', "“GERMANY” is no jurisdiction"),
        (':::if segment ""\nX\n:::', "nothing between the quotation marks"),
        (":::if\n:::", "is not understood"),
    ],
)
def test_what_is_not_understood_is_named_with_its_line(body, words):
    with pytest.raises(CannotCompose) as caught:
        said(f"{body}")

    assert words in str(caught.value)


def test_an_account_s_country_decides_and_is_frozen_only_where_it_is_asked_for(db, wanda):
    make_organisation()
    incident = make_incident()
    body = '{{ code }}\n\n:::if jurisdiction "US-CA"\nCalifornia.\n:::else\nElsewhere.\n:::\n\n{{ link }}'
    notice = make_notice(incident, wanda, body=body)
    make_affected(incident, make_account("a", "a@a.example", jurisdiction="US-CA"))
    make_affected(incident, make_account("b", "b@b.example", jurisdiction="DE"))

    mailings.prepare(notice, by=wanda)
    first, second = Recipient.objects.order_by("account__external_id")

    assert "California." in composing.compose(first).text and first.merge["jurisdictions"] == ["US-CA"]
    assert "Elsewhere." in composing.compose(second).text and "jurisdictions" not in second.merge


def test_a_segment_that_is_held_back_later_stops_the_text(db, wanda):
    make_organisation()
    incident = make_incident()
    segment = make_segment(incident, "eu")
    notice = make_notice(incident, wanda, body='{{ code }}\n:::if segment "eu"\nHere.\n:::\n\n{{ link }}')
    affected = make_affected(incident, segments=[segment])

    assert "Here." in mailings.preview(notice, affected=affected, address=None).text
    segment.held_back = True
    segment.save()

    with pytest.raises(CannotCompose, match="no segment “eu”"):
        mailings.preview(notice, affected=affected, address=None)


# Nothing is executed --------------------------------------------------------------------------------------------

HOSTILE = [
    "{{ name.__class__ }}", "{{ name|safe }}", "{{ settings.SECRET_KEY }}", "{% load static %}", "{% debug %}",
    "{{ name.__class__.__mro__[1].__subclasses__() }}", "{0.__class__}", "{name}", "{name.__init__.__globals__}",
    "%(name)s", "%s%s%s%n", "${7*7}", "#{7*7}", "<%= 7*7 %>", "{{ 7*7 }}", "{{7*'7'}}", "{% if 1 %}", "{{{{ name }}}}",
    '{{ name | or: "{{ code }}" }}', '{{ __class__ }}', "{{ _known }}", ':::if segment "api" and __import__("os")',
    ":::if 1", "f'{name}'", "%recipient.id%", "{!r}", "{{ name!r }}", "\ue000\uefff", "\uf8ff", "\uf8f0\n\n",
]  # fmt: skip
PIECES = [
    *HOSTILE, "{{", "}}", "{", "}", "%", "|", "name", "code", ".", "__class__", "\n", "\n\n", ":::", ":::if ",
    ':::if segment "api"', ":::else", "words ", "{{ name }}", "{{ code }}", "- ", "> ", "`", "[a](", ")", "<", ">", "*",
]  # fmt: skip
LEAKS = re.compile(r"class '|<function|built-in|__globals__'|Traceback|0x[0-9a-f]{6,}|7777777|\b49\b")


@pytest.mark.parametrize("template", HOSTILE)
def test_what_other_engines_would_execute_is_words_or_is_refused(template):
    look(template, template)


@hypothesis_settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(PIECES) | st.text(max_size=5), max_size=12).map("".join), st.text(max_size=40))
def test_no_template_reaches_attributes_formats_or_code(body, subject):
    look(body, subject)


def look(body, subject):
    """Either it is refused in words, or nothing stands in the message but what the template and the values say."""
    recipient = make_recipient(body, subject, name="Plain Name", account="plain-account")
    try:
        message = composing.compose(recipient)
    except CannotCompose as error:
        assert error.variable and str(error)
        return
    for part in (message.subject, message.text, message.html):
        assert settings.SECRET_KEY not in part
        assert "Traceback" not in part and not LEAKS.search(part.replace(body, "").replace(subject, ""))
    letters = set(body + subject + "Plain Name plain-account 7K3M-9QPA-XC4T -" + "ABCDEF")  # %7B in an address
    assert {mark for mark in message.text if mark.isalpha() and mark.isascii()} <= letters
