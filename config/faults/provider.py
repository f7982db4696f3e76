"""F6: an HTTP provider on a bad day, behind Anymail's own address setting."""

import json
import threading
import time
from dataclasses import dataclass, field

from config.faults import arranging, fault
from config.faults.esp import OK, Answer, Esp
from config.faults.house import House
from notifications.models import Mailing, Recipient

State = Recipient.State

RETRY_AFTER = 4  # seconds
TIMEOUT = 22.0  # seconds: longer than settings.ANYMAIL["REQUESTS_TIMEOUT"] waits


def _through(house: House, esp: Esp, *, batches: bool) -> None:
    house.more_arrived.append(esp.arrived)
    house.settings |= {
        "EMAIL_BACKEND": "anymail.backends.mailgun.EmailBackend", "MAILGUN_API_URL": esp.url,
        "MAILGUN_API_KEY": "fault", "MAILGUN_SENDER_DOMAIN": "mg.relaypost.example",
        "SENDING_BATCHES": "true" if batches else "false", "SENDING_LEASE_SECONDS": "60",
    }  # fmt: skip


@dataclass
class OnABadDay:
    """What each call meets, by its number; throttling is said once more than needed where calls come too early."""

    answers: dict[int, Answer]
    throttled_until: float = 0.0
    too_early: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, number: int, readers: list[str]) -> Answer:
        with self.lock:
            if time.time() < self.throttled_until - 0.1:
                self.too_early += 1
            answer = self.answers.get(number, OK)
            if answer.status == 429:
                self.throttled_until = time.time() + RETRY_AFTER
            return answer


THROTTLED = Answer(429, b'{"message": "slow down"}', takes=False, headers=(("Retry-After", str(RETRY_AFTER)),))
BROKEN = Answer(500, b"<h1>Internal Server Error</h1>", takes=False)
BROKEN_AFTER = Answer(502, b"<h1>Bad gateway</h1>")
LATE = Answer(late=TIMEOUT)
WRONG = Answer(body=b'{"id": "<half an ans')
BAD_ADDRESS = Answer(400, b'{"message": "to parameter is not a valid address"}', takes=False)


@fault("F6", "ESP, a call a message: 429 with Retry-After, 500, 502 and a time-out after acceptance, wrong JSON, 400")
def one_by_one(house: House) -> None:
    day = OnABadDay({5: THROTTLED, 12: BROKEN, 16: BROKEN_AFTER, 20: WRONG, 24: LATE, 28: BAD_ADDRESS})
    with Esp(day) as esp:
        _through(house, esp, batches=False)
        house.settings["SENDING_LANES"] = "1"  # so that a call comes too early only where a wait is not kept
        mailing = house.going_to(arranging.started(60 if house.quick else 200, provider="mailgun"))
        house.worker()
        house.until_over(seconds=240, hurry=True)
        house.recovered_from(esp.last_bad_at)
    house.must(day.too_early == 0, f"{day.too_early} calls came before Retry-After was over")
    counts = _counts(mailing)
    house.must(counts.get(State.UNKNOWN) == 4, f"500, 502, time-out and wrong JSON leave 4 unknown, not {counts}")
    house.must(counts.get(State.FAILED) == 1, f"one 400 leaves one refused, not {counts}")


@fault("F6", "ESP, many a call: a time-out after acceptance, and one bad address among a thousand")
def in_batches(house: House) -> None:
    people = 300 if house.quick else 3_000
    bad = f"n{people // 2:05}x"

    def script(number: int, readers: list[str]) -> Answer:
        if any(bad in reader for reader in readers):
            return BAD_ADDRESS
        return LATE if number == 1 else OK

    with Esp(script) as esp:
        _through(house, esp, batches=True)
        mailing = house.going_to(arranging.started(people, provider="mailgun"))
        house.worker()
        house.until_over(seconds=240, hurry=True)
        house.recovered_from(esp.last_bad_at)
    counts = _counts(mailing)
    house.must(counts.get(State.FAILED) == 1, f"the bad address alone is refused: {counts}")
    house.must(0 < counts.get(State.UNKNOWN, 0) <= 1_000, f"the call that timed out is unknown: {counts}")


@fault("F6", "ESP is down for 8 s (500 to each call): the circuit opens, few are spent, then all go")
def down(house: House) -> None:
    until = time.time() + 600

    def script(number: int, readers: list[str]) -> Answer:
        return BROKEN if time.time() < until else OK

    with Esp(script) as esp:
        _through(house, esp, batches=False)
        mailing = house.going_to(arranging.started(200, provider="mailgun"))
        house.worker()
        house.until(lambda: esp.calls, seconds=60, words="the first call comes")
        time.sleep(8)
        spent = len(esp.calls)
        until = time.time()
        house.healed()
        house.until_over(seconds=180, hurry=True)
    house.must(spent <= 8, f"{spent} messages were spent on a provider that was down")
    house.must(_counts(mailing).get(State.UNKNOWN) == spent, "each 500 leaves one unknown")


@fault("F6", "ESP answers 200 and says of each tenth that it was rejected")
def rejected(house: House) -> None:
    refused: set[str] = set()

    def script(number: int, readers: list[str]) -> Answer:
        if not readers[0].endswith("0x.example"):
            return OK
        refused.add(readers[0])
        said = [{"email": readers[0], "status": "rejected", "reject_reason": "hard-bounce", "_id": "a1"}]
        return Answer(body=json.dumps(said).encode(), takes=False)

    with Esp(script) as esp:
        house.more_arrived.append(esp.arrived)
        house.settings |= {
            "SPARE_EMAIL_BACKEND": "anymail.backends.mandrill.EmailBackend",
            "SPARE_EMAIL_OPTIONS": json.dumps({"api_key": "fault", "api_url": esp.url}),
        }
        mailing = house.going_to(arranging.started(100, provider="mandrill"))
        house.worker()
        house.until_over(seconds=90)
        house.recovered_from(esp.last_bad_at)
    failed = set(mailing.recipients.filter(state=State.FAILED).values_list("address__value", flat=True))
    house.must(failed == refused != set(), f"{len(refused)} were rejected, {len(failed)} count as refused")


def _counts(mailing: Mailing) -> dict[str, int]:
    states = list(mailing.recipients.values_list("state", flat=True))
    return {state: states.count(state) for state in set(states)}
