"""The envelope sender says whose bounce it is; nobody can make one for somebody else's message."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifications.bounces import return_path

ADDRESS = "bounce@bounces.relaypost.example"


@pytest.fixture(autouse=True)
def _address(settings):
    settings.BOUNCE_ADDRESS = ADDRESS


@pytest.mark.parametrize("pk", [1, 2, 4711, 2**40, 2**63 - 1])
def test_a_return_path_leads_back_to_its_recipient(pk):
    path = return_path.of(pk)

    assert re.fullmatch(r"bounce\+[a-z2-7]{29}@bounces\.relaypost\.example", path)
    assert return_path.find(path) == [pk]
    assert len(path.partition("@")[0]) <= 64  # RFC 5321, 4.5.3.1.1


def test_servers_may_change_its_case_and_set_it_in_brackets():
    path = return_path.of(7)

    assert return_path.find(f"<{path.upper()}>") == [7]
    assert return_path.find(f"rfc822;{path}") == [7]


def test_one_changed_letter_is_nobodys():
    path = return_path.of(7)
    code = path[len("bounce+") : len("bounce+") + 29]
    for place in range(28):  # the last letter holds two bits that stand for nothing
        other = "b" if code[place] == "a" else "a"
        assert return_path.find(path.replace(code, code[:place] + other + code[place + 1 :])) == []


def test_another_houses_return_path_is_nobodys(settings):
    path = return_path.of(7)
    settings.LINK_KEYS = {"theirs": "t" * 43}

    assert return_path.find(path) == []


def test_a_key_that_no_longer_signs_is_still_understood(settings):
    path = return_path.of(7)
    settings.LINK_KEYS = {"new": "n" * 43} | settings.LINK_KEYS

    assert return_path.of(7) != path
    assert return_path.find(path) == [7]


def test_neighbours_have_nothing_in_common():
    first, second = return_path.of(1)[7:36], return_path.of(2)[7:36]

    assert sum(one == other for one, other in zip(first, second, strict=True)) < 10


def test_the_setting_may_say_where_the_code_goes(settings):
    settings.BOUNCE_ADDRESS = "b-{}-b@bounces.relaypost.example"

    assert return_path.of(7).startswith("b-")
    assert return_path.find(return_path.of(7)) == [7]


def test_without_the_setting_there_is_none(settings):
    settings.BOUNCE_ADDRESS = ""

    assert return_path.of(7) == ""
    assert return_path.find("anything") == []


def test_it_is_not_found_within_longer_addresses():
    assert return_path.find("x" + return_path.of(7)) == []
    assert return_path.find(return_path.of(7) + ".evil.example") == []


@given(st.text())
def test_no_text_raises(text):
    assert return_path.find(text + ADDRESS.replace("@", "+" + "a" * 29 + "@")) == []
