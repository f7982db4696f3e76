"""What a public incident shows now, for the documents that speak of many incidents."""

import json
from dataclasses import dataclass, field
from datetime import datetime

from django.conf import settings

from incidents.documents import words
from incidents.documents.freezing import said
from incidents.documents.page import path
from incidents.documents.telling import Telling


@dataclass(frozen=True)
class Shown:
    """content: with every update's moment. said_at: when a person published it. telling: as the page states it."""

    content: dict
    said_at: datetime
    telling: Telling = field(default_factory=Telling)

    @classmethod
    def of(cls, content: dict, said_at: datetime, telling: Telling | None = None) -> "Shown":
        """From frozen content, as a PageVersion keeps it."""
        return cls(said(content, said_at), said_at, telling or Telling())

    @property
    def slug(self) -> str:
        return self.content["slug"]

    @property
    def url(self) -> str:
        return absolute(path(self.slug))

    @property
    def is_active(self) -> bool:
        return self.content["phase"] not in words.CLOSED

    @property
    def is_public(self) -> bool:
        """Told-only pages have neither feeds nor machine formats that anybody could fetch."""
        return self.content["visibility"] == "public" and not self.content["drill"]

    @property
    def first_at(self) -> datetime:
        updates = self.content["updates"]
        return datetime.fromisoformat(updates[-1]["at"]) if updates else self.said_at

    @property
    def updated_at(self) -> datetime:
        """When something was last said. How far telling has come is no news here."""
        updates = self.content["updates"]
        return datetime.fromisoformat(updates[0]["at"]) if updates else self.said_at


def absolute(path: str) -> str:
    """The address of a document below the site folder."""
    return f"{settings.PUBLIC_BASE_URL}/{path}"


def to_json(made: dict, *, in_order: bool = False) -> bytes:
    """in_order: keys by the alphabet, as CSAF wants them (its test 6.2.13)."""
    return (json.dumps(made, ensure_ascii=False, separators=(",", ":"), sort_keys=in_order) + "\n").encode()
