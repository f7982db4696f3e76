"""One message: the same words in text and HTML, and every value only data."""

import html as html_module
import re
import textwrap

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accounts.models import Address
from incidents.models import Incident
from notifications import composing, links
from notifications.composing import CannotCompose
from notifications.composing.pieces import wrapped
from notifications.composing.tables import COLUMNS
from notifications.composing.variables import LINK_TOKEN
from notifications.models import Mailing, NoticeVersion, ReaderLink, Recipient

GUIDANCE = {
    "organisation": {
        "name": "Relaypost", "domain": "relaypost.example", "security_email": "security@relaypost.example",
    },
    "language": "en",
    "page": "http://localhost:8000/incidents/api-keys-2018/",
    "segments": [{"key": "api", "name": "API customers", "guidance": "Look at your sending log."}],
    "exposures": [
        {"segment": "api", "data_class": "API keys", "status": "confirmed", "note": ""},
        {"segment": None, "data_class": "SMTP credentials", "status": "possible", "note": "we advise to change them"},
        {"segment": None, "data_class": "Card data", "status": "ruled_out", "note": ""},
    ],
    "steps": [
        {
            "id": 1, "segment": "api", "title": "Rotate your API keys", "how": "Open *Settings*, then **API keys**.",
            "why": "Somebody else may know the old one.", "if_not": "mail can go out in your name.",
            "cut_off": "2018-01-05T14:05:00+00:00", "due_at": None, "url": "https://relaypost.example/keys",
        },
        {
            "id": 2, "segment": None, "title": "Change the SMTP password", "how": "", "why": "", "if_not": "",
            "cut_off": None, "due_at": None, "url": "",
        },
    ],
    "measures": [
        {"text": "We closed the way in.", "promised": False, "due_at": None},
        {"text": "An audit by somebody else", "promised": True, "due_at": None},
    ],
    "contacts": [{"role": "security", "value": "security@relaypost.example", "label": ""}],
}  # fmt: skip
SENDER = "Relaypost Security <security@relaypost.example>"
CODE = "7K3M-9QPA-XC4T"
versions = iter(range(1_000_000))


def make_recipient(body: str, subject: str = "About your account", *, segments=("api",), guidance=GUIDANCE,
                   account="northwind", name="Northwind Traders", to="owner@northwind.example", **facts):  # fmt: skip
    version = NoticeVersion(subject=subject, body=body, guidance=guidance, sha256=f"version {next(versions)}")
    return Recipient(
        mailing=Mailing(version=version, sender=SENDER, reply_to="help@relaypost.example"),
        merge={"account": account, "name": name, "segments": list(segments), "facts": facts},
        address=Address(value=to), link=ReaderLink(pk=7, serial=1, key_id="laptop"), code=CODE,
        message_id="5f1c@relaypost.example",
    )  # fmt: skip


def words_of(html: str) -> str:
    """The words of an HTML part, to compare with the text part."""
    body = re.sub("</?(em|strong|a|span)[^>]*>", "", html.split("<body>")[1])
    return " ".join(html_module.unescape(re.sub("<[^>]+>", " ", body)).split())


def text_words(text: str) -> str:
    lines = [line for line in text.split("\n") if not re.fullmatch(r"-{3,}", line)]
    return " ".join(re.sub(r"(?m)^ *(- |\d+\. )", "", "\n".join(lines)).split())


# The message ----------------------------------------------------------------------------------------------------


def test_the_starter_says_everything_an_affected_person_must_know():
    subject, body = composing.starter(Incident(summary="On 5 January 2018 somebody read API keys."))

    message = composing.compose(make_recipient(body, subject))

    assert message.subject == f"Security notice about your Relaypost account, reference {CODE}"
    headings = [
        "What happened",
        "What information was involved",
        "What we are doing",
        "What you can do",
        "For more information",
    ]
    assert "somebody read API keys" in message.text and "somebody read API keys" in message.html
    for part in (message.text, message.html):
        places = [part.index(heading) for heading in headings]
        assert places == sorted(places)
        part = " ".join(part.split())
        assert "API keys" in part and "Change the SMTP password" in part and "5 January 2018, 14:05 UTC" in part
    assert "This concerns your Relaypost account northwind." in message.text
    assert CODE in "\n".join(message.text.split("\n")[:4])
    assert "type relaypost.example in your browser and open Security" in " ".join(message.text.split())


