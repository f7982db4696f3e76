"""`make faults`: injects faults into a real house, prints a table, writes faults.json; exit code 1 where one won."""

import json
import logging
import shutil
import time
from collections.abc import Iterable
from pathlib import Path

from django.conf import settings
from django.core.management import BaseCommand
from django.core.management.base import CommandError, CommandParser
from django.db import connection

from config import faults
from config.faults.running import run


class Command(BaseCommand):
    help = "Inject faults for real and check what must hold after each."
    requires_system_checks: list = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--only", metavar="F1,F5", default="", help="These alone")
        parser.add_argument("--quick", action="store_true", help="The bounded subset of CI, with fewer people")
        parser.add_argument("--output", type=Path, default=Path(settings.VAR) / "faults.json", metavar="FILE")

    def handle(self, *args, only: str, quick: bool, output: Path, **options) -> None:
        registry = faults.load()
        wanted = {name.strip().upper() for name in only.split(",") if name.strip()}
        if unknown := wanted - {one.number for one in registry}:
            raise CommandError(f"There is no fault {', '.join(sorted(unknown))}.")
        chosen = [one for one in registry if (one.number in wanted if wanted else one.quick or not quick)]
        logging.disable(logging.WARNING)  # of this process: the workers' logs are what counts
        folder = Path(settings.VAR) / "runs"
        shutil.rmtree(folder, ignore_errors=True)
        connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
        name = connection.settings_dict["NAME"]
        ended: list[faults.Ended] = []
        try:
            for number, one in enumerate(sorted(chosen, key=lambda one: int(one.number[1:])), start=1):
                began = time.monotonic()
                ended.append(run(one, folder / f"{number:02}-{one.number}", quick=quick))
                self._say(ended[-1], seconds=time.monotonic() - began)
        finally:
            connection.close()
            connection.creation.destroy_test_db(name, verbosity=0)
            self._write(ended, output)
        if not all(one.is_good for one in ended):
            raise SystemExit(1)

    def _say(self, one: faults.Ended, *, seconds: float) -> None:
        if one.skipped:
            self.stdout.write(f"{one.fault:<4} skipped: {one.skipped} ({one.injected})")
            return
        recovery = "" if one.recovery_s is None else f"{one.recovery_s:.1f}"
        self.stdout.write(
            f"{one.fault:<4} lost {one.lost:>2}  doubled {one.doubled:>2}  unknown {one.unknown:>3}  "
            f"recovery {recovery:>5} s  {seconds:>4.0f} s  {one.injected}"
        )
        for words in one.broken:
            self.stdout.write(f"     BROKEN {words}")

    def _write(self, ended: Iterable[faults.Ended], path: Path) -> None:
        path.write_text(json.dumps([one.as_json() for one in ended], indent=1, ensure_ascii=False) + "\n")
        self.stdout.write(f"\nWritten to {path}")
