"""F1, F2, F14: workers die, are replaced while they work, or nobody beats the drum."""

import random
import re
import signal
import subprocess
import sys
import time
from functools import partial

from config.faults import arranging, fault
from config.faults.house import House, children
from notifications.models import Recipient

State = Recipient.State
LUCK = 20180105  # the same kills in each run, as far as the machine keeps time


@fault("F1", "SIGKILL of a random worker child or its whole group every 0.3 s", quick=True)
def killed_workers(house: House) -> None:
    kills, people = (10, 200) if house.quick else (60, 3_000)
    house.mail.delay = 0.02 if house.quick else 0.01
    house.going_to(arranging.started(people))
    luck, worker = random.Random(LUCK), house.worker()  # noqa: S311  (no secret)
    for number in range(kills):
        if number % 10 == 0:
            house.until(partial(children, worker), seconds=60, words="a worker has children")
            taken = len(house.arrived)
            if taken < people:  # or we would kill a worker that has not begun
                house.until_arrived(min(people, taken + 1))
        time.sleep(0.3)
        if number % 10 == 9:
            house.kill(worker)
            worker = house.worker()
        elif living := children(worker):
            luck.choice(living).kill()
    house.healed()
    house.until_over(seconds=180)


@fault("F2", "deploy: migrate, the new worker starts, then SIGTERM to the old one, three times in one mailing")
def deploys(house: House) -> None:
    people = 300 if house.quick else 1_500
    house.mail.delay = 0.02
    mailing = house.going_to(arranging.started(people))
    old = house.worker()
    for part in range(1, 4):
        house.until_arrived(part * people // 5)
        migrate = house.start(sys.executable, "manage.py", "migrate", "--no-input", log="migrate")
        house.must(migrate.wait(timeout=120) == 0, "migrate failed beside a worker that sends")
        new = house.worker()
        house.until(partial(_is_ready, new), seconds=60, words="the new worker runs")
        house.kill(old, signal.SIGTERM)  # the whole group, as some process runners do
        old.wait(timeout=40)
        old = new
    house.healed()
    house.until_over(seconds=120)
    states = set(mailing.recipients.values_list("state", flat=True))
    house.must(states == {State.ACCEPTED}, f"a deploy left more than accepted messages: {states}")
    strange = re.findall(r"ImportError|unregistered task|KeyError", house.log("worker"))
    house.must(not strange, f"old and new did not understand each other: {set(strange)}")


@fault("F14", "two beats and two workers at once")
def two_beats(house: House) -> None:
    mailing = house.going_to(arranging.started(200 if house.quick else 1_000))
    house.worker()
    house.worker()
    house.healed()
    house.until_over()
    house.must(set(mailing.recipients.values_list("state", flat=True)) == {State.ACCEPTED}, "not all are accepted")


@fault("F14", "no beat: the page of health says so in time, and one tick later everything goes")
def no_beat(house: House) -> None:
    house.going_to(arranging.started(200))
    house.web()
    house.worker(beat=False)
    began = time.time()
    house.until(lambda: house.health()["sending"] == "silent", seconds=120, words="/health/ says that nothing is sent")
    house.must(time.time() - began <= 120, "the alarm came later than two minutes")
    house.must(not house.arrived, "something was sent without a beat")
    house.beat()
    house.healed()
    house.until_over()


def _is_ready(worker: subprocess.Popen) -> bool:
    return len(children(worker)) >= 2
