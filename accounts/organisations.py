"""Changing the one Organisation row; the log keeps what it said before.

What would make the house weaker waits for a second person, as publishing does: else one stolen account of an
administrator could switch the second person off and do the rest alone.
"""

import hashlib
from datetime import datetime
from typing import Any

from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from accounts import approvals, audit
from accounts.models import Approval, Organisation, OrganisationChange, User

# Old and new stand in the log. Of the rest (addresses, telephone, postal address) only the field's name does.
TOLD = (
    "name", "legal_name", "mark", "domain", "sender_name", "customers_total", "import_limit", "sign_offs",
    "following_by_mail", "inquiries_by_mail", "languages", "only_complete_languages", "passkeys_demanded", "link_hosts",
    "single_sign_on",
)  # fmt: skip
ACT = Approval.Act.HOUSE


class ChangedMeanwhile(Exception):
    """Between the request and the yes somebody changed the same field."""


@transaction.atomic
def save(organisation: Organisation, *, by: User, at: datetime | None = None) -> tuple[list[str], list[str]]:
    """(fields that changed, what would be weaker and waits for a second person): one of the two, or neither.

    Judged against the row as it is under its lock: one that somebody made stronger meanwhile is not undone alone.
    """
    because = weakening(Organisation.objects.select_for_update().get(pk=1), organisation)
    if because:
        ask(organisation, because=because, by=by, at=at)
        return [], because
    return change(organisation, by=by, at=at), []


def change(organisation: Organisation, *, by: User, at: datetime | None = None) -> list[str]:
    """Save the row as it now is in memory; the names of the fields that changed, none if nothing did."""
    with transaction.atomic():
        before = Organisation.objects.select_for_update().get(pk=1)
        changed = _differences(before, organisation)
        if changed:
            organisation.save()
            told = {name: values for name, values in changed.items() if name in TOLD}
            audit.record(
                act="organisation.changed", thing=organisation, by=by, at=at, fields=list(changed), told=told
            )  # fmt: skip
    return list(changed)


def weakening(before: Organisation, after: Organisation) -> list[str]:
    """What the change would weaken, a sentence each; empty where one administrator may save it alone."""
    said = []
    if after.sign_offs < before.sign_offs:
        said.append(f"{after.sign_offs} instead of {before.sign_offs} other people must say yes.")
    if after.import_limit > before.import_limit:
        said.append(f"One person may import {after.import_limit:,} instead of {before.import_limit:,} accounts.")
    if before.passkeys_demanded and not after.passkeys_demanded:
        said.append("Passkeys are no longer demanded of staff.")
    if after.single_sign_on and not before.single_sign_on:
        said.append("Single sign-on opens the staff room again.")
    if added := sorted(set(after.link_hosts) - set(before.link_hosts)):
        said.append(f"Notices and steps may link to {', '.join(added)}.")
    return said if before.sign_offs else []


@transaction.atomic
def ask(organisation: Organisation, *, because: list[str], by: User, at: datetime | None = None) -> Approval:
    """Put the change aside until a second person says yes. An earlier one that waits is void."""
    before = Organisation.objects.select_for_update().get(pk=1)
    for earlier in OrganisationChange.objects.filter(done_at=None):
        approvals.void(act=ACT, thing=earlier, because="another change was asked for", by=by, at=at)
    waiting = OrganisationChange.objects.create(values=_differences(before, organisation), asked_by=by)
    return approvals.ask(
        act=ACT, thing=waiting, hashes=_hashes(waiting), summary=" ".join(because)[:500], by=by, authors=[by.pk],
        page=reverse("accounts:organisation"), at=at,
    )  # fmt: skip


def waiting() -> tuple[OrganisationChange, Approval] | None:
    """The change that is asked for or approved and not carried out, with its request."""
    newest = OrganisationChange.objects.filter(done_at=None).select_related("asked_by").first()
    approval = newest and approvals.living(ACT, newest)
    return (newest, approval) if newest and approval else None


@transaction.atomic
def carry_out(change_: OrganisationChange, *, by: User, at: datetime | None = None) -> list[str]:
    """Make the approved change. Raises approvals.NotApproved, or ChangedMeanwhile where a field is not as it was."""
    organisation = Organisation.objects.select_for_update().get(pk=1)
    approvals.use(act=ACT, thing=change_, hashes=_hashes(change_), at=at)
    for name, (before, after) in change_.values.items():
        if getattr(organisation, name) != before:
            raise ChangedMeanwhile(name)
        setattr(organisation, name, after)
    change_.done_at = at or timezone.now()
    change_.save(update_fields=["done_at"])
    return change(organisation, by=by, at=at)


def _differences(before: Organisation, after: Organisation) -> dict[str, list[Any]]:
    """{field: [value before, value after]} of what is not the same."""
    names = [field.name for field in Organisation._meta.fields if field.name != "id"]
    pairs = {name: [getattr(before, name), getattr(after, name)] for name in names}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def _hashes(change_: OrganisationChange) -> dict[str, str]:
    return {"values": hashlib.sha256(audit.canonical(change_.values).encode()).hexdigest()}
