"""What the world's DNS says of the domain a notice comes from: SPF, DKIM, DMARC, and whether answers arrive.

Asked when somebody presses the button, and kept for a while. DNS that does not answer stops nothing: it is said.
"""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import dns.exception
import dns.resolver
from django.conf import settings
from django.core.cache import cache
from django.utils import timezone

from notifications import providers
from notifications.self_check.check import Check, passed, stops, unknown, warns

PATIENCE = timedelta(seconds=3)
KEPT = timedelta(minutes=30)

# Where nothing is set: the selectors each provider proposes, then what mail servers are often set up with.
SELECTORS = {
    "mailgun": ["mx", "k1", "pic", "smtp", "krs", "mailo"], "postmark": ["pm", "20161025pm"], "sendgrid": ["s1", "s2"],
    "brevo": ["mail", "brevo1", "brevo2"], "resend": ["resend"], "mailersend": ["mlsend", "mlsend2"],
    "mailjet": ["mailjet"], "mailtrap": ["rwmt1", "rwmt2"], "mandrill": ["mandrill", "mte1", "mte2"],
    "postal": ["postal"], "sparkpost": ["scph0316"], "unisender_go": ["us"],
}  # fmt: skip
USUAL = ["default", "mail", "dkim", "s1", "selector1", "google"]


class NotLookedUp(Exception):
    """DNS gave no answer, neither yes nor no."""


def looked_up(sender: str, reply_to: str) -> tuple[datetime, list[Check]] | None:
    """What was found last, and when; None: nobody has looked for a while."""
    try:
        return cache.get(_key(sender, reply_to))
    except Exception:  # noqa: BLE001  (Redis away: then nobody has looked)
        return None


def look_up(sender: str, reply_to: str, *, provider: str = "") -> list[Check]:
    """Ask DNS, all at once: at most about as long as PATIENCE. provider: a channel's name; empty: the usual one."""
    domain, answers = providers.domain_of(sender), providers.domain_of(reply_to or sender)
    if not domain:
        return [stops("There is no sender: set it under Organisation.")]
    questions: list[tuple[Any, ...]] = [
        (_spf, domain), (_dkim, domain, _selectors(provider)), (_dmarc, domain), (_takes_mail, answers),
    ]  # fmt: skip
    with ThreadPoolExecutor(max_workers=len(questions)) as together:
        found = list(together.map(lambda question: question[0](*question[1:]), questions))
    try:
        cache.set(_key(sender, reply_to), (timezone.now(), found), KEPT.total_seconds())
    except Exception:  # noqa: BLE001  (Redis away: it is shown this once)
        return found
    return found


def _key(sender: str, reply_to: str) -> str:
    return f"domain-check:{providers.domain_of(sender)}:{providers.domain_of(reply_to or sender)}"


# One question each ----------------------------------------------------------------------------------------------


def _spf(domain: str) -> Check:
    """RFC 7208."""
    try:
        records = [text for text in _texts(domain) if text.lower().split(" ")[0] == "v=spf1"]
    except NotLookedUp:
        return unknown(f"SPF of {domain} could not be looked up.")
    if not records:
        return warns(f"{domain} has no SPF: many mailboxes will not trust it.")
    if len(records) > 1:
        return warns(f"{domain} has {len(records)} SPF records; with more than one, none of them counts.",
                     detail=" | ".join(records))  # fmt: skip
    if records[0].rstrip().lower().endswith(("+all", " all")):
        return warns(f"SPF of {domain} lets anybody send in its name.", detail=records[0])
    return passed(f"SPF of {domain} is there.", detail=records[0])


def _dkim(domain: str, selectors: list[str]) -> Check:
    """RFC 6376. Which selector signs stands in no public list: only the usual ones can be tried."""
    found, silent = [], False
    with ThreadPoolExecutor(max_workers=len(selectors)) as together:
        for selector, key in zip(
            selectors, together.map(lambda one: _key_of(one, domain), selectors), strict=True
        ):  # fmt: skip
            silent = silent or key is None
            if key:
                found.append(selector)
    if found:
        return passed(f"DKIM of {domain}: a key stands at {', '.join(found)}.")
    if silent:
        return unknown(f"DKIM of {domain} could not be looked up.")
    tried = ", ".join(selectors)
    if settings.DKIM_SELECTORS:
        return warns(f"DKIM of {domain}: there is no key at {tried}.")
    return unknown(f"DKIM of {domain}: no key at the usual places ({tried}). Name yours in DKIM_SELECTORS.")


