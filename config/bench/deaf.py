"""The same web server, with a receiver of Anymail's signal that keeps nothing: events.py tells what keeping costs."""

from typing import Any

from anymail.signals import tracking

from config.wsgi import application
from notifications import receivers

__all__ = ["application"]


def hear_nothing(sender: Any, event: Any, esp_name: str, **kwargs: Any) -> None:
    pass


tracking.disconnect(receivers.hear_from_the_provider)
tracking.connect(hear_nothing)
