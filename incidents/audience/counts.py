"""The numbers of one file, counted from the rows themselves: every row that was read is in exactly one of three."""

from django.db import connection

from incidents.models import ImportBatch, RejectedRow


class DoesNotAddUp(Exception):
    """Rows went missing or appeared twice between the file and the staging table. Nothing may be built on it."""


# In one pass over the rows. A row has as many staged rows as it has addresses.
ACCOUNTS = """
SELECT count(*) AS accounts, coalesce(sum(staged), 0) AS staged,
       count(*) FILTER (WHERE NOT any_address) AS without_address,
       count(*) FILTER (WHERE NOT email) AS without_email, count(*) FILTER (WHERE ruled_out) AS ruled_out
  FROM (SELECT count(*) AS staged, bool_or(normal <> '') AS any_address,
               bool_or(normal <> '' AND kind = 'email') AS email, bool_or(certainty = 'ruled_out') AS ruled_out
          FROM incidents_stagedrow WHERE batch_id = %(batch)s GROUP BY account_key) AS account
"""
# Only where accounts have several staged rows: otherwise both follow from the numbers above.
ROWS = "SELECT count(DISTINCT line) FROM incidents_stagedrow WHERE batch_id = %(batch)s"
ADDRESSES = """
SELECT count(*) FROM (SELECT DISTINCT account_key, kind, normal
                        FROM incidents_stagedrow WHERE batch_id = %(batch)s AND normal <> '') AS address
"""


def count(batch: ImportBatch, *, read: int) -> dict[str, int]:
    """read = accepted + rejected + folded, always.

    accepted: rows that name an account first, so as many as `accounts`; folded: later rows of the same account,
    which add an address or say the same again; rejected: rows with a RejectedRow (or several).
    """
    with connection.cursor() as cursor:
        cursor.execute(ACCOUNTS, {"batch": batch.pk})
        accounts, staged, without_address, without_email, ruled_out = cursor.fetchone()
        rows, addresses = accounts, accounts - without_address
        if staged != accounts:
            cursor.execute(ROWS, {"batch": batch.pk})
            (rows,) = cursor.fetchone()
            cursor.execute(ADDRESSES, {"batch": batch.pk})
            (addresses,) = cursor.fetchone()
    rejected = RejectedRow.objects.filter(batch=batch).values("line").distinct().count()
    counts = {
        "read": read,
        "accepted": accounts,
        "rejected": rejected,
        "folded": rows - accounts,
        "accounts": accounts,
        "addresses": addresses,
        "without_address": without_address,
        "without_email": without_email,
        "ruled_out": ruled_out,
    }
    if counts["read"] != counts["accepted"] + counts["rejected"] + counts["folded"]:
        raise DoesNotAddUp(f"import {batch.number}: {counts}")
    return counts
