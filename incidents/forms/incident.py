"""The frame of an incident: begun with a title and a sentence, edited with what the page says at its top."""

from typing import Any

from django import forms
from django.utils import timezone

from incidents.forms.rows import EditForm, Lines, Moments
from incidents.models import Incident

# Addresses of the staff room stand where slugs do: /staff/approvals/ …
RESERVED = frozenset({
    "new", "approvals", "people", "organisation", "log", "incidents", "look-up", "tokens", "sending",
    "templates", "rules",
    "reports", "followers", "webhooks", "single-sign-on",
    "readiness",
})  # fmt: skip

WORDS: dict[str, tuple[str, str]] = {
    "title": ("Title", "What happened, as readers would say it: API keys of some customers were exposed."),
    "slug": (
        "Address",
        "The last part of the page's address. It must give nothing away while the incident is private.",
    ),
    "summary": ("One or two sentences", "What happened, in plain words. They stand first on the page."),
    "drill": ("This is a drill", "It never leaves the house: nothing is published, nobody is written to."),
    "phase": ("Phase", "The newest update's phase stands above this one."),
    "impact": ("Impact", "In the words of status pages."),
    "visibility": ("Who may see the page", "It takes effect with the next publication."),
    "not_notified": ("If we did not write to you", "What it means for a reader. Say no more than is known."),
    "not_contacted_words": ("Who is affected and not contacted, and why", "Only for that meaning."),
    "next_update_by": ("Next update by", "In UTC. Readers wait for it: promise only what you can keep."),
    "originally_posted_on": ("First posted elsewhere on", "Where the page stood somewhere else before."),
    "told_through": ("How we told people", "One a line: email, blog …"),
    "exposed_channels": (
        "Channels that are part of the breach",
        "One a line: a mail provider, a sending domain, an identity provider. Mailings through them are refused.",
    ),
    "related": ("Related incidents", "The page leads to them at its end."),
    "internal_notes": ("Internal notes", "Never published."),
}


def suggested_slug() -> str:
    """Month and year: says nothing of what happened. The first that is free."""
    base = timezone.now().strftime("%B-%Y").lower()
    taken = set(Incident.objects.filter(slug__startswith=base).values_list("slug", flat=True))
    return next(slug for slug in (base, *(f"{base}-{n}" for n in range(2, len(taken) + 3))) if slug not in taken)


class IncidentForm(EditForm):
    """A new incident."""

    field_words = WORDS

    class Meta:
        model = Incident
        fields = ["title", "slug", "summary", "drill"]
        widgets = {"summary": forms.Textarea(attrs={"rows": 3})}

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.fields["summary"].required = True
        self.initial.setdefault("slug", "")
        self.initial["slug"] = self.initial["slug"] or suggested_slug()

    def clean_slug(self) -> str:
        slug = self.cleaned_data["slug"].lower()
        if slug in RESERVED:
            raise forms.ValidationError(f"“{slug}” is the address of a page of the staff room. Choose another.")
        if Incident.objects.filter(slug=slug).exclude(pk=self.instance.pk).exists():
            raise forms.ValidationError(f"Another incident already has the address “{slug}”. Choose another.")
        return slug


class FrameForm(EditForm):
    """Everything about an incident that is not a row of its own. The address stays: links and messages carry it."""

    field_words = WORDS

    told_through = Lines(required=False)
    exposed_channels = Lines(required=False)
    related = forms.MultipleChoiceField(required=False, widget=forms.CheckboxSelectMultiple)
    confirm_public = forms.BooleanField(
        required=False,
        label="Yes, everyone shall be able to read it",
        help_text="From the next publication on the page stands in the index, the history and the feeds, "
        "and search engines will find it.",
    )

    class Meta:
        model = Incident
        fields = [
            "title", "summary", "phase", "impact", "visibility", "not_notified", "not_contacted_words",
            "next_update_by", "originally_posted_on", "told_through", "exposed_channels", "related",
            "internal_notes",
        ]  # fmt: skip
        widgets = {
            "summary": forms.Textarea(attrs={"rows": 3}),
            "not_contacted_words": forms.Textarea(attrs={"rows": 3}),
            "next_update_by": Moments(),
            "originally_posted_on": forms.DateInput(format="%Y-%m-%d", attrs={"type": "date", "class": "input-short"}),
            "internal_notes": forms.Textarea(attrs={"rows": 4}),
        }

    field_order = ["started_from", "title", "summary", "phase", "impact", "visibility", "confirm_public"]

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.was_public = self.instance.visibility == Incident.Visibility.PUBLIC
        self.fields["summary"].required = True
        others = Incident.objects.published().exclude(pk=self.instance.pk).values_list("slug", "title")
        self.fields["related"].choices = others  # type: ignore[attr-defined]
        if not others:
            del self.fields["related"]
        if self.was_public:
            del self.fields["confirm_public"]

    @property
    def changes(self) -> list[str]:
        return [name for name in super().changes if name != "confirm_public"]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        becomes_public = data.get("visibility") == Incident.Visibility.PUBLIC and not self.was_public
        if becomes_public and self.instance.drill:
            self.add_error("visibility", "A drill never leaves the house. Begin a real incident instead.")
        elif becomes_public and not data.get("confirm_public"):
            self.add_error(
                "confirm_public",
                "You chose Public: everyone will be able to read this incident. Tick this if that is what you mean.",
            )
        words, meaning = data.get("not_contacted_words"), data.get("not_notified")
        if meaning == Incident.NotNotified.NOT_CONTACTED and not words:
            self.add_error("not_contacted_words", "Say who is affected and not contacted, and why.")
        return data
