"""Indicators as a file for tools: the values as they are."""

import csv
import io

import pytest

from incidents.models import Indicator
from tests.factories import make_incident, make_update

pytestmark = pytest.mark.django_db


@pytest.fixture
def incident():
    incident = make_incident()
    make_update(incident)
    return incident


def test_the_page_links_to_a_csv_of_its_indicators(incident, publish, site):
    Indicator.objects.create(incident=incident, kind="domain", value="login.example.net", note="asked for passwords")
    Indicator.objects.create(incident=incident, kind="log_query", value="=cmd|' /C calc'!A0", position=1)

    publish(incident)

    page = (site / "incidents/api-keys-2018/index.html").read_text()
    rows = list(csv.reader(io.StringIO((site / "incidents/api-keys-2018/indicators.csv").read_text())))
    assert 'href="/incidents/api-keys-2018/indicators.csv"' in page
    assert "login[.]example[.]net" in page
    assert rows[1] == ["Domain", "login.example.net", "asked for passwords"]
    assert rows[2][1].startswith("'=")


def test_where_there_are_none_there_is_no_file(incident, publish, site):
    publish(incident)

    assert not (site / "incidents/api-keys-2018/indicators.csv").exists()


def test_what_is_held_back_is_not_in_it(incident, publish, site):
    Indicator.objects.create(incident=incident, kind="domain", value="seen.example.net")
    Indicator.objects.create(incident=incident, kind="domain", value="canary.example.net", held_back=True)

    publish(incident)

    assert "canary" not in (site / "incidents/api-keys-2018/indicators.csv").read_text()
