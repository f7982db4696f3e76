"""manage.py staff_pages > docs/staff-pages.md: each page of the staff room and who may open it, read off the code."""

import re
from collections.abc import Iterator
from typing import Any

from django.core.management.base import BaseCommand
from django.urls import URLPattern, URLResolver, get_resolver

from accounts.roles import ROLES

CONVERTER = re.compile(r"<[a-z]+:")
HEAD = """# Every page of the staff room, and who may open it

Read off the code by `manage.py staff_pages`; a test compares the two, and tries each page as each role. *Again* are the
acts that ask for the second factor again (docs/roles.md).

"""


def staff_pages() -> Iterator[tuple[str, URLPattern]]:
    """(address as the route writes it, its pattern), in the order of the addresses."""
    return iter(sorted(_under(get_resolver(), ""), key=lambda page: page[0]))


def _under(resolver: URLResolver, prefix: str) -> Iterator[tuple[str, URLPattern]]:
    for entry in resolver.url_patterns:
        route = prefix + str(entry.pattern)
        if isinstance(entry, URLResolver):
            yield from _under(entry, route)
        elif route.startswith("staff/"):
            yield "/" + CONVERTER.sub("<", route), entry


def table() -> str:
    roles = list(ROLES)
    lines = [f"| page | permission | again | {' | '.join(roles)} |", "| --- " * (len(roles) + 3) + "|"]
    for address, pattern in staff_pages():
        view: Any = pattern.callback  # carries what accounts.access.staff wrote on it
        may = ["yes" if set(view.permissions) & set(ROLES[role]) else "" for role in roles]
        named = " or ".join(f"`{permission}`" for permission in view.permissions)
        lines.append(f"| `{address}` | {named} | {'again' if view.fresh else ''} | {' | '.join(may)} |")
    return HEAD + "\n".join(lines) + "\n"


class Command(BaseCommand):
    help = "The table of docs/staff-pages.md, read off the code."
    requires_system_checks: list[str] = []

    def handle(self, **options) -> None:
        self.stdout.write(table(), ending="")
