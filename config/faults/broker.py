"""F3: the bell is killed, emptied, frozen or full. F13: it is away, or we are, at the moment of ringing."""

import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from urllib.error import HTTPError

from config.faults import arranging, fault
from config.faults.house import House
from notifications import mailings
from notifications.models import Mailing, Recipient

State = Recipient.State


def _while_sending(house: House, break_it: Callable[[], None], mend: Callable[[], None], *, seconds: float) -> None:
    people = 200 if house.quick else 800
    house.mail.delay = 0.02
    mailing = house.going_to(arranging.started(people))
    house.worker()
    house.until_arrived(people // 5)
    break_it()
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(0.2)
    mend()
    house.healed()
    house.until_over(seconds=120)
    house.must(house.recovery_s is None or house.recovery_s <= 60, "sending went on later than a minute after it")
    states = set(mailing.recipients.values_list("state", flat=True))
    house.must(states == {State.ACCEPTED}, f"without its bell the house is left with {states}")


@fault("F3", "FLUSHALL every 0.2 s while a mailing goes out")
def flushed(house: House) -> None:
    people = 200 if house.quick else 800
    house.mail.delay = 0.02
    house.going_to(arranging.started(people))
    house.worker()
    house.until_arrived(people // 5)
    with house.bell.client() as bell:
        for _ in range(15):
            bell.flushall()
            time.sleep(0.2)
    house.healed()
    house.until_over()


@fault("F3", "SIGKILL of Redis; it comes back empty after 15 s")
def killed(house: House) -> None:
    _while_sending(house, lambda: house.bell.signal(signal.SIGKILL), house.bell.start, seconds=15)


@fault("F3", "SIGSTOP of Redis for 60 s; the public page answers, signing in says what is wrong")
def frozen(house: House) -> None:
    page = f"{house.base_url}/incidents/{arranging.incident(published=True).slug}/"
    house.web()
    house.until(lambda: _status(page) == 200, seconds=20, words="the page is there")
    visitor = house.visitor()
    sign_in, genuine = visitor.open("/account/login/"), visitor.open("/genuine/")
    house.bell.signal(signal.SIGSTOP)
    try:
        _must_answer(house, "the public page", lambda: _status(page), {200})
        given = {"login": "nobody@relaypost.example", "password": "no password of anybody"}
        _must_answer(house, "signing in", lambda: sign_in.send(given).status_code, {503})
        asked = {"code": "AAAA-BBBB-CCCC"}
        _must_answer(house, "asking for a code", lambda: genuine.send(asked).status_code, {503})
    finally:
        house.bell.signal(signal.SIGCONT)
    _while_sending(
        house, lambda: house.bell.signal(signal.SIGSTOP), lambda: house.bell.signal(signal.SIGCONT),
        seconds=10 if house.quick else 60,
    )  # fmt: skip


@fault("F3", "Redis full: maxmemory of one byte for 20 s, every write is refused")
def full(house: House) -> None:
    def limit(bytes_: str) -> None:
        with house.bell.client() as bell:
            bell.config_set("maxmemory", bytes_)

    _while_sending(house, lambda: limit("1"), lambda: limit("0"), seconds=20)


@fault("F13", "Redis is down when the mailing starts, and comes back")
def started_without_bell(house: House) -> None:
    mailing = arranging.approved(_prepared(80 if house.quick else 300))
    house.worker()
    house.bell.signal(signal.SIGKILL)
    house.going_to(mailings.start(mailing, by=arranging.staff()[1]))
    time.sleep(3)
    house.bell.start()
    house.healed()
    house.until_over(seconds=90)
    house.must((house.recovery_s or 0) <= 60, "the sweeper came later than a minute")


STARTS_AND_DIES = """
import django, os, signal
django.setup()
from accounts.models import User
from notifications import mailings
from notifications.models import Mailing
from django.db import transaction
with transaction.atomic():
    mailings.start(Mailing.objects.get(pk={mailing}), by=User.objects.get(pk={by}))
    transaction.on_commit(lambda: os.kill(os.getpid(), signal.SIGKILL))
"""


@fault("F13", "SIGKILL between the commit that queues everyone and the ring")
def killed_in_on_commit(house: House) -> None:
    mailing = house.going_to(arranging.approved(_prepared(300)))
    code = STARTS_AND_DIES.format(mailing=mailing.pk, by=arranging.staff()[1].pk)
    ended = subprocess.run([sys.executable, "-c", code], env={
        **house.environment(), "DJANGO_SETTINGS_MODULE": "config.settings", "PYTHONPATH": ".",
    })  # fmt: skip
    house.must(ended.returncode == -signal.SIGKILL, "the starting process was not killed")
    mailing.refresh_from_db()
    house.must(mailing.state == Mailing.State.RUNNING, "the start was not committed")
    house.healed()
    house.worker()
    house.until_over(seconds=90)
    house.must((house.recovery_s or 0) <= 60, "the sweeper came later than a minute")


def _prepared(count: int) -> Mailing:
    of = arranging.incident()
    arranging.affect(of, count)
    return arranging.prepared(of)


def _status(url: str) -> int:
    try:
        with urllib.request.urlopen(url, timeout=15) as answer:  # noqa: S310  (our own server)
            return answer.status
    except HTTPError as error:
        return error.code
    except OSError:
        return 0


def _must_answer(house: House, what: str, ask: Callable[[], int], expected: set[int]) -> None:
    began = time.monotonic()
    answer, seconds = ask(), time.monotonic() - began
    house.must(answer in expected, f"{what} answered {answer} while Redis hangs")
    house.must(seconds < 8, f"{what} took {seconds:.0f} s while Redis hangs")
