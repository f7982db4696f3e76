"""What an address bar may hold: numbers, words, and whatever somebody tries instead."""

import pytest

from accounts import typed


@pytest.mark.parametrize(("text", "number"), [("0", 0), ("42", 42), ("9" * 18, 999_999_999_999_999_999)])
def test_a_number_is_read(text, number):
    assert typed.number(text) == number


@pytest.mark.parametrize("text", [None, "", "-1", " 1", "1.5", "1e3", "½", "²", "٣", "0x1", "system", "9" * 19])
def test_whatever_is_no_number_of_ours_is_none(text):
    assert typed.number(text) is None


def test_words_lose_their_nul_and_nothing_else():
    assert typed.words("a\0b \t½") == "ab \t½"
