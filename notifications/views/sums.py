"""The sums of a mailing: each number opens its list, and all of it can be taken along as a file."""

from tempfile import TemporaryFile

from django.contrib import messages
from django.http import FileResponse, Http404, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from accounts import audit
from accounts.access import StaffRequest, staff
from accounts.models import User
from incidents.audience import exporting
from notifications import letters, links
from notifications.mailings import sums
from notifications.models import Mailing
from notifications.views.mailings import mailing_of, room_of

PAGE = 50  # rows


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@staff("read_room")
def people(request: StaffRequest, slug: str, number: int) -> HttpResponse:
    """One line's people, fifty a page by id. A POST finds one account: what is typed stays out of addresses."""
    shown = mailing_of(slug, number)
    wanted = request.POST.get("text", "").replace("\0", "").strip()[:200] if request.method == "POST" else ""
    name, after = request.GET.get("line", ""), request.GET.get("after", "0")
    if name not in sums.LINES:
        raise Http404
    if wanted:
        rows, older = sums.find(shown, wanted, code=links.normalise_code(wanted) or ""), ""
    else:
        rows = sums.page_of(shown, name, after=int(after) if after.isdecimal() else 0, size=PAGE)
        older = f"?line={name}&after={rows[PAGE - 1].pk}" if len(rows) > PAGE else ""
    return render(request, "notifications/staff/mailing_people.html", room_of(shown) | {
        "rows": rows[:PAGE], "line": name, "words": sums.LINES[name][1], "older": older, "wanted": wanted,
        "lines": sums.lines(shown),
    })  # fmt: skip


@never_cache
@require_POST
@staff("export", fresh=True)
def download(request: StaffRequest, slug: str, number: int) -> StreamingHttpResponse:
    """CSV of one line, or of all, once the log says how many people leave the house with it."""
    shown = mailing_of(slug, number)
    name = request.POST.get("line", "")
    if name and name not in sums.LINES:
        raise Http404
    count = sum(line.count for line in sums.lines(shown) if name in ("", line.name))
    _note(shown, name, count, by=request.user)
    file_name = f"mailing-{shown.number}{'-' + name if name else ''}-{timezone.now():%Y%m%dT%H%M%SZ}.csv"
    response = StreamingHttpResponse(
        exporting.lines(sums.HEADER, sums.rows(shown, name)), content_type="text/csv; charset=utf-8"
    )
    response["Content-Disposition"] = f'attachment; filename="{file_name}"'
    return response


def _note(shown: Mailing, name: str, count: int, *, by: User) -> None:
    audit.record(act="mailing.exported", thing=shown, by=by, incident=shown.incident_id, number=shown.number,
                 line=name or "all", count=count)  # fmt: skip


@never_cache
@require_POST
@staff("export", fresh=True)
def letters_file(request: StaffRequest, slug: str, number: int) -> HttpResponseBase:
    """Letters to print and the addresses for their envelopes, five hundred at a time."""
    shown = mailing_of(slug, number)
    part = request.POST.get("part", "1")
    if not part.isdecimal() or not 1 <= int(part) <= letters.parts(shown):
        messages.error(request, "There are no letters in this part any more: they are on record.")
        return redirect("notifications:mailing", slug, number)
    at = timezone.now()
    file = TemporaryFile()  # noqa: SIM115  (the response closes it, which removes it)
    try:
        letters.write(shown, file, part=int(part), by=request.user, at=at)
    except BaseException:
        file.close()
        raise
    file.seek(0)
    name = f"letters-{shown.number}-{part}-{at:%Y%m%dT%H%M%SZ}.zip"
    return FileResponse(file, as_attachment=True, filename=name, content_type="application/zip")
