"""F7: delivery events twice, in any order, forged, replayed, huge, all at once, and while the database crashes."""

import base64
import hashlib
import hmac
import json
import random
import re
import threading
import time
import uuid
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

import requests
from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from config.demo import provider
from config.faults import arranging, fault
from config.faults.database import _restart
from config.faults.house import House, our_postgres
from notifications.models import DeliveryEvent, Mailing, Outbox, Recipient

State = Recipient.State
AT_ONCE = 12  # connections of the provider
LUCK = 5000


def _handed_over(house: House, count: int) -> tuple[Mailing, list[tuple[int, str, str]]]:
    """A mailing whose messages the provider has taken: (id, address, Message-ID) of each."""
    mailing = house.going_to(arranging.started(count))
    Outbox.objects.filter(mailing=mailing).delete()
    mailing.recipients.update(state=State.ACCEPTED)
    house.by_events |= set(mailing.recipients.values_list("pk", flat=True))
    house.web()
    return mailing, list(mailing.recipients.order_by("pk").values_list("pk", "address__value", "message_id"))


class Poster:
    """Posts as Mailgun does. Whatever is not answered 2xx is posted again, as providers do."""

    def __init__(self, house: House) -> None:
        self.url = f"{house.base_url}/webhooks/mailgun/tracking/"
        self.statuses: list[int] = []
        self._of_thread = threading.local()

    def body(self, event: dict, *, key: str = "", token: str = "") -> bytes:
        key = key or settings.ANYMAIL["MAILGUN_WEBHOOK_SIGNING_KEY"]
        stamp, token = str(int(event["timestamp"])), token or uuid.uuid4().hex + uuid.uuid4().hex[:18]
        signature = hmac.new(key.encode(), (stamp + token).encode(), hashlib.sha256).hexdigest()
        signed = {"timestamp": stamp, "token": token, "signature": signature}
        return json.dumps({"signature": signed, "event-data": event}).encode()

    def post(self, body: bytes, *, secret: str = "") -> int:
        secret = secret or settings.ANYMAIL["WEBHOOK_SECRET"]
        head = {"Content-Type": "application/json",
                "Authorization": "Basic " + base64.b64encode(secret.encode()).decode()}  # fmt: skip
        status = self._status(body, head) or self._status(body, head)  # a kept connection that the server closed
        self.statuses.append(status)
        return status

    def _status(self, body: bytes, head: dict[str, str]) -> int:
        session = self._of_thread.__dict__.setdefault("session", requests.Session())
        try:
            return session.post(self.url, data=body, headers=head, timeout=60).status_code
        except requests.RequestException:
            return 0

    def storm(self, bodies: Iterable[bytes], *, tries: int = 40) -> None:
        def until_taken(body: bytes) -> None:
            for _ in range(tries):
                if 200 <= self.post(body) < 300:
                    return
                time.sleep(0.5)

        with ThreadPoolExecutor(AT_ONCE) as hands:
            list(hands.map(until_taken, bodies))


