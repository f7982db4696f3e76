from collections.abc import Callable
from datetime import datetime

from django import forms
from django.utils import timezone

from accounts.models import User
from incidents.audience import cells
from incidents.models import Incident
from notifications import composing
from notifications.composing import CannotCompose
from notifications.models import Notice, NoticeText, Recipient


class TextForm(forms.ModelForm):
    """Subject and body in one language. `edits` is the count its writer started from, so that nobody overwrites
    another."""

    edits = forms.IntegerField(widget=forms.HiddenInput, initial=0)

    def __init__(self, *args, incident: Incident, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.segments = list(incident.segments.filter(held_back=False).values_list("key", flat=True))

    def clean_language(self) -> str:
        try:
            return cells.locale(self.cleaned_data["language"].strip())
        except cells.NotThat as no:
            raise forms.ValidationError(f"{no} {no.remedy}") from no

    def clean_subject(self) -> str:
        subject = " ".join(self.cleaned_data["subject"].split())
        _refused(lambda: composing.check_subject(subject))
        return subject

    def clean_body(self) -> str:
        body = self.cleaned_data["body"]
        _refused(lambda: composing.check_body(body, segments=self.segments))
        return body

    def text(self) -> dict:
        """The fields of the text, without the counter."""
        return {name: value for name, value in self.cleaned_data.items() if name != "edits"}


def _refused(check: Callable[[], None]) -> None:
    try:
        check()
    except CannotCompose as error:
        raise forms.ValidationError(str(error)) from error


SUBJECT_HELP = "It stands on the public page, so that people can recognise the message. Never “urgent”."
TEXT_WIDGETS = {
    "subject": forms.TextInput(attrs={"dir": "auto"}), "body": forms.Textarea(attrs={"rows": 22, "dir": "auto"}),
}  # fmt: skip
BODY_HELP = "Markdown. The fact first, then what to do, then whom to ask. The variables stand beside it."


class NoticeForm(TextForm):
    class Meta:
        model = Notice
        fields = ("name", "kind", "language", "subject", "body")
        widgets = TEXT_WIDGETS
        labels = {"name": "Name", "body": "Text"}
        help_texts = {
            "kind": "A first notice reaches each account once, whichever notice says it.",
            "language": "A language tag, such as en, de or pt-BR. Everybody gets this text in whose language there "
            "is none.",
            "subject": SUBJECT_HELP,
            "body": BODY_HELP,
        }

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            del self.fields["kind"]  # what has been told under one kind is counted under it
            self.initial["edits"] = self.instance.edits
        else:  # answers are written where inquiries stand
            kinds = [choice for choice in Notice.Kind.choices if choice[0] != Notice.Kind.ANSWER]
            self.fields["kind"].choices = kinds  # type: ignore[attr-defined]

    def clean_language(self) -> str:
        language = super().clean_language()
        if self.instance.pk and self.instance.texts.filter(language=language).exists():
            raise forms.ValidationError(f"There is a text in {language} beside this one. Remove that one first.")
        return language


class NoticeTextForm(TextForm):
    """The text in one more language; once it is there, its language stays."""

    class Meta:
        model = NoticeText
        fields = ("language", "subject", "body")
        widgets = TEXT_WIDGETS
        labels = {"body": "Text"}
        help_texts = {
            "language": "A language tag, such as de or pt-BR. de is for de-AT and de-CH, too.",
            "subject": SUBJECT_HELP,
            "body": BODY_HELP,
        }

    def __init__(self, *args, notice: Notice, **kwargs) -> None:
        super().__init__(*args, incident=notice.incident, **kwargs)
        self.notice = notice
        self.initial["edits"] = notice.edits
        if self.instance.pk:
            del self.fields["language"]

    def clean_language(self) -> str:
        language = super().clean_language()
        there = [self.notice.language, *self.notice.texts.values_list("language", flat=True)]
        if language.lower() in (one.lower() for one in there):
            raise forms.ValidationError(f"There is a text in {language} already. Edit that one.")
        return language


class ReasonForm(forms.Form):
    because = forms.CharField(label="Reason", max_length=300, help_text="It stands in the log.")


class StopForm(forms.Form):
    """Pressed in a hurry: the reason may stay empty."""

    because = forms.CharField(
        label="Reason", max_length=300, required=False, help_text="It stands in the log. May stay empty."
    )


class FindForm(forms.Form):
    text = forms.CharField(
        label="Account id or address",
        max_length=320,
        help_text="The whole of it, as they gave it to us. It is recorded that you looked, not for what.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        error_messages={"required": "Type an account id or an address."},
    )

    def clean_text(self) -> str:
        return self.cleaned_data["text"].replace("\0", "")


class TakeBackForm(forms.Form):
    because = forms.CharField(
        label="What was wrong with it",
        max_length=300,
        help_text="It stands in the log and in the evidence: no name, number or address of theirs.",
        error_messages={"required": "Say what was wrong with the record."},
    )

    def clean_because(self) -> str:
        if "@" in self.cleaned_data["because"]:
            raise forms.ValidationError("An address stands in it. Leave it out: this text goes into the evidence.")
        return self.cleaned_data["because"]


class RecordForm(forms.Form):
    """A letter, call or meeting that has happened. Nothing of it may name anybody of theirs."""

    channel = forms.ChoiceField(
        label="What it was",
        choices=[choice for choice in Recipient.Channel.choices if choice[0] != Recipient.Channel.EMAIL],
        widget=forms.RadioSelect,
        error_messages={"required": "Say whether it was a letter, a call or a meeting."},
    )
    at = forms.DateTimeField(
        label="When it was (UTC)",
        help_text="For a letter: when it was posted. As 2018-01-05 14:05.",
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        error_messages={
            "required": "Say when it was.",
            "invalid": "Write day and time as 2018-01-05 14:05, in UTC.",
        },
    )
    person = forms.CharField(
        label="Who of us did it", max_length=120, error_messages={"required": "Name whoever of us did it."}
    )
    proof = forms.CharField(
        label="What shows it",
        max_length=1000,
        help_text="Such as “Registered letter RR 1234 5678” or “Called the number of the contract, call 8841”. "
        "It stands in the evidence: no name, number or address of theirs.",
        widget=forms.Textarea(attrs={"rows": 3}),
        error_messages={"required": "Say what shows it: without proof it cannot count."},
    )

    def __init__(self, *args, by: User, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.fields["person"].initial = by.get_full_name()

    def clean_at(self) -> datetime:
        at = self.cleaned_data["at"]
        if at > timezone.now():
            raise forms.ValidationError("This moment has not come yet. Record it once it has happened.")
        return at

    def clean_proof(self) -> str:
        proof = self.cleaned_data["proof"]
        if "@" in proof:
            raise forms.ValidationError("An address stands in it. Leave it out: this text goes into the evidence.")
        return proof
