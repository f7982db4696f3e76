"""Kinds of data as statistics on breaches count them: VERIS 1.4.1, attribute.confidentiality.data.variety.

The codes are VERIS's (verisframework.org); what they are called here is ours. A page uses the words of whoever wrote
the exposure; the code goes beside them into the case file and the evidence.
"""

from django.core.exceptions import ValidationError

SCHEMA = "1.4.1"

VARIETIES = {
    "Bank": "Bank account data",
    "Classified": "Classified information of a government",
    "Copyrighted": "Works under copyright",
    "Credentials": "Passwords, API keys and other credentials",
    "Digital certificate": "Certificates and their private keys",
    "Internal": "Internal documents and messages of an organisation",
    "Medical": "Health data",
    "Multi-factor credential": "Second factors: one-time codes, their secrets, passkeys",
    "Payment": "Card and payment data",
    "Personal": "Names, addresses and other personal data",
    "Sensitive Personal": "Personal data under special protection: identity numbers, biometrics, beliefs",
    "Secrets": "Trade secrets",
    "Session key": "Session cookies and session tokens",
    "Source code": "Source code",
    "System": "Configuration, logs and other data of systems",
    "Virtual currency": "Wallets and virtual currency",
    "Other": "Another kind of data",
    "Unknown": "Not known yet",
}
_CODES = {label: code for code, label in VARIETIES.items()}


def label_of(code: str) -> str:
    """What a code is called here; empty for none and for one that VERIS 1.4.1 does not have."""
    return VARIETIES.get(code, "")


def code_of(label: str) -> str:
    """The code of a kind of data in our words; empty where the words are somebody's own."""
    return _CODES.get(label, "")


def choices() -> list[tuple[str, str]]:
    """For a select: code, and our words."""
    return [(code, f"{label} ({code})") for code, label in VARIETIES.items()]


def known(code: str) -> None:
    """A validator."""
    if code not in VARIETIES:
        raise ValidationError(f"VERIS {SCHEMA} has no variety “{code}”.")
