"""Documents of the whole site: index, history, 404 page, feeds, API, robots.txt, security.txt, sitemap, assets."""

from collections.abc import Iterable
from datetime import UTC, datetime
from itertools import groupby

from django.conf import settings
from django.utils import translation

from accounts.languages import ENGLISH
from incidents.documents import assets, feeds, statuspage, words
from incidents.documents.freezing import said
from incidents.documents.page import frame, headline, to_bytes
from incidents.documents.shown import Shown

ON_THE_INDEX = 10  # past incidents; the rest stand in the history


@translation.override(ENGLISH)
def render_site(*, published: Iterable[tuple[dict, datetime]], newest: Iterable[Shown], organisation: dict,
                at: datetime) -> dict[str, bytes]:  # fmt: skip
    """Path → bytes.

    published: (frozen content, when it was said) of the page each public incident shows now; of its updates the
    newest and the first are enough. newest: whole, the fifty that spoke last and every unresolved one.
    """
    newest = list(newest)
    lines = sorted(
        (headline(said(content, said_at), said_at, at=at) for content, said_at in published),
        key=lambda line: (line["first_day"], line["url"]),
        reverse=True,
    )
    active = [line for line in lines if line["phase"] not in words.CLOSED]
    past = [line for line in lines if line not in active]
    context = {**frame(organisation, assets.published()), "feeds_at": "/"}
    return {
        **assets.files(),
        **feeds.of_site(newest, organisation=organisation, since=this_month(at)),
        **statuspage.of_site(newest, organisation=organisation, since=this_month(at)),
        "index.html": to_bytes(
            "incidents/public/index.html",
            {**context, "active": active, "years": by_year(past[:ON_THE_INDEX]), "more": len(past) > ON_THE_INDEX,
             "canonical": f"{settings.PUBLIC_BASE_URL}/"},
        ),
        "history/index.html": to_bytes(
            "incidents/public/history.html",
            {**context, "years": by_year(lines), "searches": True, "canonical": f"{settings.PUBLIC_BASE_URL}/history/"},
        ),
        "404.html": to_bytes("incidents/public/404.html", context),
        "icon.svg": to_bytes("incidents/public/icon.svg", context),
        "robots.txt": f"User-agent: *\nDisallow: /notice/\nSitemap: {settings.PUBLIC_BASE_URL}/sitemap.xml\n".encode(),
        ".well-known/security.txt": _security_txt(organisation, at),
        "sitemap.xml": to_bytes("incidents/public/sitemap.xml", {**context, "lines": lines}),
    }  # fmt: skip


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
