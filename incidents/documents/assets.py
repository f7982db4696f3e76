"""The page's own stylesheet and scripts, named for their bytes: the folder serves itself, caches may keep them."""

import base64
import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from django.contrib.staticfiles.finders import find
from django.templatetags.static import static

STYLES = ("css/tokens.css", "css/base.css", "css/page.css")
SCRIPTS = ("js/local-time.js", "js/copy.js", "js/history-search.js")


@dataclass(frozen=True)
class Link:
    """A stylesheet or script as a page names it. `integrity` is empty for a stylesheet that Django serves."""

    href: str
    integrity: str = ""
    name: str = ""


@dataclass(frozen=True)
class Look:
    styles: tuple[Link, ...]
    scripts: tuple[Link, ...]


@cache
def files() -> dict[str, bytes]:
    """Path below the site folder → bytes: one stylesheet, each script by itself."""
    made = {_path("page.css", css := b"\n".join(_read(name) for name in STYLES)): css}
    for name in SCRIPTS:
        body = _read(name)
        made[_path(Path(name).name, body)] = body
    return made


@cache
def published() -> Look:
    """What published pages link to."""
    links = [_link(path, body) for path, body in files().items()]
    return Look(
        tuple(link for link in links if link.href.endswith(".css")),
        tuple(link for link in links if link.href.endswith(".js")),
    )


def inside() -> Look:
    """What a preview in the staff room links to: the same bytes, served by Django before they are on the site."""
    return Look(
        tuple(Link(static(name), name=name) for name in STYLES),
        tuple(Link(static(name), integrity(name), Path(name).stem) for name in SCRIPTS),
    )


@cache
def integrity(script: str) -> str:
    """Of a script that Django serves: as it lies there, since collecting it changes its name alone. (Of a stylesheet
    it would change the addresses inside.)
    """
    return _digest(_read(script))


def _read(name: str) -> bytes:
    found = find(name)
    if not found:
        raise FileNotFoundError(f"static/{name} is missing; published pages need it")
    return Path(found).read_bytes()


def _path(name: str, body: bytes) -> str:
    stem, _, suffix = name.rpartition(".")
    return f"assets/{stem}.{hashlib.sha256(body).hexdigest()[:8]}.{suffix}"


def _link(path: str, body: bytes) -> Link:
    return Link(f"/{path}", _digest(body), Path(path).name.partition(".")[0])


def _digest(body: bytes) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(body).digest()).decode()}"
