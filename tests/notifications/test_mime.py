"""The bytes of a notice: the same as Django's own MIME makes, got in a shorter way."""

import re
from email.policy import compat32

import pytest
from django.core.mail import EmailMessage, EmailMultiAlternatives
from django.core.mail.message import forbid_multi_line_headers
from hypothesis import given
from hypothesis import strategies as st

from notifications.smtp import mime

DATE = re.compile(rb"\r\nDate: [^\r]+")
WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\r"), max_size=300)
ONE_LINE = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Zl", "Zp"]), max_size=120)
READER = st.sampled_from(["owner@northwind.example", "o'neil+tag@x.example", "grüße@x.example", "o@exämple.example"])


def notice(subject: str, text: str, html: str, *, sender="Relaypost <s@relaypost.example>", to="owner@x.example"):
    email = EmailMultiAlternatives(
        subject, text, sender, [to], reply_to=["help@relaypost.example"],
        headers={"Message-ID": "<5f1c@relaypost.example>", "Auto-Submitted": "auto-generated"},
    )  # fmt: skip
    email.attach_alternative(html, "text/html")
    return email


def the_long_way(email: EmailMessage, boundary: str) -> bytes:
    message = email.message()
    if message.is_multipart():
        message.set_boundary(boundary)
    return message.as_bytes(linesep="\r\n")


def without_date(message: bytes) -> bytes:
    return DATE.sub(b"", message, count=1)


@given(ONE_LINE, WORDS, WORDS, READER)
def test_whatever_a_notice_says_its_bytes_are_those_of_django(subject, text, html, reader):
    email = notice(subject, text, html, to=reader)
    boundary = mime.boundary_of(email)

    ours = mime.as_bytes(email)

    if boundary.encode() in ours:  # else it took the long way by itself
        assert without_date(ours) == without_date(the_long_way(email, boundary))


@given(st.text(st.sampled_from("ab,; =?_-"), max_size=250), st.sampled_from(["Subject", "To", "Message-ID"]))
def test_long_headers_are_folded_where_django_folds_them(value, name):
    expected = compat32.fold_binary(*forbid_multi_line_headers(name, value, None))

    assert mime._header(name, value) == expected


@pytest.mark.parametrize("sender", ["Sécurité <s@relaypost.example>", '"Relaypost, Inc." <s@relaypost.example>',
                                    "s@relaypost.example"])  # fmt: skip
@pytest.mark.parametrize("subject", ["About", "Security notice about your account, reference 7K3M-9QPA-XC4T " * 3,
                                     "Über Ihre Schlüssel"])  # fmt: skip
def test_senders_and_subjects_of_every_length_are_written_as_django_writes_them(sender, subject):
    email = notice(subject, "Hello\n.\n..\nFrom here\n", "<p>Grüße</p>\n", sender=sender)
    boundary = mime.boundary_of(email)

    assert mime.as_bytes(email).count(boundary.encode()) == 4
    assert without_date(mime.as_bytes(email)) == without_date(the_long_way(email, boundary))


@pytest.mark.parametrize("text", ["x" * 999, "a\rb", "one\r\ntwo"])
def test_what_cannot_go_as_it_is_takes_the_long_way(text):
    ours = mime.as_bytes(notice("About", text, "<p>x</p>"))

    assert b"=_" not in ours.split(b"\r\n\r\n")[0]
    assert max(map(len, ours.split(b"\r\n"))) <= 998


def test_a_subject_of_two_lines_is_refused():
    with pytest.raises(ValueError, match="newlines"):
        mime.as_bytes(notice("About\nBcc: x@x.example", "Hello", "<p>x</p>"))


@pytest.mark.parametrize(("address", "path"), [
    ("owner@northwind.example", "<owner@northwind.example>"),
    ("Relaypost, Security <s@relaypost.example>", None),
    ("Relaypost <s@relaypost.example>", "<s@relaypost.example>"),
    ("o@exämple.example", "<o@xn--exmple-cua.example>"),
])  # fmt: skip
def test_an_address_stands_in_the_envelope_as_smtp_wants_it(address, path):
    if path is None:
        with pytest.raises(ValueError):
            mime.path(address)
    else:
        assert mime.path(address) == path


def test_an_address_that_would_say_a_command_of_its_own_is_refused():
    with pytest.raises(ValueError):
        mime.path("a@x.example>\r\nRCPT TO:<b@x.example")
