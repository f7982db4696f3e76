"""The three statements of a window, planned once for each connection instead of once a window."""

from collections.abc import Iterable, Mapping
from typing import Any

import psycopg
from django.db import connection


def execute(statement: str, given: Mapping[str, Any]) -> list[tuple]:
    """Its rows. Prepared on the server: to plan one of these takes longer than to do it for a window of 25.

    Behind PgBouncer this needs its max_prepared_statements (1.21 and later). Raises Django's database errors.
    """
    # Django's cursor is opened for what comes with it: a connection that is there and in good health.
    with connection.cursor(), connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
        cursor.execute(statement, given, prepare=True)
        return cursor.fetchall() if cursor.description else []


def array(values: Iterable[int | str]) -> str:
    """Of numbers, or of words that need no quotes, as PostgreSQL reads an array: psycopg looks at each value thrice."""
    return "{" + ",".join(map(str, values)) + "}"
