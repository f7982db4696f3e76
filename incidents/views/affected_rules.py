"""Rules about who is in which segment, and which addresses are not to be trusted."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.access import StaffRequest, staff
from incidents.audience import distrusting, rules, segments
from incidents.forms.affected_changes import AddressRuleForm
from incidents.models import AddressRule, Incident, Segment


@never_cache
@require_safe
@staff("read_room")
def segment_list(request: StaffRequest, slug: str) -> HttpResponse:
    incident = get_object_or_404(Incident, slug=slug)
    return render(request, "incidents/staff/affected_segments.html", {
        "incident": incident, "room": "affected", "lines": segments.lines(incident),
    })  # fmt: skip


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@staff("write")
def segment_rule(request: StaffRequest, slug: str, pk: int) -> HttpResponse:
    """Whom the rule of a segment would hold; putting them into it."""
    segment = get_object_or_404(Segment.objects.select_related("incident"), incident__slug=slug, pk=pk)
    if request.method == "POST":
        joined = segments.fill(segment, by=request.user, at=timezone.now())
        accounts = "1 account" if joined == 1 else f"{joined:,} accounts"
        messages.success(request, f"{accounts} came into the segment “{segment.name}”.")
        return redirect("incidents:affected_segments", slug)
    return render(request, "incidents/staff/segment_rule.html", {
        "incident": segment.incident, "room": "affected", "segment": segment,
        "conditions": rules.in_words(segment.rule).splitlines(), "would_join": rules.would_join(segment),
        "would_hold": rules.would_hold(segment.incident, segment.rule),
    })  # fmt: skip


@never_cache
@require_safe
@staff("read_room")
def address_rules(request: StaffRequest, slug: str) -> HttpResponse:
    incident = get_object_or_404(Incident, slug=slug)
    return _address_rules(request, incident, AddressRuleForm(incident=incident, label_suffix=""))


@never_cache
@require_POST
@staff("write")
def address_rule_new(request: StaffRequest, slug: str) -> HttpResponse:
    """A new rule says first how many addresses it is about; it is made with that number on the button."""
    incident = get_object_or_404(Incident, slug=slug)
    form = AddressRuleForm(request.POST, incident=incident, label_suffix="")
    if not form.is_valid():
        return _address_rules(request, incident, form, status=422)
    rule = form.cleaned_data
    if request.POST.get("sure") != "yes":
        would_lose = distrusting.would_lose(incident, rule["kind"], rule["value"])
        return _address_rules(request, incident, form, would_lose=would_lose)
    try:
        lost = distrusting.distrust(incident, by=request.user, at=timezone.now(), **rule)
    except distrusting.AlreadyThere as problem:
        messages.info(request, f"Nothing was changed. {problem}")
    else:
        addresses = "1 address is" if lost == 1 else f"{lost:,} addresses are"
        messages.success(request, f"{addresses} not trusted any more, and none that comes later will be.")
    return redirect("incidents:address_rules", slug)


def _address_rules(request: StaffRequest, incident: Incident, form: AddressRuleForm, *, would_lose: int | None = None,
                   status: int = 200) -> HttpResponse:  # fmt: skip
    return render(request, "incidents/staff/address_rules.html", {
        "incident": incident, "room": "affected", "form": form, "would_lose": would_lose,
        "rules": incident.address_rules.select_related("by"),
    }, status=status)  # fmt: skip


@require_POST
@staff("write")
def address_rule_end(request: StaffRequest, slug: str, pk: int) -> HttpResponse:
    rule = get_object_or_404(AddressRule, incident__slug=slug, pk=pk)
    distrusting.end(rule, by=request.user, at=timezone.now())
    messages.success(request, "The rule is ended. Addresses that lost our trust do not get it back by that.")
    return redirect("incidents:address_rules", slug)
