"""Forms of the room "Affected accounts"."""

from django import forms

from incidents.audience.formats import ENDINGS
from incidents.audience.source import LARGEST_FILE


class UploadForm(forms.Form):
    file = forms.FileField(
        label="File",
        max_length=255,
        allow_empty_file=True,  # audience.read says what is wrong with it, and the upload is on record
        widget=forms.FileInput(attrs={"accept": ",".join([*ENDINGS, "text/csv"])}),
        help_text="A CSV file in UTF-8, separated by commas, semicolons or tabs, with a header. Up to 2 GB.",
        error_messages={"required": "Choose the file that lists the affected accounts."},
    )

    def clean_file(self):
        file = self.cleaned_data["file"]
        if file.size > LARGEST_FILE:
            raise forms.ValidationError("The file is larger than 2 GB. Split it into several files.")
        return file


class LookUpForm(forms.Form):
    text = forms.CharField(
        label="Find one account",
        max_length=320,
        strip=True,
        help_text="A whole id or address, or the beginning of an id. It is recorded that you looked, not for what.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        error_messages={"required": "Type an account id or an address."},
    )


class DealtWithForm(forms.Form):
    because = forms.CharField(
        max_length=1000,
        strip=True,
        label="These rows are dealt with, because",
        help_text="For instance: imported corrected as import 3; or: told by telephone on 5 January.",
        widget=forms.Textarea(attrs={"rows": 2}),
    )


class ConfirmForm(forms.Form):
    beyond_estimate = forms.BooleanField(required=False)
