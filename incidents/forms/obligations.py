"""What became of a legal clock, the rules of law themselves, and a substitute notice."""

from typing import Any

from django import forms

from incidents.forms.moments import MomentForm, NotAMoment, named_zone
from incidents.forms.rows import EditForm, Lines
from incidents.models import Decision, LawRule, ObligationEntry, SubstituteNotice
from incidents.obligations import reckoning
from incidents.obligations.standing import Reading

TRIGGERS = ("aware", "high_risk", "material", "major", "scope_final")


class MetForm(MomentForm):
    """When it was met and what proves it."""

    field_words = {
        "proof": ("What proves it", ""),
        "reference": ("Reference", "Mailing 3, the number that the authority’s portal gave, the sign of the letter."),
        "reasons": ("Why it was late", "Only where it was met after its end."),
    }
    field_order = ["started_from", "date", "time", "zone", "proof", "reference", "reasons"]

    class Meta:
        model = ObligationEntry
        fields = ["proof", "reference", "reasons"]
        widgets = {"reasons": forms.Textarea(attrs={"rows": 3})}

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        del self.fields["unknown_because"]
        self.fields["date"].label, self.fields["date"].help_text = "Met on", "2018-01-03"
        for name in ("date", "proof", "reference"):
            self.fields[name].required = True

    def clean(self) -> dict[str, Any]:
        data = super().clean()
        if self.instance.precision in {"month", "year"}:
            self.add_error("date", "Write the whole date: year, month and day.")
        return data


class ReasonsForm(forms.Form):
    reasons = forms.CharField(label="Why", widget=forms.Textarea(attrs={"rows": 4}))

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.label_suffix = ""


class ReadingForm(ReasonsForm):
    """Which reading counts, where sources contradict each other."""

    reading = forms.TypedChoiceField(label="How it is counted", coerce=int, widget=forms.RadioSelect)
    field_order = ["reading", "reasons"]

    def __init__(self, *args, readings: list[Reading], **kwargs) -> None:
        super().__init__(*args, **kwargs)
        choice: Any = self.fields["reading"]
        choice.choices = [(one.number, f"{one.words} ({one.source})") for one in readings]


class RuleForm(forms.ModelForm):
    """The next version of a rule."""

    jurisdictions = Lines(
        required=False, label="Jurisdictions",
        help_text="One a line, as in the list of accounts: DE, US-CA, US. Empty: not by place.",
    )  # fmt: skip
    readings = forms.JSONField(
        required=False, label="Other readings", widget=forms.Textarea(attrs={"rows": 4}),
        help_text="A list; each names words, source and what differs: amount, unit, counts_from, rolls, calendar.",
    )  # fmt: skip
    started_from = forms.IntegerField(widget=forms.HiddenInput, required=False)

    class Meta:
        model = LawRule
        fields = [
            "key", "regime", "title", "citation", "source", "checked_on", "checked_against", "trigger", "after",
            "amount", "unit", "counts_from", "ends", "ends_clock", "rolls", "calendar", "zone", "recipient", "to",
            "may_be_held", "jurisdictions", "threshold", "threshold_of", "contradiction", "readings", "note",
        ]  # fmt: skip
        labels = {
            "key": "Key", "title": "What has to be done", "source": "Address of the official text",
            "checked_on": "Last checked on", "checked_against": "Compared with", "trigger": "Runs from the decision",
            "after": "Or from the proof of this rule", "amount": "Term", "counts_from": "Counted",
            "ends": "Ends", "ends_clock": "End of that day for the recipient", "rolls": "Moves to a business day",
            "to": "Recipient in words", "may_be_held": "Law enforcement may hold it", "threshold": "Applies from",
            "threshold_of": "Counted for that", "contradiction": "Where sources contradict each other",
        }  # fmt: skip
        widgets = {name: forms.Textarea(attrs={"rows": 3}) for name in ("contradiction", "note")}

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.label_suffix = ""
        self.initial["started_from"] = self.instance.number or 0
        trigger: Any = self.fields["trigger"]
        trigger.choices = [("", "None"), *((kind, Decision.Kind(kind).label) for kind in TRIGGERS)]
        if self.instance.number:
            self.fields["key"].disabled = True

    def clean_readings(self) -> list[dict[str, Any]]:
        readings = self.cleaned_data["readings"] or []
        known = {"words", "source", *LawRule.COUNTED}
        if not isinstance(readings, list) or not all(isinstance(one, dict) for one in readings):
            raise forms.ValidationError("Write a list of readings: [{…}, {…}].")
        for one in readings:
            if strange := set(one) - known:
                raise forms.ValidationError(f"A reading does not know “{sorted(strange)[0]}”.")
            if not (one.get("words") and one.get("source")):
                raise forms.ValidationError("Each reading needs its words and its source.")
        return readings

    def clean_calendar(self) -> str:
        calendar = self.cleaned_data["calendar"].strip()
        try:
            reckoning.check_calendar(calendar)
        except reckoning.NoSuchCalendar as problem:
            raise forms.ValidationError(str(problem)) from problem
        return calendar

    def clean_zone(self) -> str:
        zone = self.cleaned_data["zone"].strip()
        try:
            if zone and not hasattr(named_zone(zone), "key"):
                raise forms.ValidationError("Write a place: Europe/Berlin, America/New_York.")
        except NotAMoment as problem:
            raise forms.ValidationError(str(problem)) from problem
        return zone

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if (data.get("amount") is None) != (not data.get("unit")):
            self.add_error("unit", "A term needs its number and its unit; a rule without a term has neither.")
        if bool(data.get("trigger")) == bool(data.get("after")):
            self.add_error("trigger", "Choose the decision it runs from, or the rule that must be met first.")
        if data.get("after") and not LawRule.objects.filter(key=data["after"]).exclude(key=data.get("key")).exists():
            self.add_error("after", "There is no other rule of this key.")
        if data.get("checked_on") and not data.get("checked_against"):
            self.add_error("checked_against", "Say which text it was compared with.")
        return data

    def validate_unique(self) -> None:
        """A version is new: its number is given when it is written."""


class SubstituteForm(EditForm):
    field_words = {
        "means": ("How they are told instead", "The page, a notice in which newspaper, which broadcaster …"),
        "page_from": ("The page counts since (UTC)", "Empty: not by the page."),
        "page_days": ("For so many days", "HIPAA asks for 90."),
        "phone": ("Telephone number", "Free of charge for those who call."),
        "phone_from": ("The number is active from", ""),
        "phone_to": ("The number is active to", ""),
        "reasons": ("Why", "Why nobody reaches these people by a notice of their own."),
    }

    class Meta:
        model = SubstituteNotice
        fields = ["means", "page_from", "page_days", "phone", "phone_from", "phone_to", "reasons"]
        widgets = {
            "means": forms.Textarea(attrs={"rows": 3}), "reasons": forms.Textarea(attrs={"rows": 3}),
            "page_from": forms.DateTimeInput(format="%Y-%m-%dT%H:%M", attrs={"type": "datetime-local"}),
            "phone_from": forms.DateInput(attrs={"type": "date"}), "phone_to": forms.DateInput(attrs={"type": "date"}),
        }  # fmt: skip

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        phone, since, until = data.get("phone"), data.get("phone_from"), data.get("phone_to")
        if phone and not (since and until):
            self.add_error("phone_from", "Say from when to when the number is active.")
        if not phone and (since or until):
            self.add_error("phone", "There are days but no number.")
        if since and until and until < since:
            self.add_error("phone_to", "It ends before it begins.")
        return data