def test_a_draft_that_still_asks_what_happened_cannot_be_sent():
    subject, body = composing.starter(Incident(summary=""))

    with pytest.raises(CannotCompose, match="say what happened"):
        composing.compose(make_recipient(body, subject))


def test_the_starter_claims_no_certain_exposure_of_accounts_that_are_only_possibly_affected():
    _subject, body = composing.starter(Incident(summary="Keys."))

    assert "was exposed, or may have been" in body


def test_text_and_html_say_the_same_words():
    message = composing.compose(
        make_recipient("Hello {{ name }}\n\n{{ exposed }}\n\n{{ steps }}\n\nYour notice: {{ link }}")
    )

    assert words_of(message.html) == text_words(message.text)


def test_lines_are_72_columns_even_after_long_values_went_in():
    body = (
        "This is about {{ account }}, which belongs to {{ name }}, and about the key {{ api_key }} that was read."
        "\n\n- {{ name }} and {{ name }}"
    )

    message = composing.compose(make_recipient(body, name="A rather long name " * 6, api_key="key-" + "4f2 " * 20))

    assert max(map(len, message.text.split("\n"))) <= 72
    assert message.text.split("\n\n")[1].split("\n")[1].startswith("  ")


def test_a_long_word_is_never_broken():
    message = composing.compose(make_recipient("The key is {{ api_key }} for you.", api_key="k" * 100))

    assert "k" * 100 in message.text.split("\n")


def test_headers_name_sender_reader_and_a_stable_message_id():
    message = composing.compose(make_recipient("Hello"))
    email = composing.to_email(message).message()

    assert email["From"] == "Relaypost Security <security@relaypost.example>"
    assert (email["To"], email["Cc"], email["Bcc"]) == ("owner@northwind.example", None, None)
    assert (email["Reply-To"], email["Auto-Submitted"]) == ("help@relaypost.example", "auto-generated")
    assert email["Message-ID"] == "<5f1c@relaypost.example>"
    assert [part.get_content_type() for part in email.walk()] == ["multipart/alternative", "text/plain", "text/html"]


def test_the_html_part_loads_nothing_and_has_its_language():
    message = composing.compose(
        make_recipient("![x](https://evil.test/x.png) {{ link }}", guidance={**GUIDANCE, "language": "ar"})
    )

    assert '<html lang="ar" dir="rtl">' in message.html
    assert not re.search(r"<img|src=|<style|style=|<script|<link", message.html)


def test_only_what_concerns_their_segments_is_said():
    body = "{{ exposed }}\n\n{{ not_exposed }}\n\n{{ steps }}"

    others = composing.compose(make_recipient(body, segments=())).text

    assert "API keys" not in others
    assert "SMTP credentials (possibly): we advise to change them" in others
    assert "Card data" in others


def test_the_worst_of_several_segments_holds():
    exposures = [
        {"segment": "api", "data_class": "Keys", "status": "possible", "note": ""},
        {"segment": "smtp", "data_class": "Keys", "status": "confirmed", "note": "seen in a log"},
    ]

    text = composing.compose(
        make_recipient("{{ exposed }}", segments=("api", "smtp"), guidance={**GUIDANCE, "exposures": exposures})
    ).text

    assert text == "- Keys: seen in a log\n"


# Values are data ------------------------------------------------------------------------------------------------