def _key_of(selector: str, domain: str) -> bool | None:
    """Whether a key stands there; None: no answer."""
    try:
        texts = _texts(f"{selector}._domainkey.{domain}")
    except NotLookedUp:
        return None
    tags = [dict(part.strip().partition("=")[::2] for part in text.split(";")) for text in texts]
    return any(one.get("p", "").strip() for one in tags)


def _dmarc(domain: str) -> Check:
    """RFC 7489; a domain without one is under that of the domain above it."""
    labels = domain.split(".")
    for start in range(max(len(labels) - 1, 1)):
        above = ".".join(labels[start:])
        try:
            records = [text for text in _texts(f"_dmarc.{above}") if text.lower().startswith("v=dmarc1")]
        except NotLookedUp:
            return unknown(f"DMARC of {domain} could not be looked up.")
        if records:
            return _policy(above, records)
    return warns(f"{domain} has no DMARC: anybody can write in its name, and many mailboxes will not trust it.")


def _policy(domain: str, records: list[str]) -> Check:
    if len(records) > 1:
        return warns(f"{domain} has {len(records)} DMARC records; with more than one, none of them counts.",
                     detail=" | ".join(records))  # fmt: skip
    tags = {name.strip().lower(): value.strip() for name, _, value in
            (part.partition("=") for part in records[0].split(";"))}  # fmt: skip
    policy = tags.get("p", "").lower()
    if policy not in {"quarantine", "reject"}:
        return warns(f"DMARC of {domain} only watches: mail of others in its name is delivered.", detail=records[0])
    return passed(f"DMARC of {domain}: mail of others in its name is {POLICIES[policy]}.", detail=records[0])


POLICIES = {"quarantine": "put aside", "reject": "refused"}


def _takes_mail(domain: str) -> Check:
    """RFC 5321, 5.1: where no MX stands, the host itself. RFC 7505: an MX of "." takes none."""
    if not domain:
        return warns("There is no address to answer to.")
    try:
        hosts = _ask(domain, "MX")
        if not hosts and (_ask(domain, "A") or _ask(domain, "AAAA")):
            return passed(f"Answers go to {domain}, which has no MX and takes them itself.")
    except NotLookedUp:
        return unknown(f"Whether answers to {domain} arrive could not be looked up.")
    names = sorted(host.split(" ")[-1].rstrip(".") for host in hosts)
    if not any(names):
        return warns(f"Answers to {domain} arrive nowhere: it takes no mail.")
    return passed(f"Answers go to {domain}, which takes mail.", detail=", ".join(names))


# DNS ------------------------------------------------------------------------------------------------------------


def _selectors(provider: str) -> list[str]:
    if settings.DKIM_SELECTORS:
        return list(settings.DKIM_SELECTORS)
    name = (provider or providers.first().name).removesuffix("-spare")
    return list(dict.fromkeys([*SELECTORS.get(name, []), *USUAL]))


def _texts(name: str) -> list[str]:
    return _ask(name, "TXT")


def _ask(name: str, kind: str) -> list[str]:
    """The records, as text; empty: there are none. Raises NotLookedUp."""
    try:
        answer = _resolver().resolve(name, kind, search=False)
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
        return []
    except (dns.exception.DNSException, OSError, UnicodeError) as error:
        raise NotLookedUp(name) from error
    if kind == "TXT":  # a long text stands in pieces
        return [b"".join(record.strings).decode("utf-8", "replace") for record in answer]
    return [record.to_text() for record in answer]


def _resolver() -> dns.resolver.Resolver:
    resolver = dns.resolver.Resolver()
    resolver.lifetime, resolver.timeout = PATIENCE.total_seconds(), PATIENCE.total_seconds() / 2
    return resolver
