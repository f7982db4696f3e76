"""Every public document, walked for canaries: what is private, held back, a draft or a drill stands in none of them."""

import gzip
from datetime import timedelta

import brotli
import pytest

from accounts import approvals
from accounts.models import Approval, Organisation
from incidents import publishing
from incidents.models import Contact, Exposure, FAQEntry, Incident, Indicator, Measure, Reference, ScopeEstimate
from incidents.publishing import redacting
from tests.factories import (
    NOON,
    make_affected,
    make_event,
    make_incident,
    make_segment,
    make_step,
    make_update,
)

pytestmark = pytest.mark.django_db
OF_THE_SITE = {
    "index.html", "history/index.html", "404.html", "sitemap.xml", "robots.txt", "icon.svg", ".well-known/security.txt",
    "feed.atom", "feed.rss", "feed.json", "history.atom", "history.rss", "api/v2/summary.json", "api/v2/status.json",
    "api/v2/components.json", "api/v2/incidents.json", "api/v2/incidents/unresolved.json",
    "api/v2/scheduled-maintenances.json", "api/v2/scheduled-maintenances/upcoming.json",
    "api/v2/scheduled-maintenances/active.json", "de/index.html", "de/history/index.html",
}  # fmt: skip
OF_AN_INCIDENT = {
    "index.html", "versions/index.html", "versions/1/index.html", "feed.atom", "feed.rss", "feed.json", "csaf.json",
    "indicators.csv",
}  # fmt: skip
EVERY_KIND = (
    OF_THE_SITE
    | {f"incidents/api-keys-2018/{name}" for name in OF_AN_INCIDENT}
    | {"de/incidents/api-keys-2018/index.html"}
)


@pytest.fixture
def published(site, publish):
    """A public incident with something held back in every kind of row, beside incidents nobody may know of."""
    incident = make_incident(internal_notes="canary notes", exposed_channels=["canary channel"])
    Organisation.objects.update(languages=["en", "de"])
    make_update(incident, "Said in public.")
    Indicator.objects.create(incident=incident, kind="domain", value="known.example")
    hide = {"incident": incident, "held_back": True}
    make_update(incident, "canary update", held_back=True)
    segment = make_segment(incident, "canary-key", name="canary segment", guidance="canary", held_back=True)
    make_step(incident, "canary step", segment=segment)
    make_step(incident, "canary step of all", held_back=True)
    make_event(incident, "canary event", held_back=True, marks="detected")
    Exposure.objects.create(data_class="canary class", status="confirmed", **hide)
    FAQEntry.objects.create(question="canary question?", answer="canary", **hide)
    FAQEntry.objects.create(incident=incident, question="canary without an answer?")
    Contact.objects.create(role="security", value="canary@relaypost.example", **hide)
    Reference.objects.create(url="https://canary.example/", **hide)
    Indicator.objects.create(kind="domain", value="canary.example", **hide)
    Measure.objects.create(text="canary measure", at=NOON, precision="day", **hide)
    ScopeEstimate.objects.create(of_what="canary", bound="all", at=NOON, precision="day", **hide)
    make_affected(incident, facts={"api_key": "canary fact"})
    private = make_incident("canary-private", title="canary private", visibility="private")
    make_update(private, "canary: private")
    make_update(make_incident("canary-drill", title="canary drill", drill=True, visibility="private"), "canary drill")
    told = make_incident("canary-told", title="canary told", visibility="told_only")
    make_update(told, "canary: for the told alone")
    publish(told)
    publish(incident, at=NOON + timedelta(hours=1))
    # Written since, and nobody has approved it.
    Incident.objects.filter(pk=incident.pk).update(title="canary title", summary="canary summary", impact="critical")
    make_update(incident, "canary draft")
    make_step(incident, "canary step of tomorrow")
    return incident


def documents(site):
    """(name, plain bytes) of everything in the folder, unpacked."""
    unpack = {".gz": gzip.decompress, ".br": brotli.decompress}
    for file in site.rglob("*"):
        if file.is_file():
            yield str(file.relative_to(site)), unpack.get(file.suffix, bytes)(file.read_bytes())


def test_no_public_document_and_no_name_of_one_carries_a_canary(published, site, publish):
    other = make_incident("other", title="Another incident")
    make_update(other, "Over.", phase="resolved")
    publish(other, at=NOON + timedelta(hours=2))  # every document of the site is made anew, drafts lying about

    names = set()
    for name, body in documents(site):
        names.add(name)
        for private in (b"canary", b"northwind", b"owner@", b"Wanda", b"Anton"):
            assert private not in body, (name, private)
            assert private.decode() not in name

    assert names >= EVERY_KIND | {f"{name}.br" for name in EVERY_KIND} | {f"{name}.gz" for name in EVERY_KIND}


def test_what_is_made_for_one_reader_carries_no_canary_either(published, site, publish, client, wanda, anton):
    """Comparisons are no files; the page in place of a removed version is made when words are taken out."""
    make_update(published, "Said once more.")
    Incident.objects.filter(pk=published.pk).update(title="API keys", summary="Keys were read.", impact="major")
    published.updates.filter(body="canary draft").delete()
    published.steps.filter(title="canary step of tomorrow").delete()
    published.refresh_from_db()
    publish(published, at=NOON + timedelta(hours=3))
    compared = client.get("/compare/api-keys-2018/?from=1&to=2")
    words = redacting.ask(published, words="Said in public.", because="a name", by=wanda)
    approvals.answer(Approval.objects.live().get(), yes=True, by=anton)
    redacting.carry_out(words, by=anton)
    publishing.finish()

    assert b"Said once more." in compared.content
    removed = (site / "incidents/api-keys-2018/versions/1/index.html").read_bytes()
    assert b"Said in public." not in removed and b"removed" in removed
    for body in (compared.content, removed, *(body for _, body in documents(site))):
        assert b"canary" not in body and b"Said in public." not in body
    for slug in ("canary-private", "canary-drill", "canary-told", "draft"):
        refused = client.get(f"/compare/{slug}/?from=1&to=1")
        assert refused.status_code == 404 and b"canary title" not in refused.content


def test_the_walk_would_find_what_is_published(published, site):
    found = {name for name, body in documents(site) if b"Said in public." in body}

    assert {"feed.atom", "feed.rss", "feed.json", "history.rss", "api/v2/incidents.json", "api/v2/summary.json",
            "incidents/api-keys-2018/csaf.json", "incidents/api-keys-2018/feed.atom.br"} <= found  # fmt: skip
