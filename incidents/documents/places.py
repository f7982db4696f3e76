"""Where a page stands, in each of the languages that are switched on."""

from dataclasses import dataclass

from accounts.languages import ENGLISH, own_name, spoken
from incidents.models import Incident


@dataclass(frozen=True)
class Place:
    """A page in one language. name: that language's own word for itself."""

    language: str
    url: str
    is_here: bool = False

    @property
    def name(self) -> str:
        return own_name(self.language)


def path(slug: str, version: int | None = None) -> str:
    """Where the page lives below the site folder: the current one, or one version of it."""
    return f"incidents/{slug}/" + (f"versions/{version}/" if version else "")


def switched_on(organisation: dict) -> list[str]:
    """The first is that of the first page."""
    return organisation.get("languages") or [ENGLISH]


def narrowed(content: dict, languages: list[str]) -> dict:
    """The content with those of its languages that are still switched on: it may be rendered long after a yes to it."""
    organisation = content["organisation"]
    if "languages" not in organisation:
        return content
    still = [language for language in organisation["languages"] if language in languages]
    return {**content, "organisation": {**organisation, "languages": still}}


def of_incident(content: dict) -> list[str]:
    """In which languages its page stands: its own first, which has the plain address. Others are for public pages."""
    own, others = spoken(content["language"]), switched_on(content["organisation"])
    if content["visibility"] != Incident.Visibility.PUBLIC or len(others) == 1:
        return [own]
    complete = content.get("languages")  # None: a page may be translated in part, or not at all
    return [own, *(each for each in others if each != own and (complete is None or each in complete))]


def page_path(content: dict, language: str) -> str:
    """In this language; in the incident's own where it does not stand in this one."""
    own, *others = of_incident(content)
    return f"{language}/{path(content['slug'])}" if language in others else path(content["slug"])


def site_path(organisation: dict, language: str) -> str:
    """Before the index and the history in this language; empty for the first one and for one that is not on."""
    return f"{language}/" if language in switched_on(organisation)[1:] else ""


def of_page(content: dict, language: str) -> list[Place]:
    """All places of an incident's page; empty where there is but one."""
    languages = of_incident(content)
    found = [Place(one, f"/{page_path(content, one)}", one == language) for one in languages]
    return found if len(found) > 1 else []


def of_site(organisation: dict, language: str, name: str = "") -> list[Place]:
    languages = switched_on(organisation)
    found = [Place(one, f"/{site_path(organisation, one)}{name}", one == language) for one in languages]
    return found if len(found) > 1 else []
