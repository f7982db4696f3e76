"""A fresh incident for each fault: N accounts, each with a canary of its own, and a mailing the whole way from notice
to approval.
"""

import re
import uuid
from typing import Any

from django.utils import timezone

from accounts import approvals
from accounts.addresses import lookup_hash
from accounts.models import Account, Address, User
from config.demo import cast, people
from incidents import casefile, publishing
from incidents.models import AffectedAccount, Incident
from notifications import composing, mailings
from notifications.models import Mailing

CANARY = re.compile(r"cnry[0-9a-f]{6}n[0-9]{5}x")


def staff() -> tuple[User, User, User]:
    """Wanda writes, Anton approves, Ada administers."""
    cast.found_organisation()
    wanda, anton, ada = (cast.enter(person) for person in people.PEOPLE)
    return wanda, anton, ada


def incident(*, published: bool = False) -> Incident:
    """A public one. published: with its files in the site folder; otherwise as if they were."""
    wanda, anton, _ = staff()
    made = casefile.load(casefile.named("mailgun-2018-01") | {"slug": f"fault-{uuid.uuid4().hex[:8]}"}, by=wanda)
    made.visibility = Incident.Visibility.PUBLIC
    made.save(update_fields=["visibility"])
    if published:
        approvals.answer(publishing.ask(made, by=wanda), yes=True, by=anton)
        publishing.publish(made, by=anton)
    else:
        Incident.objects.filter(pk=made.pk).update(first_published_at=timezone.now())
    made.refresh_from_db()
    return made


def affect(into: Incident, count: int) -> None:
    """So many accounts. Canaries stand in name, address and facts, so that whatever of one leaks names whose it is."""
    prefix = uuid.uuid4().hex[:6]
    canaries = [f"cnry{prefix}n{number:05}x" for number in range(count)]
    accounts = Account.objects.bulk_create(Account(external_id=f"id-{canary}", name=canary) for canary in canaries)
    values = [f"owner@{canary}.example" for canary in canaries]
    Address.objects.bulk_create(
        Address(account=account, value=value, normal=value, lookup=lookup_hash(value))
        for account, value in zip(accounts, values, strict=True)
    )
    affected = AffectedAccount.objects.bulk_create(
        AffectedAccount(incident=into, account=account, facts={"api_key": f"key-{account.name}"})
        for account in accounts
    )
    segment = into.segments.filter(receives_notice=True)[0]
    through = AffectedAccount.segments.through
    through.objects.bulk_create(through(affectedaccount=one, segment=segment) for one in affected)


def prepared(of: Incident, **how: Any) -> Mailing:
    """To everyone affected, not yet asked for. how: see Mailing, "How it goes out"."""
    wanda, _, _ = staff()
    subject, body = composing.starter(of)
    body += "\n\nFor {{ name }}, account {{ account }}: {{ api_key }}. {{ link }} {{ code }}"
    notice = mailings.create(of, by=wanda, name="First notice", subject=subject, body=body)
    mailing = mailings.prepare(notice, by=wanda)
    # A fault makes many fail at once; a mailing that holds by itself would end the fault before its time.
    mailings.say_how(mailing, by=wanda, **{"bounce_limit": 100, "canary": 0, **how})
    mailing.refresh_from_db()
    return mailing


def approved(mailing: Mailing) -> Mailing:
    wanda, anton, _ = staff()
    approvals.answer(mailings.ask(mailing, by=wanda), yes=True, by=anton)
    return mailing


def started(count: int, *, provider: str = "", **how: Any) -> Mailing:
    """A fresh incident, and its mailing on its way to so many people."""
    of = incident()
    affect(of, count)
    mailing = prepared(of, **how)
    if provider:
        Mailing.objects.filter(pk=mailing.pk).update(provider=provider)
        mailing.refresh_from_db()
    return mailings.start(approved(mailing), by=staff()[1])
