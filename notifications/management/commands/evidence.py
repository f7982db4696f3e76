"""Writes the evidence of an incident, which the script inside verifies."""

from argparse import ArgumentParser
from pathlib import Path
from tempfile import NamedTemporaryFile

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from incidents.models import Incident
from notifications import evidence


class Command(BaseCommand):
    help = "Writes the evidence of an incident as one zip. The log says that it was exported."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug", help="the incident, as in its address")
        parser.add_argument("file", nargs="?", type=Path, help="a new file; without it one named after the incident")

    def handle(self, *, slug: str, file: Path | None, **options) -> None:
        incident = Incident.objects.filter(slug=slug).first()
        if incident is None:
            raise CommandError(f"There is no incident {slug}.")
        at = timezone.now()
        path = file or Path(f"evidence-{slug}-{at:%Y%m%dT%H%M%SZ}.zip")
        if path.exists():
            raise CommandError(f"{path} is there already. Nothing was written; name another file.")
        # Under its own name only once it is whole.
        with NamedTemporaryFile(dir=path.parent, prefix=f"{path.name}.", suffix=".part", delete=False) as part:
            unfinished = Path(part.name)
            try:
                manifest = evidence.write(incident, part, by=None, at=at)
                part.flush()
                unfinished.rename(path)
            finally:
                unfinished.unlink(missing_ok=True)
        self.stdout.write(f"{path}: up to entry {manifest.head['number']} of the log.")
        self.stdout.write(f"SHA-256 of its manifest: {manifest.sha256}")
        self.stdout.write(f"Verify it with: python3 -I verify_evidence.py {path} --manifest {manifest.sha256}")
