from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from incidents.models import Incident
from notifications import retention


class Command(BaseCommand):
    help = "Forget the people of incidents whose day has come; without --forget only say what would be forgotten."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slug", nargs="?", default="", help="one incident; none: all of them")
        parser.add_argument("--forget", action="store_true", help="do it, where the day has come and nothing holds it")

    def handle(self, *, slug: str, forget: bool, **options) -> None:
        at = timezone.now()
        for incident in Incident.objects.filter(**{"slug": slug} if slug else {}).order_by("pk"):
            reason = retention.obstacle(incident, at=at)
            done = forget and not reason
            counts = retention.forget(incident, by=None, at=at) if done else retention.would_forget(incident)
            said = ", ".join(f"{name} {count}" for name, count in counts.items())
            self.stdout.write(f"{incident.slug}: {'forgotten' if done else reason or 'due'}; {said}")
