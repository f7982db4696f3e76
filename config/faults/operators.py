"""F10: people press at once, twice, for themselves, or in a tab of yesterday. F17: somebody stops everything."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Barrier

from django.urls import reverse

from accounts.models import Approval, AuditEntry
from config.faults import arranging, fault
from config.faults.house import House
from config.faults.visiting import Form
from notifications import mailings, stopping
from notifications.models import Mailing, Outbox, Recipient

State = Recipient.State


def _page(mailing: Mailing, name: str) -> str:
    return reverse(f"notifications:{name}", args=[mailing.incident.slug, mailing.number])


def _sent(form: Form, *, to: str = "") -> str:
    return form.send(to=to).text


def _at_once(acts: list[Callable[[], str]]) -> list[str]:
    barrier = Barrier(len(acts))

    def act(one: Callable[[], str]) -> str:
        barrier.wait()
        return one()

    with ThreadPoolExecutor(len(acts)) as hands:
        return list(hands.map(act, acts))


@fault("F10", "two operators press Send at once, four times each; the loser is told; a retry after a 504")
def two_send(house: House) -> None:
    of = arranging.incident(published=True)
    arranging.affect(of, 120)
    mailing = house.going_to(arranging.approved(arranging.prepared(of)))
    _, anton, ada = arranging.staff()
    house.web()
    house.worker()
    path = _page(mailing, "mailing_start")
    forms = [house.visitor(who).open(path) for who in (anton, ada) for _ in range(4)]
    said = _at_once([partial(_sent, form) for form in forms])
    house.healed()
    started = [page for page in said if "people are on their way" in page or "is on its way" in page]
    losers = [page for page in said if "already going out" in page or "cannot do this" in page]
    house.must(
        len(losers) >= len(forms) - 1, f"of {len(forms)} presses {len(losers)} were told that they came too late"
    )
    house.must(len(started) <= 1, f"{len(started)} presses were told that they had started it")
    house.until_over()
    forms[0].send()  # the proxy had said 504, and the browser offers to send it again
    starts = AuditEntry.objects.filter(act="mailing.started", incident=of.pk).count()
    house.must(starts == 1, f"the log has {starts} starts")
    house.must(Mailing.objects.filter(incident=of).count() == 1, "there is more than one mailing")
    house.must(set(mailing.recipients.values_list("state", flat=True)) == {State.ACCEPTED}, "not all are accepted")


@fault("F10", "a double click on Prepare; a stale tab sends what was prepared anew; approval by oneself")
def stale_and_self(house: House) -> None:
    of = arranging.incident(published=True)
    arranging.affect(of, 60)
    wanda, anton, _ = arranging.staff()
    first = arranging.approved(arranging.prepared(of))
    house.web()
    stale = house.visitor(anton).open(_page(first, "mailing_start"))
    notice = first.version.notice
    prepare = reverse("notifications:notice_prepare", args=[of.slug, notice.pk])
    clicks = [house.visitor(wanda).open(reverse("notifications:notice_preview", args=[of.slug, notice.pk]))] * 2
    _at_once([partial(_sent, form, to=prepare) for form in clicks])
    prepared = Mailing.objects.filter(incident=of, state=Mailing.State.PREPARED)
    house.must(prepared.count() == 1, f"after a double click {prepared.count()} mailings are prepared")
    house.must("cannot" in stale.send().text, "a stale tab was not told that it is stale")
    house.must(not Outbox.objects.filter(mailing__incident=of).exists(), "a stale tab sent something")
    mailing = house.going_to(prepared.get())
    _approve_oneself(house, mailing)
    arranging.approved(mailing)
    house.healed()
    mailings.start(mailing, by=anton)
    house.worker()
    house.until_over()


def _approve_oneself(house: House, mailing: Mailing) -> None:
    """Anton may approve, and asks for it himself."""
    _, anton, ada = arranging.staff()
    approval = mailings.ask(mailing, by=anton)
    form = house.visitor(anton).open(_page(mailing, "mailing"))
    form.send({"answer": "yes"}, to=reverse("accounts:answer", args=[approval.pk]))
    house.must(not Approval.objects.get(pk=approval.pk).sign_offs.exists(), "somebody approved what he had asked for")
    told = house.visitor(ada).open(_page(mailing, "mailing")).send(to=_page(mailing, "mailing_start")).text
    house.must("not approved" in told, "it could be sent without a second person")
    house.must(not Outbox.objects.filter(mailing=mailing).exists(), "something was queued without a second person")


@fault("F17", "the kill switch is pressed at half a mailing, then lifted by another person")
def stopped(house: House) -> None:
    people = 160 if house.quick else 800
    house.mail.delay = 0.05
    mailing = house.going_to(arranging.started(people))
    _, anton, ada = arranging.staff()
    house.worker()
    house.until_arrived(people // 2)
    pressed = time.time()
    counts = stopping.stop(by=anton, because="The key in the notice is the wrong one.")
    time.sleep(6)
    after = len(house.arrived)
    late = max(one.at for one in house.arrived) - pressed
    house.must(late <= 5, f"the last message left {late:.1f} s after the press")
    house.must(counts["mailings"] >= 1 and counts["waiting"] > 0, f"the count that was stated is {counts}")
    states = list(mailing.recipients.values_list("state", flat=True))
    house.must(states.count(State.QUEUED) == people - after, f"{people - after} wait, and not {states.count('queued')}")
    time.sleep(2)
    house.must(len(house.arrived) == after, "something was sent while everything was stopped")
    stopping.lift(by=ada, because="It is right after all.")
    house.healed()
    house.until_over()
    house.must(set(mailing.recipients.values_list("state", flat=True)) == {State.ACCEPTED}, "not all are accepted")
