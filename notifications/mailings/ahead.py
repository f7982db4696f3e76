"""Where a notice says something else than the public page: drafts of the guidance go out with a notice, too."""

from collections.abc import Callable
from datetime import datetime

from incidents.publishing.versions import last_said
from notifications import composing
from notifications.models import NoticeVersion

Row = dict

# Kind of row → the variables that put it into a message, and the words for one of them.
SAID: dict[str, tuple[set[str], Callable[[Row], str]]] = {
    "exposures": ({"exposed", "not_exposed"}, lambda row: f"exposure “{row['data_class']}”"),
    "segments": ({"segment_guidance"}, lambda row: f"guidance to “{row['name']}”"),
    "steps": ({"steps"}, lambda row: f"step “{row['title']}”"),
    "measures": ({"measures"}, lambda row: f"measure “{_start(row['text'])}”"),
    "contacts": ({"contacts"}, lambda row: f"contact “{row['role']}”"),
}
MOMENTS = ("cut_off", "due_at")


def ahead_of_the_page(version: NoticeVersion) -> list[str]:
    """What this version tells people and the page does not say yet, a few words each.

    Empty where the page says it all, and where nothing is published: that stops a mailing by itself.
    """
    page = last_said(version.notice.incident)
    if page is None:
        return []
    used = composing.variables_in(*(words for language in version.languages for words in version.text_in(language)))
    return [
        words
        for kind, (variables, name) in SAID.items()
        if variables & used
        for words in _missing(version.guidance[kind], page.content.get(kind, []), name)
    ]


def _missing(told: list[Row], published: list[Row], name: Callable[[Row], str]) -> list[str]:
    there = {name(row) for row in published}
    return [
        f"the {name(row)}" + (" in these words" if name(row) in there else "")
        for row in told
        if not any(_same(row, other) for other in published)
    ]


def _same(told: Row, published: Row) -> bool:
    """Whether a frozen row of a notice says what a frozen row of the page says, which holds some more."""
    return all(_value(field, told[field]) == _value(field, published.get(field)) for field in told)


def _value(field: str, value: object) -> object:
    return datetime.fromisoformat(value) if field in MOMENTS and isinstance(value, str) else value


def _start(text: str) -> str:
    return text if len(text) <= 60 else text[:60].rsplit(" ", 1)[0] + " …"
