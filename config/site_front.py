"""The published site without nginx: a WSGI callable over files in memory, with Django behind it for what is personal.

A reader's request touches neither PostgreSQL, Redis nor Django. Files are read when first asked for and kept until the
generation mark in their folder changes, which is looked at every quarter of a second at most.
"""

import hashlib
import re
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from incidents.site_folder import GENERATION, content_type

Headers = list[tuple[str, str]]

WSGI = Callable[[dict[str, Any], Any], Iterable[bytes]]

LOOK_AGAIN = 0.25  # seconds
DJANGO = frozenset({
    "staff", "account", "admin", "api", "webhooks", "notice", "genuine", "follow", "inquiry", "compare", "static",
    "health", "your-notices", "calendar",
})  # fmt: skip
PERSONAL = frozenset({"notice", "your-notices", "genuine", "follow", "inquiry"})
# A segment starts with a letter, digit, dash or underscore: no "..", no hidden file, nothing encoded.
SEGMENT = r"[A-Za-z0-9_-][A-Za-z0-9._-]*"
PUBLIC_PATH = re.compile(rf"/(?:{SEGMENT}/)*(?:{SEGMENT})?|/\.well-known/security\.txt")
PERSONAL_PATH = re.compile(r"/[A-Za-z0-9_/-]*")
LANGUAGE = re.compile(r"/([a-z]{2})/")  # pages of one language; not found there is said in it
HASHED = re.compile(r"assets/.+\.[0-9a-f]{8}\.\w+")
# For programs and pages of others: feeds, CSAF, Statuspage's API. The same in deploy/nginx.conf.
OPEN = re.compile(r"/api/v2/.*|/(?:.*/)?(?:feed\.(?:atom|rss|json)|csaf\.json|indicators\.csv)|/history\.(?:atom|rss)")
ENCODINGS = (("br", ".br"), ("gzip", ".gz"))  # in order of preference
FRESH = "public, max-age=10, stale-while-revalidate=20, stale-if-error=3600"
FOR_EVER = "public, max-age=31536000, immutable"
SECURITY: Headers = [
    (
        "Content-Security-Policy",
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    ),
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("Referrer-Policy", "strict-origin"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
]
TO_EVERYONE: Headers = [
    *((name, value) for name, value in SECURITY if name != "Cross-Origin-Resource-Policy"),
    ("Cross-Origin-Resource-Policy", "cross-origin"),
    ("Access-Control-Allow-Origin", "*"),
]
HSTS = ("Strict-Transport-Security", "max-age=63072000; includeSubDomains; preload")
NOTHING_YET = (
    b"<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>"
    b"<title>This page does not exist</title><h1>This page does not exist</h1>"
    b"<p>Nothing has been published at this address.</p></html>\n"
)


@dataclass(frozen=True)
class Body:
    """One encoding of a document. Its validator changes exactly when these bytes do."""

    content: bytes
    etag: str
    encoding: str = ""

    @classmethod
    def of(cls, body: bytes, encoding: str = "") -> "Body":
        return cls(body, f'"{hashlib.sha256(body).hexdigest()[:24]}"', encoding)


Document = dict[str, Body]  # by encoding; "" is the plain one


@dataclass
class Site:
    """The folder as it stood at one generation."""

    folder: Path
    generation: bytes
    kept: dict[str, Document] = field(default_factory=dict)

    def find(self, path: str) -> Document | None:
        """The document at a path below the folder, in every encoding there is. What does not exist is not remembered:
        strangers may ask for any number of names.
        """
        if path not in self.kept:
            document = self._read(path)
            if document is None:
                return None
            self.kept[path] = document
        return self.kept[path]

    def _read(self, path: str) -> Document | None:
        plain = _bytes_of(self.folder / path)
        if plain is None:
            return None
        document = {"": Body.of(plain)}
        for encoding, suffix in ENCODINGS:
            if (packed := _bytes_of(self.folder / (path + suffix))) is not None:
                document[encoding] = Body.of(packed, encoding)
        return document

    def has_folder(self, path: str) -> bool:
        return self.find(f"{path}/index.html") is not None


def _bytes_of(file: Path) -> bytes | None:
    try:
        return file.read_bytes()
    except OSError:
        return None


def front(django: WSGI, folder: Path, *, https: bool = False) -> WSGI:
    """Published files first; Django for its own prefixes; the site's 404 page for all else."""
    secure = [HSTS] if https else []
    current = _Current(folder)

    def application(environ: dict, start_response: Any) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "") or "/"
        if _is_for_django(path, environ):
            return django(environ, start_response)
        status, headers, body = _answer(current.site(), path, environ)
        start_response(status, [*headers, *(TO_EVERYONE if OPEN.fullmatch(path) else SECURITY), *secure])
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]

    return application


