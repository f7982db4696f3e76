"""A reader with a notice: what every test of the reader's side stands on."""

import pytest
from django.test import Client

from accounts import approvals
from accounts.models import User
from incidents import publishing
from incidents.models import Exposure, Incident, Measure, PageVersion
from notifications import links
from notifications.models import Recipient
from tests.factories import (
    NOON,
    make_affected,
    make_incident,
    make_segment,
    make_step,
    make_update,
)
from tests.notifications.arrange import make_recipient

OURS = {"HTTP_SEC_FETCH_SITE": "same-origin"}


@pytest.fixture(autouse=True)
def _files_apart(settings, tmp_path):
    settings.SITE_FOLDER = tmp_path


def make_story(**fields) -> Incident:
    """An incident with something exposed, something to do and something done; nothing is published."""
    incident = make_incident(**fields)
    segment = make_segment(incident, guidance="Only keys of the *sending* API were read.")
    make_segment(incident, "billing", name="Billing", guidance="Your invoices were read.")
    Exposure.objects.create(incident=incident, segment=segment, data_class="API keys", status="confirmed")
    Exposure.objects.create(incident=incident, data_class="Sending statistics", status="possible")
    Exposure.objects.create(incident=incident, data_class="Payment data", status="ruled_out", note="kept elsewhere")
    make_step(incident, segment=segment, why="Whoever holds it can send.", if_not="We revoke it.", due_at=NOON)
    make_step(incident, "Read your logs", position=1, ends_exposure=False)
    make_step(incident, "Look at your invoices", position=2, segment=incident.segments.get(key="billing"))
    Measure.objects.create(incident=incident, text="We ended all sessions.", at=NOON)
    make_update(incident)
    return incident


def publish(incident: Incident, *, by: User, yes: User) -> PageVersion:
    approvals.answer(publishing.ask(incident, by=by), yes=True, by=yes)
    version = publishing.publish(incident, by=by)
    incident.refresh_from_db()
    return version


def make_letter(incident: Incident, **fields) -> Recipient:
    """A message that was accepted, to an account in the segment `api`."""
    affected = make_affected(incident, segments=[incident.segments.get(key="api")])
    return make_recipient(incident, affected, **{"state": "accepted", "state_at": NOON, **fields})


def open_link(recipient: Recipient, client: Client | None = None) -> Client:
    """A browser in which Continue was pressed."""
    client = client or Client()
    response = client.post(f"/notice/{links.token(recipient.link)}/", **OURS)
    assert (response.status_code, response["Location"]) == (303, "/notice/")
    return client


def page(client: Client) -> str:
    """The notice, blanks folded."""
    response = client.get("/notice/")
    assert response.status_code == 200
    return " ".join(response.content.decode().split())
