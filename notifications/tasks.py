"""Celery rings; the work is one call each."""

import logging

from celery import shared_task
from django.conf import settings
from django.utils import timezone
from kombu.exceptions import OperationalError

from accounts import anchoring, readers
from incidents.obligations import reminding
from notifications import (
    bounces,
    clocks,
    dispatch,
    hooks,
    letters,
    looking_up,
    mailings,
    next_address,
    reconcile,
    reports,
    retention,
    revoking,
    telling,
    tracking,
)
from notifications.evidence import asking as asking_for_evidence
from notifications.evidence import sealed
from notifications.inquiries import answering, holding, later
from notifications.inquiries import sending as sending_answers
from notifications.reading import fresh, signing_in
from notifications.subscriptions import announcing, asking, sending

logger = logging.getLogger(__name__)


@shared_task(ignore_result=True)
def tick() -> None:
    """Beat's: heals what a crash or a lost ring left, then wakes the lanes."""
    mailings.watch()
    dispatch.reap()
    reconcile.resend_unknown()
    next_address.queue_all()
    dispatch.finish_mailings()
    if dispatch.is_work_ready():
        all(ring() for _ in range(settings.SENDING_LANES))  # one that is not heard is enough to know


@shared_task(ignore_result=True)
def lane() -> None:
    if dispatch.run_lane():
        ring()


@shared_task(ignore_result=True)
def tell() -> None:
    """Beat's, at ease: late knowledge of messages, and how far telling has come."""
    tracking.match_orphans()
    tracking.give_up_waiting()
    looking_up.ask_providers()
    reconcile.alarm()
    letters.drop()
    telling.push_all()


@shared_task(ignore_result=True)
def keep_heads() -> None:
    """Beat's: the end of the log, signed and written outside."""
    anchoring.keep(at=timezone.now())


@shared_task(ignore_result=True)
def remind_of_deadlines() -> None:
    """Beat's: staff hear by mail that a legal clock runs out."""
    now = timezone.now()
    reminding.remind(lambda incident: clocks.read(incident, at=now), at=now)


@shared_task(ignore_result=True)
def read_bounces() -> None:
    """Beat's, where bounces come to a mailbox."""
    with bounces.imap() as mailbox:
        bounces.empty(mailbox, at=timezone.now())


@shared_task(ignore_result=True)
def tell_followers() -> None:
    """Beat's, in a queue of its own: what subscribers asked for, after every notice."""
    asking.take_up()
    asking.forget()
    announcing.gather()
    dispatch.reap(sending.UPDATES)
    sending.run_lane()
    announcing.finish()


@shared_task(ignore_result=True)
def see_to_readers() -> None:
    """What readers asked for on our pages: sign-in codes and fresh links. Also beat's, for what a lost ring left."""
    signing_in.send_waiting(at=timezone.now())
    fresh.answer(at=timezone.now())
    revoking.finish_all(at=timezone.now())


def ring_for_readers() -> None:
    """Somebody waits for a code. A ring that is lost is no loss: beat rings, too."""
    try:
        see_to_readers.apply_async(expires=10, retry=False)
    except OperationalError:
        logger.warning("The broker is away: codes and fresh links wait for beat")


@shared_task(ignore_result=True)
def answer_inquiries() -> None:
    """Beat's, in the queue of what comes after every notice."""
    answering.take_up()
    later.tell_of_changes()
    dispatch.reap(sending_answers.ANSWERS)
    sending_answers.run_lane()
    holding.finish()
    later.forget()


@shared_task(ignore_result=True)
def call_hooks() -> None:
    """Beat's, in the queue of what comes after every notice: other systems hear what happened."""
    hooks.gather(at=timezone.now())
    hooks.work()
    hooks.forget(at=timezone.now())


@shared_task(ignore_result=True)
def make_evidence() -> None:
    """In the queue of imports: it takes as long as they do."""
    asking_for_evidence.forget(at=timezone.now())
    sealed.seal_all(at=timezone.now())
    asking_for_evidence.work()


def ring_for_evidence() -> None:
    """Somebody waits. A ring that is lost is no loss: beat rings, too."""
    try:
        make_evidence.apply_async(expires=10, retry=False)
    except OperationalError:
        logger.warning("The broker is away: evidence waits for beat")


@shared_task(ignore_result=True)
def forget() -> None:
    """Beat's: the people of incidents whose day has come, old reports, readers who come no more."""
    retention.forget_due()
    reports.forget(at=timezone.now())
    readers.forget_idle(at=timezone.now())


def ring() -> bool:
    """Wake a lane. A ring that is lost (False) is no loss: the next tick rings again."""
    try:
        lane.apply_async(expires=10, retry=False)
    except OperationalError:
        logger.warning("The broker is away: no lane could be rung; the next tick tries again")
        return False
    return True