@fault("F7", "webhooks: a burst of 5,000, each event twice, in any order, a bounce after a delivery among them")
def burst(house: House) -> None:
    people = 150 if house.quick else 1_000
    mailing, known = _handed_over(house, people)
    poster, bodies, expected = Poster(house), [], {}
    for number, (pk, address, message_id) in enumerate(known):
        kinds: list[dict] = [provider.DELIVERY] if number % 3 else [provider.DELIVERY, provider.BOUNCE]
        kinds += [provider.COMPLAINT] if number % 5 == 0 else []
        expected[pk] = State.DELIVERED if number % 3 else State.BOUNCED
        for kind in kinds:
            body = poster.body(provider._event(kind, address, message_id, timezone.now()))
            bodies += [body, body]
    bodies += bodies[: max(0, (500 if house.quick else 5_000) - len(bodies))]
    random.Random(LUCK).shuffle(bodies)  # noqa: S311  (no secret)
    house.healed_at = time.time()
    poster.storm(bodies)
    house.went_on_at = time.time()
    house.must(set(poster.statuses) == {200}, f"answers: {set(poster.statuses)}")
    states = dict(mailing.recipients.values_list("pk", "state"))
    wrong = [pk for pk in expected if states[pk] != expected[pk]]
    house.must(not wrong, f"{len(wrong)} recipients are not what the set of their events says")
    once = sum(2 if number % 3 == 0 else 1 for number in range(people)) + -(-people // 5)
    house.must(
        DeliveryEvent.objects.filter(recipient__mailing=mailing).count() == once, "events are not kept once each"
    )


@fault("F7", "webhooks forged, with a wrong secret, replayed with another body, 10 MB long, in no shape at all")
def forged(house: House) -> None:
    mailing, known = _handed_over(house, 20)
    poster, (_, address, message_id) = Poster(house), known[0]
    bounce = provider._event(provider.BOUNCE, address, message_id, timezone.now())
    for _ in range(300):
        poster.post(poster.body(bounce, key="not the key"))
    for _ in range(50):
        poster.post(poster.body(bounce), secret="anymail:guessed")  # noqa: S106
    house.must(set(poster.statuses) == {400}, f"forged events were answered {set(poster.statuses)}")
    house.must(_lines(house, "wrong secret or signature") <= 3, "forged events fill the log")
    true = poster.body(provider._event(provider.DELIVERY, address, message_id, timezone.now()), token="t" * 50)  # noqa: S106
    replayed = json.loads(true) | {"event-data": bounce}
    poster.statuses.clear()
    poster.post(true)
    poster.post(json.dumps(replayed).encode())
    shapeless = [b"", b"{", b"[]", b'{"signature": 1, "event-data": []}', b"\xff\xfe\x00", b'{"a":' * 2_000,
                 json.dumps({"signature": json.loads(true)["signature"], "event-data": "x"}).encode()]  # fmt: skip
    for body in [*shapeless, b"x" * 10_000_000, poster.body(bounce | {"padding": "x" * 10_000_000}, key="wrong")]:
        poster.post(body)
    house.must(all(status < 500 and status for status in poster.statuses), f"answers: {poster.statuses}")
    house.recovered_from(time.time())
    states = dict(mailing.recipients.values_list("pk", "state"))
    house.must(states.pop(known[0][0]) == State.DELIVERED, "a replayed signature changed the state")
    house.must(set(states.values()) == {State.ACCEPTED}, "an event nobody signed changed something")


@fault("F7", "webhooks while PostgreSQL crashes: whatever was answered 2xx is kept, the rest is posted again")
def crash(house: House) -> None:
    home = our_postgres()
    people = 150 if house.quick else 800
    mailing, known = _handed_over(house, people)
    poster = Poster(house)
    bodies = [
        poster.body(provider._event(provider.DELIVERY, address, message_id, timezone.now()))
        for _, address, message_id in known
    ]
    storm = threading.Thread(target=poster.storm, args=(bodies,))
    connection.close()
    storm.start()
    house.until(lambda: len(poster.statuses) > people // 4, seconds=60, words="a quarter is posted")
    _restart(home, "immediate")
    house.healed_at = time.time()
    storm.join()
    house.went_on_at = time.time()
    answered = sum(200 <= status < 300 for status in poster.statuses)
    house.must(answered == people, f"{people} events, {answered} answers of 2xx")
    house.must(set(mailing.recipients.values_list("state", flat=True)) == {State.DELIVERED}, "an event was lost")


@fault("F7", "webhooks before our own commit: answered only once the event is kept")
def before_commit(house: House) -> None:
    _, known = _handed_over(house, 2)
    poster, (pk, address, message_id) = Poster(house), known[0]
    body = poster.body(provider._event(provider.DELIVERY, address, message_id, timezone.now()))
    with ThreadPoolExecutor(1) as hands:
        with transaction.atomic():
            Recipient.objects.select_for_update().get(pk=pk)
            waiting = hands.submit(poster.post, body)
            time.sleep(1)
            house.must(not waiting.done(), "an event was answered before it could be kept")
        released = time.time()
        house.must(waiting.result() == 200, "it was not answered once it could be kept")
    house.recovered_from(released)
    house.must(Recipient.objects.get(pk=pk).state == State.DELIVERED, "an event that was answered was not kept")


def _lines(house: House, words: str) -> int:
    return len(re.findall(words, house.log("web")))
