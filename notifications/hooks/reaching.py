"""One POST to an address somebody typed, that cannot be turned against our own network.

The name is resolved once, each of its addresses is judged, and the connection goes to an address that was judged: a
name that answers differently the second time gains nothing. No proxy, no redirect, no cookie; of the answer only the
status is read, and all of it is over within a few seconds.
"""

import http.client
import ipaddress
import socket
import ssl
import threading
import time
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

from django.conf import settings

TIME = 10.0  # seconds, for all of it
LARGEST = 64 * 1024  # bytes we send
# Not public either, though some versions of Python's ipaddress call them global.
REFUSED = [
    ipaddress.ip_network(network)
    for network in (
        "168.63.129.16/32",  # what Azure's instances ask about themselves
        "192.0.0.0/24",  # IETF; 192.0.0.192 is the same at Oracle's
        "::/96",  # IPv4 within IPv6, as it was written before RFC 4291
        "fec0::/10",  # site-local, before RFC 3879
        "64:ff9b:1::/48",  # NAT64 of one's own network
    )
]
NAT64 = ipaddress.ip_network("64:ff9b::/96")

IP = ipaddress.IPv4Address | ipaddress.IPv6Address


class Unfit(Exception):
    """Nothing can be sent there; the message says why, without the address."""


class NoAnswer(Exception):
    """It was tried, and no answer came; the message says what happened."""


def check(address: str) -> tuple[str, int, str]:
    """(name, port, path) of an address that may be called, as far as its letters tell. Raises Unfit."""
    if not address.isascii() or any(letter <= " " for letter in address):
        raise Unfit("Write it without spaces, and an international name in its xn-- form.")
    try:
        parts = urlsplit(address)
        name, port = parts.hostname or "", parts.port or 443
    except ValueError as problem:
        raise Unfit("This is no address.") from problem
    if parts.scheme != "https":
        raise Unfit("It has to begin with https://.")
    if not name or parts.username is not None or parts.password is not None or parts.fragment:
        raise Unfit("Write https://, the name of the server and a path; no user, password or # in it.")
    if port != 443 and port < 1024:
        raise Unfit("Its port has to be 443, or 1024 and above.")
    with suppress(ValueError):  # a name: judged when it is resolved
        _judge(ipaddress.ip_address(name))
    return name, port, (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def post(address: str, *, body: bytes, headers: dict[str, str], within: float = TIME) -> int:
    """The status of the answer. Raises Unfit or NoAnswer."""
    name, port, path = check(address)
    if len(body) > LARGEST:
        raise Unfit("There is more to say than one call may hold.")
    connection = _Connection(name, port, _resolved(name, port), within=within)
    try:
        with connection.ended_in_time():
            connection.request("POST", path, body=body, headers=headers)
            return connection.getresponse().status
    except ssl.SSLCertVerificationError as problem:
        raise NoAnswer(f"Its certificate is not valid: {problem.verify_message}"[:200]) from problem
    except TimeoutError as problem:
        raise NoAnswer(f"No answer within {within:.0f} seconds") from problem
    except (OSError, http.client.HTTPException, ValueError) as problem:
        if connection.is_late:
            raise NoAnswer(f"No answer within {within:.0f} seconds") from problem
        raise NoAnswer(f"No answer: {type(problem).__name__}") from problem
    finally:
        connection.close()


def _resolved(name: str, port: int) -> list[tuple]:
    """Where it may be reached, as (family, socket address). One that is refused refuses all: it is no mistake then."""
    try:
        found = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as problem:
        raise NoAnswer("Its name cannot be found") from problem
    for *_, place in found:
        _judge(ipaddress.ip_address(str(place[0]).partition("%")[0]))
    return [(family, place) for family, _, _, _, place in found]


def _judge(ip: IP) -> None:
    for each in _meant(ip):
        if any(each in ipaddress.ip_network(network) for network in settings.WEBHOOK_NETWORKS):
            continue
        if not each.is_global or each.is_multicast or any(each in network for network in REFUSED):
            raise Unfit("Its name leads to a network that is not public. WEBHOOK_NETWORKS says which of ours may be.")


def _meant(ip: IP) -> list[IP]:
    """What a connection to it may reach: an IPv4 address can be written within an IPv6 one, in four ways."""
    if isinstance(ip, ipaddress.IPv4Address):
        return [ip]
    if ip.ipv4_mapped:
        return [ip.ipv4_mapped]
    within: list[IP] = [ip.sixtofour] if ip.sixtofour else []
    within += ip.teredo or ()
    if ip in NAT64:
        within.append(ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF))
    return [ip, *within]


class _Connection(http.client.HTTPSConnection):
    """To addresses that were judged, under the name that was typed (SNI, certificate, Host)."""

    def __init__(self, name: str, port: int, places: list[tuple], *, within: float) -> None:
        self.trust = ssl.create_default_context()
        if settings.WEBHOOK_CA:
            self.trust.load_verify_locations(settings.WEBHOOK_CA)
        super().__init__(name, port, timeout=within, context=self.trust)
        self.places, self.ends_at, self.is_late = places, time.monotonic() + within, False
        self.wire: socket.socket | None = None

    def connect(self) -> None:
        problem: OSError = OSError("no address")
        for family, place in self.places:
            self.wire = socket.socket(family, socket.SOCK_STREAM)
            self.wire.settimeout(max(0.1, self.ends_at - time.monotonic()))
            try:
                self.wire.connect(place)
            except OSError as refused:
                self.wire.close()
                problem = refused
                continue
            self.sock = self.wire = self.trust.wrap_socket(self.wire, server_hostname=self.host)
            return
        raise problem

    @contextmanager
    def ended_in_time(self):
        """A time limit of a socket holds for each read: an answer of one letter a second would never end."""
        timer = threading.Timer(max(0.0, self.ends_at - time.monotonic()), self._end)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _end(self) -> None:
        self.is_late = True
        if self.wire is not None:
            with suppress(OSError):
                socket.socket.shutdown(self.wire, socket.SHUT_RDWR)
