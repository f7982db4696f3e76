"""The switch for the night on which the company's own identity provider is part of the breach."""

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from accounts import organisations, single_sign_on
from accounts.access import StaffRequest, staff
from accounts.models import Organisation


@require_http_methods(["GET", "HEAD", "POST"])
@staff("administer", fresh=True)
def switch(request: StaffRequest) -> HttpResponse:
    on = Organisation.get().single_sign_on
    if request.method != "POST":
        ending = single_sign_on.sessions()
        return render(request, "accounts/single_sign_on.html", {
            "room": "organisation", "on": on, "ending": ending, "mine": single_sign_on.came_by_it(request.session),
            "here": settings.OIDC_NAME if settings.OIDC_ISSUER else "",
        })  # fmt: skip
    if on:
        ended = single_sign_on.switch_off(by=request.user)
        messages.success(
            request, f"Single sign-on is off. Sessions ended: {ended}. Passkeys and codes open the room as before."
        )
        return redirect("accounts:single_sign_on")
    return _on_again(request)


def _on_again(request: StaffRequest) -> HttpResponse:
    """It weakens the house, so a second person has to say yes where one is asked for."""
    before, after = Organisation.get(), Organisation.get()
    after.single_sign_on = True
    if because := organisations.weakening(before, after):
        organisations.ask(after, because=because, by=request.user)
        messages.success(request, "Nothing has changed yet. Single sign-on waits for a second person's yes.")
    else:
        organisations.change(after, by=request.user)
        messages.success(request, "Single sign-on opens the staff room again.")
    return redirect("accounts:organisation")
