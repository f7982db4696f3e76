"""Celery is the bell: it wakes workers, and owns nothing. Truth and queue are PostgreSQL."""

import os

from celery import Celery
from django.conf import settings

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("candor")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["notifications", "incidents", "accounts"])

# Ticks expire: after an outage one bell is enough, not a hundred.
app.conf.beat_schedule = {
    "fill the lanes": {"task": "notifications.tasks.tick", "schedule": 3.0, "options": {"expires": 3}},
    "say how far telling has come": {
        "task": "notifications.tasks.tell",
        "schedule": 20.0,
        "options": {"expires": 20},
    },
    "tell those who follow": {
        "task": "notifications.tasks.tell_followers",
        "schedule": 5.0,
        "options": {"expires": 5},
    },
    "answer inquiries": {
        "task": "notifications.tasks.answer_inquiries",
        "schedule": 5.0,
        "options": {"expires": 5},
    },
    "call webhooks": {"task": "notifications.tasks.call_hooks", "schedule": 5.0, "options": {"expires": 5}},
    "see to readers": {
        "task": "notifications.tasks.see_to_readers",
        "schedule": 5.0,
        "options": {"expires": 5},
    },
    "finish what a crash left": {
        "task": "incidents.tasks.finish_publishing",
        "schedule": 10.0,
        "options": {"expires": 10},
    },
    "sign the end of the log": {
        "task": "notifications.tasks.keep_heads",
        "schedule": 15.0,
        "options": {"expires": 15},
    },
    "forget whose time has come": {
        "task": "notifications.tasks.forget",
        "schedule": 3600.0,
        "options": {"expires": 3600},
    },
    "tell approvers": {"task": "accounts.tasks.tell_approvers", "schedule": 10.0, "options": {"expires": 10}},
    "remind of deadlines": {
        "task": "notifications.tasks.remind_of_deadlines",
        "schedule": 60.0,
        "options": {"expires": 60},
    },
    "make evidence": {"task": "notifications.tasks.make_evidence", "schedule": 15.0, "options": {"expires": 15}},
    "take up imports": {"task": "incidents.tasks.work_imports", "schedule": 10.0, "options": {"expires": 10}},
}
if settings.BOUNCE_IMAP_HOST:
    app.conf.beat_schedule["read bounces"] = {
        "task": "notifications.tasks.read_bounces",
        "schedule": 300.0,
        "options": {"expires": 300},
    }
