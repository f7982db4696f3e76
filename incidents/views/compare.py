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
from incidents.documents import assets, page, plain, words
from incidents.models import Incident, PageVersion


@require_safe
@cache_control(public=True, max_age=60)
def compare(request: HttpRequest, slug: str) -> HttpResponse:
    """?from=1&to=3. Both are versions that stand in public; a redacted one has no words to compare."""
    incident = get_object_or_404(Incident.objects.published(), slug=slug)
    before, after = (_version(incident, request.GET.get(name)) for name in ("from", "to"))
    every = incident.page_versions.values_list("number", flat=True)
    organisation, language = documents.freeze_organisation(Organisation.get()), spoken(after.content["language"])
    with translation.override(language):
        shown = {"before": _shown(before), "after": _shown(after)}
    context = {
        **page.frame(organisation, assets.inside(), language), **shown,
        "title": after.content["title"], "url": f"/{documents.path(slug)}", "slug": slug, "numbers": list(every),
        "difference": list(plain.difference(_lines(before), _lines(after))),
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


def _lines(version: PageVersion) -> list[str]:
    if version.content["visibility"] != Incident.Visibility.PUBLIC:
        raise Http404  # it was for the told alone
    document = version.documents.filter(path=f"{documents.path(version.content['slug'])}index.html").first()
    return plain.lines(bytes(document.body)) if document and document.body is not None else []
