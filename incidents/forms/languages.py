"""All texts of an incident beside their translations into one language, as one form."""

from collections.abc import Iterator
from typing import Any

from django import forms

from accounts.languages import direction
from incidents.documents.translated import Text
from incidents.translating import Change, stamp

LONGEST = 20_000
SECTIONS = {
    "incident": "The incident", "updates": "Updates", "correction": "Updates", "events": "What happened when",
    "estimates": "How many are affected", "segments": "Segments", "exposures": "What was exposed", "steps": "Steps",
    "measures": "What we did", "indicators": "Indicators", "faq": "Questions", "contacts": "Contacts",
    "references": "References",
}  # fmt: skip
NAMES = {
    "title": "Title", "summary": "Summary", "not_contacted_words": "Who is affected and not contacted", "body": "Text",
    "text": "Text", "note": "Note", "unknown_because": "Why the moment is not known", "of_what": "Of what",
    "unit": "Unit", "words": "In words", "basis": "What it rests on", "name": "Name", "guidance": "Guidance",
    "data_class": "Kind of data", "how": "How", "why": "Why", "if_not": "What if not", "question": "Question",
    "answer": "Answer", "role": "Role", "label": "Label", "what": "What was wrong", "was": "From", "now": "To",
}  # fmt: skip
STATES = {"translated": "Translated", "stale": "The original changed", "missing": "Not translated"}


class LanguageForm(forms.Form):
    """For each text its words, what they were when the form was opened, and that they still fit a changed original."""

    def __init__(self, *args: Any, texts: list[Text], language: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.label_suffix = ""
        self.texts, self.language = texts, language
        for text in texts:
            self._add(text)

    def _add(self, text: Text) -> None:
        newest, lines = text.newest.get(self.language), min(12, 1 + len(text.original) // 40)
        self.fields[text.key] = forms.CharField(
            label=NAMES[text.field], required=False, max_length=LONGEST, initial=newest.words if newest else "",
            widget=forms.Textarea(
                attrs={"rows": lines, "lang": self.language, "dir": direction(self.language),
                       "aria-describedby": f"original-{text.key}"},
            ),
        )  # fmt: skip
        self.fields[f"{text.key}-stamp"] = forms.CharField(
            widget=forms.HiddenInput, required=False, initial=stamp(text, self.language)
        )
        if text.state(self.language) == "stale":
            self.fields[f"{text.key}-fits"] = forms.BooleanField(
                label="The translation still fits as it is", required=False
            )

    def rows(self) -> Iterator[dict]:
        """What the page shows of each text, section by section."""
        before = ""
        for text in self.texts:
            section, state = SECTIONS[text.section], text.state(self.language)
            newest, fits = text.newest.get(self.language), f"{text.key}-fits"
            yield {
                "section": section if section != before else "", "text": text, "name": NAMES[text.field],
                "state": state, "state_word": STATES[state],
                "field": self[text.key], "stamp": self[f"{text.key}-stamp"],
                "fits": self[fits] if fits in self.fields else None,
                "translated_from": newest.of if newest and state == "stale" else "",
                "is_draft": newest is not None and newest.published_at is None,
            }  # fmt: skip
            before = section

    def changes(self) -> list[Change]:
        """Texts whose words were changed, and those that are said to fit a changed original."""
        return [
            Change(text.key, self.cleaned_data[text.key], self.cleaned_data[f"{text.key}-stamp"])
            for text in self.texts
            if text.key in self.changed_data or self.cleaned_data.get(f"{text.key}-fits")
        ]

    def take_over(self, theirs: dict[str, Text]) -> list[dict[str, str]]:
        """The next save goes on top of what stands there now; both texts of each, to be compared."""
        stamps = {f"{key}-stamp": stamp(text, self.language) for key, text in theirs.items()}
        self.data = dict(self.data.items()) | stamps
        return [
            {"label": NAMES[text.field], "theirs": text.newest[self.language].words if self.language in text.newest
             else "", "yours": self.cleaned_data[key]}
            for key, text in theirs.items()
        ]  # fmt: skip
