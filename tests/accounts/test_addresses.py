"""Two spellings of one mailbox share one form; two mailboxes never do."""

import hmac
import unicodedata

import pytest
from django.db import IntegrityError, transaction
from hypothesis import given
from hypothesis import strategies as st

from accounts.addresses import lookup_hash, normalise, normalise_phone, normalise_post
from accounts.models import Address
from tests.factories import make_account


@pytest.mark.parametrize(
    ("given_as", "normal"),
    [
        ("Owner@Example.COM", "owner@example.com"),
        ("  owner@example.com\n", "owner@example.com"),
        ("jörg@example.com", "jörg@example.com"),
        (unicodedata.normalize("NFD", "Jörg@example.com"), "jörg@example.com"),
        ("owner@müller.example", "owner@xn--mller-kva.example"),
        ("owner@MÜLLER.example", "owner@xn--mller-kva.example"),
        ("owner@xn--mller-kva.example", "owner@xn--mller-kva.example"),
        ("owner@例え.テスト", "owner@xn--r8jz45g.xn--zckzah"),
        ("Straße@example.com", "strasse@example.com"),
        ("owner+tag@example.com", "owner+tag@example.com"),
        ("o.w.n.e.r@example.com", "o.w.n.e.r@example.com"),
        ('"a@b"@example.com', '"a@b"@example.com'),
        ("not an address", "not an address"),
        ("", ""),
    ],
)
def test_an_address_has_one_normal_form(given_as, normal):
    assert normalise(given_as) == normal


def test_tags_and_dots_may_be_different_accounts():
    assert normalise("owner+a@example.com") != normalise("owner+b@example.com")
    assert normalise("own.er@example.com") != normalise("owner@example.com")


def test_a_dotless_i_is_not_an_i():
    """CVE-2019-19844: upper case would make them one."""
    assert "mıke@example.com".upper() == "mike@example.com".upper()
    assert normalise("mıke@example.com") != normalise("mike@example.com")


def test_a_cyrillic_look_alike_is_another_domain():
    assert normalise("owner@exаmple.com") != normalise("owner@example.com")


@given(st.text(max_size=80))
def test_normalising_twice_changes_nothing_more(text):
    once = normalise(text)

    assert normalise(once) == once


@given(st.emails())
def test_case_of_an_ascii_address_never_matters(email):
    assert normalise(email.upper()) == normalise(email.lower())


@given(st.text(max_size=60), st.text(alphabet="äöüßéñ例え", min_size=1, max_size=12))
def test_composed_and_decomposed_spelling_are_one(local, domain):
    address = f"{local}@{domain}.example"

    assert normalise(unicodedata.normalize("NFD", address)) == normalise(unicodedata.normalize("NFC", address))


def test_the_lookup_is_keyed(settings):
    before = lookup_hash("owner@example.com")
    settings.LOOKUP_KEY = "another key"

    assert len(before) == 32
    assert lookup_hash("owner@example.com") != before


def test_an_address_is_kept_as_given_beside_its_normal_form(db):
    address = Address.objects.create(account=make_account(email=None), value="Owner@MÜLLER.example")

    assert (address.value, address.normal) == ("Owner@MÜLLER.example", "owner@xn--mller-kva.example")
    assert bytes(address.lookup) == lookup_hash("owner@xn--mller-kva.example")
    assert "MÜLLER" not in str(address), "this text reaches logs"


def test_one_account_holds_a_mailbox_once_however_it_is_spelt(db):
    account = make_account(email="owner@example.com")

    with pytest.raises(IntegrityError), transaction.atomic():
        Address.objects.create(account=account, value="OWNER@Example.com")


def test_the_lookup_is_the_hmac_of_the_standard_library(settings):
    for key in ("short", "x" * 64, "longer than one block " * 9):
        settings.LOOKUP_KEY = key
        expected = hmac.digest(key.encode(), b"candor address\0j\xc3\xb6rg@example.com", "sha256")

        assert lookup_hash("jörg@example.com") == expected


@pytest.mark.parametrize(
    "given_as", ["+49 30 12345", "+49 (0)30 1234-5", "0049 30 / 12345", "tel:+49.30.12345", " +49\u00a030\u201112345 "]
)
def test_a_telephone_number_has_one_normal_form(given_as, db):
    address = Address.objects.create(account=make_account(email=None), kind="phone", value=given_as)

    assert address.normal == "+493012345"
    assert address.value == given_as


def test_a_text_that_is_no_number_is_only_trimmed():
    assert normalise_phone(" ask at the desk ") == "ask at the desk"


@pytest.mark.parametrize(
    "given_as", ["Main St. 1, 10115 Berlin", "main st 1\n10115  BERLIN", "Main St. 1; 10115 Berlin."]
)
def test_a_postal_address_has_one_normal_form(given_as):
    assert normalise_post(given_as) == "main st 1 10115 berlin"


@given(st.text(max_size=60))
def test_normalising_post_and_phone_twice_changes_nothing_more(text):
    assert normalise_post(normalise_post(text)) == normalise_post(text)
    assert normalise_phone(normalise_phone(text)) == normalise_phone(text)
