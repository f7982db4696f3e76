"""For tests of what is published: an organisation, a site folder, and publishing in one call."""

import json
from datetime import datetime
from pathlib import Path

import pytest

from accounts import approvals
from incidents import publishing
from incidents.models import Incident
from tests.factories import NOON, make_organisation


@pytest.fixture
def site(settings, tmp_path, db) -> Path:
    settings.SITE_FOLDER = tmp_path / "site"
    settings.PUBLIC_BASE_URL = "https://status.relaypost.example"
    make_organisation()
    return settings.SITE_FOLDER


@pytest.fixture
def publish(site, wanda, anton, django_capture_on_commit_callbacks):
    def act(incident: Incident, *, at: datetime = NOON):
        approvals.answer(publishing.ask(incident, by=wanda, at=at), yes=True, by=anton, at=at)
        with django_capture_on_commit_callbacks(execute=True):
            return publishing.publish(incident, by=anton, at=at)

    return act


@pytest.fixture
def read(site):
    """read("api/v2/status.json") is what stands there, as data."""
    return lambda path: json.loads((site / path).read_text())
