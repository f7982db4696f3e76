"""Tokens for machines: who made which, for what, until when."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from accounts import tokens
from accounts.access import StaffRequest, staff
from accounts.forms_tokens import TokenForm
from accounts.models import ApiToken, User


@require_GET
@staff("administer")
def token_list(request: StaffRequest) -> HttpResponse:
    makers: dict[int, User] = {}
    at = timezone.now()
    standing, ended = [], []
    for token in ApiToken.objects.select_related("created_by", "revoked_by"):
        token.created_by = makers.setdefault(token.created_by_id, token.created_by)  # asked once what they may do
        if problem := tokens.what_ended(token, at=at):
            ended.append({"token": token, "problem": problem})
        else:
            standing.append({"token": token, "lost": [scope for scope in token.scopes if not tokens.may(token, scope)]})
    return render(request, "accounts/tokens.html", {"room": "tokens", "standing": standing, "ended": ended})


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@staff("administer", fresh=True)
def make_token(request: StaffRequest) -> HttpResponse:
    """Answers the POST with the token itself instead of a redirect: neither address nor session may carry it."""
    form = TokenForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        said, at = form.cleaned_data, timezone.now()
        try:
            row, token = tokens.make(
                name=said["name"], scopes=said["scopes"], incident=said["incident"], expires_at=at + said["lives"],
                by=request.user, at=at,
            )  # fmt: skip
        except tokens.NameTaken:
            form.add_error("name", "A token of this name stands already. Revoke that one first, or choose another.")
        else:
            return render(request, "accounts/token_made.html", {"room": "tokens", "made": row, "token": token})
    return render(
        request, "accounts/token_new.html", {"room": "tokens", "form": form}, status=422 if form.errors else 200
    )


@require_http_methods(["GET", "HEAD", "POST"])
@staff("administer")
def revoke_token(request: StaffRequest, pk: int) -> HttpResponse:
    token = get_object_or_404(ApiToken, pk=pk, revoked_at=None)
    if request.method != "POST":
        return render(request, "accounts/token_revoke.html", {"room": "tokens", "token": token})
    if tokens.revoke(token, by=request.user):
        messages.success(request, f"“{token.name}” is revoked. It opens nothing from now on.")
    else:
        messages.info(request, f"Somebody else has just revoked “{token.name}”.")
    return redirect("accounts:tokens")
