"""Statuspage's API: its shape to the letter, and an exporter made for their pages reads ours."""

import json
import os
import re
import subprocess
import sys
import threading
from datetime import datetime, timedelta
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest

from accounts import approvals
from config import site_front
from incidents import publishing
from incidents.models import Incident
from incidents.publishing import Telling, versions
from tests.factories import NOON, make_incident, make_update
from tests.incidents.machines import load, make_correction

pytestmark = pytest.mark.django_db
LATER = NOON + timedelta(hours=2)
ENDPOINTS = {
    "summary": {"page", "components", "incidents", "scheduled_maintenances", "status"},
    "status": {"page", "status"},
    "components": {"page", "components"},
    "incidents": {"page", "incidents"},
    "incidents/unresolved": {"page", "incidents"},
    "scheduled-maintenances": {"page", "scheduled_maintenances"},
    "scheduled-maintenances/upcoming": {"page", "scheduled_maintenances"},
    "scheduled-maintenances/active": {"page", "scheduled_maintenances"},
}
INCIDENT = {
    "id", "name", "status", "created_at", "updated_at", "monitoring_at", "resolved_at", "impact", "shortlink",
    "started_at", "page_id", "components", "incident_updates", "security",
}  # fmt: skip
UPDATE = {
    "id", "status", "body", "incident_id", "created_at", "updated_at", "display_at", "deliver_notifications",
    "custom_tweet", "tweet_id", "affected_components",
}  # fmt: skip


@pytest.fixture
def incident(site):
    incident = make_incident(impact="critical")
    make_update(incident, "We have *closed* the way in.", phase="monitoring")
    return incident


def moments(value):
    """Every datetime anywhere in it."""
    if isinstance(value, dict):
        for name, one in value.items():
            if name.endswith("_at") and one is not None:
                yield one
            yield from moments(one)
    elif isinstance(value, list):
        for one in value:
            yield from moments(one)


def test_every_endpoint_has_exactly_its_keys(incident, publish, read):
    publish(incident)

    for name, keys in ENDPOINTS.items():
        made = read(f"api/v2/{name}.json")
        assert set(made) == keys, name
        assert set(made["page"]) == {"id", "name", "url", "time_zone", "updated_at"}
        assert made["page"]["id"] and made["page"]["url"] == "https://status.relaypost.example"
        assert made["page"]["time_zone"] == "Etc/UTC"


@pytest.mark.parametrize("name", ["mailgun-2018-01", "circleci-2023-01", "dropbox-sign-2024-04", "pypi-2023-11"])
def test_every_case_file_speaks_statuspages_words(name, publish, read):
    publish(load(name))

    (made,) = read("api/v2/incidents.json")["incidents"]

    assert set(made) == INCIDENT and all(set(update) == UPDATE for update in made["incident_updates"])
    assert made["status"] in {"investigating", "identified", "monitoring", "resolved", "postmortem"}
    assert made["impact"] in {"none", "minor", "major", "critical"}
    said = [update["display_at"] for update in made["incident_updates"]]
    assert said == sorted(said, reverse=True)
    assert all(datetime.fromisoformat(at).tzinfo for at in moments(read("api/v2/summary.json")))
    assert all(datetime.fromisoformat(at).tzinfo for at in moments(made))


def test_ids_are_opaque_and_stay(incident, publish, read):
    publish(incident)
    before = read("api/v2/incidents.json")["incidents"][0]
    make_update(incident, "More.")
    Incident.objects.update(title="Another title")
    incident.refresh_from_db()
    publish(incident, at=LATER)

    after = read("api/v2/incidents.json")["incidents"][0]

    assert re.fullmatch("[0-9a-f]{12}", after["id"]) and after["id"] == before["id"]
    assert after["incident_updates"][1]["id"] == before["incident_updates"][0]["id"]
    assert after["page_id"] == read("api/v2/status.json")["page"]["id"]


def test_the_summary_lists_only_what_is_not_resolved(incident, publish, read):
    publish(incident)
    other = make_incident("other", title="Over", impact="none")
    make_update(other, "Over.", phase="resolved")
    publish(other, at=LATER)

    assert [one["name"] for one in read("api/v2/summary.json")["incidents"]] == [incident.title]
    assert [one["name"] for one in read("api/v2/incidents/unresolved.json")["incidents"]] == [incident.title]
    assert [one["name"] for one in read("api/v2/incidents.json")["incidents"]] == ["Over", incident.title]
    assert read("api/v2/status.json")["status"] == {
        "indicator": "critical", "description": "One security incident is active",
    }  # fmt: skip


def test_when_all_is_resolved_the_indicator_is_none(incident, publish, read):
    publish(incident)
    make_update(incident, "Over.", phase="resolved")
    publish(incident, at=LATER)

    (made,) = read("api/v2/incidents.json")["incidents"]

    assert read("api/v2/status.json")["status"] == {"indicator": "none", "description": "All Systems Operational"}
    assert made["resolved_at"] == LATER.isoformat() and made["monitoring_at"] == NOON.isoformat()


def test_reopened_is_not_resolved_and_withdrawn_is(incident, publish, read):
    make_update(incident, "Over.", phase="resolved")
    publish(incident)
    make_update(incident, "It is not over.", phase="investigating")
    publish(incident, at=LATER)
    assert read("api/v2/incidents.json")["incidents"][0]["resolved_at"] is None

    make_update(incident, "There was no incident.", phase="withdrawn")
    publish(incident, at=LATER + timedelta(hours=1))

    (made,) = read("api/v2/incidents.json")["incidents"]
    assert made["status"] == "resolved" and made["security"]["phase"] == "withdrawn"
    assert made["resolved_at"] == (LATER + timedelta(hours=1)).isoformat()


