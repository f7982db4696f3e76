"""Walks the audit chain from its first entry."""

from django.core.management.base import BaseCommand, CommandError

from accounts import audit
from accounts.models import AuditEntry


class Command(BaseCommand):
    help = "Says how many entries of the audit chain hold, and its head; ends with 1 at the first that does not."

    def handle(self, **options) -> None:
        try:
            count = audit.verify()
        except audit.BrokenChain as broken:
            raise CommandError(f"Broken: {broken}.") from None
        head = AuditEntry.objects.order_by("-number").first()
        self.stdout.write(f"{count} entries hold. Head: {head.hash if head else audit.GENESIS}")
