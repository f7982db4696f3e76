"""Addresses that many people read, and those that mail may not reach: no errors, but a person should see them."""

import unicodedata
from enum import StrEnum
from functools import lru_cache

import idna


class Doubt(StrEnum):
    """Why a person should look at an address, as StagedRow keeps it."""

    ROLE = "role"
    LIST = "list"
    NOBODY = "nobody"
    NOWHERE = "nowhere"
    TYPO = "typo"


# RFC 2142, and what companies call a mailbox with several readers.
ROLES = (
    "abuse", "accounting", "accounts", "admin", "administrator", "all", "announce", "billing", "contact", "customer",
    "dev", "everyone", "feedback", "finance", "ftp", "hello", "helpdesk", "hostmaster", "hr", "info", "it", "jobs",
    "legal", "list", "list-request", "lists", "mail", "mailer", "mailing", "mailinglist", "marketing", "members",
    "news", "newsletter", "noc", "office", "operations", "ops", "postmaster", "press", "privacy", "reception", "root",
    "sales", "security", "service", "staff", "subscribe", "support", "sysadmin", "team", "unsubscribe", "usenet",
    "users", "uucp", "webmaster", "www",
)  # fmt: skip
LIST_BEGINS, LIST_ENDS = ("list-", "lists-"), ("-list", "-lists", "-l", "-users", "-announce", "-request", "-bounces")
LIST_DOMAINS = ("googlegroups.com", "groups.io", "freelists.org", "lists.sourceforge.net")

NOBODY = (
    "noreply", "no-reply", "no_reply", "no.reply", "donotreply", "do-not-reply", "do_not_reply", "nobody", "null",
    "none", "unknown", "devnull", "mailer-daemon", "bounce", "bounces", "invalid", "test", "example",
)  # fmt: skip
# RFC 2606, 6761, 6762, 7686, 9476, and names that only work inside a house.
NOWHERE_TOPS = ("example", "test", "invalid", "localhost", "local", "internal", "lan", "home", "corp", "onion", "alt")
NOWHERE = ("example.com", "example.org", "example.net", "test.com", "domain.com")

TYPOS = {
    "gmail.com": ("gmial.com", "gmai.com", "gmal.com", "gamil.com", "gmaill.com", "gmail.co", "gmail.con", "gmail.cm",
                  "gmail.om", "gmil.com", "gnail.com", "gmali.com", "ggmail.com", "gmail.comm", "gmail.cmo"),
    "hotmail.com": ("hotmial.com", "hotmal.com", "hotmai.com", "hotmail.co", "hotmail.con", "hotmil.com", "hotnail.com",
                    "homail.com", "hotmaill.com", "hormail.com"),
    "outlook.com": ("outlok.com", "outloo.com", "outlook.co", "outlook.con", "outllok.com", "otlook.com"),
    "yahoo.com": ("yaho.com", "yahooo.com", "yahoo.co", "yahoo.con", "yhaoo.com", "yahho.com", "yaoo.com", "uahoo.com"),
    "icloud.com": ("iclod.com", "icloud.co", "icloud.con", "iclould.com", "icoud.com"),
    "aol.com": ("aol.co", "aol.con", "aoll.com"),
    "gmx.de": ("gmx.d", "gmx.dee", "gxm.de", "gmc.de"),
    "web.de": ("web.d", "wed.de", "weeb.de"),
    "t-online.de": ("t-onlin.de", "t-onlie.de", "tonline.de", "t-online.d"),
}  # fmt: skip
MEANT = {typo: domain for domain, typos in TYPOS.items() for typo in typos}

GMAIL = ("gmail.com", "googlemail.com")

_OF_NAMES = dict.fromkeys(ROLES, Doubt.ROLE) | dict.fromkeys(NOBODY, Doubt.NOBODY)
_OF_DOMAINS = (
    dict.fromkeys(LIST_DOMAINS, Doubt.LIST) | dict.fromkeys(NOWHERE, Doubt.NOWHERE) | dict.fromkeys(MEANT, Doubt.TYPO)
)  # fmt: skip
_OF_TOPS = dict.fromkeys(NOWHERE_TOPS, Doubt.NOWHERE)


def about(normal: str) -> str:
    """The gravest doubt about a normalised address, or nothing."""
    name, _, domain = normal.rpartition("@")
    return (
        _OF_DOMAINS.get(domain)
        or _OF_TOPS.get(domain.rpartition(".")[2])
        or _OF_NAMES.get(name)
        or (_of_a_list(name, domain) if "-" in name or domain.startswith("lists.") else "")
    )


def _of_a_list(name: str, domain: str) -> str:
    if name.startswith(("noreply", "no-reply")):
        return Doubt.NOBODY
    is_one = domain.startswith("lists.") or name.startswith(LIST_BEGINS) or name.endswith(LIST_ENDS)
    return Doubt.LIST if is_one else ""


def mailbox(normal: str) -> str:
    """The mailbox that probably stands behind an address: without its tag, at Gmail without points, in a domain as it
    looks to the eye. Empty where that is the address itself.
    """
    name, _, domain = normal.rpartition("@")
    if "+" not in name and domain not in GMAIL and "xn--" not in domain:
        return ""
    name = name.partition("+")[0] or name
    if domain in GMAIL:
        name, domain = name.replace(".", ""), GMAIL[0]
    behind = f"{name}@{skeleton(domain)}"
    return "" if behind == normal else behind


_DRAWN_AS = str.maketrans(
    "авеоросухіїјѕԁһԛԝӏкмнтгпьαονρυχικτωłøđıß", "abeopocyxiijsdhqwlkmhtrnbaovpuxiktwlodis"
)  # fmt: skip


@lru_cache(maxsize=10_000)
def skeleton(domain: str) -> str:
    """What a domain looks like to a hurried eye: without accents, foreign letters as the Latin ones they resemble."""
    try:
        shown = ".".join(idna.decode(label) if label.startswith("xn--") else label for label in domain.split("."))
    except idna.IDNAError:
        return domain
    letters = unicodedata.normalize("NFKD", shown.translate(_DRAWN_AS))
    return "".join(letter for letter in letters if not unicodedata.combining(letter)).translate(_DRAWN_AS)
