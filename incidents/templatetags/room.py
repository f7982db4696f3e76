"""What the staff room's templates say of a row."""

from django import template
from django.utils.safestring import SafeString

from incidents import prose
from incidents.audience import facts

register = template.Library()


@register.filter
def fact_words(value: object) -> str:
    """A personal fact as people read it; of a table how many lines it has."""
    if isinstance(value, list):
        return f"a table of {len(value)} line{'' if len(value) == 1 else 's'}"
    return facts.in_words(value)


@register.filter
def prose_html(markdown: str | None) -> SafeString:
    """As the page will show it."""
    return prose.html(markdown or "")
