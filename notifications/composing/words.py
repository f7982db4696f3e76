"""What a notice may say by itself: the variables there are, and the words a first draft begins with."""

from functools import cache

from django.conf import settings

from incidents.models import Incident

INLINE = {
    "account": "The account it concerns, by its id, or its masked address where it has no id",
    "name": "The account's name",
    "link": "The personal link: opens their own notice",
    "code": "The reference code, by which they can check that the message is ours",
    "organisation": "Our name",
    "domain": "What people type to reach us",
    "page": "The address of the public page",
    "security_email": "Where they can write to us",
}

BLOCKS = {
    "exposed": "A list: what of theirs was exposed, or may have been, by their segments",
    "not_exposed": "A list: what of theirs was not",
    "segment_guidance": "What we say to their segments in particular",
    "steps": "Their steps, the most urgent first",
    "measures": "What we did and promised",
    "contacts": "Whom to ask",
}

MENDED_IN = {
    "exposed": "exposures", "not_exposed": "exposures", "segment_guidance": "segments", "steps": "steps",
    "measures": "measures", "contacts": "contacts",
}  # fmt: skip
"""The section of the guidance where an empty list is filled."""

ASKS = "[Say here in two or three sentences what happened"
"""How first.md asks its writer. A reader in a hurry takes it for text, so a body that still asks cannot be sent."""

VARIABLES = INLINE | BLOCKS
"""Name and meaning. Beside these stands each personal fact, by the name of its column in the imported file."""


def starter(incident: Incident) -> tuple[str, str]:
    """Subject and body a first draft begins with: the five headings, in words that hold for most incidents.

    What happened is the sentence of the public page. Where there is none yet, the writer is asked for it, and the
    message cannot be composed before it is there.
    """
    body = _first_body()
    if incident.summary:
        body = "\n".join(incident.summary if line.startswith(ASKS) else line for line in body.split("\n"))
    return "Security notice about your {{ organisation }} account, reference {{ code }}", body


@cache
def _first_body() -> str:
    return (settings.ROOT / "templates/notifications/messages/first.md").read_text()
