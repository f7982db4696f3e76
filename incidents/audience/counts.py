"""The numbers of one file, counted from the rows themselves: every row that was read is in exactly one of three."""

from django.db.models import Count, Q

from incidents.models import ImportBatch, RejectedRow, StagedRow


class DoesNotAddUp(Exception):
    """Rows went missing or appeared twice between the file and the staging table. Nothing may be built on it."""


def count(batch: ImportBatch, *, read: int) -> dict[str, int]:
    """read = accepted + rejected + folded, always.

    accepted: rows that name an account first, so as many as `accounts`; folded: later rows of the same account,
    which add an address or say the same again; rejected: rows with a RejectedRow (or several).
    """
    staged = StagedRow.objects.filter(batch=batch).aggregate(
        rows=Count("line", distinct=True),  # a row has as many staged rows as it has addresses
        accounts=Count("account_key", distinct=True),
        ruled_out=Count("account_key", distinct=True, filter=Q(certainty="ruled_out")),
    )
    rejected = RejectedRow.objects.filter(batch=batch).aggregate(rows=Count("line", distinct=True))["rows"]
    addressed = StagedRow.objects.filter(batch=batch).exclude(normal="")
    addresses = addressed.values("account_key", "kind", "normal").distinct().count()
    with_address = addressed.aggregate(
        any=Count("account_key", distinct=True),
        email=Count("account_key", distinct=True, filter=Q(kind="email")),
    )
    counts = {
        "read": read,
        "accepted": staged["accounts"],
        "rejected": rejected,
        "folded": staged["rows"] - staged["accounts"],
        "accounts": staged["accounts"],
        "addresses": addresses,
        "without_address": staged["accounts"] - with_address["any"],
        "without_email": staged["accounts"] - with_address["email"],
        "ruled_out": staged["ruled_out"],
    }
    if counts["read"] != counts["accepted"] + counts["rejected"] + counts["folded"]:
        raise DoesNotAddUp(f"import {batch.number}: {counts}")
    return counts
