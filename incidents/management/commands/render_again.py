"""`manage.py render_again`: after an upgrade, the present templates for every published page."""

import sys

from django.core.management.base import BaseCommand

from incidents import publishing


class Command(BaseCommand):
    help = "Give every published page the present templates and stylesheets, as a version nobody is told of."

    def handle(self, *args: object, **options: object) -> None:
        outcome = publishing.render_again()
        self.stdout.write(f"{outcome.made} pages got a new version; {outcome.same} look as before.")
        if outcome.failed:
            self.stderr.write(
                f"Could not be rendered, and stand as they were: {', '.join(outcome.failed)}. See the log."
            )
            sys.exit(1)
