"""What Django's validate_email lets through and mail cannot, or should not, reach."""

import re
import unicodedata
from functools import lru_cache

import idna
from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from accounts.addresses import normalise
from incidents.audience.facts import NotThat

SCRIPTS_THAT_LOOK_ALIKE = {"LATIN", "CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE", "COPTIC"}
# Cyrillic and Greek letters that most fonts draw as Latin ones: a label of nothing else imitates a Latin word.
LATIN_TWINS = set("авеоросухіїјѕԁһԛԝӏкмнтгпь") | set("αονρυχικτω")

LONGEST_AS_WRITTEN = 500  # characters; IDNA drops some, so what is stored as given may be longer than what is sent to

ASK = "Ask the account for the right address."

# Most addresses, in lower case. Whatever it takes passes `problem_with` too; the rest is judged there, step by step.
PLAIN = re.compile(
    r"(?=[^@]{1,64}@)[a-z0-9_+-]++(?:\.[a-z0-9_+-]++)*+@(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}"
)
LONGEST = 254  # characters that mail carries (RFC 5321)


def plain(address: str) -> str:
    """The normal form of an address that is beyond doubt; empty for one that has to be looked at."""
    if not address.isascii():
        return ""
    normal = address.lower()
    return normal if PLAIN.fullmatch(normal) and len(normal) <= LONGEST and "xn--" not in normal else ""


def normal_of(address: str) -> str:
    """Its normal form. Raises NotThat for an address that no message can be sent to."""
    found = problem_with(address)
    if found:
        raise NotThat(*found)
    return normalise(address)


def problem_with(address: str) -> tuple[str, str] | None:
    """(what is wrong, what to do), or None for an address a message can be sent to."""
    local, at, domain = address.rpartition("@")
    if not at:
        return "This is no email address: it has no @.", "Write it as name@example.com."
    if len(address) > LONGEST_AS_WRITTEN:
        return "It is longer than any address.", "One address per row."
    if address.count("@") > 1 and '"' not in local:
        return "More than one @.", "One address per row; an account may have several rows."
    if not local.isascii():
        return "Letters before the @ are outside ASCII; mail servers refuse that.", ASK
    if local.startswith("="):
        return "It begins with =, like a formula in a spreadsheet.", ASK
    if domain.startswith("["):
        return "The part after the @ is a network address, not a domain.", ASK
    if "." not in domain:
        return "The part after the @ is no public domain.", "Write the whole domain, such as example.com."
    normal = normalise(address)
    if not normal.isascii():
        return "The domain cannot be written in IDNA 2008.", ASK
    if (not domain.isascii() or "xn--" in normal) and _looks_like_another(normal.rpartition("@")[2]):
        return (
            f"The domain only looks like another: among its letters is {_first_foreign_letter(normal)}.",
            "Check with the account. Type the domain by hand, do not copy it.",
        )
    if len(normal) > LONGEST or len(local) > 64:
        return "It is longer than mail allows: 254 characters, 64 of them before the @.", ASK
    try:
        validate_email(normal)
    except ValidationError:
        return "This is no email address that mail can reach.", "Write one address, as name@example.com."
    return None


@lru_cache(maxsize=10_000)
def _looks_like_another(domain: str) -> bool:
    """Two alphabets in one label, or a label under a Latin top-level domain made of twins of Latin letters alone."""
    labels = [_shown(label) for label in domain.split(".")]
    foreign = [label for label in labels if not label.isascii()]
    return any(_mixes(label) or (labels[-1].isascii() and _imitates(label)) for label in foreign)


def _first_foreign_letter(normal: str) -> str:
    """Its name in Unicode, since the eye cannot tell."""
    letters = "".join(_shown(label) for label in normal.rpartition("@")[2].split("."))
    return unicodedata.name(next(letter for letter in letters if not letter.isascii()), "a letter without a name")


def _shown(label: str) -> str:
    try:
        return idna.decode(label) if label.startswith("xn--") else label
    except idna.IDNAError:
        return label


def _mixes(label: str) -> bool:
    scripts = {unicodedata.name(letter, "").split(" ")[0] for letter in label if letter.isalpha()}
    return len(scripts & SCRIPTS_THAT_LOOK_ALIKE) > 1


def _imitates(label: str) -> bool:
    return all(letter in LATIN_TWINS for letter in label if letter.isalpha())
