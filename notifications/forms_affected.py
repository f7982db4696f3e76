"""Forms of the list of affected accounts: what it is narrowed to, and taking it out of the house."""

from collections.abc import Callable, Mapping
from typing import Any

from django import forms

from incidents.models import AffectedAccount, ImportBatch, Incident
from notifications.listing import Filter
from notifications.models import Export
from notifications.person import OUTCOMES

ANY = "Any"
MOST_WAVES = 200  # the newest
NAMED: dict[str, Callable[[Any], str]] = {
    "segment": lambda segment: segment.name[:80], "wave": lambda batch: str(batch.number),
    "step": lambda step: step.title[:80],
}  # fmt: skip


class FilterForm(forms.Form):
    """Everything may stay empty; what is wrong narrows nothing."""

    outcome = forms.ChoiceField(required=False, label="Telling")
    certainty = forms.ChoiceField(
        required=False, label="Certainty", choices=[("", ANY), *AffectedAccount.Certainty.choices]
    )
    segment = forms.ChoiceField(required=False, label="Segment")
    wave = forms.ChoiceField(required=False, label="Came with import")
    step = forms.ChoiceField(required=False, label="Step still open")
    country = forms.RegexField(
        r"^[A-Za-z]{2}(-[A-Za-z0-9]{1,3})?$", required=False, label="Country",
        widget=forms.TextInput(attrs={"class": "input-short", "placeholder": "DE"}),
        error_messages={"invalid": "Write it as in ISO 3166: DE or US-CA."},
    )  # fmt: skip
    no_email = forms.BooleanField(required=False, label="No trusted email address")

    def __init__(self, data: Mapping, *, incident: Incident, counts: Mapping[str, int] | None = None) -> None:
        """counts: how many are in each state of telling; None where counting would take long."""
        super().__init__(data)
        outcomes = [(name, word + (f" ({counts[name]:,})" if counts else "")) for name, (word, _) in OUTCOMES.items()]
        waves = incident.import_batches.filter(state=ImportBatch.State.CONFIRMED)[:MOST_WAVES]
        self.rows: dict[str, dict[str, Any]] = {
            "segment": {row.key: row for row in incident.segments.all()},
            "wave": {str(row.number): row for row in waves},
            "step": {str(row.pk): row for row in incident.steps.all()},
        }
        names = {name: [(key, NAMED[name](row)) for key, row in rows.items()] for name, rows in self.rows.items()}
        for name, choices in (names | {"outcome": outcomes}).items():
            self.fields[name].choices = [("", ANY), *choices]  # type: ignore[attr-defined]
            if not choices:
                del self.fields[name]

    def filter(self) -> Filter:
        self.is_valid()
        said = self.cleaned_data
        rows = {name: rows.get(said.get(name, "")) for name, rows in self.rows.items()}
        return Filter(**{**said, **rows, "country": said.get("country", "").upper()})


class ReasonToExportForm(forms.Form):
    because = forms.CharField(
        label="Why these people's data leave the house",
        max_length=300,
        help_text="Whoever approves it reads this, and it stands in the log: no name or address of theirs.",
        widget=forms.Textarea(attrs={"rows": 2}),
        error_messages={"required": "Say why: somebody has to judge it."},
    )

    def clean_because(self) -> str:
        because = " ".join(self.cleaned_data["because"].split())
        if "@" in because:
            raise forms.ValidationError("An address stands in it. Leave it out: this text goes into the log.")
        return because


class ExportForm(ReasonToExportForm):
    format = forms.ChoiceField(
        label="File", choices=[(one.value, one.label) for one in (Export.Format.CSV, Export.Format.XLSX)],
        initial=Export.Format.CSV, widget=forms.RadioSelect,
    )  # fmt: skip
    field_order = ["format", "because"]