class _Current:
    """The site as of the last look at the generation mark."""

    def __init__(self, folder: Path) -> None:
        self._site = Site(Path(folder), b"")
        self._looked_at = 0.0

    def site(self) -> Site:
        now = time.monotonic()
        if now - self._looked_at >= LOOK_AGAIN or not self._looked_at:
            self._looked_at = now
            generation = _bytes_of(self._site.folder / GENERATION) or b""
            if generation != self._site.generation:
                # A new object: a request still reading the old one cannot put stale bytes into this.
                self._site = Site(self._site.folder, generation)
        return self._site


def _is_for_django(path: str, environ: dict) -> bool:
    first = path.split("/", 2)[1] if path.startswith("/") else ""
    if first not in DJANGO or path.startswith("/api/v2/") or _is_a_trick(path, environ):
        return False
    return first not in PERSONAL or PERSONAL_PATH.fullmatch(path) is not None


def _is_a_trick(path: str, environ: dict) -> bool:
    """Dots, doubled or encoded separators: a cache in front could take the address for another one."""
    raw = str(environ.get("RAW_URI") or environ.get("REQUEST_URI") or "").partition("?")[0].lower()
    segments = path.split("/")[1:]
    return (
        any(part in {".", ".."} for part in segments)
        or "" in segments[:-1]
        or "\\" in path
        or "\0" in path
        or any(sign in raw for sign in ("%2f", "%5c", "%2e", "%00"))
    )


def _answer(site: Site, path: str, environ: dict) -> tuple[str, Headers, bytes]:
    if environ["REQUEST_METHOD"] not in {"GET", "HEAD"}:
        return _plain("405 Method Not Allowed", b"This address can only be read.\n", [("Allow", "GET, HEAD")])
    name = path[1:]
    if not PUBLIC_PATH.fullmatch(path) or _is_a_trick(path, environ) or path.endswith((".gz", ".br")):
        return _not_found(site, environ)
    if path.endswith("/"):
        document = site.find(f"{name}index.html")
        name += "index.html"
    elif name == "index.html" or name.endswith("/index.html"):
        return _moved("/" + name.removesuffix("index.html"))
    else:
        document = site.find(name)
        if document is None and site.has_folder(name):
            return _moved(f"{path}/")
    if document is None or name.rpartition("/")[2] == "404.html":
        return _not_found(site, environ)
    return _serve(document, name, environ)


def _serve(document: Document, name: str, environ: dict) -> tuple[str, Headers, bytes]:
    body = _best(document, environ.get("HTTP_ACCEPT_ENCODING", ""))
    headers = [
        ("ETag", body.etag),
        ("Cache-Control", FOR_EVER if HASHED.fullmatch(name) else FRESH),
        ("Vary", "Accept-Encoding"),
    ]
    if _has_it(environ.get("HTTP_IF_NONE_MATCH", ""), body.etag):
        return "304 Not Modified", headers, b""
    return "200 OK", [*headers, *_about(body, name)], body.content


def _about(body: Body, name: str) -> Headers:
    headers = [("Content-Type", content_type(name)), ("Content-Length", str(len(body.content)))]
    return [*headers, ("Content-Encoding", body.encoding)] if body.encoding else headers


def _not_found(site: Site, environ: dict) -> tuple[str, Headers, bytes]:
    language = LANGUAGE.match(environ.get("PATH_INFO", ""))
    document = (
        (language and site.find(f"{language[1]}/404.html")) or site.find("404.html") or {"": Body.of(NOTHING_YET)}
    )
    body = _best(document, environ.get("HTTP_ACCEPT_ENCODING", ""))
    headers = [("Cache-Control", FRESH), ("Vary", "Accept-Encoding"), *_about(body, "404.html")]
    return "404 Not Found", headers, body.content


def _moved(to: str) -> tuple[str, Headers, bytes]:
    return _plain("301 Moved Permanently", b"", [("Location", to), ("Cache-Control", FRESH)])


def _plain(status: str, body: bytes, headers: Headers) -> tuple[str, Headers, bytes]:
    about = [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(body)))]
    return status, [*headers, *about], body


def _best(document: Document, accepts: str) -> Body:
    if accepts:
        wanted = _accepted(accepts)
        for encoding, _ in ENCODINGS:
            if encoding in document and wanted.get(encoding, wanted.get("*", 0.0)) > 0:
                return document[encoding]
    return document[""]


def _accepted(accepts: str) -> dict[str, float]:
    """Accept-Encoding as {coding: quality}; a quality that is no number counts as a refusal (RFC 9110, 12.5.3)."""
    wanted = {}
    for part in accepts.lower().split(","):
        coding, _, parameter = part.partition(";")
        quality = parameter.strip().removeprefix("q=") if parameter.strip() else "1"
        try:
            wanted[coding.strip()] = float(quality)
        except ValueError:
            wanted[coding.strip()] = 0.0
    return wanted


def _has_it(if_none_match: str, etag: str) -> bool:
    if not if_none_match:
        return False
    return if_none_match.strip() == "*" or etag in {tag.strip().removeprefix("W/") for tag in if_none_match.split(",")}
