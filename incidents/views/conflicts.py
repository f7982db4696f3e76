"""Two people saved the same thing: what the second one is shown, so that nothing is lost."""

from accounts import audit
from accounts.models import AuditEntry
from incidents.drafting import EditedMeanwhile
from incidents.forms.rows import EditForm


def shown(form: EditForm, problem: EditedMeanwhile) -> dict:
    """Both texts of every field that differs, and who saved the other one. The form then saves on top of it."""
    if problem.theirs is None:
        return {"deleted": True}
    form.take_over(problem.theirs)
    saved = AuditEntry.objects.filter(thing=audit.name_of(problem.theirs)).select_related("by").first()
    return {"differences": form.differences(problem.theirs), "saved": saved}
