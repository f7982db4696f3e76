"""The signals this house listens to: Anymail's `tracking`, our own `published`, and a worker's end."""

from typing import Any

from anymail.signals import tracking as anymail_tracking
from celery.signals import worker_shutting_down
from django.dispatch import receiver

from incidents.models import PageVersion
from incidents.publishing import published
from notifications import lanes, telling, tracking
from notifications.subscriptions import announcing


@receiver(anymail_tracking)
def hear_from_the_provider(sender: Any, event: Any, esp_name: str, **kwargs: Any) -> None:
    tracking.record(event, esp_name)


@receiver(published)
def say_how_far_telling_has_come_and_tell_followers(sender: Any, version: PageVersion, **kwargs: Any) -> None:
    if version.incident is not None and version.cause == PageVersion.Cause.PUBLISHED:
        telling.push(version.incident)
        announcing.announce(version)


@worker_shutting_down.connect
def end_lanes(**kwargs: Any) -> None:
    lanes.stop_asked.set()
