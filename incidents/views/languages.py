"""The room where an incident is translated: what is missing in each language, and the texts beside their originals."""

from collections.abc import Iterator, Sequence

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import get_language_info
from django.views.decorators.http import require_GET, require_POST

from accounts.access import StaffRequest, staff
from accounts.languages import direction
from accounts.models import Organisation
from incidents import publishing, translating
from incidents.documents import plain
from incidents.documents.translated import Translations
from incidents.forms.languages import LanguageForm
from incidents.models import Incident, PageVersion
from incidents.views.ended import say_what_it_ends


def name_of(language: str) -> str:
    try:
        return str(get_language_info(language)["name"])
    except KeyError:
        return language


def counted(filled: Translations) -> list[dict]:
    """For each language: how many texts there are, how many readers see in the original, how many of them changed."""
    return [
        {
            "language": language, "name": name_of(language), "direction": direction(language),
            "all": len(filled.texts), "open": len(filled.open(language)),
            "stale": sum(text.state(language) == "stale" for text in filled.texts),
        }
        for language in filled.languages
    ]  # fmt: skip


@staff("read_room")
def languages(request: StaffRequest, slug: str) -> HttpResponse:
    incident = get_object_or_404(Incident, slug=slug)
    context = {
        "incident": incident, "room": "languages", "languages": counted(translating.translations(incident)),
        "own": name_of(incident.language), "complete": Organisation.get().only_complete_languages,
    }  # fmt: skip
    return render(request, "incidents/staff/languages.html", context)


@require_GET
@staff("read_room")
def language(request: StaffRequest, slug: str, language: str) -> HttpResponse:
    """?show=open for what is missing or changed alone."""
    incident = get_object_or_404(Incident, slug=slug)
    filled, only_open = _filled(incident, language), request.GET.get("show") == "open"
    form = LanguageForm(texts=filled.open(language) if only_open else filled.texts, language=language)
    return _page(request, incident, filled, form, only_open=only_open)


@require_POST
@staff("write")
def save(request: StaffRequest, slug: str, language: str) -> HttpResponse:
    incident = get_object_or_404(Incident, slug=slug)
    filled = _filled(incident, language)
    sent = [text for text in filled.texts if f"{text.key}-stamp" in request.POST]  # as far as there still are any
    form, conflict = LanguageForm(request.POST, texts=sent, language=language), []
    if form.is_valid():
        changes = form.changes()
        try:
            with say_what_it_ends(request, incident):
                translating.save(incident, language=language, changes=changes, by=request.user)
        except translating.EditedMeanwhile as problem:
            conflict = form.take_over(problem.theirs)
        else:
            _say(request, len(changes))
            return redirect("incidents:language", slug, language)
    return _page(request, incident, filled, form, conflict=conflict, status=409 if conflict else 422)


def _filled(incident: Incident, language: str) -> Translations:
    filled = translating.translations(incident)
    if language not in filled.languages:
        raise Http404
    return filled


def _say(request: StaffRequest, saved: int) -> None:
    if not saved:
        messages.info(request, "Nothing was changed.")
        return
    texts = "1 text is" if saved == 1 else f"{saved} texts are"
    messages.success(request, f"{texts} saved as a draft. Readers see it with the next publication.")


def _page(
    request: StaffRequest,
    incident: Incident,
    filled: Translations,
    form: LanguageForm,
    *,
    only_open: bool = False,
    conflict: Sequence[dict[str, str]] = (),
    status: int = 200,
) -> HttpResponse:
    language = form.language
    context = {
        "incident": incident, "room": "languages", "language": language, "name": name_of(language), "form": form,
        "direction": direction(language), "original_direction": direction(incident.language), "conflict": conflict,
        "count": next(each for each in counted(filled) if each["language"] == language), "only_open": only_open,
        "may_write": request.user.has_perm("accounts.write"),
    }  # fmt: skip
    return render(request, "incidents/staff/language.html", context, status=status)


def of_publication(incident: Incident, latest: PageVersion | None, *, minor: bool) -> Iterator[dict]:
    """For whoever publishes and whoever approves: what is not translated, and what changes in each language."""
    for each in counted(translating.translations(incident)):
        before = plain.lines(_kept(latest, each["language"])) if latest else []
        after = plain.lines(publishing.preview_in(incident, each["language"], minor=minor))
        yield each | {"diff": list(plain.difference(before, after))}


def _kept(version: PageVersion, language: str) -> bytes:
    path = f"{language}/incidents/{version.content['slug']}/index.html"
    page = version.documents.filter(path=path).first()
    return bytes(page.body) if page and page.body is not None else b""
