"""`make bench`: measures, prints a table, writes bench.json."""

import json
from pathlib import Path

from django.conf import settings
from django.core.management import BaseCommand
from django.core.management.base import CommandError, CommandParser
from django.db import connection

from config import bench


class Command(BaseCommand):
    help = "Measure Candor against peers and limits, each pair in one run."
    requires_system_checks: list = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--only", metavar="NAME", help="One of them")

    def handle(self, *args, only: str | None, **options) -> None:
        registry = bench.load()
        if only and only not in registry:
            raise CommandError(f"There is no benchmark {only}. There are: {', '.join(sorted(registry))}")
        chosen = {registry[only]} if only else dict.fromkeys(registry.values())
        figures: list[bench.Figure] = []
        connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
        name = connection.settings_dict["NAME"]
        try:
            for measure in chosen:
                figures += measure()
        finally:
            connection.creation.destroy_test_db(name, verbosity=0)
        self._print(figures)
        path = Path(settings.VAR) / "bench.json"
        path.write_text(json.dumps([figure.as_json() for figure in figures], indent=1, ensure_ascii=False) + "\n")
        self.stdout.write(f"\nWritten to {path}")

    def _print(self, figures: list[bench.Figure]) -> None:
        for figure in figures:
            self.stdout.write(
                f"{figure.name:<26} {figure.value:>12.3f} {figure.unit:<8} goal {figure.goal:<10} {figure.how}"
            )
