"""What we say: drafts, what was said, corrections."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render

from accounts import typed
from accounts.access import StaffRequest, staff
from incidents import drafting, rewording
from incidents.forms.updates import CorrectionForm, MendForm, UpdateForm
from incidents.models import Correction, Incident, Precision, Template, Update
from incidents.views import beginning, conflicts
from incidents.views.ended import say_what_it_ends


@staff("read_room")
def updates(request: StaffRequest, slug: str) -> HttpResponse:
    incident = get_object_or_404(Incident, slug=slug)
    said = incident.updates.select_related("written_by", "correction").prefetch_related("rewordings")
    return render(request, "incidents/staff/updates.html", {"incident": incident, "updates": said, "room": "updates"})


@staff("write")
def new(request: StaffRequest, slug: str) -> HttpResponse:
    incident = get_object_or_404(Incident, slug=slug)
    first = not incident.updates.exists()
    kind = Update.Kind.HOLDING if first else Update.Kind.UPDATE
    update = Update(incident=incident, kind=kind, phase=incident.phase, at=None, precision=Precision.UNKNOWN)
    initial = beginning.begun(request, Template.Kind.UPDATE, incident=incident)
    return _write(request, UpdateForm(request.POST or None, instance=update, initial=initial))


@staff("write")
def correct(request: StaffRequest, slug: str) -> HttpResponse:
    """A new correction; ?update= names the published update whose words were wrong."""
    incident = get_object_or_404(Incident, slug=slug)
    update = Update(incident=incident, phase=incident.phase, at=None, precision=Precision.UNKNOWN)
    wrong = typed.number(request.GET.get("update"))
    initial = {}
    if wrong is not None:
        said = get_object_or_404(incident.updates.published(), pk=wrong)
        initial = {"subject": Correction.Subject.UPDATE, "corrects": said.pk}
        update.phase = said.phase
    return _write(request, CorrectionForm(request.POST or None, instance=update, initial=initial))


@staff("write")
def edit(request: StaffRequest, slug: str, pk: int) -> HttpResponse:
    update = _update(slug, pk)
    if update.published_at:
        context = {"incident": update.incident, "update": update, "room": "updates"}
        return render(request, "incidents/staff/update_said.html", context)
    form = CorrectionForm if update.kind == Update.Kind.CORRECTION else UpdateForm
    return _write(request, form(request.POST or None, instance=update))


@staff("write")
def mend(request: StaffRequest, slug: str, pk: int) -> HttpResponse:
    """A minor edit of a published update."""
    update = _update(slug, pk)
    if update.published_at is None:
        return redirect("incidents:update_edit", slug, pk)
    draft = update.rewordings.filter(published_at=None).first()
    stands = {"body": update.shall_stand(), "started_from": draft.edits if draft else 0}
    form = MendForm(request.POST or None, initial=stands)
    if form.is_valid():
        try:
            with say_what_it_ends(request, update.incident):
                rewording.reword(
                    update, body=form.cleaned_data["body"], started_from=form.cleaned_data["started_from"] or 0,
                    by=request.user,
                )  # fmt: skip
        except rewording.NotMinor as problem:
            form.add_error("body", str(problem))
        except drafting.EditedMeanwhile:
            form.add_error("body", "Somebody else mended this meanwhile. Copy your words, then open this page again.")
        else:
            messages.success(request, "The draft is saved. Nobody outside sees it before it is published.")
            return redirect("incidents:publish", slug)
    context = {"incident": update.incident, "update": update, "form": form, "room": "updates"}
    return render(request, "incidents/staff/update_mend.html", context, status=422 if form.errors else 200)


@staff("write")
def delete(request: StaffRequest, slug: str, pk: int) -> HttpResponse:
    update = _update(slug, pk)
    if request.method == "POST":
        try:
            drafting.delete(update, by=request.user)
        except (drafting.AlreadyPublished, drafting.InUse) as problem:
            messages.error(request, str(problem))
        else:
            messages.success(request, "The draft is deleted.")
        return redirect("incidents:updates", slug)
    context = {"incident": update.incident, "update": update, "room": "updates"}
    return render(request, "incidents/staff/update_delete.html", context)


def _update(slug: str, pk: int) -> Update:
    return get_object_or_404(
        Update.objects.select_related("incident", "correction", "written_by"), incident__slug=slug, pk=pk
    )


def _write(request: StaffRequest, form: UpdateForm) -> HttpResponse:
    """The form beside what readers will see; only "save" saves."""
    update, conflict = form.instance, None
    asks_to_save = request.method == "POST" and request.POST.get("act") != "preview"
    if asks_to_save and form.is_valid():
        try:
            with say_what_it_ends(request, update.incident):
                drafting.write(
                    update, getattr(form, "correction", None), changed=form.changes,
                    started_from=form.cleaned_data["started_from"] or 0,
                    next_update_by=form.cleaned_data["next_update_by"], by=request.user,
                )  # fmt: skip
        except drafting.AlreadyPublished as problem:
            messages.error(request, str(problem))
            return redirect("incidents:updates", update.incident.slug)
        except drafting.EditedMeanwhile as problem:
            conflict = conflicts.shown(form, problem)
        else:
            messages.success(request, "The draft is saved. Nobody outside sees it before it is published.")
            return redirect("incidents:updates", update.incident.slug)
    context = {
        "incident": update.incident, "update": update, "form": form, "conflict": conflict, "room": "updates",
        "said": _as_said(form), "is_correction": isinstance(form, CorrectionForm),
    }  # fmt: skip
    if update._state.adding and not context["is_correction"]:
        context |= beginning.choices(request, Template.Kind.UPDATE)
    status = 409 if conflict else 422 if asks_to_save and form.errors else 200
    return render(request, "incidents/staff/update_edit.html", context, status=status)


def _as_said(form: UpdateForm) -> dict:
    """What the preview shows, of whatever stands in the fields now, valid or not."""
    value = {name: form[name].value() or "" for name in form.fields}
    phase = value.get("phase") or Incident.Phase.INVESTIGATING
    return value | {"phase": phase, "phase_word": dict(Incident.Phase.choices).get(phase, phase)}
