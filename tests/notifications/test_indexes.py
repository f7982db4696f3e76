"""What keeps sending as fast with a million rows as with ten thousand."""

import pytest
from django.db import connection

# Indexes of pages (BRIN) do not keep PostgreSQL from changing a row in its place.
OF_ROWS_WITH = """
SELECT c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am m ON m.oid = c.relam
WHERE i.indrelid = 'notifications_recipient'::regclass AND m.amname <> 'brin'
  AND pg_get_indexdef(i.indexrelid) ~ %s
"""


@pytest.mark.django_db
@pytest.mark.parametrize("column", ["state", "state_at", "reason"])
def test_what_sending_changes_of_a_recipient_stands_in_no_index_of_rows(column):
    with connection.cursor() as cursor:
        cursor.execute(OF_ROWS_WITH, [rf"\m{column}\M"])
        assert cursor.fetchall() == []


@pytest.mark.django_db
def test_a_rare_state_is_found_by_an_index():
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("EXPLAIN SELECT id FROM notifications_recipient WHERE state = 'unknown'")
        assert "recipient_states" in str(cursor.fetchall())
