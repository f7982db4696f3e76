"""Forms of the room where publications are made."""

from django import forms

from incidents.forms.rows import Moments


class PlanForm(forms.Form):
    due_at = forms.DateTimeField(
        label="Publish at (UTC)", widget=Moments(), error_messages={"required": "Say when it shall be published."}
    )
