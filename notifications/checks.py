"""System checks about telling people: messages must reach them, and what comes back must be believable."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register

from notifications import providers

NOWHERE = {
    "django.core.mail.backends.console.EmailBackend",
    "django.core.mail.backends.dummy.EmailBackend",
    "django.core.mail.backends.filebased.EmailBackend",
    "django.core.mail.backends.locmem.EmailBackend",
}


@register(Tags.security)
def mail_reaches_people(app_configs: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """A message that is accepted and goes nowhere would be counted as sent."""
    problems: list[CheckMessage] = []
    if settings.PRODUCTION and settings.EMAIL_BACKEND in NOWHERE:
        problems.append(
            Error(
                f"EMAIL_BACKEND is {settings.EMAIL_BACKEND}: its messages reach nobody.",
                hint="Set it to notifications.smtp.PhasedBackend or to one of Anymail's backends.",
                id="candor.E010",
            )
        )
    elif settings.EMAIL_BACKEND not in providers.ADAPTERS and settings.EMAIL_BACKEND not in NOWHERE:
        problems.append(
            Warning(
                f"EMAIL_BACKEND {settings.EMAIL_BACKEND} is not in the table of providers.",
                hint="Every error of it counts as unknown, and it is not taken to report bounces: "
                "see notifications/providers.py.",
                id="candor.W010",
            )
        )
    if _anymail("IGNORE_UNSUPPORTED_FEATURES"):
        problems.append(
            Error(
                "ANYMAIL_IGNORE_UNSUPPORTED_FEATURES is set: a provider that knows no merge would show all readers "
                "of a message to each other, and one that cannot turn tracking off would track them.",
                hint="Take it out.",
                id="candor.E011",
            )
        )
    return problems


@register(Tags.security)
def events_can_be_believed(app_configs: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """Without a secret anybody could say that a message was delivered."""
    adapter = providers.current()
    secrets = {
        providers.WebhookAuth.PASSWORD: ("WEBHOOK_SECRET",),
        providers.WebhookAuth.SIGNED: ("WEBHOOK_SECRET", f"{adapter.name.upper()}_WEBHOOK_SIGNING_KEY"),
        providers.WebhookAuth.NONE: ("WEBHOOK_SECRET",),  # the addresses of all providers are open
    }[adapter.webhooks]
    if adapter.name == "resend":
        secrets = ("WEBHOOK_SECRET", "RESEND_SIGNING_SECRET")
    return [
        Error(
            f"{name} is not set: anybody could report messages as delivered.",
            hint=f"Set {'' if name.startswith(adapter.name.upper()) else 'ANYMAIL_'}{name}.",
            id="candor.E012",
        )
        for name in secrets
        if not _anymail(name)
    ]


def _anymail(name: str) -> Any:
    """A setting of Anymail's, in either of the two places it looks."""
    return getattr(settings, "ANYMAIL", {}).get(name) or getattr(settings, f"ANYMAIL_{name}", None)
