"""Feeds, read by feedparser: an entry for each update, a correction one of its own, and ids that stay."""

import json
from datetime import timedelta
from time import struct_time
from xml.etree import ElementTree

import feedparser
import pytest

from incidents import publishing
from incidents.models import Incident
from incidents.publishing import Telling
from tests.factories import NOON, make_incident, make_organisation, make_update
from tests.incidents.machines import load, make_correction

pytestmark = pytest.mark.django_db
LATER = NOON + timedelta(hours=2)
FORMS = ("atom", "rss")


@pytest.fixture
def incident(site):
    incident = make_incident()
    make_update(incident, "We have *closed* the way in. [Check a notice](/genuine/).", phase="monitoring")
    return incident


@pytest.fixture
def feed(site):
    def parse(path):
        parsed = feedparser.parse((site / path).read_bytes())
        assert not parsed.bozo, parsed.get("bozo_exception")
        return parsed

    return parse


@pytest.mark.parametrize("form", FORMS)
def test_a_feed_reader_gets_the_words_and_the_address_of_an_update(form, incident, publish, feed):
    publish(incident)

    for path in (f"feed.{form}", f"incidents/api-keys-2018/feed.{form}", f"history.{form}"):
        (entry,) = feed(path).entries
        assert entry.title == "API keys of some customers were exposed: Monitoring"
        assert entry.link == "https://status.relaypost.example/incidents/api-keys-2018/#update-1"
        assert "<em>closed</em>" in entry.summary
        assert 'href="https://status.relaypost.example/genuine/"' in entry.summary
        assert isinstance(entry.published_parsed, struct_time) and entry.published_parsed[:5] == (2026, 3, 14, 12, 0)


def test_feed_readers_know_which_kind_it_is(incident, publish, feed):
    publish(incident)

    assert feed("feed.atom").version == "atom10"
    assert feed("feed.rss").version == "rss20"
    assert feed("feed.atom").feed.title == feed("feed.rss").feed.title == "Security incidents · Relaypost"
    assert feed("incidents/api-keys-2018/feed.atom").feed.title == "API keys of some customers were exposed · Relaypost"


def test_a_json_feed_has_what_version_1_1_demands(incident, publish, read):
    publish(incident)

    for path in ("feed.json", "incidents/api-keys-2018/feed.json"):
        made = read(path)
        assert made["version"] == "https://jsonfeed.org/version/1.1" and made["title"]
        assert made["feed_url"] == f"https://status.relaypost.example/{path}"
        (item,) = made["items"]
        assert isinstance(item["id"], str) and item["content_html"].startswith("<p>We have <em>closed</em>")
        assert item["date_published"] == "2026-03-14T12:00:00+00:00"


def test_ids_are_the_same_in_every_feed_and_stay(incident, publish, feed, read, site):
    publish(incident)
    first = feed("feed.atom").entries[0].id
    assert first == feed("feed.rss").entries[0].id == read("feed.json")["items"][0]["id"]
    assert first == feed("incidents/api-keys-2018/feed.atom").entries[0].id and first.startswith("urn:uuid:")

    Incident.objects.update(title="Another title")
    incident.refresh_from_db()
    make_update(incident, "More is known.")
    publish(incident, at=LATER)

    newest, oldest = feed("feed.atom").entries
    assert (oldest.id, oldest.title) == (first, "Another title: Monitoring") and newest.id != first


def test_a_correction_is_a_new_entry_and_the_old_one_says_so(incident, publish, feed):
    publish(incident)
    make_correction(incident, corrects=incident.updates.get())
    publish(incident, at=LATER)

    correction, corrected = feed("incidents/api-keys-2018/feed.atom").entries

    assert correction.title.endswith(": Correction")
    assert "since <em>3 January</em>" in correction.summary and "since 21 December" in correction.summary
    assert "closed" in corrected.summary and "the window to investigate" in corrected.summary
    assert 'href="https://status.relaypost.example/incidents/api-keys-2018/#update-2"' in corrected.summary
    assert corrected.published_parsed[3] == 12 and corrected.updated_parsed[3] == 14


def test_newest_first_across_incidents_and_never_more_than_fifty(incident, publish, feed, read):
    publish(incident)
    for number in range(30):
        make_update(incident, f"First incident, {number}.", said_elsewhere=True, precision="minute", zone="UTC",
                    at=NOON - timedelta(days=300, hours=number))  # fmt: skip
    publish(incident, at=NOON + timedelta(minutes=1))
    other = make_incident("other", title="Another")
    for number in range(30):
        make_update(other, f"Second incident, {number}.", said_elsewhere=True, precision="minute", zone="UTC",
                    at=NOON - timedelta(days=300, hours=number, minutes=30))  # fmt: skip
    publish(other, at=LATER)

    entries = feed("feed.atom").entries

    moments = [entry.published_parsed for entry in entries]
    assert len(entries) == 50 == len(feed("feed.rss").entries) == len(read("feed.json")["items"])
    assert moments == sorted(moments, reverse=True)
    assert len(feed("incidents/api-keys-2018/feed.atom").entries) == 31


