"""What is asked about a mailing: whom it goes to, how it goes out, when."""

from datetime import UTC, timedelta
from typing import Any, cast

from django import forms
from django.db.models import QuerySet
from django.utils import timezone

from incidents.models import ImportBatch, Segment, Step
from notifications import providers
from notifications.mailings.whom import ALLOWED, To
from notifications.models import Mailing, Notice, NoticeVersion

Whom = Mailing.Whom
NEEDS = {Whom.VERSION: "version", Whom.STEP: "step", Whom.SEGMENT: "segment"}


class WhomForm(forms.Form):
    """The set of one notice; what its kind cannot go to is not offered."""

    whom = forms.ChoiceField(label="Whom it goes to", widget=forms.RadioSelect)
    version = forms.ModelChoiceField(
        label="Version that was told", queryset=NoticeVersion.objects.none(), required=False
    )
    step = forms.ModelChoiceField(label="Step that is open", queryset=Step.objects.none(), required=False)
    segment = forms.ModelChoiceField(label="Segment", queryset=Segment.objects.none(), required=False)
    channel = forms.ChoiceField(
        label="How", choices=Mailing.Channel.choices, widget=forms.RadioSelect, initial=Mailing.Channel.EMAIL
    )
    provider = forms.ChoiceField(label="Through", required=False)
    evidence = forms.CharField(
        label="What shows that they were not affected",
        widget=forms.Textarea(attrs={"rows": 3}),
        max_length=2000,
        help_text="Whoever approves reads it, and it stands in the evidence.",
        error_messages={"required": "An all-clear needs evidence: say what shows that they were not affected."},
    )
    again = forms.BooleanField(
        label="A new round: whoever has this notice from an earlier round gets it once more", required=False
    )

    def __init__(self, *args, notice: Notice, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        incident, allowed = notice.incident, ALLOWED[Notice.Kind(notice.kind)]
        self._offer("whom", [(value, value.label) for value in allowed])
        self.fields["whom"].initial = allowed[0]
        for choice, name in NEEDS.items():
            if choice not in allowed:
                del self.fields[name]
        rows: dict[str, QuerySet[Any]] = {
            "version": _told(notice), "step": incident.steps.all(), "segment": incident.segments.all(),
        }  # fmt: skip
        for name in rows.keys() & self.fields.keys():
            cast(forms.ModelChoiceField, self.fields[name]).queryset = rows[name]
        if notice.kind == Notice.Kind.ALL_CLEAR:
            self.fields["evidence"].initial = _evidence(notice)
        else:
            del self.fields["evidence"]
        self._offer("provider", providers.choices())
        if len(providers.choices()) == 1:
            del self.fields["provider"]
        rounds = Mailing.objects.filter(version__notice=notice, started_at__isnull=False)
        if notice.kind == Notice.Kind.FIRST or not rounds.exists():
            del self.fields["again"]

    def _offer(self, name: str, choices: list[tuple[str, Any]]) -> None:
        cast(forms.ChoiceField, self.fields[name]).choices = choices

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        needed = NEEDS.get(cleaned.get("whom", ""))
        if needed and not cleaned.get(needed) and needed not in self.errors:
            self.add_error(needed, f"Say which {needed} you mean.")
        return cleaned

    def to(self) -> To:
        return To(**{name: value for name, value in self.cleaned_data.items() if value})


def _told(notice: Notice) -> QuerySet[NoticeVersion]:
    """Versions of this incident's notices that went out."""
    sent = NoticeVersion.objects.filter(notice__incident=notice.incident, mailings__started_at__isnull=False)
    return sent.select_related("notice").distinct().order_by("notice", "-number")


def _evidence(notice: Notice) -> str:
    """As it was cited when they were ruled out last."""
    batches = ImportBatch.objects.filter(incident=notice.incident, state=ImportBatch.State.CONFIRMED)
    return batches.exclude(evidence="").order_by("-number").values_list("evidence", flat=True).first() or ""


class HowForm(forms.ModelForm):
    """How fast, and when it holds by itself. Part of what is approved."""

    canary_minutes = forms.IntegerField(label="Then wait (minutes)", min_value=1, max_value=7 * 24 * 60)
    over_hours = forms.IntegerField(
        label="… or spread over (hours)", min_value=1, max_value=24 * 30, required=False,
        help_text="Instead of a number an hour.",
    )  # fmt: skip

    class Meta:
        model = Mailing
        fields = (
            "canary", "canary_minutes", "an_hour", "over_hours", "from_hour", "to_hour", "bounce_limit",
            "complaint_limit", "on_unknown",
        )  # fmt: skip
        labels = {
            "canary": "First to so many people", "an_hour": "No more an hour than",
            "from_hour": "Not before (hour, UTC)", "to_hour": "Not after (hour, UTC)",
            "bounce_limit": "Hold above (per cent refused or bounced)",
            "complaint_limit": "Hold above (per cent complaints)", "on_unknown": "What stays unknown",
        }  # fmt: skip
        help_texts = {
            "canary": "0: to everyone at once. The rest follows by itself if few of the first come back.",
            "an_hour": "As many as support can answer. Empty: as fast as the provider takes them.",
            "from_hour": "Both hours or none. From 22 to 6 is the night.", "to_hour": "",
            "bounce_limit": "Judged from 200 hand-overs on.", "complaint_limit": "Judged from 1,000 hand-overs on.",
            "on_unknown": "Handed over, and no answer came back.",
        }  # fmt: skip

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.initial["canary_minutes"] = self.instance.canary_wait // timedelta(minutes=1)
        for name in ("from_hour", "to_hour"):
            self.fields[name].widget.attrs |= {"min": 0, "max": 23}

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        hours = [hour for hour in (cleaned.get("from_hour"), cleaned.get("to_hour")) if hour is not None]
        if len(hours) == 1:
            self.add_error("to_hour", "Give both hours, or none.")
        elif hours and (hours[0] == hours[1] or max(hours) > 23):
            self.add_error("to_hour", "Two different hours from 0 to 23.")
        if cleaned.get("an_hour") and cleaned.get("over_hours"):
            self.add_error("over_hours", "Say one of the two: so many an hour, or over so many hours.")
        if cleaned.get("an_hour") == 0:
            self.add_error("an_hour", "At least one an hour, or leave it empty.")
        return cleaned

    def how(self) -> dict[str, Any]:
        """As `mailings.say_how` takes it."""
        said = {name: self.cleaned_data[name] for name in self.Meta.fields if hasattr(Mailing, name)}
        said["canary_wait"] = timedelta(minutes=self.cleaned_data["canary_minutes"])
        if over := self.cleaned_data.get("over_hours"):
            said["an_hour"] = max(1, -(-self.instance.recipients_count // over))
        return said

    def _post_clean(self) -> None:
        """The row is not touched here: `say_how` compares and sets."""


class ScheduleForm(forms.Form):
    start_at = forms.DateTimeField(
        label="Start at (UTC)",
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        help_text="As 2018-01-05 14:05. It starts by itself then, if it is approved by then.",
        error_messages={"required": "Say when.", "invalid": "Write day and time as 2018-01-05 14:05, in UTC."},
    )

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        soon = timezone.now().astimezone(UTC) + timedelta(hours=1)
        self.fields["start_at"].initial = soon.replace(minute=0, second=0, microsecond=0)
