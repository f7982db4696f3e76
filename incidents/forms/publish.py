"""Forms of the room where publications are made."""

from django import forms

from incidents.forms.rows import Moments


class PlanForm(forms.Form):
    due_at = forms.DateTimeField(
        label="Publish at (UTC)", widget=Moments(), error_messages={"required": "Say when it shall be published."}
    )


class AloneForm(forms.Form):
    because = forms.CharField(
        min_length=20, max_length=500, label="Why it cannot wait for somebody else",
        help_text="A sentence; whoever looks at it afterwards reads it, and so may a regulator.",
        widget=forms.Textarea(attrs={"rows": 2}),
        error_messages={"required": "Say why it cannot wait.", "min_length": "Say it in a sentence."},
    )  # fmt: skip
    sure = forms.BooleanField(
        label="I tried to reach somebody who may approve, and could not wait for them",
        error_messages={"required": "Tick it if it is so; else wait for a second person."},
    )


class RedactForm(forms.Form):
    words = forms.CharField(
        max_length=2000, strip=True, label="The words to take out",
        help_text="Exactly as they were typed, at least four characters. They are replaced by “[removed]”.",
        widget=forms.Textarea(attrs={"rows": 2, "spellcheck": "false", "autocomplete": "off"}),
        error_messages={"required": "Copy the words that have to go."},
    )  # fmt: skip
    because = forms.CharField(
        max_length=300, label="Why",
        help_text="Stands in the log, without the words: “a customer's name”, “an API key”.",
        error_messages={"required": "Say why: it stands in the log."},
    )  # fmt: skip
