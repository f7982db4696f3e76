"""Finds one person in a bundle of evidence: the house holds the key of the hashes in it, and nobody else."""

import json
import zipfile
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from accounts.addresses import lookup_hash
from accounts.models import Account, Address
from notifications.evidence import account_hash


class Command(BaseCommand):
    help = (
        "Shows what a bundle of evidence says about one account or one address. Needs LOOKUP_KEY as it was, and the "
        "database only for an account that has no id."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("bundle", type=Path, help="the zip")
        parser.add_argument("--account", help="its id in the company's own systems")
        parser.add_argument("--address", help="an email address, a post address or a phone number")

    def handle(self, *, bundle: Path, account: str | None, address: str | None, **options) -> None:
        if bool(account) == bool(address):
            raise CommandError("Say whom: --account or --address, one of them.")
        try:
            with zipfile.ZipFile(bundle) as opened:
                found = list(_of_account(opened, _hash_of(account)) if account else _of_address(opened, address or ""))
        except (OSError, zipfile.BadZipFile, KeyError) as problem:
            raise CommandError(f"This cannot be read as a bundle of evidence: {problem}", returncode=2) from None
        if not found:
            raise CommandError("The bundle says nothing about them.")
        for record in found:
            self.stdout.write(json.dumps(record, indent=1, ensure_ascii=False))


def _hash_of(external_id: str) -> str:
    known = Account.objects.filter(external_id=external_id).values_list("pk", flat=True).first()
    return account_hash(known or 0, external_id)


def _of_account(opened: zipfile.ZipFile, sought: str) -> Iterator[dict]:
    for name in ("accounts.jsonl", "recipients.jsonl"):
        yield from (record for record in _records(opened, name, sought) if record["account"] == sought)


def _of_address(opened: zipfile.ZipFile, address: str) -> Iterator[dict]:
    """Whatever kind of address it is: a normal form each."""
    for kind in Address.Kind.values:
        sought = lookup_hash(Address.normal_of(address, kind)).hex()
        messages = [one for one in _records(opened, "recipients.jsonl", sought) if one["address"] == sought]
        accounts = {one["account"] for one in messages}
        if messages:
            for account in sorted(accounts):
                yield from (one for one in _records(opened, "accounts.jsonl", account) if one["account"] == account)
            yield from messages
            return


def _records(opened: zipfile.ZipFile, name: str, sought: str) -> Iterator[dict]:
    """Those whose line holds the hash at all; the others are not read as JSON."""
    with opened.open(name) as file:
        for line in file:
            if sought.encode() in line:
                yield json.loads(line)
