"""After an upgrade pages take on the new look, and nobody is told; the site's own versions do not pile up."""

from datetime import timedelta

import pytest
from django.core.management import call_command
from django.db.models import Sum
from django.db.models.functions import Length

from incidents import publishing, site_folder
from incidents.documents import assets, page
from incidents.models import PageDocument, PageVersion
from incidents.publishing import look, versions
from tests.factories import NOON, make_incident, make_update

pytestmark = pytest.mark.django_db
LATER = NOON + timedelta(days=30)


@pytest.fixture
def incident(site, publish):
    incident = make_incident()
    make_update(incident, "We have closed the way in.")
    publish(incident)
    return incident


@pytest.fixture
def new_look(monkeypatch):
    """Every page of the next release says something in its foot."""
    rendered = page.to_bytes

    def anew(template, context):
        return rendered(template, context).replace(b"</footer>", b"<p>New look</p></footer>")

    monkeypatch.setattr(page, "to_bytes", anew)


def test_the_same_look_makes_no_version(incident):
    assert publishing.render_again(at=LATER) == look.Outcome(made=0, same=1)
    assert incident.page_versions.count() == 1


def test_a_new_look_reaches_open_and_past_pages_once(incident, site, publish, new_look, otto):
    past = make_incident("past")
    make_update(past, "Over.", phase="resolved")
    publish(past)  # with the new look already
    before = (site / "incidents/api-keys-2018/versions/1/index.html").read_bytes()
    heard = []
    publishing.published.connect(lambda **said: heard.append(said), weak=False, dispatch_uid="look")

    outcome = publishing.render_again(at=LATER)

    publishing.published.disconnect(dispatch_uid="look")
    assert (outcome.made, outcome.same, heard) == (1, 1, [])
    assert "New look" in (site / "incidents/api-keys-2018/index.html").read_text()
    assert (site / "incidents/api-keys-2018/versions/1/index.html").read_bytes() == before
    assert b"New look" not in before
    version = publishing.latest(incident)
    assert (version.number, version.cause, version.announced_at is not None) == (2, "look", True)
    assert publishing.render_again(at=LATER).made == 0


def test_what_was_said_and_when_does_not_move(incident, site, new_look):
    page_before = (site / "incidents/api-keys-2018/index.html").read_text()
    feed = (site / "incidents/api-keys-2018/feed.json").read_text()

    publishing.render_again(at=LATER)

    after = (site / "incidents/api-keys-2018/index.html").read_text()
    moment = 'updated <time class="moment" datetime="2026-03-14T12:00:00Z">'
    assert moment in page_before and moment in after
    assert (site / "incidents/api-keys-2018/feed.json").read_text() == feed


def test_drafts_stay_drafts(incident, site, new_look):
    make_update(incident, "Not approved by anybody.")

    publishing.render_again(at=LATER)

    assert "Not approved" not in (site / "incidents/api-keys-2018/index.html").read_text()


def test_a_page_that_does_not_render_stands_as_it_was(incident, publish, monkeypatch, capsys):
    other = make_incident("other")
    make_update(other)
    publish(other)
    render_one = look._looks_the_same

    def breaks(shown, approved):
        if shown.incident.slug == "other":
            raise KeyError("related")
        return render_one(shown, approved)

    monkeypatch.setattr(look, "_looks_the_same", breaks)

    with pytest.raises(SystemExit):
        call_command("render_again")

    said = capsys.readouterr()
    assert "0 pages got a new version; 1 look as before." in said.out and "other" in said.err


@pytest.fixture
def few_kept(monkeypatch):
    monkeypatch.setattr(versions, "SITE_KEPT", 3)


def kept():
    return PageDocument.objects.filter(version__incident=None, body__isnull=False)


def test_documents_of_the_whole_site_do_not_pile_up(incident, publish, few_kept):
    sizes = []
    for number in range(8):
        make_update(incident, f"News {number}.")
        publish(incident, at=NOON + timedelta(hours=number + 1))
        sizes.append(kept().aggregate(bytes=Sum(Length("body")))["bytes"])

    assert PageVersion.objects.filter(incident=None).count() > 8
    assert kept().values("version").distinct().count() == 3
    assert sizes[-1] < sizes[3] * 1.5  # what grows is what the newest documents themselves say


def test_a_stylesheet_of_long_ago_stays_for_the_pages_that_link_to_it(incident, publish, site, few_kept, monkeypatch):
    old = PageDocument.objects.filter(path__startswith="assets/page").latest("pk").path
    files = {name: body for name, body in assets.files().items() if name != old} | {"assets/page.00000000.css": b"a{}"}
    monkeypatch.setattr(assets, "files", lambda: files)
    for number in range(5):
        make_update(incident, f"News {number}.")
        publish(incident, at=NOON + timedelta(hours=number + 1))

    (site / site_folder.GENERATION).unlink()
    (site / old).unlink()
    publishing.finish()  # a new machine: everything is written from rows

    assert (site / old).exists() and (site / "index.html").exists()
