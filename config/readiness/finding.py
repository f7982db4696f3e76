from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    good: bool | None
    """None: it could not be looked at."""
    what: str
    remedy: str = ""
    means: str = ""
    """What it is for, or what happens without it."""

    @property
    def state(self) -> str:
        return "unknown" if self.good is None else "ok" if self.good else "missing"

    def as_dict(self) -> dict[str, str]:
        remedy = "" if self.good else self.remedy
        return {"state": self.state, "what": self.what, "means": self.means, "remedy": remedy}
