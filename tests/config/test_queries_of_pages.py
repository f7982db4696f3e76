"""How many queries a page of the staff room takes: those of its frame, about ten of its own, and none for each row."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.accounts.test_access import STAFF
from tests.factories import (
    make_account,
    make_affected,
    make_decision,
    make_event,
    make_incident,
    make_organisation,
    make_segment,
    make_step,
    make_update,
)
from tests.notifications.arrange import make_mailing

SLUG = "api-keys-2018"
ROWS = 9
OWN = 10
# What every page asks before it asks for anything of its own: who is here, since when, what they may do, and the
# state of each room at the left.
OF_THE_HOUSE, OF_AN_INCIDENT = 17, 26
# Pages that show many kinds of thing, and how many queries of their own they take. These numbers only go down.
SHOW_MUCH = {
    "publish/": 60, "affected/1/": 30, "notices/1/": 32, "notices/1/variants/": 22, "mailings/1/": 30,
    "languages/": 20, "": 24, "forgetting/": 18, "inquiries/": 18, "mailings/1/recipients/": 14,
    "affected/": 12,
}  # fmt: skip


@pytest.fixture
def night(db):
    """An incident with a little of everything."""
    make_organisation()
    incident = make_incident(SLUG)
    add_rows(incident, range(2))
    make_mailing(incident, list(incident.affected_accounts.all()), state="finished", finished_at=timezone.now())
    return incident


def add_rows(incident, numbers) -> None:
    for number in numbers:
        segment = make_segment(incident, f"segment-{number}")
        make_step(incident, f"Step {number}")
        make_event(incident, f"Event {number}")
        make_update(incident, f"Update {number}")
        make_decision(incident)
        account = make_account(f"account-{number}", f"owner@account-{number}.example")
        make_affected(incident, account, segments=[segment])


def counted(client) -> dict[str, int]:
    """{address: queries} of every page that opens."""
    counts = {}
    for address, _ in STAFF:
        with CaptureQueriesContext(connection) as queries:
            response = client.get(address)
        if response.status_code == 200 and not response.streaming:
            counts[address] = len(queries)
    return counts


ABOUT_THE_HOUSE = {"/staff/readiness/": 16}  # asks for each of its twenty lines


def most(address: str) -> int:
    of_an_incident = address.startswith(f"/staff/{SLUG}/")
    page = address.removeprefix(f"/staff/{SLUG}/")
    if of_an_incident:
        return OF_AN_INCIDENT + SHOW_MUCH.get(page, OWN)
    return OF_THE_HOUSE + ABOUT_THE_HOUSE.get(address, OWN)


def test_a_page_takes_ten_queries_of_its_own_at_most_and_none_for_each_row(night, ada, as_user):
    client = as_user(ada)
    few = counted(client)
    add_rows(night, range(2, ROWS))

    many = counted(client)

    assert len(many) > 50
    assert {address: count for address, count in many.items() if count > most(address)} == {}
    # A first look may fill a cache, a first row may be asked for what belongs to it: that is not one for each.
    grown = {address: (few[address], count) for address, count in many.items() if count > few[address] + 1}
    assert grown == {}
