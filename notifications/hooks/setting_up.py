"""A webhook begins with a second person's yes to its address, and ends at once.

Whoever could name an address alone could have a stolen account's owner hear everything that happens here.
"""

import base64
import hashlib
import hmac
import json
import secrets
from datetime import datetime
from urllib.parse import urlsplit

from django.conf import settings
from django.db import transaction
from django.urls import reverse

from accounts import approvals, audit
from accounts.models import Approval, User
from notifications.hooks import reaching
from notifications.hooks.gathering import queue
from notifications.models import Hook, HookCall

ACT = Approval.Act.HOUSE


class NotOpen(Exception):
    """The webhook is not in the state this act needs; the message says so."""


@transaction.atomic
def ask(*, address: str, events: list[str], by: User, at: datetime) -> Hook:
    """Note it, and ask for a yes to exactly this address and these events. Raises reaching.Unfit."""
    reaching.check(address)
    hook = Hook.objects.create(
        address=address, events=sorted(events), salt=secrets.token_urlsafe(32), asked_by=by, asked_at=at
    )
    audit.record(act="webhook.asked", thing=hook, by=by, at=at, server=urlsplit(address).hostname, events=hook.events)
    approvals.ask(
        act=ACT, thing=hook, hashes=_hashes(hook), by=by, authors=[by.pk], at=at,
        page=reverse("notifications:hook", args=[hook.pk]),
        summary=f"Tell {urlsplit(address).hostname} what happens here, by webhook: {', '.join(hook.events)}"[:500],
    )  # fmt: skip
    return hook


@transaction.atomic
def switch_on(hook: Hook, *, by: User, at: datetime) -> Hook:
    """Spend the yes. Raises NotOpen or approvals.NotApproved."""
    hook = _held(hook, "asked")
    hook.approval = approvals.use(act=ACT, thing=hook, hashes=_hashes(hook), at=at)
    hook.on_at = at
    hook.save(update_fields=["approval", "on_at"])
    audit.record(act="webhook.switched_on", thing=hook, by=by, at=at)
    return hook


@transaction.atomic
def resume(hook: Hook, *, by: User, at: datetime) -> int:
    """What waited is sent now; how many calls. Raises NotOpen."""
    hook = _held(hook, "paused")
    hook.paused_at, hook.paused_because, hook.failures = None, "", 0
    hook.save(update_fields=["paused_at", "paused_because", "failures"])
    audit.record(act="webhook.resumed", thing=hook, by=by, at=at)
    return HookCall.objects.filter(hook=hook, due_at__isnull=False).update(due_at=at)


@transaction.atomic
def end(hook: Hook, *, by: User, at: datetime) -> None:
    """Nothing is sent there any more; what waited is given up. Raises NotOpen."""
    hook = _held(hook, "asked", "on", "paused")
    approvals.void(act=ACT, thing=hook, because="the webhook was ended", by=by, at=at)
    hook.ended_at = at
    hook.save(update_fields=["ended_at"])
    HookCall.objects.filter(hook=hook, due_at__isnull=False).update(due_at=None)
    audit.record(act="webhook.ended", thing=hook, by=by, at=at)


@transaction.atomic
def test(hook: Hook, *, by: User, at: datetime) -> None:
    """A call that says nothing, also to one that is paused. Raises NotOpen."""
    hook = _held(hook, "on", "paused")
    queue(hook, "test", key=f"test:{secrets.token_hex(8)}", happened_at=at, facts={"words": "This is a test."}, at=at)
    audit.record(act="webhook.tested", thing=hook, by=by, at=at)


def secret(hook: Hook) -> str:
    """What the other side verifies signatures with, in the shape of Standard Webhooks. A new SECRET_KEY changes it."""
    return "whsec_" + base64.b64encode(key(hook)).decode()


def key(hook: Hook) -> bytes:
    said = f"candor webhook {hook.pk} {hook.salt}"
    return hmac.digest(settings.SECRET_KEY.encode(), said.encode(), hashlib.sha256)


def _held(hook: Hook, *states: str) -> Hook:
    hook = Hook.objects.select_for_update().get(pk=hook.pk)
    if hook.state not in states:
        words = {"asked": "not switched on yet", "on": "on already", "paused": "paused", "ended": "ended"}
        raise NotOpen(f"This webhook is {words[hook.state]}.")
    return hook


def _hashes(hook: Hook) -> dict[str, str]:
    said = json.dumps({"address": hook.address, "events": hook.events}, sort_keys=True)
    return {"webhook": hashlib.sha256(said.encode()).hexdigest()}
