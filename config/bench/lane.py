"""One worker of a benchmark, as a process of its own: `python -m config.bench.lane --at EPOCH`.

Waits for the moment, works lanes until nothing is ready, and prints how many messages that were, how long it took,
and its memory in MiB at the first tenth and at the end. Which database, server and pace is the environment's to say.
"""

import argparse
import json
import os
import sys
import time
from pathlib import Path

import django


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--at", type=float, default=0.0)
    parser.add_argument("--most", type=float, default=600, help="seconds")
    arguments = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    from notifications import dispatch  # its models need the setup

    time.sleep(max(0.0, arguments.at - time.time()))
    began, done, early = time.time(), 0, 0.0
    while time.time() < began + arguments.most and (some := dispatch.run_lane(seconds=1)):
        done += some
        early = early or memory()
    told = {"done": done, "seconds": time.time() - began, "ended": time.time(), "early_mib": early}
    sys.stdout.write(json.dumps(told | {"late_mib": memory()}) + "\n")


def memory() -> float:
    """MiB that are this process's own or shared with nobody else's data: what one worker more costs."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


if __name__ == "__main__":
    main()
