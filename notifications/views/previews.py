"""A notice as its readers will get it: one account, one variant after the other, or nobody in particular."""

from dataclasses import dataclass

from csp.constants import NONE, SELF
from csp.decorators import csp, csp_update
from django.http import HttpResponse
from django.shortcuts import render
from django.templatetags.static import static
from django.urls import reverse
from django.utils.html import format_html
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_safe

from accounts import typed
from accounts.access import StaffRequest, staff
from accounts.models import Account
from incidents.models import AffectedAccount, Incident
from notifications import composing, mailings
from notifications.composing import CannotCompose
from notifications.composing.languages import name_of
from notifications.models import Notice, Recipient
from notifications.views import self_checks
from notifications.views.notices import mailings_of, notice_of, room_of


@dataclass
class Chosen:
    """Whom the notice is shown as. wanted: an id that nobody here has."""

    affected: AffectedAccount | None = None
    wanted: str = ""
    variants: mailings.Variants | None = None
    variant: int = 0
    """Its number among the variants, from 1; 0: it was not chosen by one."""

    @property
    def account(self) -> Account | None:
        return self.affected.account if self.affected else None

    @property
    def shown(self) -> mailings.Variant | None:
        return self.variants.listed[self.variant - 1] if self.variants and self.variant else None

    @property
    def next_variant(self) -> int:
        return self.variant % len(self.variants.listed) + 1 if self.variants and self.variants.listed else 1


@require_safe
@csp_update({"frame-src": [SELF]})
@staff("read_room")
def preview(request: StaffRequest, slug: str, pk: int) -> HttpResponse:
    """Text and HTML side by side, at the width of a phone; the HTML stands in a frame that may do nothing."""
    notice = notice_of(slug, pk)
    chosen = _chosen(request, notice)
    recipient = _recipient(notice, chosen.affected)
    context: dict = {
        "notice": notice, "chosen": chosen, "account": chosen.account, "wanted": chosen.wanted,
        "external_id": chosen.wanted or (chosen.account.external_id or "" if chosen.account else ""),
        "languages": [(language, name_of(language)) for language in recipient.mailing.version.languages],
        "reader": composing.reader_of(recipient.merge), "in_language": name_of(recipient.merge["language"]),
        "sender": recipient.mailing.sender, "frame": request.GET.urlencode(), "mailings": mailings_of(notice),
        "self_check": self_checks.of_notice(notice),
    }  # fmt: skip
    try:
        context["shown"] = composing.shown(recipient)
    except CannotCompose as error:
        context["problem"] = error
        context["mended_in_guidance"] = guidance_of(notice.incident, error.variable)
    return render(request, "notifications/staff/notice.html", room_of(notice.incident) | context)


@require_safe
@xframe_options_sameorigin
@csp({"default-src": [NONE], "style-src": [SELF], "sandbox": True, "frame-ancestors": [SELF], "form-action": [NONE]})
@staff("read_room")
def preview_html(request: StaffRequest, slug: str, pk: int) -> HttpResponse:
    notice = notice_of(slug, pk)
    recipient = _recipient(notice, _chosen(request, notice).affected)
    try:
        page = composing.shown(recipient).html
    except CannotCompose as error:
        return HttpResponse(str(error), content_type="text/plain; charset=utf-8")
    look = format_html('<link rel="stylesheet" href="{}">\n</head>', static("css/preview.css"))
    return HttpResponse(page.replace("</head>", look, 1))


@require_safe
@staff("read_room")
def variants(request: StaffRequest, slug: str, pk: int) -> HttpResponse:
    """Every kind of reader there is, how many they are, and whether their message can be written."""
    notice = notice_of(slug, pk)
    found = mailings.variants(notice)
    return render(request, "notifications/staff/notice_variants.html", room_of(notice.incident) | {
        "notice": notice, "variants": found,
        "others": [(name_of(locale), count) for locale, count in found.other_languages.items()],
        "default": name_of(notice.language),
    })  # fmt: skip


# ----------------------------------------------------------------------------------------------------------------


def guidance_of(incident: Incident, variable: str) -> str:
    """Where an empty list is filled; empty for any other variable."""
    section = composing.MENDED_IN.get(variable, "")
    return section and reverse("incidents:section", args=[incident.slug, section])


def _chosen(request: StaffRequest, notice: Notice) -> Chosen:
    """By the id of an account, or by the number of a variant; the first account where nothing was asked for."""
    rows = notice.incident.affected_accounts.owed_a_notice().select_related("account").prefetch_related("segments")
    number = request.GET.get("variant", "")
    if number.isdecimal() and len(number) < 7:
        found = mailings.variants(notice)
        if 1 <= int(number) <= len(found.listed):
            example = found.listed[int(number) - 1].example
            every = AffectedAccount.objects.select_related("account").prefetch_related("segments")
            return Chosen(every.get(pk=example), variants=found, variant=int(number))
    external_id = typed.words(request.GET.get("account", ""))
    if not external_id:
        return Chosen(rows.first())
    affected = rows.filter(account__external_id=external_id).first()
    return Chosen(affected, "" if affected else external_id)


def _recipient(notice: Notice, affected: AffectedAccount | None) -> Recipient:
    version = mailings.draft(notice)
    if affected is None:
        return mailings.sample_recipient(version)
    address = mailings.first_reachable(affected.account)
    return mailings.recipient_for(version, affected=affected, address=address)
