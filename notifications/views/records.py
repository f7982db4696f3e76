"""Letters, calls and meetings from a file: upload, look at the problems, put on record."""

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from accounts.access import StaffRequest, staff
from incidents.models import Incident
from notifications import recording, recording_files
from notifications.models import RecordUpload

SHOWN = 200  # rows of each table


class UploadForm(forms.Form):
    file = forms.FileField(
        label="File (CSV)",
        help_text="Columns: account or code, channel (letter, call, meeting), at (UTC), person, proof.",
        error_messages={"required": "Choose a file."},
    )


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@staff("send")
def upload(request: StaffRequest, slug: str) -> HttpResponse:
    incident = get_object_or_404(Incident, slug=slug)
    form = UploadForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        file = form.cleaned_data["file"]
        try:
            read = recording_files.read(incident, file, file_name=file.name, by=request.user)
        except recording_files.Refused as no:
            form.add_error("file", str(no))
        else:
            return redirect("notifications:record_file", slug, read.pk)
    return render(request, "notifications/staff/record_upload.html", {
        "incident": incident, "room": "notices", "form": form,
        "earlier": incident.record_uploads.filter(recorded__gt=0).select_related("by")[:20],
    }, status=422 if form.errors else 200)  # fmt: skip


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@staff("send")
def file(request: StaffRequest, slug: str, pk: int) -> HttpResponse:
    """What was read of it; the button names the number of people."""
    read = _upload(slug, pk)
    if request.method == "POST":
        try:
            count = recording_files.record(read, by=request.user)
        except recording.CannotRecord as no:
            messages.error(request, str(no))
            return redirect("notifications:record_file", slug, pk)
        messages.success(request, f"On record: {count:,} letters, calls or meetings. Their accounts count as told.")
        return redirect("notifications:record_upload", slug)
    return render(request, "notifications/staff/record_file.html", {
        "incident": read.incident, "room": "notices", "upload": read, "count": len(read.rows),
        "people": len({row["affected"] for row in read.rows}),
        "rows": read.rows[:SHOWN], "problems": read.problems[:SHOWN], "problem_count": len(read.problems),
    })  # fmt: skip


@require_POST
@staff("send")
def put_away(request: StaffRequest, slug: str, pk: int) -> HttpResponse:
    recording_files.put_away(_upload(slug, pk), at=timezone.now())
    messages.success(request, "Put away. Nothing of it is on record.")
    return redirect("notifications:record_upload", slug)


def _upload(slug: str, pk: int) -> RecordUpload:
    return get_object_or_404(RecordUpload.objects.select_related("incident"), incident__slug=slug, pk=pk)
