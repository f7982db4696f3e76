"""Documents of the whole site: index, history, 404 page, feeds, API, robots.txt, security.txt, sitemap, assets."""

from collections.abc import Iterable
from datetime import UTC, datetime
from itertools import groupby
from xml.sax.saxutils import escape

from django.conf import settings
from django.utils import translation

from accounts.languages import ENGLISH
from incidents.documents import assets, feeds, foreign, places, statuspage, words
from incidents.documents.freezing import said
from incidents.documents.page import first_day, frame, headline, to_bytes
from incidents.documents.shown import Shown

NOT_FOUND = "incidents/public/404.html"
ON_THE_INDEX = 10  # past incidents; the rest stand in the history


@translation.override(ENGLISH)
def render_site(*, published: Iterable[tuple[dict, datetime]], newest: Iterable[Shown], organisation: dict,
                at: datetime, switched_off: Iterable[str] = ()) -> dict[str, bytes]:  # fmt: skip
    """Path → bytes.

    published: (frozen content, when it was said) of the page each public incident shows now; of its updates the
    newest and the first are enough. newest: whole, the fifty that spoke last and every unresolved one.
    switched_off: languages in which pages stood before; whoever comes there is told so.
    """
    newest, shown = list(newest), [(said(content, said_at), said_at) for content, said_at in published]
    languages = places.switched_on(organisation)
    context = {**frame(organisation, assets.published(), languages[0]), "feeds_at": "/"}
    pages: dict[str, bytes] = {}
    for language in languages:
        with translation.override(language):
            pages |= _pages(shown, organisation, language, at)
    return {
        **assets.files(),
        **feeds.of_site(newest, organisation=organisation, since=this_month(at)),
        **statuspage.of_site(newest, organisation=organisation, since=this_month(at)),
        **pages,
        "404.html": to_bytes(NOT_FOUND, context),
        **{
            f"{language}/404.html": to_bytes(
                NOT_FOUND, {**frame(organisation, assets.published(), language), "is_off": language not in languages}
            )
            for language in (*languages[1:], *switched_off)
        },
        "icon.svg": to_bytes("incidents/public/icon.svg", context),
        "robots.txt": f"User-agent: *\nDisallow: /notice/\nSitemap: {settings.PUBLIC_BASE_URL}/sitemap.xml\n".encode(),
        ".well-known/security.txt": _security_txt(organisation, at),
        "sitemap.xml": _sitemap(shown, organisation),
    }  # fmt: skip


def _pages(shown: list[tuple[dict, datetime]], organisation: dict, language: str, at: datetime) -> dict[str, bytes]:
    """Index and history, in the language that is active."""
    lines = sorted(
        (_line(content, said_at, language, at) for content, said_at in shown),
        key=lambda line: line["place"],
        reverse=True,
    )
    active = [line for line in lines if line["phase"] not in words.CLOSED]
    past = [line for line in lines if line not in active]
    before = places.site_path(organisation, language)
    context = {**frame(organisation, assets.published(), language), "feeds_at": "/"}
    index = {
        "active": active, "years": by_year(past[:ON_THE_INDEX]), "more": len(past) > ON_THE_INDEX,
        "canonical": f"{settings.PUBLIC_BASE_URL}/{before}", "places": places.of_site(organisation, language),
    }  # fmt: skip
    history = {
        "years": by_year(lines), "searches": True, "canonical": f"{settings.PUBLIC_BASE_URL}/{before}history/",
        "places": places.of_site(organisation, language, "history/"),
    }  # fmt: skip
    return {
        f"{before}index.html": to_bytes("incidents/public/index.html", {**context, **index}),
        f"{before}history/index.html": to_bytes("incidents/public/history.html", {**context, **history}),
    }


def _line(content: dict, said_at: datetime, language: str, at: datetime) -> dict:
    if content["language"] != language:
        content = foreign.in_language(content, language)
    return headline(content, said_at, at=at, language=language) | {"place": _place(content, said_at)}


def _sitemap(shown: list[tuple[dict, datetime]], organisation: dict) -> bytes:
    """Written by hand: of a thousand incidents in three languages it names nine thousand addresses."""
    first = places.switched_on(organisation)[0]
    entries: list[list[places.Place]] = [
        places.of_site(organisation, first, name) or [places.Place(first, f"/{name}")] for name in ("", "history/")
    ]
    for content, _ in sorted(shown, key=lambda each: _place(*each), reverse=True):
        found = places.of_page(content, content["language"])
        entries.append(found or [places.Place(content["language"], f"/{places.path(content['slug'])}")])
    several = any(len(each) > 1 for each in entries)
    xhtml = ' xmlns:xhtml="http://www.w3.org/1999/xhtml"' if several else ""
    urls = "".join(f"<url><loc>{_absolute(place)}</loc>{others}</url>\n" for each in entries
                   for others in (_alternates(each),) for place in each)  # fmt: skip
    head = f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"{xhtml}>'
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{head}\n{urls}</urlset>\n'.encode()


def _alternates(entry: list[places.Place]) -> str:
    """The same page in every language it stands in, and which one where none of them fits."""
    if len(entry) < 2:
        return ""
    named = [*((place.language, place) for place in entry), ("x-default", entry[0])]
    return "".join(
        f'<xhtml:link rel="alternate" hreflang="{language}" href="{_absolute(place)}"/>' for language, place in named
    )


def _absolute(place: places.Place) -> str:
    return escape(f"{settings.PUBLIC_BASE_URL}{place.url}")


def _place(content: dict, said_at: datetime) -> tuple[str, str]:
    """In a list, the newest last."""
    return first_day(content, said_at), places.path(content["slug"])


def by_year(lines: list[dict]) -> list[tuple[int, list[dict]]]:
    return [(year, list(those)) for year, those in groupby(lines, key=lambda line: line["year"])]


def this_month(at: datetime) -> datetime:
    """A moment for what has none yet: it moves once a month, so that the site's documents do not with every look."""
    return at.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def expires(at: datetime) -> datetime:
    """The first of the month, half a year ahead: it moves once a month, not with every page (RFC 9116, 2.5.5)."""
    months = at.astimezone(UTC).month + 6
    return datetime(at.year + (months - 1) // 12, (months - 1) % 12 + 1, 1, tzinfo=UTC)


def _security_txt(organisation: dict, at: datetime) -> bytes:
    sender = organisation["sender"].rpartition("<")[2].rstrip(">")
    return (
        f"Contact: mailto:{organisation['security_email'] or sender}\n"
        f"Expires: {expires(at):%Y-%m-%dT%H:%M:%SZ}\n"
        f"Canonical: {settings.PUBLIC_BASE_URL}/.well-known/security.txt\n"
    ).encode()
