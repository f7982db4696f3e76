"""Changing the one Organisation row; the log keeps what it said before."""

from datetime import datetime

from django.db import transaction

from accounts import audit
from accounts.models import Organisation, User

# Old and new stand in the log. Of the rest (addresses, telephone, postal address) only the field's name does.
TOLD = (
    "name", "legal_name", "mark", "domain", "sender_name", "customers_total", "import_limit", "sign_offs",
    "following_by_mail", "inquiries_by_mail", "languages", "only_complete_languages",
)  # fmt: skip


@transaction.atomic
def change(organisation: Organisation, *, by: User, at: datetime | None = None) -> list[str]:
    """Save the row as it now is in memory; the names of the fields that changed, none if nothing did."""
    before = Organisation.objects.select_for_update().get(pk=1)
    names = [field.name for field in Organisation._meta.fields if field.name != "id"]
    changed = [name for name in names if getattr(before, name) != getattr(organisation, name)]
    if changed:
        organisation.save()
        told = {name: [getattr(before, name), getattr(organisation, name)] for name in changed if name in TOLD}
        audit.record(act="organisation.changed", thing=organisation, by=by, at=at, fields=changed, told=told)
    return changed
