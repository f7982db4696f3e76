"""Following a number up to its total, while the services run."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from tqdm import tqdm

QUIET_SECONDS = 90  # of no progress at all before the story gives up


class StandsStill(Exception):
    """Nothing moved for too long; the message says what was being waited for."""


@dataclass(frozen=True)
class Watch:
    """How the story waits. quiet: without bars; must_run: raises where the services have ended.

    held: what a person has to press before it can go on, in words; empty where nothing holds it.
    waits: for that person, as long as it takes; else it gives up, as over anything that stands still.
    """

    quiet: bool
    must_run: Callable[[], None]
    held: Callable[[], str] = str
    waits: bool = False
    say: Callable[[str], object] = print

    def until(self, what: str, total: int, done: Callable[[], int], *, quiet: bool = False) -> None:
        """Show `done` on its way to `total`. Raises StandsStill, or what must_run raises."""
        told = ""
        with tqdm(total=total, desc=what, unit="message", disable=self.quiet or quiet) as bar:
            last, moved = -1, time.monotonic()
            while (now := done()) < total:
                self.must_run()
                bar.update(now - bar.n)
                if now != last:
                    last, moved = now, time.monotonic()
                if self.waits and (held := self.held()):
                    moved = time.monotonic()
                    if held != told:
                        self.say(held)
                    told = held
                elif time.monotonic() - moved > QUIET_SECONDS:
                    raise StandsStill(
                        f"{what}: {now} of {total} for {QUIET_SECONDS} s. {self.held() or 'See var/demo/services.log.'}"
                    )
                time.sleep(0.3)
            bar.update(total - bar.n)