def test_how_far_telling_has_come_is_no_news_in_a_feed(incident, publish, site, django_capture_on_commit_callbacks):
    publish(incident)
    before = (site / "incidents/api-keys-2018/feed.atom").read_bytes(), (site / "feed.atom").read_bytes()

    with django_capture_on_commit_callbacks(execute=True):
        assert publishing.record_telling(incident, Telling(state="under_way", as_of=LATER.isoformat()), at=LATER)

    assert before == ((site / "incidents/api-keys-2018/feed.atom").read_bytes(), (site / "feed.atom").read_bytes())


def test_a_site_without_incidents_has_feeds_without_entries(site, feed, read):
    publishing.tick()

    assert feed("feed.atom").entries == feed("feed.rss").entries == [] == read("feed.json")["items"]
    assert feed("feed.atom").feed.updated_parsed


def test_signs_that_xml_cannot_write_do_not_break_the_feed(incident, publish, feed):
    Incident.objects.update(title="Keys <b>&</b> \x0b\x1b ]]> \ud7ff\ufffe exposed")
    incident.refresh_from_db()
    make_update(incident, "<script>alert(1)</script> & \x08 `]]>` \U0001f511")
    publish(incident)

    for path in ("feed.atom", "feed.rss", "incidents/api-keys-2018/feed.atom"):
        made = feed(path)
        assert len(made.entries) == 2
        assert "Keys <b>&" in made.entries[0].title.replace("&lt;", "<").replace("&amp;", "&")
        assert "<script" not in made.entries[0].summary


def test_atom_has_what_the_rfc_demands(incident, publish, site):
    publish(incident)
    atom = "{http://www.w3.org/2005/Atom}"

    root = ElementTree.fromstring((site / "feed.atom").read_bytes())

    for element in (root, *root.iter(f"{atom}entry")):
        for name in ("id", "title", "updated"):
            assert len(element.findall(atom + name)) == 1, name
    assert root.find(f"{atom}author/{atom}name").text == "Relaypost"
    rel_self = next(link for link in root.findall(f"{atom}link") if link.get("rel") == "self")
    assert rel_self.get("href") == "https://status.relaypost.example/feed.atom"
    assert root.find(f"{atom}entry/{atom}content").get("type") == "html"


def test_every_case_file_makes_feeds(publish, feed, site):
    for name in ("mailgun-2018-01", "circleci-2023-01", "dropbox-sign-2024-04", "pypi-2023-11"):
        incident = load(name)
        version = publish(incident)

        made = feed(f"incidents/{incident.slug}/feed.atom")

        assert [entry.link.rpartition("-")[2] for entry in made.entries] == [
            str(update["number"]) for update in version.content["updates"]
        ]
    assert len(json.loads((site / "feed.json").read_text())["items"]) == len(feed("feed.atom").entries)


def test_the_page_leads_to_its_feeds_and_the_index_to_the_sites(incident, publish, site):
    publish(incident)

    page, index = (site / "incidents/api-keys-2018/index.html").read_text(), (site / "index.html").read_text()

    for form in ("atom", "rss", "json"):
        assert f'href="/incidents/api-keys-2018/feed.{form}">' in page and f'href="/feed.{form}">' in index
    assert '<h2 id="follow">Follow</h2>' in page and 'rel="alternate" type="application/feed+json"' in page


def test_a_page_for_the_told_promises_no_feed(incident, publish, site):
    Incident.objects.update(visibility="told_only")
    incident.refresh_from_db()

    version = publish(incident)

    assert not version.documents.exclude(path__endswith="index.html").exists()
    assert b"feed.atom" not in bytes(version.documents.get(path="incidents/api-keys-2018/index.html").body)


def test_linked_data_on_the_page_is_json_whatever_the_title_says(incident, publish, site):
    Incident.objects.update(title='Keys "</script><b>" & \u2028 exposed')
    make_organisation(name="O'Relay & Söhne")
    incident.refresh_from_db()
    publish(incident)

    page = (site / "incidents/api-keys-2018/index.html").read_text()
    made = json.loads(page.split('<script type="application/ld+json">')[1].split("</script>")[0])

    assert made["@type"] == "Article" and made["headline"] == 'Keys "</script><b>" & \u2028 exposed'
    assert made["publisher"]["name"] == "O'Relay & Söhne"
    assert made["dateModified"] == "2026-03-14T12:00:00Z"
    assert made["url"] == "https://status.relaypost.example/incidents/api-keys-2018/"
