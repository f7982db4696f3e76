from django import forms

from notifications.models import Notice


class NoticeForm(forms.ModelForm):
    """The text of a notice. `edits` is the count its writer started from, so that nobody overwrites another."""

    edits = forms.IntegerField(widget=forms.HiddenInput, initial=0)

    class Meta:
        model = Notice
        fields = ("name", "kind", "language", "subject", "body")
        widgets = {"body": forms.Textarea(attrs={"rows": 22})}
        labels = {"name": "Name", "body": "Text"}
        help_texts = {
            "kind": "A first notice reaches each account once, whichever notice says it.",
            "language": "A language tag, such as en, de or pt-BR.",
            "subject": "It stands on the public page, so that people can recognise the message. Never “urgent”.",
            "body": "Markdown. The fact first, then what to do, then whom to ask. The variables stand beside it.",
        }

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            del self.fields["kind"]  # what has been told under one kind is counted under it
            self.initial["edits"] = self.instance.edits

    def clean_subject(self) -> str:
        return " ".join(self.cleaned_data["subject"].split())

    def text(self) -> dict:
        """The fields of the notice, without the counter."""
        return {name: value for name, value in self.cleaned_data.items() if name != "edits"}


class ReasonForm(forms.Form):
    because = forms.CharField(label="Reason", max_length=300, help_text="It stands in the log.")