def test_an_old_unresolved_incident_stays_behind_fifty_newer_ones(incident, publish, read, monkeypatch):
    monkeypatch.setattr("incidents.publishing.versions.NEWEST", 2)
    monkeypatch.setattr("incidents.documents.statuspage.LATEST", 2)
    publish(incident)
    for number in range(3):
        other = make_incident(f"other-{number}", title=f"Over {number}")
        make_update(other, "Over.", phase="resolved")
        publish(other, at=LATER + timedelta(hours=number))

    assert [one["name"] for one in read("api/v2/incidents.json")["incidents"]] == ["Over 2", "Over 1"]
    assert [one["name"] for one in read("api/v2/summary.json")["incidents"]] == [incident.title]


def test_the_security_key_says_what_statuspage_has_no_word_for(publish, read, django_capture_on_commit_callbacks):
    incident = load("mailgun-2018-01")
    publish(incident)
    with django_capture_on_commit_callbacks(execute=True):
        publishing.record_telling(incident, Telling(state="done", as_of=LATER.isoformat()), at=LATER)

    said = read("api/v2/incidents.json")["incidents"][0]["security"]

    assert {"name": "API keys", "status": "confirmed"}.items() <= said["data_classes"][0].items()
    assert said["scope"] and "1\N{NO-BREAK SPACE}%" in said["scope"][0]
    assert (
        said["not_notified"]["meaning"] == "not_affected" and "yours is not among them" in said["not_notified"]["words"]
    )
    assert said["not_notified"]["as_of"] == LATER.isoformat()
    assert said["steps"][0]["title"] == "Rotate your API keys"
    assert {"key": "detected", "date": "2018-01-03"}.items() <= said["key_dates"][1].items()
    assert said["key_dates"][0]["date"] is None


def test_a_correction_says_from_what_to_what_in_plain_text(incident, publish, read):
    publish(incident)
    make_correction(incident, corrects=incident.updates.get())
    publish(incident, at=LATER)

    newest, oldest = read("api/v2/incidents.json")["incidents"][0]["incident_updates"]

    assert "We said: since 3 January" in newest["body"] and "Correct is: since 21 December" in newest["body"]
    assert oldest["body"] == "We have closed the way in."


def test_publishing_loads_no_incident_whole_that_it_does_not_need(incident, publish, monkeypatch):
    monkeypatch.setattr("incidents.publishing.versions.NEWEST", 1)
    publish(incident)
    for number in range(4):
        other = make_incident(f"other-{number}")
        make_update(other, "Over.", phase="resolved")
        publish(other, at=LATER + timedelta(hours=number))

    on_the_site = versions._on_the_site()
    assert sorted(one.slug for one in versions._newest(on_the_site)) == ["api-keys-2018", "other-3"]
    assert len(on_the_site) == 5


@pytest.mark.django_db(transaction=True)
def test_an_exporter_made_for_statuspage_reads_our_page(site, wanda, anton, tmp_path):
    for slug, phase, impact in (("keys", "identified", "major"), ("over", "resolved", "critical")):
        incident = make_incident(slug, title=f"Incident {slug}", impact=impact)
        make_update(incident, "We are on it.", phase=phase)
        approvals.answer(publishing.ask(incident, by=wanda, at=NOON), yes=True, by=anton, at=NOON)
        publishing.publish(incident, by=anton, at=NOON)

    metrics = exported(site, tmp_path)

    assert 'statuspage_service_status{service_name="Relaypost"} 0.0' in metrics
    assert 'statuspage_probe_check{service_name="Relaypost"} 1.0' in metrics
    (active,) = [line for line in metrics.splitlines() if line.startswith("statuspage_incident_info{")]
    assert 'incident_name="Incident keys"' in active and 'impact="major"' in active
    assert 'shortlink="https://status.relaypost.example/incidents/keys/"' in active


@pytest.mark.django_db(transaction=True)
def test_the_exporter_finds_all_well_on_a_site_without_incidents(site, tmp_path):
    publishing.tick()

    assert 'statuspage_service_status{service_name="Relaypost"} 1.0' in exported(site, tmp_path)


class Quiet(WSGIRequestHandler):
    def log_message(self, *args):
        pass


def exported(site, folder):
    """What statuspage-prometheus-exporter makes of our page: one run of the real program against our own front."""
    with make_server("127.0.0.1", 0, site_front.front(lambda *_: [], site), handler_class=Quiet) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/api/v2/summary.json"
        services = folder / "services.json"
        services.write_text(json.dumps({"relaypost": {"name": "Relaypost", "type": "status_page", "url": url}}))
        ran = subprocess.run(
            [sys.executable, "-c", "from statuspage_prometheus_exporter.status_monitoring import main; main()"],
            cwd=folder, capture_output=True, text=True, timeout=60,
            env=os.environ | {"SERVICES_JSON_PATH": str(services), "RUN_MODE": "once",
                              "METRICS_TEXTFILE_PATH": str(folder / "out.prom")},
        )  # fmt: skip
        server.shutdown()
    assert ran.returncode == 0, ran.stderr
    return (folder / "out.prom").read_text()
