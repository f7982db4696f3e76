"""SPF, DKIM, DMARC and the address for answers, asked of a name server that answers as it is told."""

import socket
import threading
import time

import dns.flags
import dns.message
import dns.rcode
import dns.resolver
import dns.rrset
import pytest
from django.core.cache import cache
from django.urls import reverse

from notifications import mailings, self_check
from notifications.self_check import Level, domain
from tests.factories import NOON, make_affected, make_incident, make_notice, make_organisation

SENDER, ANSWERS = "Relaypost Security <security@relaypost.example>", "help@relaypost.example"
GOOD = {
    ("relaypost.example.", "TXT"): ['"v=spf1 include:mail.example -all"', '"something else"'],
    ("s1._domainkey.relaypost.example.", "TXT"): ['"v=DKIM1; k=rsa; p=MIGf" "MA0G"'],
    ("_dmarc.relaypost.example.", "TXT"): ['"v=DMARC1; p=reject; rua=mailto:d@relaypost.example"'],
    ("relaypost.example.", "MX"): ["10 mx.relaypost.example."],
}


class NameServer:
    """One UDP socket; `records` by (name, kind). Silent: it never answers."""

    def __init__(self) -> None:
        self.records: dict[tuple[str, str], list[str]] = {}
        self.silent = False
        self.asked: list[str] = []
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                data, asker = self.socket.recvfrom(4096)
            except OSError:
                return
            question = dns.message.from_wire(data)
            name, kind = question.question[0].name.to_text(), question.question[0].rdtype.name
            self.asked.append(f"{name} {kind}")
            if self.silent:
                continue
            answer = dns.message.make_response(question)
            found = self.records.get((name, kind), [])
            if found:
                answer.answer.append(dns.rrset.from_text_list(name, 60, "IN", kind, found))
            elif not any(known == name for known, _ in self.records):
                answer.set_rcode(dns.rcode.NXDOMAIN)
            self.socket.sendto(answer.to_wire(), asker)


@pytest.fixture
def names(monkeypatch, settings):
    server = NameServer()
    server.records = dict(GOOD)
    settings.DKIM_SELECTORS = []

    def ours() -> dns.resolver.Resolver:
        resolver = dns.resolver.Resolver(configure=False)
        resolver.nameservers, resolver.port = ["127.0.0.1"], server.port
        resolver.lifetime = resolver.timeout = domain.PATIENCE.total_seconds() / 6
        return resolver

    monkeypatch.setattr(domain, "_resolver", ours)
    cache.clear()
    yield server
    server.socket.close()
    cache.clear()


def found(*, sender=SENDER, reply_to=ANSWERS):
    return self_check.look_up(sender, reply_to)


def words(level=None):
    return "\n".join(f"{one.words} {one.detail}" for one in found() if level in (None, one.level))


def test_a_domain_in_order_passes(names):
    assert [one.level for one in found()] == [Level.PASSED] * 4
    said = words()
    assert "v=spf1 include:mail.example -all" in said and "a key stands at s1" in said
    assert "is refused" in said and "mx.relaypost.example" in said


@pytest.mark.parametrize(
    ("name", "kind", "records", "said"),
    [
        ("relaypost.example.", "TXT", [], "has no SPF"),
        ("relaypost.example.", "TXT", ['"v=spf1 -all"', '"v=spf1 a -all"'], "has 2 SPF records"),
        ("relaypost.example.", "TXT", ['"v=spf1 +all"'], "lets anybody send"),
        ("_dmarc.relaypost.example.", "TXT", [], "has no DMARC"),
        ("_dmarc.relaypost.example.", "TXT", ['"v=DMARC1; p=none"'], "only watches"),
        ("_dmarc.relaypost.example.", "TXT", ['"v=DMARC1;p=reject"', '"v=DMARC1;p=none"'], "has 2 DMARC records"),
        ("relaypost.example.", "MX", ["0 ."], "arrive nowhere"),
        ("relaypost.example.", "MX", [], "arrive nowhere"),
    ],
)  # fmt: skip
def test_what_is_missing_or_weak_is_to_be_weighed(names, name, kind, records, said):
    names.records[name, kind] = records

    assert said in words(Level.WARNS)


def test_the_host_itself_takes_mail_where_no_mx_stands(names):
    names.records["relaypost.example.", "MX"] = []
    names.records["relaypost.example.", "A"] = ["192.0.2.7"]

    assert "has no MX and takes them itself" in words(Level.PASSED)


def test_a_key_that_was_withdrawn_is_none(names, settings):
    settings.DKIM_SELECTORS = ["s1"]
    names.records["s1._domainkey.relaypost.example.", "TXT"] = ['"v=DKIM1; p="']

    assert "there is no key at s1" in words(Level.WARNS)


def test_selectors_that_can_only_be_guessed_accuse_nobody(names):
    del names.records["s1._domainkey.relaypost.example.", "TXT"]

    assert "no key at the usual places" in words(Level.UNKNOWN)


def test_the_policy_of_the_domain_above_holds(names):
    checks = found(sender="x@mail.relaypost.example")

    assert any("DMARC of relaypost.example" in one.words for one in checks if one.level == Level.PASSED)


def test_a_silent_name_server_is_said_soon_and_stops_nothing(names):
    names.silent = True
    began = time.monotonic()

    checks = found()

    assert {one.level for one in checks} == {Level.UNKNOWN}
    assert all("could not be looked up" in one.words for one in checks)
    assert time.monotonic() - began < domain.PATIENCE.total_seconds()


def test_without_any_resolver_it_is_said(monkeypatch):
    def none() -> dns.resolver.Resolver:
        raise dns.resolver.NoResolverConfiguration

    monkeypatch.setattr(domain, "_resolver", none)

    assert {one.level for one in found()} == {Level.UNKNOWN}


def test_what_was_found_is_kept_for_a_while(names):
    assert self_check.looked_up(SENDER, ANSWERS) is None

    checks = found()
    asked = len(names.asked)

    at, kept = self_check.looked_up(SENDER, ANSWERS)
    assert kept == checks and len(names.asked) == asked and at


# On the page ----------------------------------------------------------------------------------------------------


@pytest.fixture
def notice(db, wanda):
    make_organisation()
    incident = make_incident(first_published_at=NOON)
    make_affected(incident)
    return make_notice(incident, wanda)


def test_the_button_asks_and_the_panel_says_it(names, notice, wanda, as_user):
    url = reverse("notifications:notice_look_up", args=[notice.incident.slug, notice.pk])

    page = as_user(wanda).post(url, follow=True).content.decode()

    assert "SPF, DKIM, DMARC and the address for answers are as they should be." in page
    assert "v=DMARC1; p=reject" in page and "Looked up at" in page


def test_approving_goes_on_while_dns_is_down(names, notice, wanda, as_user):
    names.silent = True
    mailing = mailings.prepare(notice, by=wanda)
    url = reverse("notifications:notice_look_up", args=[notice.incident.slug, notice.pk])

    page = as_user(wanda).post(url, {"mailing": mailing.number}, follow=True).content.decode()

    assert "Not everything could be looked up." in page and "SPF of relaypost.example could not" in page
    assert mailings.ask(mailing, by=wanda).state == "open"


def test_a_stranger_may_not_ask(notice, stranger, as_user):
    url = reverse("notifications:notice_look_up", args=[notice.incident.slug, notice.pk])

    assert as_user(stranger).post(url).status_code == 403
    assert as_user(stranger).get(url).status_code in {403, 405}
