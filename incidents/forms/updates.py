"""What we are about to say, and what a correction replaces."""

from typing import Any

from django import forms

from incidents.forms.moments import MomentForm
from incidents.forms.rows import Moments
from incidents.models import Correction, Update

TELL_AGAIN = {"": None, "yes": True, "no": False}


ELSEWHERE = ("said_elsewhere", "date", "time", "zone", "unknown_because")


class UpdateForm(MomentForm):
    when_is_required = False
    next_update_by = forms.DateTimeField(
        required=False, widget=Moments, label="Next update by",
        help_text="In UTC. A reader who waits at night needs a time to go to bed by.",
    )  # fmt: skip
    field_words = {
        "kind": ("Kind", "A holding statement is one sentence and the time of the next update."),
        "phase": ("Phase", "As of this update."),
        "body": (
            "What we say",
            "What is known, believed, ruled out. Dates and numbers instead of adjectives. Markdown.",
        ),
        "said_elsewhere": ("It was said elsewhere before", "On a blog or by mail, at the moment given below."),
    }
    field_order = [
        "started_from", "kind", "phase", "body", "next_update_by", *ELSEWHERE,
    ]  # fmt: skip

    class Meta:
        model = Update
        fields = ["kind", "phase", "body", "said_elsewhere"]
        widgets = {"phase": forms.RadioSelect, "body": forms.Textarea(attrs={"rows": 10})}

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.initial["next_update_by"] = self.incident.next_update_by
        if "kind" in self.fields:
            kind: Any = self.fields["kind"]
            kind.choices = [choice for choice in Update.Kind.choices if choice[0] != Update.Kind.CORRECTION]
        phase: Any = self.fields["phase"]
        phase.choices = self.incident.Phase.choices
        self.fields["date"].help_text = "Only for what was said elsewhere. Empty: it is said when it is published."
        self.fields["unknown_because"].help_text = "Only for what was said elsewhere on a day nobody knows."

    @property
    def here(self) -> list[forms.BoundField]:
        """What every update asks."""
        return [bound for bound in self.visible_fields() if bound.name not in ELSEWHERE]

    @property
    def elsewhere(self) -> list[forms.BoundField]:
        """What is asked of something first said outside Candor: few need it."""
        return [self[name] for name in ELSEWHERE]

    @property
    def elsewhere_matters(self) -> bool:
        return bool(self["said_elsewhere"].value()) or any(bound.errors for bound in self.elsewhere)

    def clean(self) -> dict[str, Any]:
        self.when_is_required = bool(self.cleaned_data.get("said_elsewhere"))
        data = super().clean()
        if self.instance.at and not self.when_is_required:
            self.add_error("date", "A moment only for what was said elsewhere before: tick that, or empty this.")
        return data


class MendForm(forms.Form):
    """The words of a published update, to mend a slip of the pen in."""

    started_from = forms.IntegerField(widget=forms.HiddenInput, required=False)
    body = forms.CharField(
        label="What we said", help_text="Markdown. At most five words; no number, date, address or “not” may change.",
        widget=forms.Textarea(attrs={"rows": 10}),
        error_messages={"required": "The words are gone. What was wrong is corrected, not taken away."},
    )  # fmt: skip

    def clean_body(self) -> str:
        return self.cleaned_data["body"].replace("\r\n", "\n")


class CorrectionForm(UpdateForm):
    """An Update of kind correction with its Correction: from … to …."""

    subject = forms.ChoiceField(choices=Correction.Subject.choices, label="What kind of thing was wrong")
    corrects = forms.ModelChoiceField(
        queryset=Update.objects.none(), required=False, label="The update that said it",
        empty_label="None: it stood elsewhere on the page",
    )  # fmt: skip
    what = forms.CharField(
        max_length=200, label="What was wrong", help_text="In a few words: the window to investigate."
    )
    was = forms.CharField(label="We said", widget=forms.Textarea(attrs={"rows": 3}))
    now = forms.CharField(label="Correct is", widget=forms.Textarea(attrs={"rows": 3}))
    tell_again = forms.ChoiceField(
        choices=[("", "Not decided yet"), ("yes", "Yes, tell them"), ("no", "No, the page is enough")],
        required=False, widget=forms.RadioSelect, label="Tell those who were told the old words?",
    )  # fmt: skip

    field_order = [
        "started_from", "subject", "corrects", "what", "was", "now", "body", "tell_again", "phase",
        "next_update_by", *ELSEWHERE,
    ]  # fmt: skip

    class Meta(UpdateForm.Meta):
        fields = ["phase", "body", "said_elsewhere"]

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.correction = getattr(self.instance, "correction", None) or Correction()
        corrects: Any = self.fields["corrects"]
        corrects.queryset = self.incident.updates.exclude(pk=self.instance.pk)
        corrects.label_from_instance = lambda update: f"{update.body[:60]}…" if len(update.body) > 60 else update.body
        if self.correction.pk:
            kept = self.correction
            told = next(said for said, meant in TELL_AGAIN.items() if meant is kept.tell_again)
            self.initial.update({
                "subject": kept.subject, "corrects": kept.corrects_id, "what": kept.what, "was": kept.was,
                "now": kept.now, "tell_again": told,
            })  # fmt: skip

    def clean(self) -> dict[str, Any]:
        data = super().clean()
        self.instance.kind = Update.Kind.CORRECTION
        if data.get("was") and data.get("was") == data.get("now"):
            self.add_error("now", "The two texts are the same, so nothing is corrected.")
        for name in ("subject", "corrects", "what", "was", "now"):
            setattr(self.correction, name, data.get(name))
        self.correction.tell_again = TELL_AGAIN[data.get("tell_again", "")]
        return data
