"""A promise that has passed is shown as such, by itself."""

from datetime import timedelta

import pytest

from accounts.models import AuditEntry
from incidents import publishing
from tests.factories import NOON, make_incident, make_update

pytestmark = pytest.mark.django_db
PROMISED = NOON + timedelta(hours=2)
AFTER = PROMISED + timedelta(minutes=1)


@pytest.fixture
def incident(publish):
    incident = make_incident(next_update_by=PROMISED)
    make_update(incident)
    publish(incident)
    return incident


def page(site, path="incidents/api-keys-2018/index.html"):
    return (site / path).read_text()


def test_before_the_moment_nothing_changes(incident, site):
    publishing.tick(at=NOON)

    publishing.tick(at=PROMISED - timedelta(seconds=1))

    assert publishing.latest(incident).number == 1
    assert "overdue" not in page(site)


def test_page_and_index_say_that_the_update_is_overdue(incident, site):
    publishing.tick(at=AFTER)

    version = publishing.latest(incident)
    assert (version.number, version.cause) == (2, "time")
    assert "overdue: the next update was promised by" in page(site)
    assert "overdue: the next update was promised by" in page(site, "index.html")


def test_it_is_said_once(incident, site):
    publishing.tick(at=AFTER)
    versions = publishing.latest(incident).number
    site_versions = AuditEntry.objects.count()

    publishing.tick(at=AFTER + timedelta(minutes=1))

    assert (publishing.latest(incident).number, AuditEntry.objects.count()) == (versions, site_versions)


def test_the_next_update_ends_it(incident, publish, site):
    publishing.tick(at=AFTER)
    make_update(incident, "We know more.")
    incident.next_update_by = AFTER + timedelta(hours=4)
    incident.save(update_fields=["next_update_by"])

    publish(incident, at=AFTER + timedelta(minutes=5))

    assert "overdue" not in page(site)
    assert "overdue" not in page(site, "index.html")


def test_a_closed_incident_owes_nothing(publish, site):
    incident = make_incident(next_update_by=PROMISED)
    make_update(incident, phase="resolved")
    publish(incident)

    publishing.tick(at=AFTER)

    assert publishing.latest(incident).number == 1


def test_how_far_telling_has_come_does_not_end_it(incident, site):
    publishing.tick(at=AFTER)

    publishing.record_telling(incident, publishing.Telling(state="under_way", as_of=AFTER.isoformat()),
                              at=AFTER + timedelta(minutes=1))  # fmt: skip
    publishing.finish()

    assert "overdue: the next update was promised by" in page(site)


def test_the_log_says_so(incident):
    publishing.tick(at=AFTER)

    entry = AuditEntry.objects.get(act="page.overdue")
    assert publishing.latest(incident).hash in entry.body
