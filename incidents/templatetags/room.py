"""What the staff room's templates say of a row."""

from django import template
from django.utils.safestring import SafeString

from incidents import prose

register = template.Library()


@register.filter
def prose_html(markdown: str | None) -> SafeString:
    """As the page will show it."""
    return prose.html(markdown or "")
