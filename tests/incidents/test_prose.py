"""Markdown from a stranger's hand: nothing in it may run, load or deceive."""

import re
from pathlib import Path

import pytest

from incidents import prose

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    "hostile",
    [
        "<script>alert(1)</script>",
        "[click](javascript:alert(1))",
        "[click](JaVaScRiPt:alert(1))",
        "[click](data:text/html;base64,PHNjcmlwdD4=)",
        "[click](vbscript:x)",
        '<img src=x onerror="alert(1)">',
        "<svg onload=alert(1)>",
        "![tracked](https://evil.test/pixel.png)",
        "<a href='javascript:x'>x</a>",
        '[x](https://a.example "\\" onmouseover=\\"alert(1)")',
        "<style>body{display:none}</style>",
        "<form action=https://evil.test><input name=password></form>",
        "[x](file:///etc/passwd)",
        "```\n</code><script>alert(1)</script>\n```",
    ],
)
def test_hostile_markdown_makes_nothing_that_runs_or_loads(hostile):
    made = str(prose.html(hostile))

    assert not re.search(r"<(?!/?(?:p|a|em|strong|code|pre|span|br)\b)", made), made
    for tag in re.findall(r"<[^>]*>", made):
        assert not re.search(
            r"\son\w+\s*=|javascript:|data:|vbscript:|file:|src=|style=|id=", re.sub(r'"[^"]*"', '""', tag)
        )
        assert not re.search(r'href="(?!https?:|mailto:)', tag)


def test_a_link_whose_words_look_like_another_host_says_where_it_leads():
    made = prose.html("[https://bank.example](https://evil.test/login)")

    assert '<span class="link-host">(leads to evil.test)</span>' in made
    assert 'rel="noopener nofollow"' in made


@pytest.mark.parametrize(
    ("markdown", "host"),
    [
        ("[bank.example](https://evil.test)", "evil.test"),
        ("[see **bank.example** now](https://evil.test)", "evil.test"),
        ("[our status page](https://status.relaypost.example/x)", "status.relaypost.example"),
        ("[bank.example](https://bank.example@evil.test/)", "evil.test"),
        ("[bank.example](https://b\u0430nk.example/)", "xn--bnk-6cd.example"),
        ("[help@bank.example](mailto:help@evil.test)", "evil.test"),
    ],
)
def test_the_real_host_stands_beside_every_deceptive_link(markdown, host):
    made = str(prose.html(markdown))

    looks_like_a_host = "." in markdown.partition("]")[0]
    assert (f"(leads to {host})" in made) == looks_like_a_host


@pytest.mark.parametrize(
    "words", ["bank\u3002example", "bank\uff0eexample", "bank\u2024example", "bank.\u200bexample", "\uff42ank.example"]
)
def test_a_host_spelt_with_look_alike_or_invisible_marks_is_a_host(words):
    assert "(leads to evil.test)" in prose.html(f"[{words}](https://evil.test)")


@pytest.mark.parametrize(
    "honest", ["[https://relaypost.example/keys](https://relaypost.example/keys)", "<https://relaypost.example>"]
)
def test_an_honest_link_is_left_alone(honest):
    assert "leads to" not in prose.html(honest)


def test_headings_of_staff_stand_below_those_of_the_page():
    assert "<h3>" in prose.html("# Loud") and "<h1" not in prose.html("# Loud")


def test_no_class_or_id_survives_but_our_own():
    made = prose.html('<span class="phase phase-resolved" id="main">x</span>')

    assert "<span" not in made


def test_plain_text_is_wrapped_at_72_columns():
    made = prose.text("word " * 60 + "\n\nSecond paragraph.")

    assert max(map(len, made.splitlines())) <= 72
    assert made.endswith("\n\nSecond paragraph.")


def test_plain_text_names_where_a_link_leads():
    assert prose.text("Read [how](https://relaypost.example/keys).") == "Read how (https://relaypost.example/keys)."
    assert prose.text("<https://relaypost.example>") == "https://relaypost.example"
    assert prose.text("[help@x.example](mailto:help@x.example)") == "help@x.example"


def test_plain_text_keeps_lists_and_their_numbers():
    assert prose.text("1. Rotate\n2. Change\n\n- one\n- two") == "1. Rotate\n\n2. Change\n\n- one\n\n- two"


def test_plain_text_carries_no_markup():
    assert prose.text("**Now** use `key` & <b>") == "Now use key & <b>"


def test_only_prose_trusts_html():
    trusting = [
        str(file.relative_to(ROOT))
        for app in ("accounts", "config", "incidents", "notifications")
        for file in (ROOT / app).rglob("*.py")
        if re.search(r"\b(mark_safe|SafeString\()", file.read_text())
    ]
    filters = [
        str(file.relative_to(ROOT))
        for file in (ROOT / "templates").rglob("*.html")
        if re.search(r"\|\s*safe\b|autoescape off", file.read_text())
    ]

    assert trusting == ["incidents/prose.py"]
    assert filters == []
