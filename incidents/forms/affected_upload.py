"""Forms for uploading a list of affected accounts: the file, how its bytes are read, what its columns mean."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django import forms
from django.utils.formats import date_format

from incidents.audience import ColumnsPreview, columns, ruling_out
from incidents.audience.columns import FACT, IGNORE, ROW, WORDS, Columns
from incidents.audience.delimited import DELIMITERS
from incidents.audience.encodings import ENCODINGS
from incidents.audience.facts import TYPES
from incidents.audience.formats import ENDINGS
from incidents.audience.source import LARGEST_FILE
from incidents.models import ImportBatch


class UploadForm(forms.Form):
    file = forms.FileField(
        label="File",
        max_length=255,
        allow_empty_file=True,  # audience.receive says what is wrong with it, and the upload is on record
        widget=forms.FileInput(attrs={"accept": ",".join([*ENDINGS, "text/csv"])}),
        help_text="CSV, TSV or Excel (.xlsx), also packed with gzip. Up to 2 GB.",
        error_messages={"required": "Choose the file that lists the affected accounts."},
    )
    mode = forms.ChoiceField(
        label="What the file is",
        initial=ImportBatch.Mode.ADD,
        widget=forms.RadioSelect,
        choices=[
            (ImportBatch.Mode.ADD, "It adds and changes. Who is missing from it stays."),
            (ImportBatch.Mode.REPLACE, "It is the whole list. Who is missing from it is ruled out."),
            (ImportBatch.Mode.RULE_OUT, "Everyone in it is ruled out."),
        ],
    )
    evidence = forms.CharField(
        label="What shows that those ruled out were not affected",
        required=False,
        max_length=5000,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="Only where the file rules somebody out: a sentence that cites a log, a query, a ticket.",
    )

    def clean_file(self):
        file = self.cleaned_data["file"]
        if file.size > LARGEST_FILE:
            raise forms.ValidationError("The file is larger than 2 GB. Split it into several files.")
        return file

    def clean(self) -> None:
        said = self.cleaned_data
        rules_out = said.get("mode", ImportBatch.Mode.ADD) != ImportBatch.Mode.ADD
        if rules_out and not ruling_out.is_evidence(said.get("evidence", "")):
            self.add_error("evidence", "Cite what shows it, in a sentence.")


FIRST_LINE = {"names": "names the columns", "data": "is data already"}


class FormatForm(forms.Form):
    """How the bytes are read: what was detected, to be changed by hand. Of a workbook only the sheet can be."""

    encoding = forms.ChoiceField(label="Letters", choices=list(ENCODINGS.items()))
    delimiter = forms.ChoiceField(label="Between the columns", choices=list(DELIMITERS.items()))
    sheet = forms.TypedChoiceField(label="Sheet", coerce=int)
    header = forms.ChoiceField(label="The first line", choices=list(FIRST_LINE.items()))

    def __init__(self, data: Any = None, *, preview: ColumnsPreview) -> None:
        form = preview.format
        self.sheets = preview.sheets
        sheet = preview.sheets.index(form.sheet) if form.sheet in preview.sheets else 0
        initial = {
            "encoding": form.encoding, "delimiter": form.delimiter, "sheet": sheet,
            "header": "names" if form.header else "data",
        }  # fmt: skip
        super().__init__(data, initial=initial)
        self.label_suffix = ""
        if form.kind == "xlsx":
            del self.fields["encoding"], self.fields["delimiter"]
            choices: Any = self.fields["sheet"]
            choices.choices = list(enumerate(preview.sheets))
        else:
            del self.fields["sheet"]

    @property
    def format(self) -> dict[str, Any]:
        """As formats.Format has it."""
        said = {name: self.cleaned_data[name] for name in ("encoding", "delimiter") if self.cleaned_data.get(name)}
        if "sheet" in self.fields:
            said["sheet"] = self.sheets[self.cleaned_data["sheet"]]
        return said | {"header": self.cleaned_data["header"] == "names"}


MEANINGS = [
    *((meaning, words[:1].upper() + words[1:]) for meaning, words in WORDS.items() if meaning != IGNORE),
    (FACT, "Personal fact"),
    (ROW, "Column of the account's table"),
    (IGNORE, "Leave it out"),
]


@dataclass(frozen=True, slots=True)
class ColumnFields:
    """One column of the file, for the page."""

    header: str
    samples: list[str]
    meaning: forms.BoundField
    name: forms.BoundField
    type: forms.BoundField


class MappingForm(forms.Form):
    """One select for each column of a file: what it means. Facts have a name and a type beside it."""

    def __init__(self, data: Any = None, *, preview: ColumnsPreview) -> None:
        super().__init__(data)
        self.preview = preview
        self.headers = preview.columns.headers
        for index, (header, meaning) in enumerate(zip(self.headers, preview.columns.meanings, strict=True)):
            self._add(index, header, meaning)

    def _add(self, index: int, header: str, meaning: str) -> None:
        what, name, kind = columns.parts(meaning)
        self.fields[f"meaning_{index}"] = forms.ChoiceField(
            label=header, choices=MEANINGS, initial=f"{what}:" if name else meaning,
            widget=forms.Select(attrs={"aria-label": f"What “{header}” is"}),
        )  # fmt: skip
        self.fields[f"name_{index}"] = forms.CharField(
            label=header, required=False, max_length=60, initial=name or columns.fact_name(header, index + 1),
            widget=forms.TextInput(attrs={"aria-label": f"Name of “{header}” in messages", "class": "input-short",
                                          "spellcheck": "false", "autocapitalize": "none"}),
        )  # fmt: skip
        self.fields[f"type_{index}"] = forms.ChoiceField(
            label=header, required=False, choices=list(TYPES.items()), initial=kind or "text",
            widget=forms.Select(attrs={"aria-label": f"Type of “{header}”"}),
        )  # fmt: skip

    def columns(self) -> Iterator[ColumnFields]:
        for index, (header, samples) in enumerate(zip(self.headers, self.preview.samples, strict=True)):
            yield ColumnFields(header, samples, self[f"meaning_{index}"], self[f"name_{index}"], self[f"type_{index}"])

    @property
    def remembered_words(self) -> str:
        """“as last time, by Wanda Writer on 3 January 2018”; empty: nobody has said it yet."""
        before = self.preview.remembered
        if before is None:
            return ""
        who = f"by {before.by.get_full_name()} " if before.by else ""
        return f"as last time, {who}on {date_format(before.at, 'j F Y')}"

    @property
    def meanings(self) -> dict[str, str]:
        """{header: meaning}, of a form that was filled in."""
        return {header: self._meaning(index) for index, header in enumerate(self.headers)}

    def _meaning(self, index: int) -> str:
        said = self.cleaned_data.get(f"meaning_{index}", IGNORE)
        if said not in {FACT, ROW}:
            return said
        kind = self.cleaned_data.get(f"type_{index}") or "text"
        name = self.cleaned_data.get(f"name_{index}", "").strip()
        return f"{said}{name}" if kind == "text" else f"{said}{name}:{kind}"

    def clean(self) -> None:
        place = {header: f"meaning_{index}" for index, header in enumerate(self.headers)}
        for problem in columns.problems(Columns(self.headers, list(self.meanings.values()))):
            words = f"{problem.words} {problem.remedy}"
            self.add_error(place.get(problem.header), words)
