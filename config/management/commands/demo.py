"""`make demo`: the January 2018 incident played through on real parts, on this machine alone."""

import json
import os
import signal
import sys
import time
from pathlib import Path

from django.conf import settings
from django.core.management import BaseCommand, call_command
from django.core.management.base import CommandParser

from config.demo import processes
from config.demo.watching import StandsStill, Watch

STOPS = (signal.SIGINT, signal.SIGTERM)


class Command(BaseCommand):
    help = "Play the rehearsal: publish, import, approve, send, hear back, prove. Serves until Ctrl-C."
    requires_system_checks: list = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--once", action="store_true", help="Print the summary as JSON on the last line and stop")

    def handle(self, *args, once: bool, **options) -> None:
        if "DEMO_FOLDER" not in os.environ:
            self._restart_with_ports()
        folder = Path(os.environ["DEMO_FOLDER"])
        ports = processes.Ports(*json.loads(os.environ["DEMO_PORTS"]))
        for number in STOPS:
            signal.signal(number, _interrupt)
        self.stdout.write("Preparing the database")
        call_command("migrate", verbosity=0)
        from config.demo import story  # models: only once the settings stand

        try:
            with processes.running(ports, folder) as must_run:
                watch = Watch(
                    quiet=not sys.stderr.isatty(), must_run=must_run, held=story.held, waits=not once,
                    say=self.stdout.write,
                )  # fmt: skip
                summary = story.play(folder, say=self.stdout.write, watch=watch)
                self._show(summary, ports, once)
                while not once:
                    must_run()
                    time.sleep(1)
        except KeyboardInterrupt:
            self.stdout.write("\nStopping. `make demo` goes on from here; `make demo-clean` forgets it.")
            return
        except (processes.DidNotStart, processes.Stopped, StandsStill) as problem:
            self.stderr.write(str(problem))
            sys.exit(1)
        if once:
            self.stdout.write(json.dumps(summary, ensure_ascii=False))
            sys.exit(0 if summary["adds_up"] else 1)

    def _restart_with_ports(self) -> None:
        """Settings are read once, before a command runs: begin anew with the ports in the environment."""
        ports, said = processes.choose_ports()
        for sentence in said:
            self.stdout.write(sentence)
        self.stdout.flush()
        os.environ.update(processes.environment(ports, settings.VAR / "demo"))
        os.environ["DEMO_PORTS"] = json.dumps([ports.web, ports.smtp, ports.mailbox])
        os.execv(sys.executable, [sys.executable, *sys.argv])  # noqa: S606

    def _show(self, summary: dict, ports: processes.Ports, once: bool) -> None:
        from config.demo import story

        self.stdout.write(story.in_words(summary))
        if not once:
            self.stdout.write(story.addresses(summary, settings.PUBLIC_BASE_URL, f"http://localhost:{ports.mailbox}"))


def _interrupt(*args: object) -> None:
    """The first asks to stop. A second one would interrupt the stopping and leave the services behind."""
    for number in STOPS:
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt
