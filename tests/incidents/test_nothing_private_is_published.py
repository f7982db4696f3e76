"""Every public document, walked for canaries: what is private, held back, a draft or a drill stands in none of them."""

import gzip
from datetime import timedelta

import brotli
import pytest

from incidents.models import Contact, Exposure, FAQEntry, Incident, Indicator, Measure, Reference, ScopeEstimate
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


@pytest.fixture
def published(site, publish):
    """A public incident with something held back in every kind of row, beside incidents nobody may know of."""
    incident = make_incident(internal_notes="canary notes", exposed_channels=["canary channel"])
    make_update(incident, "Said in public.")
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

    assert {
        "index.html", "history/index.html", "sitemap.xml", "feed.atom", "feed.rss", "feed.json", "history.atom",
        "api/v2/summary.json", "api/v2/incidents.json", "api/v2/incidents/unresolved.json",
        "incidents/api-keys-2018/feed.json", "incidents/api-keys-2018/csaf.json", "incidents/api-keys-2018/index.html",
    } <= names  # fmt: skip


def test_the_walk_would_find_what_is_published(published, site):
    found = {name for name, body in documents(site) if b"Said in public." in body}

    assert {"feed.atom", "feed.rss", "feed.json", "history.rss", "api/v2/incidents.json", "api/v2/summary.json",
            "incidents/api-keys-2018/csaf.json", "incidents/api-keys-2018/feed.atom.br"} <= found  # fmt: skip
