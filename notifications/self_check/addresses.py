"""Where the links of a message lead: to us and nobody else, and to nothing that counts who follows them."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from email.utils import parseaddr
from html.parser import HTMLParser
from urllib.parse import parse_qsl, urlsplit

from django.conf import settings

from accounts.models import Organisation
from incidents.prose import host_of
from notifications.links import url_of
from notifications.models import NoticeVersion
from notifications.self_check.check import Check, passed, stops, warns

TRACKERS = re.compile(
    r"(?:utm_\w+|mc_[ce]id|fbclid|gclid|dclid|msclkid|mkt_tok|_hsenc|_hsmi|vero_id|oly_\w+_id|ck_subscriber_id|"
    r"trk\w*|tracking\w*|recipient\w*|subscriber\w*|click_?id|email|e-?mail_?hash)", re.IGNORECASE,
)  # fmt: skip
_BARE = re.compile(r"(?:https?://|www\.)[^\s<>()\[\]\"'“”]+", re.IGNORECASE)


@dataclass(frozen=True)
class Ours:
    """hosts: with all below them; exact: these alone; named: what the guidance gives as contacts.

    A step's link is ours where its host is; which others are takes two people to change (Organisation.link_hosts).
    """

    hosts: frozenset[str]
    exact: frozenset[str]
    named: frozenset[str]

    @classmethod
    def of(cls, version: NoticeVersion, *, mailboxes: Iterable[str]) -> "Ours":
        frozen = version.guidance
        below = {frozen["organisation"]["domain"].lower()}
        exact = {host_of(settings.PUBLIC_BASE_URL), host_of(url_of("-"))}
        exact |= set(Organisation.get().link_hosts)
        exact |= {_domain(one) for one in [*mailboxes, frozen["organisation"]["security_email"]]}
        named = {_host_of_contact(contact["value"]) for contact in frozen["contacts"]}
        return cls(*(frozenset(one for one in group if one) for group in (below, exact, named)))

    def has(self, host: str) -> bool:
        return host in self.exact or any(host == ours or host.endswith(f".{ours}") for ours in self.hosts)


def checks(html: str, text: str, ours: Ours, *, language: str) -> list[Check]:
    links = [*_links_in(html), *(_with_scheme(found[0]) for found in _BARE.finditer(text))]
    return [_whose(links, ours, language), _counts_nobody(html, links, language)]


def _whose(links: list[str], ours: Ours, language: str) -> Check:
    foreign = {host: link for link in links if (host := host_of(link)) and not ours.has(host)}
    strangers = sorted(set(foreign) - ours.named)
    if strangers:
        return stops(
            f"It links to {', '.join(strangers)}. Such a message links to nobody but us: say it in words. If "
            "the host is ours, an administrator adds it under Organisation; a second person says yes.",
            language=language, detail=foreign[strangers[0]],
        )  # fmt: skip
    if foreign:
        return warns(
            f"It links to {', '.join(sorted(foreign))}, which is not our domain; it stands among the contacts.",
            language=language,
        )
    there = sorted({host_of(link) for link in links} - {""})
    return passed(f"Every link leads to us: {', '.join(there)}." if there else "It has no link.", language=language)


def _counts_nobody(html: str, links: list[str], language: str) -> Check:
    if re.search(r"<(?:img|iframe|object|embed|video|audio|script|link|source)\b|\bsrc=|url\(", html, re.IGNORECASE):
        return stops("It loads something from elsewhere, which tells somebody who reads it.", language=language)
    for link in links:
        for name, _ in parse_qsl(urlsplit(link).query, keep_blank_values=True):
            if TRACKERS.fullmatch(name):
                return stops(f"A link counts who follows it, by “{name}”: take that out.", language=language,
                             detail=link)  # fmt: skip
    return passed("Nothing in it counts who reads it or follows its links.", language=language)


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value for name, value in attrs if tag == "a" and name == "href" and value]


def _links_in(html: str) -> list[str]:
    reader = _Links()
    reader.feed(html)
    return reader.found


def _with_scheme(link: str) -> str:
    return (link if "://" in link else f"https://{link}").rstrip(".,;:!?")


def _host_of_contact(value: str) -> str:
    return host_of(value) if "://" in value else _domain(value)


def _domain(mailbox: str) -> str:
    domain = parseaddr(mailbox)[1].rpartition("@")[2]
    return host_of(f"mailto:x@{domain}") if domain else ""
