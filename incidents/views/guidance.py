"""What was exposed, what to do, what we did, what to look for: sections of rows with the same few acts on each."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.db.models import Count, OuterRef, Subquery
from django.db.models.functions import Coalesce
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST

from accounts import approvals
from accounts.access import StaffRequest, staff
from accounts.models import Approval
from incidents import drafting
from incidents.audience import rules
from incidents.forms import guidance as forms
from incidents.forms import happened
from incidents.forms.rows import EditForm
from incidents.models import Incident, Moment, Template
from incidents.views import beginning, conflicts
from incidents.views.ended import say_what_it_ends


@dataclass(frozen=True)
class Section:
    """One kind of row. `columns`: what a line of the list says beside the row itself, by heading."""

    related: str  # name of the incident's related manager
    title: str
    one: str
    form: type[EditForm]
    what: str  # what stands here, for whoever finds it empty
    columns: tuple[tuple[str, Callable[[Any], object]], ...]
    with_segment: bool = False
    by_moment: bool = False  # the moment orders it; a place among equals is all that can be chosen

    @property
    def model(self) -> Any:
        return self.form._meta.model

    @property
    def a_new_one(self) -> str:
        return f"{'an' if self.one[0] in 'aeiou' else 'a'} {self.one}"


def whose(row: Any) -> str:
    return row.segment.name if row.segment else "everyone affected"


def how_many(row: Any) -> str:
    value = f"{row.value.normalize():f}" if row.value is not None else ""
    return f"{row.get_bound_display()} {value} {row.unit if value else ''}"


def promise(row: Any) -> str:
    if row.promised:
        return f"promised by {row.due_at:%-d %B %Y, %H:%M} UTC" if row.due_at else "promised"
    return row.in_words()


SECTIONS: dict[str, Section] = {
    "exposures": Section(
        "exposures", "Exposure", "kind of data", forms.ExposureForm,
        "What was exposed, what may have been, and what was not: the first thing a reader looks for.",
        (
            ("Was it?", lambda row: row.get_status_display()), ("Whose", whose), ("Note", lambda row: row.note),
            ("VERIS", lambda row: row.veris),
        ),
        with_segment=True,
    ),
    "segments": Section(
        "segments", "Segments", "segment", forms.SegmentForm,
        "Classes of affected accounts with the same exposure and the same steps. The import file names them.",
        (
            ("In the file", lambda row: row.key),
            ("Gets a notice", lambda row: "yes" if row.receives_notice else "no: only the page speaks to them"),
            ("By rule", lambda row: "; ".join(rules.in_words(row.rule).splitlines())),
        ),
    ),
    "steps": Section(
        "steps", "Steps", "step", forms.StepForm,
        "What an affected person should do, the most urgent first. Each can tick them in their notice.",
        (
            ("For", whose),
            ("Due", lambda row: f"{row.due_at:%-d %B %Y, %H:%M} UTC" if row.due_at else "now"),
            ("While open", lambda row: "an exposed key still works" if row.ends_exposure else ""),
        ),
        with_segment=True,
    ),
    "measures": Section(
        "measures", "Measures", "measure", happened.MeasureForm,
        "What we did, and what we promised to do.",
        (("When", promise),),
    ),
    "events": Section(
        "events", "Key dates", "date", happened.EventForm,
        "What happened and when, as exactly as it is known: the attack, how we noticed, how we closed the way in.",
        (
            ("When", Moment.in_words),
            ("Kind", lambda row: row.get_kind_display()),
            ("Key date", lambda row: row.get_marks_display() if row.marks else ""),
            ("How sure", lambda row: "believed" if row.uncertain else ""),
        ),
        by_moment=True,
    ),
    "estimates": Section(
        "estimates", "Estimates", "estimate", happened.EstimateForm,
        "How many are affected, how sure we are, and as of when. A newer estimate revises an older one.",
        (("How many", how_many), ("How sure", lambda row: row.get_certainty_display()), ("As of", Moment.in_words)),
    ),
    "indicators": Section(
        "indicators", "Indicators", "indicator", forms.IndicatorForm,
        "What readers can search their own logs for: addresses, domains, hashes, time windows.",
        (("Kind", lambda row: row.get_kind_display()), ("Note", lambda row: row.note)),
    ),
    "faq": Section(
        "faq", "Questions", "question", forms.FAQForm,
        "Questions as readers ask them. One without an answer waits here and stays off the page.",
        (("Answer", lambda row: "answered" if row.answer else "not answered yet: stays off the page"),),
    ),
    "contacts": Section(
        "contacts", "Contacts", "contact", forms.ContactForm,
        "Whom to ask, by role.",
        (("Who", lambda row: row.role), ("For what", lambda row: row.label)),
    ),
    "references": Section(
        "references", "References", "reference", forms.ReferenceForm,
        "Public pages about the incident, ours or somebody else's.",
        (("Address", lambda row: row.url),),
    ),
}  # fmt: skip

TEMPLATES = {"steps": Template.Kind.STEP, "faq": Template.Kind.QUESTION}


@staff("read_room")
def guidance(request: StaffRequest, slug: str, section: str = "exposures") -> HttpResponse:
    kind = _section(section)
    incident = get_object_or_404(Incident.objects.annotate(**_counts()), slug=slug)
    rows = list(getattr(incident, kind.related).select_related(*(["segment"] if kind.with_segment else [])))
    context = {
        "incident": incident, "room": "guidance", "key": section, "section": kind,
        "sections": [(key, one.title, getattr(incident, f"count_of_{key}")) for key, one in SECTIONS.items()],
        "lines": _lines(kind, rows),
    }  # fmt: skip
    return render(request, "incidents/staff/guidance.html", context)


@staff("write")
def add(request: StaffRequest, slug: str, section: str) -> HttpResponse:
    kind = _section(section)
    row = kind.model(incident=get_object_or_404(Incident, slug=slug))
    begins, kept = {}, TEMPLATES.get(section)
    if kept:
        begins = beginning.begun(request, kept, incident=row.incident)
    form = kind.form(request.POST or None, instance=row, initial=begins)
    if request.method == "POST" and form.is_valid():
        with say_what_it_ends(request, row.incident):
            drafting.add(form.save(commit=False), by=request.user)
        messages.success(request, f"The {kind.one} is saved. It reaches the page with the next publication.")
        return _after(form, slug, section)
    more = beginning.choices(request, kept) if kept else {}
    return _page(request, "row_edit", row, section, form=form, **more)


@staff("write")
def edit(request: StaffRequest, slug: str, section: str, pk: int) -> HttpResponse:
    kind, row = _row(slug, section, pk)
    form, conflict = kind.form(request.POST or None, instance=row), None
    if request.method == "POST" and form.is_valid():
        try:
            with say_what_it_ends(request, row.incident):
                drafting.save(
                    form.save(commit=False), changed=form.changes,
                    started_from=form.cleaned_data["started_from"] or 0, by=request.user,
                )  # fmt: skip
        except drafting.EditedMeanwhile as problem:
            conflict = conflicts.shown(form, problem)
        else:
            messages.success(request, f"The {kind.one} is saved. It reaches the page with the next publication.")
            return _after(form, slug, section)
    return _page(request, "row_edit", row, section, form=form, conflict=conflict)


@staff("write")
def delete(request: StaffRequest, slug: str, section: str, pk: int) -> HttpResponse:
    kind, row = _row(slug, section, pk)
    if request.method == "POST":
        try:
            with say_what_it_ends(request, row.incident):
                drafting.delete(row, by=request.user)
        except drafting.InUse as problem:
            messages.error(request, f"Nothing was deleted. {problem}")
        else:
            messages.success(request, f"The {kind.one} is deleted.")
        return redirect("incidents:section", slug, section)
    return _page(request, "row_delete", row, section, goes_too=_goes_too(section, row))


@require_POST
@staff("write")
def move(request: StaffRequest, slug: str, section: str, pk: int) -> HttpResponse:
    kind, row = _row(slug, section, pk)
    up = request.POST.get("to") == "up"
    with say_what_it_ends(request, row.incident):
        moved = drafting.move(row, up=up, by=request.user)
    if moved:
        messages.success(request, f"The {kind.one} stands one place {'higher' if up else 'lower'}.")
    else:
        messages.info(request, f"The {kind.one} already stands {'first' if up else 'last'}.")
    return redirect("incidents:section", slug, section)


@require_POST
@staff("write")
def hold(request: StaffRequest, slug: str, section: str, pk: int) -> HttpResponse:
    kind, row = _row(slug, section, pk)
    held = request.POST.get("held") == "yes"
    with say_what_it_ends(request, row.incident):
        changed = drafting.hold_back(row, held=held, by=request.user)
    if not changed:
        messages.info(request, "Nothing was changed: it stood that way already.")
    elif held:
        messages.success(request, f"The {kind.one} is held back: the next publication leaves it out.")
    else:
        messages.success(request, f"The {kind.one} is let through: the next publication carries it.")
    return redirect("incidents:section", slug, section)


def _after(form: EditForm, slug: str, section: str) -> HttpResponse:
    """A new rule of a segment says next whom it would hold."""
    row: Any = form.instance
    if section == "segments" and "rule" in form.changes and row.rule:
        return redirect("incidents:segment_rule", slug, row.pk)
    return redirect("incidents:section", slug, section)


def _section(key: str) -> Section:
    if key not in SECTIONS:
        raise Http404("There is no such section of the guidance.")
    return SECTIONS[key]


def _row(slug: str, section: str, pk: int) -> tuple[Section, Any]:
    kind = _section(section)
    rows = kind.model._default_manager.select_related("incident", *(["segment"] if kind.with_segment else []))
    return kind, get_object_or_404(rows, incident__slug=slug, pk=pk)


def _page(request: StaffRequest, template: str, row: Any, section: str, **more: Any) -> HttpResponse:
    kind = SECTIONS[section]
    context = {
        "incident": row.incident, "room": "guidance", "key": section, "section": kind, "row": row, "said": _said(row),
        "waits": approvals.living(Approval.Act.PUBLISH, row.incident), **more,
    }  # fmt: skip
    form = more.get("form")
    status = 409 if more.get("conflict") else 422 if form is not None and form.errors else 200
    return render(request, f"incidents/staff/{template}.html", context, status=status)


def _counts() -> dict[str, Coalesce]:
    """The number of rows of every section, in the query that fetches the incident."""

    def count(model: Any) -> Coalesce:
        rows = model._default_manager.filter(incident=OuterRef("pk")).order_by().values("incident")
        return Coalesce(Subquery(rows.annotate(count=Count("pk")).values("count")), 0)

    return {f"count_of_{key}": count(section.model) for key, section in SECTIONS.items()}


def _lines(kind: Section, rows: list) -> list[dict]:
    """Each row with what is said of it, and whether it can go up or down from where it stands."""

    def may_pass(one: Any, other: Any) -> bool:
        return not kind.by_moment or one.at == other.at

    return [
        {
            "row": row, "said": _said(row), "cells": [(heading, say(row)) for heading, say in kind.columns],
            "up": number > 0 and may_pass(row, rows[number - 1]),
            "down": number + 1 < len(rows) and may_pass(row, rows[number + 1]),
        }
        for number, row in enumerate(rows)
    ]  # fmt: skip


def _said(row: Any) -> str:
    """The row in its own words."""
    for name in ("text", "title", "data_class", "question", "of_what", "name", "value", "label", "url"):
        if getattr(row, name, ""):
            return str(getattr(row, name))
    return ""


def _goes_too(section: str, row: Any) -> list[str]:
    """What is deleted with it, in words."""
    if section != "segments":
        return []
    counts = {"kinds of data": row.exposures.count(), "steps": row.steps.count()}
    return [f"{count} {name}" for name, count in counts.items() if count]
