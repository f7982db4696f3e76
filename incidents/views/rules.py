"""The rules of law as they stand, each version kept, edited by counsel."""

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from accounts.access import StaffRequest, staff
from incidents import obligations
from incidents.forms.obligations import RuleForm
from incidents.models import LawRule


@require_safe
@staff("read_room")
def rules(request: StaffRequest) -> HttpResponse:
    context = {"room": "rules", "rules": LawRule.objects.newest().select_related("made_by"),
               "advice": obligations.CHECK_WITH_COUNSEL}  # fmt: skip
    return render(request, "incidents/staff/rules.html", context)


@require_safe
@staff("read_room")
def rule(request: StaffRequest, key: str) -> HttpResponse:
    """Every version of it, the newest first."""
    versions = list(LawRule.objects.filter(key=key).select_related("made_by").order_by("-number"))
    if not versions:
        raise Http404
    context = {"room": "rules", "versions": versions, "rule": versions[0], "advice": obligations.CHECK_WITH_COUNSEL}
    return render(request, "incidents/staff/rule.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@staff("decide", fresh=True)
def edit(request: StaffRequest, key: str = "") -> HttpResponse:
    """The next version; without a key a rule of the house's own."""
    newest = LawRule.objects.newest().filter(key=key).first()
    if key and newest is None:
        raise Http404
    form = RuleForm(request.POST or None, instance=newest or LawRule(number=0))
    if request.method == "POST" and form.is_valid():
        try:
            written = obligations.write_version(
                form.save(commit=False), by=request.user, started_from=form.cleaned_data["started_from"] or 0
            )
        except obligations.EditedMeanwhile as problem:
            messages.error(request, str(problem))
            return redirect("incidents:rule", key or form.cleaned_data["key"])
        messages.success(request, f"Version {written.number} of the rule holds. Clocks that run keep theirs until "
                                  "somebody takes the newer one.")  # fmt: skip
        return redirect("incidents:rule", written.key)
    context = {"room": "rules", "form": form, "rule": newest, "advice": obligations.CHECK_WITH_COUNSEL}
    return render(request, "incidents/staff/rule_edit.html", context, status=422 if form.errors else 200)
