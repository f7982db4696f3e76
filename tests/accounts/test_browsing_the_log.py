"""The log of the house is searched by person, act, thing, incident and words; refused acts of staff stand in it."""

import logging

import pytest
from django.db import transaction

from accounts import audit
from accounts.models import AuditEntry

pytestmark = pytest.mark.django_db
LOG = "/staff/log/"


@pytest.fixture
def three(wanda, anton, ada):
    with transaction.atomic():
        audit.record(act="staff.renamed", thing=wanda, by=ada, note="kingfisher")
        audit.record(act="staff.renamed", thing=anton, by=ada, incident=7)
        audit.record(act="staff.closed", thing=anton, by=None)


def numbers(response) -> list[int]:
    return [told["entry"].number for told in response.context["entries"]]


@pytest.mark.parametrize(("asked", "found"), [
    ({"incident": "7"}, [2]), ({"words": "KINGFISHER"}, [1]), ({"act": "staff.closed"}, [3]), ({"by": "system"}, [3]),
    ({"words": "nothing like it"}, []), ({"incident": "seven"}, []),
])  # fmt: skip
def test_each_filter_leaves_what_fits(three, otto, as_user, asked, found):
    assert numbers(as_user(otto).get(LOG, asked)) == found


def test_filters_hold_together_and_a_seal_is_found_by_its_beginning(three, otto, anton, as_user):
    client = as_user(otto)

    assert numbers(client.get(LOG, {"thing": audit.name_of(anton)})) == [3, 2]
    assert numbers(client.get(LOG, {"thing": audit.name_of(anton), "act": "staff.renamed"})) == [2]
    seal = AuditEntry.objects.get(number=2).hash[:20]
    assert numbers(client.get(LOG, {"words": seal.upper()})) == [2]


def test_each_entry_links_to_its_thing_and_to_all_about_it(three, otto, anton, as_user):
    page = as_user(otto).get(LOG).content.decode()

    assert f'href="/staff/people/{anton.pk}/"' in page
    assert f'href="?thing=accounts.user%3A{anton.pk}"' in page
    assert 'href="?incident=7"' in page


def test_what_somebody_of_staff_may_not_do_stands_in_the_chain(wanda, as_user):
    assert as_user(wanda).post("/staff/people/", {"email": "x@relaypost.example"}).status_code == 403

    entry = AuditEntry.objects.get(act="staff.refused")
    assert entry.by == wanda
    assert '"page":"accounts:people"' in entry.body and '"method":"POST"' in entry.body
    assert "x@relaypost" not in entry.body


def test_what_a_stranger_may_not_do_goes_to_the_log_of_the_server_alone(stranger, as_user, caplog):
    with caplog.at_level(logging.WARNING, logger="django.security.staff_room"):
        assert as_user(stranger).get("/staff/people/").status_code == 403

    assert not AuditEntry.objects.exists()
    assert "turned away" in caplog.text and stranger.email not in caplog.text
