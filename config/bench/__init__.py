"""The place for speed: each benchmark measures Candor and a peer or a limit in turn, within one run.

`manage.py bench` runs them in a database of their own, prints a table and writes bench.json into VAR. A goal is
reported, never asserted: these figures move with the machine, their ratios much less.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib import import_module

MODULES = ("events", "evidence", "finding", "importing", "inquiry", "notice", "publishing", "sending", "serving")


@dataclass(frozen=True)
class Figure:
    """One measured number. goal: "≥ 0.6" or "≤ 250"; how: what was measured against what, in a sentence."""

    name: str
    value: float
    goal: str
    unit: str
    how: str

    def as_json(self) -> dict:
        return asdict(self) | {"value": round(self.value, 3)}


Benchmark = Callable[[], list[Figure]]
REGISTRY: dict[str, Benchmark] = {}


def benchmark(*names: str) -> Callable[[Benchmark], Benchmark]:
    """Registers a function that measures the figures of these names in one go."""

    def register(function: Benchmark) -> Benchmark:
        for name in names:
            REGISTRY[name] = function
        return function

    return register


def load() -> dict[str, Benchmark]:
    for module in MODULES:
        import_module(f"config.bench.{module}")
    return REGISTRY
