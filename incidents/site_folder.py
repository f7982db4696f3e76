"""The folder that holds the published site. Plain files: this module knows neither Django nor the database.

A document is written aside and moved into place; its compressed forms lie beside it. The generation mark is replaced
last, so that whoever keeps the files in memory knows when to look again.
"""

import fcntl
import gzip
import os
import secrets
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import brotli

GENERATION = ".generation"
LOCK = ".lock"
BEST_BELOW = 150_000  # bytes
CONTENT_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".xml": "application/xml; charset=utf-8",
    ".atom": "application/atom+xml; charset=utf-8",
    ".rss": "application/rss+xml; charset=utf-8",
    ".json": "application/json; charset=utf-8",
    ".csv": "text/csv; charset=utf-8",
}


def content_type(path: str) -> str:
    if os.path.basename(path) == "feed.json":
        return "application/feed+json; charset=utf-8"
    return CONTENT_TYPES.get(os.path.splitext(path)[1], "application/octet-stream")


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """One writer at a time, even where two installations share a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / LOCK, "w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


def is_new(folder: Path) -> bool:
    """Nothing was ever finished in it: a new machine, or somebody emptied it."""
    return not (folder / GENERATION).exists()


def write(folder: Path, documents: Iterable[tuple[str, bytes]]) -> None:
    """Put each document in place, its compressed forms first, unless it stands there already."""
    for path, body in documents:
        target = folder / path
        if _stands_there(target, body):
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        # mtime 0: the same document compresses to the same bytes on every machine.
        _replace(target.with_name(target.name + ".gz"), gzip.compress(body, 9, mtime=0))
        packed = brotli.compress(body, mode=brotli.MODE_TEXT, quality=_effort(body))
        _replace(target.with_name(target.name + ".br"), packed)
        _replace(target, body)
        _sync_folder(target.parent)


def _effort(body: bytes) -> int:
    """Brotli's best takes seconds for a megabyte, and the API may have one with every publication."""
    return 11 if len(body) < BEST_BELOW else 6


def _stands_there(target: Path, body: bytes) -> bool:
    """With both compressed forms: these are written first, so that they belong to these bytes."""
    packed = (target.with_name(target.name + suffix) for suffix in (".gz", ".br"))
    try:
        return target.read_bytes() == body and all(form.exists() for form in packed)
    except OSError:
        return False


def remove(folder: Path, path: str, *, but: str = "") -> None:
    """A document with its compressed forms, or a folder with all that is in it. but: a file in it that stays."""
    target = folder / path
    if target.is_dir():
        for each in target.iterdir():
            if not (but and each.name in {but, f"{but}.gz", f"{but}.br"}):
                shutil.rmtree(each) if each.is_dir() else each.unlink()
        if not but:
            target.rmdir()
    else:
        for suffix in ("", ".gz", ".br"):
            target.with_name(target.name + suffix).unlink(missing_ok=True)


def mark(folder: Path) -> None:
    """Say that something new stands here."""
    _replace(folder / GENERATION, secrets.token_hex(8).encode())
    _sync_folder(folder)


def _replace(target: Path, body: bytes) -> None:
    aside = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    try:
        with open(aside, "wb") as file:
            file.write(body)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(aside, 0o644)
        os.replace(aside, target)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
