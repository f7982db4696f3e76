"""Publishing by one person alone: a page of its own, with a reason and a second thought."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods

from accounts import emergencies
from accounts.access import StaffRequest, staff
from accounts.models import Organisation
from incidents import publishing
from incidents.forms.publish import AloneForm
from incidents.models import Incident
from incidents.publishing.emergency import publish_alone
from incidents.views.publish import NOT_WRITTEN, REFUSED


@require_http_methods(["GET", "HEAD", "POST"])
@staff("send", fresh=True)
def alone(request: StaffRequest, slug: str) -> HttpResponse:
    incident = get_object_or_404(Incident, slug=slug)
    form = AloneForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            version = publish_alone(incident, because=form.cleaned_data["because"], by=request.user)
        except (*REFUSED, emergencies.NotAnEmergency) as problem:
            messages.error(request, f"Nothing was published. {problem}")
        else:
            version.refresh_from_db()
            done = f"Published by you alone: the page shows version {version.number}."
            done = done if version.written_at else NOT_WRITTEN.format(number=version.number)
            messages.warning(request, f"{done} Everybody who may approve is told, and somebody has to look at it.")
        return redirect("incidents:publish", slug=slug)
    return render(
        request, "incidents/staff/publish_alone.html",
        {"incident": incident, "room": "publish", "form": form, "problems": publishing.problems(incident),
         "demanded": Organisation.get().sign_offs},
        status=422 if form.errors else 200,
    )  # fmt: skip
