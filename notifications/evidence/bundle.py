"""The zip: written front to back, each file hashed on its way in, the manifest last."""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import IO
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from accounts import audit
from notifications import verify_evidence
from notifications.verify_evidence import MANIFEST, SEAL, SIGNATURE

Sign = Callable[[bytes], dict]
"""{"key", "public", "signature"} of these bytes."""


@dataclass(frozen=True)
class Manifest:
    """What the bundle says it holds. `sha256` is over the manifest's bytes: the number to compare over the phone."""

    sha256: str
    content: dict

    @property
    def head(self) -> dict:
        return self.content["audit_head"]


class Bundle:
    """One zip being written. The same rows and moment give the same bytes."""

    def __init__(self, file: IO[bytes], *, at: datetime) -> None:
        self.zip = ZipFile(file, "w", ZIP_DEFLATED)
        self.at = at.astimezone(UTC)
        self.files: list[dict] = []

    def add(self, name: str, data: bytes) -> None:
        with self._open(name) as write:
            write(data)

    def add_json(self, name: str, value: object) -> None:
        self.add(name, as_json(value))

    def add_lines(self, name: str, rows: Iterable[dict]) -> None:
        """A record a line, never more than one of them in memory."""
        with self._open(name) as write:
            for row in rows:
                write(f"{audit.canonical(row)}\n".encode())

    def close(self, content: dict, *, sign: Sign) -> Manifest:
        """The manifest, then its own hash in the form sha256sum reads, and its signature."""
        data = as_json({**content, "files": self.files})
        manifest = Manifest(sha256=hashlib.sha256(data).hexdigest(), content=json.loads(data))
        self.add(MANIFEST, data)
        self.add(SEAL, f"{manifest.sha256}  {MANIFEST}\n".encode())
        self.add_json(SIGNATURE, sign(verify_evidence.manifest_said(manifest.sha256)))
        self.zip.close()
        return manifest

    @contextmanager
    def _open(self, name: str) -> Iterator:
        info = ZipInfo(name, date_time=self.at.timetuple()[:6])
        info.compress_type, info.external_attr = ZIP_DEFLATED, 0o644 << 16
        digest, size = hashlib.sha256(), 0
        with self.zip.open(info, "w", force_zip64=True) as out:

            def write(data: bytes) -> None:
                nonlocal size
                out.write(data)
                digest.update(data)
                size += len(data)

            yield write
        self.files.append({"name": name, "size": size, "sha256": digest.hexdigest()})


def as_json(value: object) -> bytes:
    return (json.dumps(value, sort_keys=True, indent=1, ensure_ascii=False, default=str) + "\n").encode()
