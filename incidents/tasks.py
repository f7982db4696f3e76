"""Celery rings; the work is one call each."""

from celery import shared_task

from incidents import audience, publishing


@shared_task
def finish_publishing() -> None:
    publishing.tick()


@shared_task
def work_imports() -> None:
    audience.work()
