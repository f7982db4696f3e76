"""Things to arrange a test with: plain functions with fixed values; the test states the one value that matters."""

from datetime import UTC, datetime, timedelta
from functools import cache

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Group
from django.utils import timezone

from accounts.addresses import lookup_hash
from accounts.models import Account, Address, Organisation, User
from incidents.models import AffectedAccount, Decision, Incident, Segment, Step, TimelineEvent, Update
from notifications.models import Notice

NOON = datetime(2026, 3, 14, 12, 0, tzinfo=UTC)
PASSWORD = "a long enough passphrase"


@cache
def _hashed_password() -> str:
    """As slow to check as a real one, but made once: most of the cast never types it."""
    return make_password(PASSWORD)


def make_user(email: str, *, role: str | None = None, mfa: bool = True, name: str = "") -> User:
    """A verified user; with a role, a member of staff who has a second factor unless mfa=False."""
    user = User.objects.create_user(email, name=name, is_staff=role is not None, password=None)
    User.objects.filter(pk=user.pk).update(password=_hashed_password())
    user.refresh_from_db()
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    if role:
        user.groups.add(Group.objects.get(name=role))
        if mfa:
            Authenticator.objects.create(user=user, type=Authenticator.Type.TOTP, data={"secret": TOTP_SECRET})
    return user


TOTP_SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


def make_organisation(**fields) -> Organisation:
    organisation = Organisation(**{
        "name": "Relaypost", "mark": "R", "domain": "relaypost.example", "sender_name": "Relaypost Security",
        "sender_address": "security@relaypost.example", "security_email": "security@relaypost.example",
        "support_email": "help@relaypost.example", "customers_total": 250_000, **fields,
    })  # fmt: skip
    organisation.save()
    return organisation


def make_incident(slug: str = "api-keys-2018", **fields) -> Incident:
    return Incident.objects.create(**{
        "slug": slug, "title": "API keys of some customers were exposed",
        "summary": "Somebody used an employee's account to read API keys of a small part of our customers.",
        "visibility": Incident.Visibility.PUBLIC, **fields,
    })  # fmt: skip


def make_event(incident: Incident, text: str = "We found the exposed key.", **fields) -> TimelineEvent:
    return TimelineEvent.objects.create(
        incident=incident, text=text, **{"kind": "detection", "at": NOON, "precision": "day", **fields}
    )


def make_update(incident: Incident, body: str = "We have closed the way in.", **fields) -> Update:
    """A draft."""
    return Update.objects.create(
        incident=incident,
        body=body,
        **{"phase": incident.phase, "at": None, "precision": "unknown", **fields},
    )


def make_segment(incident: Incident, key: str = "api", **fields) -> Segment:
    return Segment.objects.create(incident=incident, key=key, **{"name": "API customers", **fields})


def make_step(incident: Incident, title: str = "Rotate your API keys", **fields) -> Step:
    return Step.objects.create(incident=incident, title=title, **{"ends_exposure": True, **fields})


def make_account(external_id: str = "northwind", email: str | None = "owner@northwind.example", **fields) -> Account:
    account = Account.objects.create(external_id=external_id, **{"name": "Northwind Traders", **fields})
    if email:
        make_address(account, email)
    return account


def make_address(account: Account, email: str, **fields) -> Address:
    return Address.objects.create(account=account, value=email, **{"created_at": NOON, **fields})


def make_affected(incident: Incident, account: Account | None = None, *, segments=(), **fields) -> AffectedAccount:
    affected = AffectedAccount.objects.create(
        incident=incident, account=account or make_account(), **{"facts": {"api_key": "key-…4f2"}, **fields}
    )
    affected.segments.set(segments)
    return affected


def make_many_affected(incident: Incident, count: int) -> list[AffectedAccount]:
    """count accounts acme-0001 … with owner@acme-0001.example, in few queries."""
    accounts = Account.objects.bulk_create(
        Account(external_id=f"acme-{n:04}", name=f"Acme {n:04}") for n in range(1, count + 1)
    )
    addresses = [f"owner@{account.external_id}.example" for account in accounts]
    Address.objects.bulk_create(
        Address(account=account, value=value, normal=value, lookup=lookup_hash(value))
        for account, value in zip(accounts, addresses, strict=True)
    )
    return AffectedAccount.objects.bulk_create(
        AffectedAccount(incident=incident, account=account, facts={"api_key": f"key-…{account.external_id[-4:]}"})
        for account in accounts
    )


def make_decision(
    incident: Incident, kind: str = "do_not_contact", segment: Segment | None = None, **fields
) -> Decision:
    return Decision.objects.create(
        incident=incident, kind=kind, segment=segment,
        **{"at": NOON, "reasons": "They asked us to.", "ground": "GDPR 34(3)(c)", "means": "The public page", **fields},
    )  # fmt: skip


def in_hours(hours: float) -> datetime:
    return timezone.now() + timedelta(hours=hours)


def make_notice(incident: Incident, by: User | None = None, **fields):
    """A first notice that uses what most incidents have: account, link, code."""
    return Notice.objects.create(**{
        "incident": incident, "name": "First notice", "subject": "Security notice, reference {{ code }}",
        "body": "This concerns your account {{ account }}, code {{ code }}.\n\nYour notice: {{ link }}",
        "created_by": by, **fields,
    })  # fmt: skip
