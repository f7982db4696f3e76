"""One form for each section of the guidance (those with a moment: happened). What the database would refuse is said
here in words first.
"""

from collections.abc import Iterable
from typing import Any

from django import forms
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from incidents import veris
from incidents.audience import rules
from incidents.forms.rows import EditForm, Moments
from incidents.models import (
    Contact,
    Exposure,
    FAQEntry,
    Indicator,
    Reference,
    Segment,
    Step,
)

MARKDOWN = "Markdown: **bold**, lists, [words](https://…)."
IN_UTC = "In UTC."
KINDS_OF_DATA = list(veris.VARIETIES.values())


def text(rows: int) -> forms.Textarea:
    return forms.Textarea(attrs={"rows": rows})


class Suggested(forms.TextInput):
    """Any words, with some of ours to choose from."""

    def __init__(self, words: Iterable[str]) -> None:
        super().__init__()
        self.words = list(words)

    def render(self, name: str, value: Any, attrs: dict | None = None, renderer: Any = None) -> SafeString:
        choices = f"{(attrs or {}).get('id', name)}_words"
        words = format_html_join("", '<option value="{}">', ((word,) for word in self.words))
        field = super().render(name, value, (attrs or {}) | {"list": choices}, renderer)
        return format_html('{}<datalist id="{}">{}</datalist>', field, choices, words)


class RuleField(forms.CharField):
    """One condition in a line; see audience.rules."""

    widget = forms.Textarea(attrs={"rows": 4, "spellcheck": "false"})

    def prepare_value(self, value: Any) -> str:
        return rules.in_words(value) if isinstance(value, dict) else value or ""

    def to_python(self, value: Any) -> Any:
        if isinstance(value, dict):
            return value
        try:
            return rules.read(value or "")
        except rules.NotARule as problem:
            raise forms.ValidationError(str(problem)) from None

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            return (initial or {}) != self.to_python(data)
        except forms.ValidationError:
            return True

    def run_validators(self, value: Any) -> None:
        """Reading it was all there is to check."""


class ExposureForm(EditForm):
    field_words = {
        "data_class": ("What kind of data", "API keys, email addresses, card data …"),
        "segment": ("Whose", ""),
        "status": ("Was it exposed?", "“Not exposed” is news, too: readers fear for it."),
        "note": ("In a few words", "What limits it, or what it rests on."),
        "veris": ("Counted in statistics as", f"After VERIS {veris.SCHEMA}; the page does not say it."),
    }
    veris = forms.ChoiceField(required=False, choices=[("", "Not said"), *veris.choices()])

    class Meta:
        model = Exposure
        fields = ["data_class", "segment", "status", "note", "veris"]
        widgets = {"data_class": Suggested(KINDS_OF_DATA)}

    def clean_veris(self) -> str:
        """Our own words for a kind of data carry its code with them."""
        return self.cleaned_data["veris"] or veris.code_of(self.cleaned_data.get("data_class", ""))

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if data.get("data_class") and self.taken(data_class=data["data_class"], segment=data.get("segment")):
            self.add_error(
                "data_class", "This kind of data already stands in the list for these accounts. Edit that one."
            )
        return data


class SegmentForm(EditForm):
    field_words = {
        "name": ("Name", "As these people would call themselves: API customers."),
        "key": (
            "Word in the import file",
            "Small letters, digits and hyphens; it stands in the file's segment column.",
        ),
        "guidance": ("What we say to them", MARKDOWN),
        "receives_notice": ("They get a notice", "No: the page speaks to them and nobody writes to them."),
        "rule": (
            "Who is in it by rule",
            "One condition in a line; all must hold: plan is enterprise · plan is one of pro, enterprise · last_used"
            " after 2018-01-01 · calls more than 100 · certainty is possible · country is DE, AT · security address at"
            " example.com. Empty: only the file says who is in it.",
        ),
    }
    rule = RuleField(required=False, max_length=4000)

    class Meta:
        model = Segment
        fields = ["name", "key", "guidance", "receives_notice", "rule"]
        widgets = {"guidance": text(6)}

    def clean_key(self) -> str:
        key = self.cleaned_data["key"]
        if self.taken(key=key):
            raise forms.ValidationError(f"Another segment of this incident already has the word “{key}”.")
        return key


class StepForm(EditForm):
    field_words = {
        "title": ("Step", "A verb first: Rotate your API keys."),
        "segment": ("For whom", ""),
        "how": ("How", "Where to go, what to press. " + MARKDOWN),
        "why": ("Why", ""),
        "if_not": ("If it is not done", "What happens then."),
        "url": ("Where it is done", "The address of one of our own pages."),
        "due_at": ("Due", IN_UTC),
        "cut_off": ("Concerns what was made before", IN_UTC + " For keys and passwords made before a moment."),
        "ends_exposure": ("While this is open, an exposed key still works", "Counted on the overview as still live."),
        "for_affected_only": ("Only for those affected", "No: everyone should do it."),
    }

    class Meta:
        model = Step
        fields = [
            "title", "segment", "how", "why", "if_not", "url", "due_at", "cut_off", "ends_exposure",
            "for_affected_only",
        ]  # fmt: skip
        widgets = {
            "how": text(5), "why": text(3), "if_not": text(3), "due_at": Moments(), "cut_off": Moments(),
        }  # fmt: skip


class IndicatorForm(EditForm):
    field_words = {
        "kind": ("Kind", ""),
        "value": ("Value", "As it is, not defanged: the page makes it harmless."),
        "note": ("In a few words", "Where to look for it, and what it means."),
    }

    class Meta:
        model = Indicator
        fields = ["kind", "value", "note"]

    def clean_value(self) -> str:
        value = self.cleaned_data["value"].strip()
        return (
            value.replace("[.]", ".").replace("hxxp", "http") if self.data.get("kind") in {"domain", "url"} else value
        )

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if data.get("value") and self.taken(kind=data.get("kind"), value=data["value"]):
            self.add_error("value", "This indicator already stands in the list.")
        return data


class FAQForm(EditForm):
    field_words = {
        "question": ("Question", "As a reader would ask it."),
        "answer": ("Answer", "Empty: it waits here, and stays off the page. " + MARKDOWN),
    }

    class Meta:
        model = FAQEntry
        fields = ["question", "answer"]
        widgets = {"answer": text(8)}


class ContactForm(EditForm):
    field_words = {
        "role": ("Who", "security, media, support …"),
        "value": ("How to reach them", "An email address, a phone number or the address of a page."),
        "label": ("For what", "Questions about this incident."),
    }

    class Meta:
        model = Contact
        fields = ["role", "value", "label"]


class ReferenceForm(EditForm):
    field_words = {
        "url": ("Address", "https://…"),
        "label": ("Its words on the page", ""),
    }

    class Meta:
        model = Reference
        fields = ["url", "label"]
