"""Two versions of a published page beside each other: the one public answer about an incident that is not a file,
since nobody could write a file for every pair.
"""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import translation
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from accounts import typed
from accounts.languages import spoken
from accounts.models import Organisation
from incidents import documents
from incidents.documents import assets, foreign, page, plain, words
from incidents.documents.places import page_path, switched_on
from incidents.models import Incident, PageVersion


@require_safe
@cache_control(public=True, max_age=60)
def compare(request: HttpRequest, slug: str) -> HttpResponse:
    """?from=1&to=3, &in=de for how they read in another language than the incident's own. Both are versions that stand
    in public; a redacted one has no words to compare.
    """
    incident = get_object_or_404(Incident.objects.published(), slug=slug)
    before, after = (_version(incident, request.GET.get(name)) for name in ("from", "to"))
    every = incident.page_versions.values_list("number", flat=True)
    organisation, own = documents.freeze_organisation(Organisation.get()), spoken(after.content["language"])
    asked = request.GET.get("in", "")
    language = asked if asked in switched_on(organisation) else own
    lines = [_lines(version, language) for version in (before, after)]
    with translation.override(language):
        shown = {"before": _shown(before), "after": _shown(after)}
    context = {
        **page.frame(organisation, assets.inside(), language), **shown,
        "title": _title(after, language), "url": f"/{page_path(after.content, language)}",
        "slug": slug, "numbers": list(every),
        "difference": list(plain.difference(*lines)), "language_asked": language if language != own else "",
        "missing": next((one.number for one, said in zip((before, after), lines, strict=True) if not said), None),
    }  # fmt: skip
    return HttpResponse(page.to_bytes("incidents/public/compare.html", context))


def _version(incident: Incident, number: str | None) -> PageVersion:
    return get_object_or_404(incident.page_versions, number=typed.number(number) or 0)


def _shown(version: PageVersion) -> dict:
    slug = version.content["slug"]
    return {
        "number": version.number, "made": words.instant(version.made_at),
        "url": f"/{documents.path(slug, version.number)}", "is_removed": version.redacted_at is not None,
    }  # fmt: skip


def _title(version: PageVersion, language: str) -> str:
    if version.content["language"] == language:
        return version.content["title"]
    return foreign.in_language({**version.content, "updates": []}, language)["title"]


def _lines(version: PageVersion, language: str) -> list[str]:
    """Empty where it did not stand in this language."""
    if version.content["visibility"] != Incident.Visibility.PUBLIC:
        raise Http404  # it was for the told alone
    own, place = spoken(version.content["language"]), documents.path(version.content["slug"])
    before = "" if language == own else f"{language}/"
    document = version.documents.filter(path=f"{before}{place}index.html").first()
    return plain.lines(bytes(document.body)) if document and document.body is not None else []
