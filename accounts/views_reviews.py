"""Looking afterwards at what one person published alone."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_POST

from accounts import approvals, emergencies, typed
from accounts.access import StaffRequest, staff
from accounts.models import Approval


@require_POST
@staff("approve", fresh=True)
def review(request: StaffRequest, pk: int) -> HttpResponse:
    approval = get_object_or_404(Approval, pk=pk)
    agrees = {"agree": True, "object": False}.get(request.POST.get("answer", ""))
    if agrees is None:
        messages.error(request, "Neither a yes nor an objection came with this. Nothing was changed.")
        return redirect("accounts:approvals")
    try:
        words = typed.words(request.POST.get("words", ""))[:2000]
        emergencies.review(approval, agrees=agrees, by=request.user, words=words)
    except approvals.NotAllowed as refused:
        messages.error(request, f"Your answer was not taken. {refused}")
    else:
        said = "You agreed" if agrees else "You objected"
        messages.success(request, f"{said}. It stands in log and evidence; the note is gone from the room.")
    return redirect("accounts:approvals")
