"""Typed facts and an account's small table, as a message says them."""

import pytest

from notifications import composing
from notifications.composing import CannotCompose
from tests.notifications.test_composing import GUIDANCE, make_recipient

KEYS = [
    {"key": "…4f2a", "calls": 12345, "last_seen": "2018-01-03T16:35:00Z"},
    {"key": "…9c01", "calls": 7, "last_seen": None},
]


def composed(body: str, **facts):
    return composing.compose(make_recipient(body, **facts))


def test_a_table_is_aligned_in_text_and_a_table_in_html():
    message = composed("These keys of yours were used:\n{{ rows }}\nChange them.", rows=KEYS)

    assert message.text == (
        "These keys of yours were used:\n"
        "\n"
        "Key    Calls   Last seen\n"
        "-----  ------  --------------------------\n"
        "…4f2a  12,345  16:35 UTC, 3 January 2018\n"
        "…9c01  7\n"
        "\n"
        "Change them.\n"
    ).replace("--------------------------", "-" * len("16:35 UTC, 3 January 2018"))
    assert '<th scope="col" align="left">Last seen</th>' in message.html
    assert "<td>…9c01</td><td>7</td><td></td>" in message.html
    assert "<p><table" not in message.html


def test_a_table_too_wide_for_a_message_becomes_a_list():
    message = composed("{{ rows }}", rows=[{"key": "k" * 40, "found in": "a log of ours " * 6}])

    assert message.text.startswith(f"- Key: {'k' * 40}\n  Found in: a log of ours")
    assert all(len(line) <= 72 for line in message.text.split("\n"))


def test_what_stands_in_a_table_is_only_data():
    message = composed("{{ rows }}", rows=[{"<i>": "<script>alert(1)</script>\u202e**x**\n{{ code }}"}])

    assert "<script>" not in message.html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;**x** {{ code }}" in message.html
    assert "<i>" not in message.html
    assert "\u202e" not in message.text


def test_two_hundred_lines_are_no_value_too_long():
    message = composed("{{ rows }}", rows=[{"key": f"key-{n:04}"} for n in range(200)])

    assert message.text.count("key-") == 200


def test_a_table_in_a_sentence_or_subject_is_refused():
    with pytest.raises(CannotCompose, match="alone on its line"):
        composed("Your keys: {{ rows }}", rows=KEYS)
    with pytest.raises(CannotCompose, match="subject"):
        composing.compose(make_recipient("Hello", subject="{{ rows }}", rows=KEYS))


def test_somebody_without_a_table_gets_the_words_instead_or_nothing_is_sent():
    message = composed('{{ rows | or: "We found no single key of yours & will write again." }}')

    assert message.text == "We found no single key of yours & will write again.\n"
    assert "<p>We found no single key of yours &amp; will write again.</p>" in message.html
    with pytest.raises(CannotCompose) as missing:
        composed("{{ rows }}")
    assert missing.value.variable == "rows"


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("2018-01-03", "3 January 2018"),
        ("2018-01-03T16:35:00Z", "16:35 UTC, 3 January 2018"),
        ("2018-01-03T16:35:12Z", "16:35:12 UTC, 3 January 2018"),
        (1234567, "1,234,567"),
        (2018, "2018"),
        (12.5, "12.5"),
        (True, "yes"),
        (False, "no"),
        ("2018-99-99", "2018-99-99"),
    ],
)
def test_a_typed_fact_is_said_as_people_read_it(value, said):
    assert composed("Seen: {{ seen }}.", seen=value).text == f"Seen: {said}.\n"


def test_a_fact_is_said_in_the_language_of_the_notice():
    recipient = make_recipient("{{ seen }}", guidance=GUIDANCE | {"language": "de"}, seen="2018-01-03")

    assert composing.compose(recipient).text == "3. Januar 2018\n"


def test_composing_a_table_again_gives_the_same_bytes():
    recipient = make_recipient("{{ rows }}", rows=KEYS)

    assert composing.compose(recipient) == composing.compose(recipient)
