"""How hard a text is to read, by the formula usual in its language. None of them knows what a reader knows.

English: Flesch-Kincaid grade (Kincaid 1975). German: first Wiener Sachtextformel (Bamberger, Vanecek 1984). French:
reading ease by Kandel and Moles (1958). Spanish: by Fernández Huerta (1959). Arabic and all others: not measured,
since syllables do not stand in its writing.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from notifications.self_check.wording import sentences

FEWEST_WORDS = 30  # below, a formula says nothing


@dataclass(frozen=True)
class ReadingLevel:
    name: str
    value: float
    hard: bool
    words: str


def measured(text: str, language: str) -> ReadingLevel | None:
    """None: not measured, for want of a formula or of words."""
    formula = FORMULAS.get(language)
    counted = _Counted.of(text, language) if formula else None
    return formula(counted) if formula and counted and counted.words >= FEWEST_WORDS else None


@dataclass(frozen=True)
class _Counted:
    sentences: int
    words: int
    syllables: int
    long_words: int
    """Of more than six letters."""
    of_three_syllables: int
    """Or more."""
    of_one_syllable: int

    @classmethod
    def of(cls, text: str, language: str) -> "_Counted":
        said = sentences(text)
        words = [word for sentence in said for word in re.findall(r"[^\W\d_]+(?:['’-][^\W\d_]+)*", sentence)]
        syllables = [syllables_of(word, language) for word in words]
        return cls(
            len(said), len(words), sum(syllables), sum(len(word) > 6 for word in words),
            sum(count >= 3 for count in syllables), sum(count == 1 for count in syllables),
        )  # fmt: skip

    @property
    def per_sentence(self) -> float:
        return self.words / self.sentences

    @property
    def per_word(self) -> float:
        return self.syllables / self.words

    def share(self, count: int) -> float:
        return 100 * count / self.words


def syllables_of(word: str, language: str) -> int:
    """Groups of vowels, silent endings left out; at least one."""
    word = word.lower()
    count = len(re.findall(r"[aeiouyäöüáéíóúàâæèêëîïôœùûÿ]+", word))
    if language == "en" and re.search(r"[^aeiouyl]e$|[^aeiouydt]ed$", word):
        count -= 1
    if language == "fr" and re.search(r"[^aeiouyéèê](?:e|es|ent)$", word):
        count -= 1
    return max(count, 1)


def _english(text: _Counted) -> ReadingLevel:
    grade = 0.39 * text.per_sentence + 11.8 * text.per_word - 15.59
    return ReadingLevel("Flesch-Kincaid", grade, grade > 12, f"grade {max(grade, 0):.0f} of school")


def _german(text: _Counted) -> ReadingLevel:
    grade = (
        0.1935 * text.share(text.of_three_syllables) + 0.1672 * text.per_sentence
        + 0.1297 * text.share(text.long_words) - 0.0327 * text.share(text.of_one_syllable) - 0.875
    )  # fmt: skip
    return ReadingLevel("Wiener Sachtextformel", grade, grade > 13, f"grade {max(grade, 0):.0f} of school")


def _french(text: _Counted) -> ReadingLevel:
    ease = 207 - 1.015 * text.per_sentence - 73.6 * text.per_word
    return ReadingLevel("Kandel-Moles", ease, ease < 30, f"ease {ease:.0f} of 100")


def _spanish(text: _Counted) -> ReadingLevel:
    ease = 206.84 - 60 * text.per_word - 1.02 * text.per_sentence
    return ReadingLevel("Fernández Huerta", ease, ease < 40, f"ease {ease:.0f} of 100")


FORMULAS: dict[str, Callable[[_Counted], ReadingLevel]] = {
    "en": _english, "de": _german, "fr": _french, "es": _spanish,
}  # fmt: skip
