"""The panel that says what the self-check found, beside a notice and beside a mailing that waits for a yes."""

from dataclasses import dataclass
from datetime import datetime

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_POST

from accounts.access import StaffRequest, staff
from accounts.models import Organisation
from notifications import mailings, self_check
from notifications.models import Mailing, Notice, NoticeVersion
from notifications.self_check import Check, Level


@dataclass(frozen=True)
class Panel:
    """What asks for a person first; what passed, folded away. domain: empty where nobody has looked it up."""

    stops: list[Check]
    warns: list[Check]
    unknown: list[Check]
    passed: list[Check]
    domain: list[Check]
    looked_up_at: datetime | None
    several: bool
    """More than one language: each check says of which text."""


def of_notice(notice: Notice) -> Panel:
    ours = Organisation.get()
    return _panel(mailings.draft(notice), sender=ours.sender, reply_to=ours.reply_to, provider="")


def of_mailing(mailing: Mailing) -> Panel:
    return _panel(mailing.version, sender=mailing.sender, reply_to=mailing.reply_to, provider=mailing.provider)


@require_POST
@staff("read_room")
def look_up(request: StaffRequest, slug: str, pk: int) -> HttpResponse:
    """Asks DNS now. mailing: the number of one of this notice's mailings, whose sender it is about then."""
    notice = get_object_or_404(Notice.objects.select_related("incident"), pk=pk, incident__slug=slug)
    number = request.POST.get("mailing", "")
    mailing = Mailing.objects.filter(version__notice=notice, number=number).first() if number.isdecimal() else None
    if mailing:
        _say(request, self_check.look_up(mailing.sender, mailing.reply_to, provider=mailing.provider))
        return redirect("notifications:mailing", slug, mailing.number)
    ours = Organisation.get()
    _say(request, self_check.look_up(ours.sender, ours.reply_to))
    return redirect("notifications:notice_preview", slug, pk)


def _say(request: StaffRequest, found: list[Check]) -> None:
    bad = [check.words for check in found if check.level in {Level.WARNS, Level.STOPS}]
    silent = [check.words for check in found if check.level == Level.UNKNOWN]
    if bad:
        messages.warning(request, f"The sending domain was looked up. {' '.join(bad)}")
    elif silent:
        messages.warning(request, f"Not everything could be looked up. {' '.join(silent)}")
    else:
        messages.success(request, "SPF, DKIM, DMARC and the address for answers are as they should be.")


def _panel(version: NoticeVersion, *, sender: str, reply_to: str, provider: str) -> Panel:
    found = self_check.look(version, sender=sender, provider=provider)
    at, domain = self_check.looked_up(sender, reply_to) or (None, [])

    def only(level: Level) -> list[Check]:
        return [check for check in found if check.level == level]

    return Panel(
        only(Level.STOPS), only(Level.WARNS), only(Level.UNKNOWN), only(Level.PASSED), domain, at,
        several=len(version.languages) > 1,
    )  # fmt: skip
