from django import forms


class RevokeForm(forms.Form):
    because = forms.CharField(
        label="Why",
        max_length=300,
        help_text="It stands in the log: no name or address of anybody affected, and no part of the link.",
        widget=forms.Textarea(attrs={"rows": 2}),
        error_messages={"required": "Say what happened: where the links were seen, or by whom."},
    )

    def clean_because(self) -> str:
        because = " ".join(self.cleaned_data["because"].split())
        if "@" in because or "/notice/" in because:
            raise forms.ValidationError("An address or a link stands in it. Leave it out: this text goes into the log.")
        return because
