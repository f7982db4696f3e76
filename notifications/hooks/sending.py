"""Calls go out, one claim each: a worker that dies leaves a row that falls due again."""

import base64
import hashlib
import hmac
import time
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from accounts import audit
from notifications.hooks import reaching
from notifications.hooks.setting_up import key
from notifications.models import Hook, HookAttempt, HookCall

AGAIN_AFTER = [
    timedelta(seconds=5), timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=30), timedelta(hours=2),
    timedelta(hours=5), timedelta(hours=10), timedelta(hours=14), timedelta(hours=20), timedelta(hours=24),
]  # after the first, second … try that failed; then it is given up  # fmt: skip
LEASE = timedelta(minutes=1)  # longer than one try takes
MOST_FAILURES = 20  # one after the other
ROUND = timedelta(seconds=10)  # then others of the same queue have their turn
KEPT = timedelta(days=30)
GONE = 410


def work() -> int:
    """Send what is due, for a while; how many tries. An address that failed waits for the next round."""
    tries, failed, until = 0, set[int](), timezone.now() + ROUND
    while timezone.now() < until and (call := _claim(at=timezone.now(), but=failed)):
        tries += 1
        if not _try(call):
            failed.add(call.hook_id)
    return tries


def forget(*, at: datetime) -> int:
    """Calls that have long been over, with their tries."""
    return HookCall.objects.filter(due_at=None, made_at__lt=at - KEPT).delete()[0]


def signature(hook: Hook, *, message_id: str, timestamp: int, body: str) -> str:
    """As Standard Webhooks 1.0 has it: https://www.standardwebhooks.com"""
    said = f"{message_id}.{timestamp}.{body}".encode()
    return "v1," + base64.b64encode(hmac.digest(key(hook), said, hashlib.sha256)).decode()


@transaction.atomic
def _claim(*, at: datetime, but: set[int]) -> HookCall | None:
    call = (
        HookCall.objects.filter(Q(hook__paused_at=None) | Q(event="test"), due_at__lte=at, hook__ended_at=None)
        .exclude(hook__in=but).select_related("hook").select_for_update(skip_locked=True, of=("self",))
        .order_by("tries", "due_at", "pk").first()
    )  # fmt: skip
    if call is None:
        return None
    call.tries, call.due_at = call.tries + 1, at + LEASE
    call.save(update_fields=["tries", "due_at"])
    return call


def _try(call: HookCall) -> bool:
    """Whether it was taken. The row is not locked meanwhile: the other side may be slow."""
    at, began = timezone.now(), time.monotonic()
    status, problem = None, ""
    try:
        status = reaching.post(call.hook.address, body=call.body.encode(), headers=_headers(call, at=at))
        problem = _meaning(status)
    except (reaching.Unfit, reaching.NoAnswer) as no:
        problem = str(no)
    ms = round(1000 * (time.monotonic() - began))
    with transaction.atomic():
        HookAttempt.objects.create(call=call, at=at, status=status, ms=ms, problem=problem[:200])
        if problem:
            _failed(call, problem, status=status, at=timezone.now())
        else:
            HookCall.objects.filter(pk=call.pk).update(delivered_at=timezone.now(), due_at=None)
            Hook.objects.filter(pk=call.hook_id).update(failures=0)
    return not problem


def _headers(call: HookCall, *, at: datetime) -> dict[str, str]:
    timestamp = int(at.timestamp())
    return {
        "Content-Type": "application/json", "User-Agent": "status-page-webhooks/1", "Connection": "close",
        "webhook-id": call.message_id, "webhook-timestamp": str(timestamp),
        "webhook-signature": signature(
            call.hook, message_id=call.message_id, timestamp=timestamp, body=call.body
        ),
    }  # fmt: skip


def _meaning(status: int) -> str:
    if 200 <= status < 300:
        return ""
    if 300 <= status < 400:
        return "It answered with another address; those are not followed"
    return "It is gone for good" if status == GONE else f"It answered {status}"


def _failed(call: HookCall, problem: str, *, status: int | None, at: datetime) -> None:
    is_last = call.event == "test" or call.tries > len(AGAIN_AFTER)
    due_at = None if is_last else at + AGAIN_AFTER[call.tries - 1]
    HookCall.objects.filter(pk=call.pk, due_at__isnull=False).update(due_at=due_at)  # not of one ended meanwhile
    Hook.objects.filter(pk=call.hook_id).update(failures=F("failures") + 1)
    hook = Hook.objects.select_for_update().get(pk=call.hook_id)
    if hook.state == "on" and (status == GONE or hook.failures >= MOST_FAILURES):
        many = f"{hook.failures} tries failed one after the other, the last: "
        hook.paused_at, hook.paused_because = at, (many if status != GONE else "") + problem[:200]
        hook.save(update_fields=["paused_at", "paused_because"])
        audit.record(act="webhook.paused", thing=hook, by=None, at=at, because=hook.paused_because)
