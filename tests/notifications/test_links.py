"""Links that open a notice, and reference codes."""

import hashlib
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifications import links
from notifications.models import ReaderLink
from tests.factories import NOON, make_account, make_address, make_affected, make_incident, make_many_affected


@pytest.fixture
def pair(db):
    affected = make_affected(make_incident())
    return affected, affected.account.addresses.get()


def test_a_link_is_found_by_its_token_and_only_its_hash_is_kept(pair):
    (link,) = links.make_links([pair], at=NOON).values()

    token = links.token(link)

    assert len(token) == links.TOKEN_LENGTH
    assert links.find(token, at=NOON) == link
    assert bytes(link.sha256) == hashlib.sha256(token.encode()).digest()
    assert links.url(link) == f"http://localhost:8000/notice/{token}/"


def test_making_links_again_keeps_the_same_token_and_prolongs_it(pair, settings):
    (first,) = links.make_links([pair], at=NOON).values()
    (again,) = links.make_links([pair], at=NOON + timedelta(days=60)).values()

    assert links.token(again) == links.token(first)
    assert links.find(links.token(first), at=NOON + timedelta(days=60) + settings.LINK_LIFETIME / 2) == first
    assert ReaderLink.objects.count() == 1


def test_each_pair_of_account_and_address_has_a_link_of_its_own(pair):
    affected, address = pair
    second = make_address(affected.account, "security@northwind.example")

    made = links.make_links([(affected, address), (affected, second)], at=NOON)

    assert {key[1] for key in made} == {address.pk, second.pk}
    assert len({links.token(link) for link in made.values()}) == 2


def test_thousands_are_made_in_a_handful_of_queries(db, django_assert_max_num_queries):
    affected = make_many_affected(make_incident(), 1500)
    pairs = [(row, row.account.addresses.get()) for row in affected]

    with django_assert_max_num_queries(8):
        made = links.make_links(pairs, at=NOON)

    assert len(made) == 1500
    assert links.find(links.token(made[affected[700].pk, pairs[700][1].pk]), at=NOON).affected_account == affected[700]


@pytest.mark.parametrize("token", ["", "x", "A" * 43, "\0", "\ud800", "../../etc"])
def test_a_token_of_nobody_opens_nothing(db, token):
    with pytest.raises(links.NoSuchLink):
        links.find(token)


def test_an_expired_link_says_so_and_which_it_was(pair, settings):
    (link,) = links.make_links([pair], at=NOON).values()

    with pytest.raises(links.Expired) as caught:
        links.find(links.token(link), at=NOON + settings.LINK_LIFETIME)

    assert caught.value.link == link


def test_a_revoked_link_stays_shut_and_the_next_message_gets_a_new_token(pair):
    (link,) = links.make_links([pair], at=NOON).values()
    leaked = links.token(link)
    ReaderLink.objects.update(revoked_at=NOON)

    with pytest.raises(links.Revoked):
        links.find(leaked, at=NOON)
    (renewed,) = links.make_links([pair], at=NOON).values()

    assert links.token(renewed) != leaked
    assert links.find(links.token(renewed), at=NOON) == link
    with pytest.raises(links.NoSuchLink):
        links.find(leaked, at=NOON)


def test_a_new_key_signs_new_links_and_the_old_key_still_opens_old_ones(pair, settings):
    (old,) = links.make_links([pair], at=NOON).values()
    old_token = links.token(old)
    settings.LINK_KEYS = {"second": "s" * 43, **settings.LINK_KEYS}
    other = make_affected(old.affected_account.incident, make_account("contoso", "it@contoso.example"))

    (new,) = links.make_links([(other, other.account.addresses.get())], at=NOON).values()

    assert new.key_id == "second"
    assert links.token(ReaderLink.objects.get(pk=old.pk)) == old_token


def test_a_link_whose_key_was_taken_away_gets_a_new_token(pair, settings):
    (link,) = links.make_links([pair], at=NOON).values()
    settings.LINK_KEYS = {"second": "s" * 43}

    with pytest.raises(links.NoSuchLink):
        links.token(link)
    (renewed,) = links.make_links([pair], at=NOON).values()

    assert links.find(links.token(renewed), at=NOON) == link


# Reference codes ------------------------------------------------------------------------------------------------


def test_codes_have_their_form_and_differ():
    codes = links.new_codes(5000)

    assert len(set(codes)) == 5000
    assert all(len(code) == len(links.CODE_FORM) and links.normalise_code(code) == code for code in codes)


def test_a_code_may_be_typed_as_people_type():
    code = next(code for code in links.new_codes(2000) if "0" in code and "1" in code)

    typed = f"  {code.replace('-', ' ').replace('0', 'o').replace('1', 'l').lower()}\t"

    assert links.normalise_code(typed) == code
    assert links.normalise_code(code.replace("-", "").replace("1", "I")) == code


@given(st.integers(0, 11), st.integers(1, 31))
def test_every_single_wrong_symbol_is_noticed(place, off):
    code = links.new_code().replace("-", "")
    wrong = links.ALPHABET[(links.ALPHABET.index(code[place]) + off) % 32]

    assert links.normalise_code(code[:place] + wrong + code[place + 1 :]) is None


@given(st.integers(0, 10))
def test_every_swap_of_neighbours_is_noticed(place):
    code = links.new_code().replace("-", "")
    swapped = code[:place] + code[place + 1] + code[place] + code[place + 2 :]

    assert (links.normalise_code(swapped) is None) == (swapped != code)


@given(st.text())
def test_any_text_may_be_typed_as_a_code(text):
    code = links.normalise_code(text)

    assert code is None or links.normalise_code(code) == code
