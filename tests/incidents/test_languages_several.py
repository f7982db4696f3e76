"""Pages in several languages: each at an address of its own, none lost, none where there is but one language."""

import re
from datetime import timedelta

import pytest

from accounts.models import Organisation
from incidents import documents, publishing
from incidents.documents import Edition, Shown, Telling
from incidents.documents.site import render_site
from incidents.models import Incident
from tests.factories import NOON, make_incident, make_organisation, make_update

pytestmark = pytest.mark.django_db
SLUG = "api-keys-2018"
LINK = re.compile(r'href="(/[^"#?]*)')
NOT_FILES = ("/genuine/", "/follow/", "/inquiry/", "/your-notices/", "/compare/")


@pytest.fixture
def incident():
    made = make_incident(visibility=Incident.Visibility.PUBLIC)
    make_update(made, "We are looking into it.", kind="holding")
    return made


def speak(*languages):
    make_organisation(languages=list(languages))


def rendered(*incidents):
    """Every public document, path → bytes."""
    version = Edition(number=2, at=NOON, said_at=NOON, earlier=((1, NOON - timedelta(hours=1)),))
    made, shown = {}, []
    for incident in incidents:
        content = documents.freeze(incident)
        made |= documents.render(content, telling=Telling(), version=version)
        shown.append((content, NOON))
    organisation = documents.freeze_organisation(Organisation.get())
    return made | render_site(
        published=shown, newest=[Shown.of(*each) for each in shown], organisation=organisation, at=NOON
    )


def test_every_language_has_a_page_index_and_history_and_nothing_is_lost(incident):
    speak("en")
    alone = set(rendered(incident))

    speak("en", "de", "ar")
    made = rendered(incident)

    places = {f"incidents/{SLUG}/index.html", "index.html", "history/index.html", "404.html"}
    assert set(made) == alone | {f"{language}/{place}" for language in ("de", "ar") for place in places}
    for language, direction in (("de", "ltr"), ("ar", "rtl")):
        for place in places:
            assert f'<html lang="{language}" dir="{direction}">' in made[f"{language}/{place}"].decode()


def test_with_one_language_there_is_no_switch_and_no_alternate(incident):
    speak("en")

    for path, body in rendered(incident).items():
        assert b"hreflang" not in body and b'class="languages"' not in body, path


def test_every_link_of_every_page_leads_to_a_document(incident):
    speak("de", "en", "fr")
    german = make_incident("zweiter", language="de", title="Zweiter", visibility=Incident.Visibility.PUBLIC)
    make_update(german, "Wir suchen.")

    made = rendered(incident, german)

    links = {link for path, body in made.items() if path.endswith(".html") for link in LINK.findall(body.decode())}
    missing = {
        link for link in links
        if not link.startswith(NOT_FILES)
        and link.lstrip("/") not in made and f"{link.lstrip('/')}index.html" not in made
        and link != f"/incidents/{SLUG}/versions/1/" and link != "/incidents/zweiter/versions/1/"
    }  # fmt: skip
    assert not missing


def test_pages_name_each_other_and_the_default_alike(incident, settings):
    speak("en", "de")
    made = rendered(incident)
    base = settings.PUBLIC_BASE_URL

    for path in (f"incidents/{SLUG}/index.html", f"de/incidents/{SLUG}/index.html"):
        page = made[path].decode()
        assert f'hreflang="en" href="{base}/incidents/{SLUG}/">' in page
        assert f'hreflang="de" href="{base}/de/incidents/{SLUG}/">' in page
        assert f'hreflang="x-default" href="{base}/incidents/{SLUG}/">' in page
        assert f'<link rel="canonical" href="{base}/{path.removesuffix("index.html")}">' in page
    assert (
        f'<a href="/de/incidents/{SLUG}/" lang="de" hreflang="de">Deutsch</a>'
        in made[f"incidents/{SLUG}/index.html"].decode()
    )
    sitemap = made["sitemap.xml"].decode()
    assert f'<loc>{base}/de/incidents/{SLUG}/</loc><xhtml:link rel="alternate" hreflang="en"' in sitemap


def test_what_is_not_translated_stands_in_its_own_language_and_says_so(incident):
    speak("en", "de")

    page = rendered(incident)[f"de/incidents/{SLUG}/index.html"].decode()

    assert "noch nicht übersetzt" in page and "englisch" in page
    assert '<h1><span lang="en" dir="ltr">API keys of some customers were exposed</span></h1>' in page
    assert '<div lang="en" dir="ltr"><p>We are looking into it.</p>' in page
    assert "Wenn wir Ihnen schreiben" in page and "What to do" not in page
    index = rendered(incident)["de/index.html"].decode()
    assert f'<a href="/de/incidents/{SLUG}/"><span lang="en" dir="ltr">API keys' in index
    assert "Ein Sicherheitsvorfall ist aktiv." in index


def test_the_first_language_is_that_of_the_first_page(incident):
    speak("de", "en")
    made = rendered(incident)

    assert '<html lang="de" dir="ltr">' in made["index.html"].decode()
    assert '<html lang="en" dir="ltr">' in made["en/index.html"].decode()
    assert '<html lang="de" dir="ltr">' in made["404.html"].decode()
    # The incident's own language has the plain address, whichever the first page speaks.
    assert '<html lang="en" dir="ltr">' in made[f"incidents/{SLUG}/index.html"].decode()


def test_versions_stay_in_the_incidents_own_language(incident):
    speak("en", "de")
    made = rendered(incident)

    assert not [path for path in made if path.startswith("de/") and "versions" in path]
    for path in (f"incidents/{SLUG}/versions/2/index.html", f"incidents/{SLUG}/versions/index.html"):
        assert "hreflang" not in made[path].decode() and '<html lang="en"' in made[path].decode()


def test_a_page_from_before_a_language_was_switched_on_is_linked_where_it_stands(incident):
    speak("en")
    content = documents.freeze(incident)
    speak("en", "de")
    organisation = documents.freeze_organisation(Organisation.get())

    made = render_site(published=[(content, NOON)], newest=[], organisation=organisation, at=NOON)

    assert f'<a href="/incidents/{SLUG}/">' in made["de/index.html"].decode()


def test_pages_for_the_told_have_one_language(incident):
    speak("en", "de")
    incident.visibility = Incident.Visibility.TOLD_ONLY
    made = documents.render(documents.freeze(incident), telling=Telling(),
                            version=Edition(number=1, at=NOON, said_at=NOON))  # fmt: skip

    assert not [path for path in made if path.startswith("de/")]


def test_switching_a_language_on_publishes_the_index_in_it(site, incident, publish):
    speak("en", "fr")

    publish(incident)

    assert "Un incident de sécurité est en cours." in (site / "fr/index.html").read_text()
    assert "Si nous vous écrivons" in (site / f"fr/incidents/{SLUG}/index.html").read_text()
    make_organisation(languages=["en", "fr", "es"])
    publishing.tick()
    assert "Hay un incidente de seguridad activo." in (site / "es/index.html").read_text()


def test_content_from_before_there_were_languages_keeps_its_hash(incident):
    speak("en")

    assert "languages" not in documents.freeze(incident)["organisation"]
