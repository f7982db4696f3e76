"""Forms of what happened, what we did, and how many it concerns: rows with a moment of their own."""

from typing import Any

from django import forms

from incidents.forms.guidance import IN_UTC, MARKDOWN, text
from incidents.forms.moments import MomentForm, NotAMoment, parse
from incidents.forms.rows import Moments
from incidents.models import Measure, ScopeEstimate, TimelineEvent


class EventForm(MomentForm):
    field_words = {
        "text": ("What happened", "One or two sentences. " + MARKDOWN),
        "kind": ("Kind", ""),
        "marks": ("Key date", "Every incident has these six, known or not."),
        "uncertain": ("Believed, not established", "The page says so."),
        "note": ("In a few words", "What the moment rests on."),
    }
    field_order = [
        "started_from", "text", "kind", "date", "time", "zone", "ends", "unknown_because", "uncertain", "marks", "note",
    ]  # fmt: skip

    ends = forms.CharField(
        required=False, max_length=20, label="Until",
        help_text="For what lasted: 2018-01-03, or 2018-01-03 18:00, in the same zone.",
        widget=forms.TextInput(attrs={"class": "input-short", "autocomplete": "off"}),
    )  # fmt: skip

    class Meta:
        model = TimelineEvent
        fields = ["text", "kind", "uncertain", "marks", "note"]
        widgets = {"text": text(3)}

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        until, at = self.instance.until, self.instance.as_written()
        if until and at:
            form = "%Y-%m-%d %H:%M" if self.initial.get("time") else "%Y-%m-%d"
            self.initial["ends"] = until.astimezone(at.tzinfo).strftime(form)
        marks: Any = self.fields["marks"]
        marks.choices = [("", "None of them"), *TimelineEvent.Marks.choices]

    def clean(self) -> dict[str, Any]:
        data = super().clean()
        event = self.instance
        event.until = self._end(data)
        if event.until and event.at and event.until < event.at:
            self.add_error("ends", "It ends before it began.")
        if data.get("marks") and self.taken(marks=data["marks"]):
            self.add_error("marks", "Another event already is this key date. Change that one first.")
        return data

    def _end(self, data: dict[str, Any]) -> Any:
        ends = data.get("ends", "").strip()
        if not ends:
            return None
        if self.instance.at is None:
            self.add_error("ends", "An end needs a beginning: write the date above.")
            return None
        date, _, time = ends.replace("T", " ").partition(" ")
        try:
            return parse(date=date, time=time.strip(), zone=data.get("zone", "")).at
        except NotAMoment as problem:
            self.add_error("ends", str(problem))
            return None


class EstimateForm(MomentForm):
    field_words = {
        "of_what": ("What is counted", "customers, users, projects …"),
        "bound": ("How many", ""),
        "value": ("Number", "Empty for all, most and not known yet."),
        "unit": ("Unit", "percent, or the thing itself."),
        "certainty": ("How sure we are", ""),
        "words": ("In words", "Only where numbers do not say it."),
        "basis": ("What it rests on", "Our own investigation, somebody's statement …"),
        "revises": (
            "Replaces the earlier estimate",
            "A newer estimate revises; it does not say the earlier one was wrong.",
        ),
    }
    field_order = [
        "started_from", "bound", "value", "unit", "of_what", "certainty", "date", "time", "zone", "unknown_because",
        "words", "basis", "revises",
    ]  # fmt: skip

    class Meta:
        model = ScopeEstimate
        fields = ["bound", "value", "unit", "of_what", "certainty", "words", "basis", "revises"]
        widgets = {
            "words": text(3),
            "value": forms.NumberInput(attrs={"class": "input-short", "step": "any"}),
        }

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.fields["date"].label = "As of"
        revises: Any = self.fields["revises"]
        revises.queryset, revises.empty_label = self.incident.estimates.exclude(pk=self.instance.pk), "None"

    def clean(self) -> dict[str, Any]:
        data = super().clean()
        bound, value = data.get("bound"), data.get("value")
        if value is None and bound not in {"all", "most", "not_known"} and "value" not in self.errors:
            self.add_error("value", "Write the number; only all, most and not known yet go without one.")
        if value is not None and value < 0:
            self.add_error("value", "Fewer than nobody cannot be affected.")
        elif value is not None and data.get("unit") == "percent" and value > 100:
            self.add_error("value", "More than 100 percent cannot be affected.")
        if data.get("revises") and self.taken(revises=data["revises"]):
            self.add_error("revises", "Another estimate already replaces that one. Choose the newest.")
        return data


class MeasureForm(MomentForm):
    field_words = {
        "text": ("What we did", "One or two sentences. " + MARKDOWN),
        "promised": ("Promised, not done yet", "It stands on the page as a promise, and here until it is kept."),
        "due_at": ("Promised by", IN_UTC),
    }
    field_order = ["started_from", "text", "date", "time", "zone", "unknown_because", "promised", "due_at"]

    class Meta:
        model = Measure
        fields = ["text", "promised", "due_at"]
        widgets = {"text": text(4), "due_at": Moments()}

    def clean(self) -> dict[str, Any]:
        # A promise has no moment yet, and needs no reason for that.
        self.when_is_required = not self.cleaned_data.get("promised")
        data = super().clean()
        if data.get("due_at") and not data.get("promised"):
            self.add_error("due_at", "Only a promise falls due. Tick “Promised” or leave this empty.")
        return data
