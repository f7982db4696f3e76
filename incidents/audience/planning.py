"""How PostgreSQL is to go about statements over a whole file, until the end of the transaction."""

from django.db import connection

# Rows that were just written have no statistics yet, so a million of them are taken for a handful and joined by looking
# through all for each: minutes become days. Joining by hashes costs next to nothing where there are few.
MANY_ROWS = ("SET LOCAL work_mem = '256MB'", "SET LOCAL enable_nestloop = off", "SET LOCAL jit = off")


def expect_many_rows() -> None:
    """Call it inside the transaction."""
    with connection.cursor() as cursor:
        for setting in MANY_ROWS:
            cursor.execute(setting)
