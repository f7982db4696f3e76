"""Taking people off the list of those affected: with cited evidence, and nobody is ever deleted.

A file that is the whole list rules out whoever is missing from it; a file of those to be ruled out, whoever is in it;
and in any file a row may say so of one account. Ruled-out people stay on the list, with what was said of them before.
"""

import csv
import io

from django.db import connection

from incidents.models import AffectedAccount, ImportBatch

LEAST_EVIDENCE = 20  # characters: a sentence, not a word
LARGE_PART = 10  # one in so many: more than that stops, and asks two people


class NeedsEvidence(Exception):
    """Accounts would be ruled out and nothing is cited that shows they were not affected."""


class RowsLeftOut(Exception):
    """A file that replaces the list has rows that could not be read: whoever they name would be ruled out."""


RULE_OUT_MISSING = """
UPDATE incidents_affectedaccount affected
   SET certainty = 'ruled_out', changed_in_id = %(batch)s
 WHERE affected.incident_id = %(incident)s AND affected.certainty <> 'ruled_out'
   AND NOT EXISTS (SELECT FROM imported WHERE imported.account_id = affected.account_id)
"""


def is_large(newly_ruled_out: int, *, owed_before: int) -> bool:
    """More than a tenth of those owed a notice before."""
    return newly_ruled_out * LARGE_PART > owed_before


def is_evidence(text: str) -> bool:
    """A sentence at least. What it cites, people judge."""
    return len(text.strip()) >= LEAST_EVIDENCE and len(text.split()) > 2


def require(batch: ImportBatch, *, newly_ruled_out: int) -> None:
    """Raises NeedsEvidence or RowsLeftOut where these accounts may not be ruled out by this batch."""
    if batch.mode == ImportBatch.Mode.REPLACE and batch.counts["rejected"]:
        rows = batch.counts["rejected"]
        raise RowsLeftOut(
            f"This file is the whole list, and {rows:,} of its rows could not be read: whoever they name would be ruled"
            " out. Correct them and upload the file again, or upload it as a file that adds and changes."
        )
    if newly_ruled_out and not is_evidence(batch.evidence):
        accounts = "1 account" if newly_ruled_out == 1 else f"{newly_ruled_out:,} accounts"
        raise NeedsEvidence(
            f"This import rules out {accounts}. Say what shows that they were not affected, in a sentence at least."
        )


def apply(batch: ImportBatch) -> None:
    """In a save, after the rows are written: a file that is the whole list rules out whoever it does not name."""
    if batch.mode == ImportBatch.Mode.REPLACE:
        with connection.cursor() as cursor:
            cursor.execute(RULE_OUT_MISSING, {"batch": batch.pk, "incident": batch.incident_id})


def in_the_log(batch: ImportBatch, newly_ruled_out: int) -> dict[str, object]:
    return {"ruled_out": newly_ruled_out, "evidence": batch.evidence} if newly_ruled_out else {}


def cite(batch: ImportBatch, *, evidence: str) -> None:
    """What shows it, said before the batch is imported. Whoever has approved it then approved other words."""
    ImportBatch.objects.filter(pk=batch.pk, state=ImportBatch.State.STAGED).update(evidence=evidence.strip())
    batch.refresh_from_db()


def file_of(affected: AffectedAccount) -> bytes:
    """A file of one row that names this account: by its id or, without one, by an address."""
    account = affected.account
    column, value = "account_id", account.external_id or ""
    if not account.external_id:
        address = account.addresses.order_by("kind", "pk").first()
        column, value = (address.kind, address.value) if address else ("email", "")
    text = io.StringIO()
    csv.writer(text).writerows([[column, "name"], [value, account.name]])
    return text.getvalue().encode()
