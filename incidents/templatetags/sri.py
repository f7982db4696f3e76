from django import template

from incidents.documents import assets

register = template.Library()


@register.simple_tag
def integrity(name: str) -> str:
    """For <script integrity>: {% integrity 'js/copy.js' %}."""
    return assets.integrity(name)
