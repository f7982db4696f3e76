"""One import in a process of its own, for `config.bench.importing`: python -m config.bench.import_once SLUG FILE

Prints {"seconds": …, "peak_mib": …} as one line of JSON.
"""

import json
import os
import re
import sys
import time
from pathlib import Path

import django


def main(slug: str, path: Path) -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    from incidents import audience
    from incidents.models import Incident

    incident = Incident.objects.get(slug=slug)
    began = time.perf_counter()
    with path.open("rb") as file:
        batch = audience.read(incident, file, file_name=path.name, by=None, source="command")
    audience.save(batch, by=None)
    seconds = time.perf_counter() - began
    sys.stdout.write(json.dumps({"seconds": seconds, "peak_mib": _peak_mib()}) + "\n")


def _peak_mib() -> float:
    """Of this program alone; getrusage would count whoever started it, too."""
    kib = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert kib
    return int(kib[1]) / 1024


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
