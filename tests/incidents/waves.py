"""Files in a few lines, read and saved."""

import io

from incidents import audience
from incidents.models import AffectedAccount, ImportBatch, Incident

ENOUGH = "Access logs of 3 January show no call with their keys."


def read(incident: Incident, text: str, *, by=None, **given) -> ImportBatch:
    """text: lines of CSV, indented as the test has them."""
    lines = "\n".join(line.strip() for line in text.strip().splitlines())
    file = io.BytesIO(lines.encode())
    return audience.read(incident, file, file_name="list.csv", by=by, source=ImportBatch.Source.ROOM, **given)


def save(incident: Incident, text: str, *, by=None, **given) -> ImportBatch:
    return audience.save(read(incident, text, by=by, **given), by=by)


def many(count: int, *, beginning: int = 1, column: str = "certainty", value: str = "confirmed") -> str:
    """A file of so many accounts a1, a2 …"""
    rows = (f"a{n},owner@a{n}.example,{value}" for n in range(beginning, beginning + count))
    return "\n".join([f"account_id,email,{column}", *rows])


def certainties(incident: Incident) -> dict[str, str]:
    rows = AffectedAccount.objects.filter(incident=incident)
    return dict(rows.order_by("account__external_id").values_list("account__external_id", "certainty"))
