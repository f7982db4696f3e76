"""CSAF 2.0: valid by the schema of OASIS and by the mandatory tests of the standard's section 6.1."""

from datetime import timedelta

import pytest
from csaf.csaf.v20 import _validator as oasis

from incidents import publishing
from incidents.publishing import Telling
from tests.factories import NOON, make_incident, make_organisation, make_update
from tests.incidents.machines import load, make_correction

pytestmark = pytest.mark.django_db
CASES = ("mailgun-2018-01", "circleci-2023-01", "dropbox-sign-2024-04", "pypi-2023-11")


def faults(document):
    report = oasis.validate(document)
    # The standard's 6.1.27.2, which the package checks for another profile alone.
    assert any(one["category"] == "external" for one in document["document"]["references"])
    return [(result.id, result.errors) for result in report.results if not result.passed and not result.skipped]


def test_the_validator_asks_all_it_should(publish, read):
    publish(load("mailgun-2018-01"))

    report = oasis.validate(read("incidents/api-keys-january-2018/csaf.json"))

    tried = {result.id for result in report.results if not result.skipped}
    assert {"schema", *(f"6.1.{number}" for number in range(1, 34))} <= tried


def test_the_validator_finds_what_is_wrong(publish, read):
    publish(load("mailgun-2018-01"))
    document = read("incidents/api-keys-january-2018/csaf.json")

    document["document"]["tracking"]["version"] = "7"
    assert "6.1.16" in dict(faults(document))
    document["document"]["notes"] = [{"category": "legal_disclaimer", "text": "None."}]
    assert "6.1.27" in dict(faults(document))
    del document["document"]["tracking"]["version"]
    assert "schema" in dict(faults(document))


@pytest.mark.parametrize("name", CASES)
def test_every_case_file_makes_a_valid_document(name, publish, read):
    incident = load(name)
    publish(incident)

    made = read(f"incidents/{incident.slug}/csaf.json")

    assert made["document"]["category"] == "csaf_security_incident_response"
    assert faults(made) == []


def test_a_holding_statement_alone_is_valid(site, publish, read):
    make_organisation(security_email="")
    incident = make_incident(summary="We are looking into it.")
    make_update(incident, "We are looking into it.", kind="holding")
    publish(incident)

    made = read("incidents/api-keys-2018/csaf.json")

    assert faults(made) == []
    assert made["document"]["tracking"]["status"] == "interim"


def test_revisions_are_the_page_versions(site, publish, read, django_capture_on_commit_callbacks):
    incident = make_incident()
    make_update(incident)
    publish(incident)
    with django_capture_on_commit_callbacks(execute=True):
        publishing.record_telling(
            incident, Telling(state="under_way", as_of=NOON.isoformat()), at=NOON + timedelta(hours=1)
        )
    assert "we are writing to the accounts" in str(read("incidents/api-keys-2018/csaf.json")["document"]["notes"])
    make_correction(incident, corrects=incident.updates.get())
    make_update(incident, "It is over.", phase="resolved")
    publish(incident, at=NOON + timedelta(hours=2))

    made = read("incidents/api-keys-2018/csaf.json")

    tracking = made["document"]["tracking"]
    versions = incident.page_versions.order_by("number").values_list("number", "made_at")
    assert [(revision["number"], revision["date"]) for revision in tracking["revision_history"]] == [
        (str(number), made_at.isoformat()) for number, made_at in versions
    ]
    assert tracking["version"] == str(len(versions)) and len(versions) >= 3 and tracking["status"] == "final"
    assert tracking["initial_release_date"] == "2026-03-14T12:00:00+00:00"
    assert tracking["current_release_date"] == tracking["revision_history"][-1]["date"]
    assert "Correct is: since 21 December" in str(made["document"]["notes"])
    assert faults(made) == []
