"""F5: a mail server that breaks conversations. F15: rows that break the writing of their message."""

import threading
import time

from config.faults import arranging, fault
from config.faults.house import House
from notifications.models import Recipient

State = Recipient.State


class Script:
    """What the server does to whom, by the number in the address; what is "for now" happens once to each."""

    AT = {
        0: ("dot", "drop", State.UNKNOWN),
        1: ("dot", "hang", State.UNKNOWN),
        2: ("dot", "half", State.UNKNOWN),
        3: ("dot", "451 4.3.0 later", State.ACCEPTED),
        4: ("rcpt", "450 4.2.1 later", State.ACCEPTED),
        5: ("rcpt", "550 5.1.1 no such mailbox", State.FAILED),
        6: ("after", "drop", State.ACCEPTED),
        7: ("data", "421 4.3.2 going away", State.ACCEPTED),
        8: ("rcpt", "421 4.3.2 going away", State.ACCEPTED),
        9: ("dot", "554 5.7.1 refused", State.FAILED),
        10: ("rcpt", "drop", State.ACCEPTED),
        11: ("data", "half", State.ACCEPTED),
    }
    EVERY = 10  # one address in so many meets a fault

    def __init__(self) -> None:
        self.met: set[tuple[str, str]] = set()
        self.last_at = 0.0
        """When a conversation was broken last."""
        self.asked = {"connect": 0, "mail": 0}
        self.lock = threading.Lock()

    def __call__(self, point: str, reader: str) -> str:
        with self.lock:
            if point in self.asked:
                return self._of_the_line(point)
            at, what, _ = self.of(reader) or ("", "", "")
            if at != point or ((point, reader) in self.met and what[:1] != "5"):
                return ""
            self.met.add((point, reader))
            self.last_at = time.time()
            return what

    def _of_the_line(self, point: str) -> str:
        self.asked[point] += 1
        if point == "connect":  # a slow banner; and one so slow that nobody waits for it
            return {2: "late 1", 5: "hang"}.get(self.asked[point] % 9, "")
        return {40: "421 4.7.0 too busy", 90: "451 4.3.0 later"}.get(self.asked[point] % 100, "")

    def of(self, reader: str) -> tuple[str, str, str] | None:
        found = arranging.CANARY.search(reader)
        number = int(found[0].rpartition("n")[2][:-1]) if found else 1
        return self.AT[number // self.EVERY % len(self.AT)] if number % self.EVERY == 0 else None


@fault(
    "F5", "SMTP: 421, 450, 451, 550, 554, half a reply, a hanging dot, a lost line after it, a late banner", quick=True
)
def broken_conversations(house: House) -> None:
    house.mail.script = script = Script()
    house.mail.hang = 3.0
    mailing = house.going_to(arranging.started(120 if house.quick else 1_200))
    house.worker()
    house.until_over(seconds=300, hurry=True)
    house.recovered_from(script.last_at)
    wrong = [
        f"{what[1]} at {what[0]}: {one.state}"
        for one in mailing.recipients.select_related("address")
        if one.address and (what := script.of(one.address.value) or ("", "", State.ACCEPTED))[2] != one.state
    ]
    house.must(not wrong, f"the table of failures says otherwise: {sorted(set(wrong))}")


@fault(
    "F15",
    "rows that cannot be written: a name of 1 MB, half a surrogate, a list where words belong, no facts",
    quick=True,
)
def poison(house: House) -> None:
    """Frozen like this by no road we know, so the ledger itself is poisoned: only these rows may fail."""
    mailing = house.going_to(arranging.started(60 if house.quick else 400))
    poisons = [
        {"name": "\\ud800 \x7f\u202e" + "a\r\nBcc: eve@elsewhere.example\r\n"}, {"name": ["no", "words"]}, {}, [1, 2],
        {"name": None, "facts": "no table"}, {"facts": {"api_key": {"{{ code }}": "{% x %}"}}},
    ]  # fmt: skip
    rows = list(mailing.recipients.order_by("pk")[: len(poisons) + 1])
    for row, poison in zip(rows, [*poisons, None], strict=True):
        merge = {**row.merge, "name": "a" * 1_000_000} if poison is None else poison
        if isinstance(poison, dict) and poison:
            merge = {**row.merge, **poison}
        Recipient.objects.filter(pk=row.pk).update(merge=merge)
    poisoned = {row.pk for row in rows}
    house.worker()
    house.healed()
    house.until_over(seconds=90)
    others = mailing.recipients.exclude(pk__in=poisoned)
    house.must(set(others.values_list("state", flat=True)) == {State.ACCEPTED}, "a row that is well did not go")
    states = dict(mailing.recipients.filter(pk__in=poisoned).values_list("pk", "state"))
    house.must(set(states.values()) <= {State.FAILED, State.ACCEPTED}, f"poisoned rows are {set(states.values())}")
    house.must(State.FAILED in states.values(), "nothing was poisonous")
    house.must(
        b"eve@elsewhere" not in b"".join(one.raw.partition(b"\r\n\r\n")[0] for one in house.arrived),
        "a header was let in",
    )