HOSTILE = [
    "**bold** [click](https://evil.test) <https://evil.test> `x` # head",
    "<script>alert(1)</script><img src=x onerror=alert(1)> &amp; \"quoted' ",
    "first\r\nBcc: victim@evil.test\r\n\r\nbody",
    "{{ code }} {{ link }} {{ nothing }} {% include 'x' %}",
    "\u202ereversed\u2066 \u2028line\u2029para \x00nul \x1besc \x85next",
    "\ue000\ue001\uefff \uf8ff " + LINK_TOKEN[:20],
    "- list\n\n1. item\n\n    code",
]


@pytest.mark.parametrize("value", HOSTILE)
def test_a_hostile_value_stays_one_line_of_plain_words(value):
    body = "Before {{ name }} after {{ api_key }}.\n\n- {{ name }}\n\nYour notice: {{ link }}"
    recipient = make_recipient(body, "About {{ name }} {{ api_key }}", name=value, api_key=value)
    tame = composing.compose(make_recipient(body, name="tame", api_key="tame"))

    message = composing.compose(recipient)

    assert composing.to_email(message).message()["Bcc"] is None
    assert re.findall("<[a-z/][^>]*>", message.html) == re.findall("<[a-z/][^>]*>", tame.html)
    assert message.subject.isprintable()
    assert len(message.text.split("\n\n")) == len(tame.text.split("\n\n"))
    assert not re.search(
        "[\ue000-\uf8ff\u202a-\u202e\u2066-\u2069\x00-\x09\x0b-\x1f\x85\u2028\u2029]", message.text + message.html
    )


def test_markdown_and_braces_in_a_value_come_out_as_they_are():
    message = composing.compose(make_recipient("For {{ name }}.", name="**A** {{ code }} <b>"))

    assert message.text == "For **A** {{ code }} <b>.\n"
    assert "<p>For **A** {{ code }} &lt;b&gt;.</p>" in message.html


@settings(deadline=None)
@given(st.text(max_size=200), st.text(max_size=200))
def test_any_value_composes_or_is_named_as_missing(name, key):
    recipient = make_recipient("For {{ name }}: {{ api_key }}. {{ link }}", "{{ name }}", name=name, api_key=key)
    try:
        message = composing.compose(recipient)
    except CannotCompose as error:
        assert error.variable in {"name", "api_key"}
    else:
        composing.to_email(message).message().as_bytes()
        assert message.html.count("<p>") == 1


def test_a_person_s_facts_may_be_lists_tables_and_numbers():
    body = "{{ calls }} | {{ times }} | {{ window }} | {{ live }}"

    text = composing.compose(
        make_recipient(body, calls=12, times=["09:14", "10:02"], window={"from": "09:00", "to": None}, live=True)
    ).text

    assert text == "12 | 09:14; 10:02 | from: 09:00, to: | yes\n"


# What stops a message -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "variable", "said"),
    [
        ("Key {{ api_kye }}", "api_kye", "There is no api_kye for this account."),
        ("Key {{ api_key }}", "api_key", "There is no api_key for this account."),
        ("{{ page }}", "page", "there is no public page"),
        ("As text: {{ steps }}", "steps", "must stand alone on its line"),
        ("{{ contacts }}", "contacts", "the incident says nothing about it"),
        ("[x](https://relaypost.example/{{ account }})", "account", "inside the address of a link"),
        ("{{ name | upper }}", "{{ name | upper }}", "is no variable"),
        ("{{ a.b }}", "{{ a.b }}", "is no variable"),
        ("{{ name }", "{{ name }", "is no variable"),
        ("{% now 'Y' %}{{", "{{", "is no variable"),
    ],
)  # fmt: skip
def test_what_cannot_be_written_is_named(body, variable, said):
    guidance = {**GUIDANCE, "page": "", "contacts": []}

    with pytest.raises(CannotCompose) as caught:
        composing.compose(make_recipient(body, guidance=guidance, api_key="  "))

    assert caught.value.variable == variable
    assert said in str(caught.value)


