"""What Django's validate_email lets through and mail cannot, or should not, reach."""

import unicodedata

import idna
from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from accounts.addresses import normalise

SCRIPTS_THAT_LOOK_ALIKE = {"LATIN", "CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE", "COPTIC"}
# Cyrillic and Greek letters that most fonts draw as Latin ones: a label of nothing else imitates a Latin word.
LATIN_TWINS = set("авеоросухіїјѕԁһԛԝӏкмнтгпь") | set("αονρυχικτω")

LONGEST_AS_WRITTEN = 500  # characters; IDNA drops some, so what is stored as given may be longer than what is sent to

ASK = "Ask the account for the right address."


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
    if (not domain.isascii() or "xn--" in normal) and _looks_like_another(normal):
        return (
            f"The domain only looks like another: among its letters is {_first_foreign_letter(normal)}.",
            "Check with the account. Type the domain by hand, do not copy it.",
        )
    if len(normal) > 254 or len(local) > 64:
        return "It is longer than mail allows: 254 characters, 64 of them before the @.", ASK
    try:
        validate_email(normal)
    except ValidationError:
        return "This is no email address that mail can reach.", "Write one address, as name@example.com."
    return None


def _looks_like_another(normal: str) -> bool:
    """Two alphabets in one label, or a label under a Latin top-level domain made of twins of Latin letters alone."""
    labels = [_shown(label) for label in normal.rpartition("@")[2].split(".")]
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
