"""The sums of a mailing: each number opens its list."""

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts.access import StaffRequest, staff
from notifications import links
from notifications.mailings import sums
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
