"""Readers' pages speak the language their browser asks for, and an open notice that of its account."""

import secrets

import pytest
from django.utils import timezone

from accounts.models import Account
from notifications import links
from notifications.models import ReaderLink
from tests.factories import make_organisation
from tests.notifications.reader import OURS, _files_apart, make_letter, make_story, open_link, page  # noqa: F401

pytestmark = pytest.mark.django_db

CONTINUE = {"en": "Continue", "de": "Weiter", "fr": "Continuer", "es": "Continuar", "ar": "متابعة"}


@pytest.fixture
def letter():
    make_organisation()
    return make_letter(make_story())


def answer(client, path, language):
    response = client.get(path, headers={"Accept-Language": language})
    return response.status_code, response.content, sorted(response.headers.items()), dict(client.cookies)


@pytest.mark.parametrize("language", CONTINUE)
def test_the_neutral_page_is_the_same_for_every_token_in_each_language(client, letter, language):
    url = f"/notice/{links.token(letter.link)}/"
    Account.objects.update(locale="fr")

    living = answer(client, url, language)
    ReaderLink.objects.update(expires_at=timezone.now())
    expired = answer(client, url, language)
    ReaderLink.objects.update(revoked_at=timezone.now())
    revoked = answer(client, url, language)
    unknown = answer(client, f"/notice/{secrets.token_urlsafe(32)}/", language)

    assert living == expired == revoked == unknown
    body = living[1].decode()
    assert f'<html lang="{language}" dir="{"rtl" if language == "ar" else "ltr"}">' in body
    assert f">{CONTINUE[language]}</button>" in body
    assert "Accept-Language" in dict(living[2])["Vary"]


def test_an_open_notice_speaks_the_language_of_its_account(client, letter):
    Account.objects.update(locale="de-AT")

    shown = page(open_link(letter, client))

    assert '<html lang="de" dir="ltr">' in shown and "Was Sie tun sollten" in shown
    assert '<span lang="en" dir="ltr">' in shown  # what staff wrote, and nobody translated


def test_in_a_language_we_have_no_words_in_the_browser_decides(client, letter):
    Account.objects.update(locale="pt")
    open_link(letter, client)

    assert 'lang="es"' in client.get("/notice/", headers={"Accept-Language": "es-MX"}).content.decode()


@pytest.mark.parametrize("path", ["/genuine/", "/genuine/report/", "/follow/", "/your-notices/sign-in/", "/notice/no/"])
def test_every_page_of_readers_follows_the_browser(client, letter, path):
    response = client.get(path, headers={"Accept-Language": "ar"})

    assert '<html lang="ar" dir="rtl">' in response.content.decode()
    assert "Accept-Language" in response["Vary"]


def test_a_button_pressed_elsewhere_is_refused_in_their_language(client, letter):
    response = client.post("/genuine/", headers={"Accept-Language": "de", "Sec-Fetch-Site": "cross-site"})

    assert response.status_code == 403 and "nicht von unserer Seite" in response.content.decode()


def test_staff_are_spoken_to_in_english_alone(client, letter):
    assert 'lang="en"' in client.get("/staff/nothing/at/all/", headers={"Accept-Language": "de"}).content.decode()


def test_messages_after_a_button_are_in_their_language(client, letter):
    Account.objects.update(locale="fr")
    open_link(letter, client)

    client.post("/notice/read/", {}, **OURS)

    assert "Rien n’a été enregistré" in page(client)
