"""System checks about telling people: messages must reach them, and what comes back must be believable."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register

from notifications import providers
from notifications.bounces import return_path
from notifications.smtp.mime import PLAIN_ADDRESS

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
    for channel in providers.all_channels():
        if channel.backend in providers.ADAPTERS or channel.backend in NOWHERE:
            continue
        problems.append(
            Warning(
                f"The mail backend {channel.backend} is not in the table of providers.",
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
    # Anymail's word for the password; every provider's address is open, so it is wanted in any case.
    secrets = dict.fromkeys(["WEBHOOK_SECRET", *(channel.adapter.signed_with for channel in providers.all_channels())])
    return [
        Error(
            f"{name} is not set: anybody could report messages as delivered.",
            hint=f"Set {'ANYMAIL_' if name == 'WEBHOOK_SECRET' else ''}{name}.",
            id="candor.E012",
        )
        for name in secrets
        if name and not _anymail(name)
    ]


@register(Tags.security)
def bounces_come_back(app_configs: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """A return path nobody can write to would let every bounce get lost, and with it the truth of *reached*."""
    address = settings.BOUNCE_ADDRESS
    problems: list[CheckMessage] = []
    if address and not ("@" in address and PLAIN_ADDRESS.fullmatch(return_path.of(2**62))):
        problems.append(
            Error(
                "BOUNCE_ADDRESS is no address.",
                hint="Set it to one like bounce@bounces.example.com; {} says where the code goes.",
                id="candor.E013",
            )
        )
    if settings.BOUNCE_IMAP_HOST and not address:
        problems.append(
            Warning(
                "BOUNCE_IMAP_HOST is set and BOUNCE_ADDRESS is not: few bounces will say whose they are.",
                hint="Set BOUNCE_ADDRESS to an address that comes to this mailbox.",
                id="candor.W013",
            )
        )
    return problems


def _anymail(name: str) -> Any:
    """A setting of Anymail's, in either of the two places it looks."""
    return getattr(settings, "ANYMAIL", {}).get(name) or getattr(settings, f"ANYMAIL_{name}", None)
