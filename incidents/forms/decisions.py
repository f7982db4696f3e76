"""A decision: made when, why, on what ground, instead of which earlier one."""

from typing import Any

from django import forms
from django.utils import timezone

from incidents.forms.moments import MomentForm
from incidents.models import Decision


class DecisionForm(MomentForm):
    field_words = {
        "kind": ("What was decided", ""),
        "segment": ("About whom", ""),
        "reasons": ("Why", "Whoever reads this in a year knows nothing but what stands here."),
        "ground": ("Ground", "The rule it rests on, such as GDPR 34(3)(c). Needed where people are not contacted."),
        "means": ("Means", "How these people are told instead: the public page, a letter from their bank …"),
        "supersedes": ("Supersedes", "The earlier decision that this one replaces."),
    }
    field_order = [
        "started_from", "kind", "segment", "date", "time", "zone", "unknown_because", "reasons", "ground", "means",
        "supersedes",
    ]  # fmt: skip

    class Meta:
        model = Decision
        fields = ["kind", "segment", "reasons", "ground", "means", "supersedes"]
        widgets = {"reasons": forms.Textarea(attrs={"rows": 5})}

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        now = timezone.now()
        self.initial.update({"date": now.strftime("%Y-%m-%d"), "time": now.strftime("%H:%M"), "zone": "UTC"})
        self.fields["date"].label = "Decided on"
        supersedes: Any = self.fields["supersedes"]
        supersedes.queryset = self.incident.decisions.standing()
        supersedes.empty_label = "No earlier one"
        supersedes.label_from_instance = lambda d: f"{d.get_kind_display()}: {d.reasons[:60]}"

    def clean(self) -> dict[str, Any]:
        data = super().clean()
        if data.get("kind") == Decision.Kind.DO_NOT_CONTACT:
            for name, words in (("ground", "Name the rule it rests on."), ("means", "Say how they are told instead.")):
                if not data.get(name):
                    self.add_error(name, words)
        if data.get("kind") == Decision.Kind.NO_LONGER and not data.get("supersedes"):
            self.add_error("supersedes", "Choose the decision that no longer holds.")
        return data