@pytest.mark.parametrize("name", ["link", "page", "steps"])
def test_the_subject_takes_neither_links_nor_lists(name):
    with pytest.raises(CannotCompose) as caught:
        composing.compose(make_recipient("Hello", f"About {{{{ {name} }}}}"))

    assert caught.value.variable == name


def test_a_fallback_stands_in_for_what_is_missing():
    body = 'Hello {{ name | or: "there" }}, see {{ page | or: "our website" }}.\n\n{{ contacts | or: "" }}'

    text = composing.compose(make_recipient(body, name="", guidance={**GUIDANCE, "page": "", "contacts": []})).text

    assert text == "Hello there, see our website.\n"


def test_a_value_without_end_is_refused():
    with pytest.raises(CannotCompose, match="longer than 1000"):
        composing.compose(make_recipient("{{ name }}", name="x" * 1_000_000))


def test_a_message_without_address_or_link_says_what_it_lacks():
    recipient = make_recipient("{{ link }}")
    recipient.link = None
    with pytest.raises(CannotCompose, match="personal link"):
        composing.compose(recipient)

    recipient.address = None
    with pytest.raises(CannotCompose, match="no email address"):
        composing.compose(recipient)


# Proof ----------------------------------------------------------------------------------------------------------


def test_composing_again_gives_the_same_bytes():
    recipient = make_recipient(composing.starter(Incident(summary="Keys."))[1], name="Ä ö", api_key="x")

    assert composing.compose(recipient) == composing.compose(recipient)


def test_the_hash_covers_every_part_and_not_the_token(settings):
    recipient = make_recipient("Hello {{ name }} {{ link }}")
    message = composing.compose(recipient)
    parts = {name: value for name, value in vars(message).items() if name != "sha256"}
    token = links.token(recipient.link)

    recipient.link.serial = 2  # another token
    again = composing.compose(recipient)

    assert token in message.text and token in message.html and token not in again.text
    assert again.sha256 == message.sha256 == composing.hash_of(parts, token=token)
    for name in parts:
        changed = {
            **parts,
            name: {**parts[name], "X": "y"}
            if name == "headers"
            else parts[name] + parts[name][:1] + type(parts[name])("x"),
        }
        assert composing.hash_of(changed, token=token) != message.sha256


def test_the_message_of_one_contains_nothing_of_another():
    body = "{{ account }} {{ name }} {{ api_key }} {{ link }}"
    one = make_recipient(body, account="canary-a", name="Canary A", to="a@canary.example", api_key="key-aaaa")
    two = make_recipient(body, account="canary-b", name="Canary B", to="b@canary.example", api_key="key-bbbb")
    two.mailing, two.link = one.mailing, ReaderLink(pk=8, serial=1, key_id="laptop")

    first, second = composing.compose(one), composing.compose(two)

    for theirs in ("canary-b", "Canary B", "b@canary.example", "key-bbbb", links.token(two.link)):
        assert theirs not in repr(first) and theirs in repr((second, links.token(two.link)))
    for theirs in ("canary-a", "Canary A", "a@canary.example", "key-aaaa", links.token(one.link)):
        assert theirs not in repr(second)


def test_the_stand_in_of_a_token_is_as_long_as_a_token():
    assert len(LINK_TOKEN) == links.TOKEN_LENGTH == len(links.token(ReaderLink(pk=1, serial=1, key_id="laptop")))


@given(
    st.lists(
        st.text(min_size=1, max_size=80) | st.sampled_from(["a", "of", "x" * 72, "y" * 71, "z" * 90]), max_size=40
    ),
    st.sampled_from([("", ""), ("- ", "  "), ("  12. ", "      ")]),
)
def test_lines_are_set_anew_as_textwrap_would(words, indents):
    first, rest = indents
    text = " ".join(words)

    assert wrapped(text, first, rest) == textwrap.fill(
        text, COLUMNS, initial_indent=first, subsequent_indent=rest, break_long_words=False, break_on_hyphens=False
    )
