"""Templates: words to begin from, kept before the night they are needed."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Q
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import typed
from accounts.access import StaffRequest, staff
from incidents import templates
from incidents.models import Template
from notifications import composing
from notifications.forms_templates import TemplateForm

PER_PAGE = 50


@require_safe
@staff("read_room")
def template_list(request: StaffRequest) -> HttpResponse:
    wanted, kind, case = (typed.words(request.GET.get(name, "")).strip() for name in ("q", "kind", "case"))
    away = request.GET.get("away") == "yes"
    rows = Template.objects.filter(put_away_at__isnull=not away).select_related("counsel_by", "changed_by")
    if kind in Template.Kind.values:
        rows = rows.filter(kind=kind)
    if case in Template.Case.values:
        rows = rows.filter(case=case)
    if wanted:
        rows = rows.filter(Q(name__icontains=wanted) | Q(words__icontains=wanted))
    return render(request, "notifications/staff/templates.html", {
        "room": "templates", "page": Paginator(rows, PER_PAGE).get_page(request.GET.get("page")),
        "wanted": wanted, "kind": kind, "case": case, "away": away,
        "kinds": Template.Kind.choices, "cases": Template.Case.choices,
    })  # fmt: skip


@require_http_methods(["GET", "HEAD", "POST"])
@staff("write")
def new(request: StaffRequest, kind: str) -> HttpResponse:
    if kind not in Template.Kind.values:
        raise Http404("There is no such kind of template.")
    return _edit(request, Template(kind=kind, words={}))


@require_http_methods(["GET", "HEAD", "POST"])
@staff("write")
def edit(request: StaffRequest, pk: int) -> HttpResponse:
    return _edit(request, get_object_or_404(Template, pk=pk))


@require_safe
@staff("read_room")
def template(request: StaffRequest, pk: int) -> HttpResponse:
    one = get_object_or_404(Template.objects.select_related("counsel_by", "changed_by"), pk=pk)
    return render(request, "notifications/staff/template.html", {"room": "templates", "template": one, "said": [
        (label, one.words[name]) for name, label in templates.FIELDS[one.kind].items() if one.words.get(name)
    ]})  # fmt: skip


@require_POST
@staff("decide")
def approve(request: StaffRequest, pk: int) -> HttpResponse:
    one = get_object_or_404(Template, pk=pk)
    try:
        templates.approve(one, started_from=typed.number(request.POST.get("started_from")) or 0, by=request.user)
    except templates.EditedMeanwhile:
        messages.error(request, "Nothing was approved: somebody changed the words after you opened them. Read them.")
    except templates.OwnWords:
        messages.error(request, "Nothing was approved: you changed these words last, so somebody else approves them.")
    else:
        messages.success(request, "Approved for counsel, exactly as it stands. Any change ends the approval.")
    return redirect("notifications:template", pk)


@require_POST
@staff("write")
def put_away(request: StaffRequest, pk: int) -> HttpResponse:
    one, away = get_object_or_404(Template, pk=pk), request.POST.get("away") == "yes"
    if not templates.put_away(one, away=away, by=request.user):
        messages.info(request, "Nothing was changed: it stood that way already.")
    elif away:
        messages.success(request, "The template is put away: nobody begins from it until it is taken up again.")
    else:
        messages.success(request, "The template is taken up again.")
    return redirect("notifications:template", pk)


def _edit(request: StaffRequest, one: Template) -> HttpResponse:
    data = request.POST.copy() if request.method == "POST" else None
    form, is_new = TemplateForm(data, instance=one), one.pk is None
    if data is not None and form.is_valid():
        try:
            templates.save(one, started_from=form.cleaned_data["started_from"], by=request.user)
        except templates.EditedMeanwhile:
            theirs = Template.objects.get(pk=one.pk)
            data["started_from"] = str(theirs.edits)
            form.add_error(None, "Somebody else saved this template while you wrote; your words stand below. Open it "
                                 "in another window and compare, then save again.")  # fmt: skip
        else:
            messages.success(request, "The template is saved. What was begun from it before stays as it is.")
            return redirect("notifications:template", one.pk)
    is_notice = one.kind == Template.Kind.NOTICE
    return render(request, "notifications/staff/template_edit.html", {
        "room": "templates", "template": one, "is_new": is_new, "form": form,
        "variables": composing.VARIABLES if is_notice else templates.VARIABLES,
    }, status=422 if form.errors else 200)  # fmt: skip
