"""One bundle in a process of its own, for `config.bench.evidence`: python -m config.bench.evidence_once SLUG

Prints {"seconds": …, "peak_mib": …, "mb": …} as one line of JSON.
"""

import json
import os
import sys
import time
from tempfile import TemporaryFile

import django

from config.bench.import_once import _peak_mib


def main(slug: str) -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    from incidents.models import Incident
    from notifications import evidence

    incident = Incident.objects.get(slug=slug)
    with TemporaryFile() as file:
        began = time.perf_counter()
        evidence.write(incident, file)
        figures = {"seconds": time.perf_counter() - began, "peak_mib": _peak_mib(), "mb": file.tell() / 1e6}
    sys.stdout.write(json.dumps(figures) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
