"""What the staff room's templates say of a row."""

from django import template
from django.utils.safestring import SafeString

from incidents import prose, timeline
from incidents.models import Moment

register = template.Library()


@register.filter
def in_words(row: Moment) -> str:
    """Its moment, as exactly as it is known."""
    return timeline.say(
        row.at,
        row.precision,
        row.zone,
        utc_offset=row.utc_offset,
        until=getattr(row, "until", None),
        unknown_because=row.unknown_because,
        bare=True,
    )


@register.filter
def machine_time(row: Moment) -> str:
    return timeline.machine(row.at, row.precision, row.utc_offset) if row.at else ""


@register.filter
def prose_html(markdown: str | None) -> SafeString:
    """As the page will show it."""
    return prose.html(markdown or "")
