"""Records that somebody brought a backup back to see whether it can be done; `manage.py ready` looks for it."""

from argparse import ArgumentParser
from datetime import date

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils import timezone

from accounts import audit
from accounts.models import Organisation, User
from config.readiness import RESTORE_TESTED


class Command(BaseCommand):
    help = "Records that a restore of the backup was tried and worked: by whom, on which day (docs/restore.md)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--by", required=True, metavar="EMAIL", help="who of staff tried it")
        parser.add_argument("--on", default="", metavar="YYYY-MM-DD", help="the day; without it, today")

    def handle(self, *, by: str, on: str, **options) -> None:
        who = User.objects.filter(email__iexact=by, is_staff=True, is_active=True).first()
        if who is None:
            raise CommandError(f"Nobody of staff has the address {by}. Nothing was recorded.")
        day = _day(on)
        with transaction.atomic():
            audit.record(act=RESTORE_TESTED, thing=Organisation.get(), by=who, day=day.isoformat())
        self.stdout.write(f"Recorded: {who.get_full_name()} tried a restore on {day.isoformat()}, and it worked.")


def _day(on: str) -> date:
    today = timezone.now().date()
    try:
        day = date.fromisoformat(on) if on else today
    except ValueError:
        raise CommandError("Write the day as 2026-11-24. Nothing was recorded.") from None
    if day > today:
        raise CommandError("This day is still to come. Nothing was recorded.")
    return day
