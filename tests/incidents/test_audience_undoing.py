"""Taking an import back, as long as nobody was told because of it."""

import pytest
from django.db import connection
from django.db.models import Q

from accounts.models import Account, Address, AuditEntry
from incidents import audience
from incidents.audience import distrusting, undoing
from incidents.models import AffectedAccount, ImportBatch
from tests.factories import (
    make_account,
    make_address,
    make_affected,
    make_incident,
    make_organisation,
    make_segment,
    make_step,
)
from tests.incidents.waves import ENOUGH, certainties, many, read, save
from tests.notifications.arrange import make_mailing

pytestmark = pytest.mark.django_db


@pytest.fixture
def incident():
    make_organisation()
    return make_incident()


def undo(batch, by) -> ImportBatch:
    return undoing.undo(batch, by=by, because="The file was of another incident.")


def why_not(batch, by) -> str:
    with pytest.raises(undoing.CannotUndo) as refusal:
        undo(batch, by)
    return str(refusal.value)


def test_undoing_the_first_import_leaves_nothing_of_it(incident, wanda):
    make_segment(incident, "api")
    batch = save(incident, "account_id,email,segments\na1,owner@a1.example,api\na2,owner@a2.example,")

    undone = undo(batch, wanda)

    assert (Account.objects.count(), Address.objects.count(), AffectedAccount.objects.count()) == (0, 0, 0)
    assert (undone.state, undone.undone_by) == ("undone", wanda)
    entry = AuditEntry.objects.get(act="import.undone")
    assert "another incident" in entry.body
    assert '"left the list":2' in entry.body


def test_what_a_wave_changed_is_as_before(incident, wanda):
    make_segment(incident, "api")
    make_segment(incident, "smtp")
    save(incident, "account_id,email,role,name,plan,segments,certainty\n"
                   "a1,owner@a1.example,owner,Old,silver,api,possible")  # fmt: skip
    batch = save(incident, "account_id,email,role,trusted,name,plan,key,segments,certainty\n"
                           "a1,owner@a1.example,security,no,New,gold,k1,smtp,confirmed\n"
                           "a1,two@a1.example,,,,,,,")  # fmt: skip

    undo(batch, wanda)

    affected = AffectedAccount.objects.get()
    address = affected.account.addresses.get()
    assert affected.account.name == "Old"
    assert (affected.facts, affected.certainty, affected.changed_in) == ({"plan": "silver"}, "possible", None)
    assert [segment.key for segment in affected.segments.all()] == ["api"]
    assert (address.value, address.role, address.trusted) == ("owner@a1.example", "owner", True)


def test_whoever_was_ruled_out_is_owed_a_notice_again(incident, wanda):
    save(incident, many(20))
    batch = save(incident, many(19), mode="replace", evidence=ENOUGH)

    undo(batch, wanda)

    assert set(certainties(incident).values()) == {"confirmed"}


def test_an_account_that_another_incident_has_stays(incident, wanda):
    batch = save(incident, many(2))
    make_affected(make_incident("another"), Account.objects.get(external_id="a1"))

    undo(batch, wanda)

    account = Account.objects.get()
    assert account.external_id == "a1"
    assert account.addresses.count() == 0, "the address was made by the import, and nothing stands on it"
    assert incident.affected_accounts.count() == 0


def test_an_account_that_was_there_before_the_import_stays_with_what_it_had(incident, wanda):
    account = make_account("a1", email="old@a1.example", name="Old")
    batch = save(incident, "account_id,email,name\na1,new@a1.example,New")

    undo(batch, wanda)

    account.refresh_from_db()
    assert account.name == "Old"
    assert account.addresses.get().value == "old@a1.example"


def test_what_somebody_else_has_said_since_is_not_taken_back(incident, wanda):
    save(incident, "account_id,name\na1,Old")
    batch = save(incident, "account_id,name\na1,New")
    Account.objects.update(name="Newest")

    undo(batch, wanda)

    assert Account.objects.get().name == "Newest"


def test_addresses_added_since_stay_with_their_account(incident, wanda):
    batch = save(incident, many(1))
    make_address(Account.objects.get(), "later@a1.example")

    undo(batch, wanda)

    assert Address.objects.get().value == "later@a1.example"


def test_nobody_who_was_written_to_is_taken_from_the_list(incident, wanda):
    batch = save(incident, many(3))
    make_mailing(incident, list(incident.affected_accounts.all()[:2]))

    assert why_not(batch, wanda).startswith("2 accounts have been written to")
    assert len(certainties(incident)) == 3


def test_a_change_of_somebody_who_was_written_to_stays(incident, wanda):
    save(incident, many(3))
    batch = save(incident, "account_id,plan\na1,gold")
    make_mailing(incident, [incident.affected_accounts.get(account__external_id="a1")])

    assert why_not(batch, wanda).startswith("1 account has been written to")


def test_whoever_ticked_a_step_or_read_their_notice_has_been_told(incident, wanda):
    batch = save(incident, many(2))
    first, second = incident.affected_accounts.order_by("pk")
    first.step_states.create(step=make_step(incident), state="ticked", at=batch.confirmed_at)
    AffectedAccount.objects.filter(pk=second.pk).update(acknowledged_at=batch.confirmed_at)

    assert why_not(batch, wanda).startswith("2 accounts have")


def test_the_newest_is_undone_first(incident, wanda):
    first = save(incident, many(3))
    second = save(incident, "account_id,plan\na1,gold")
    third = save(incident, "account_id,plan\na1,platinum")

    assert why_not(first, wanda).startswith("Imports 2, 3 changed the same accounts later")
    assert why_not(second, wanda).startswith("Import 3 changed the same accounts later")
    undo(third, wanda)
    undo(second, wanda)
    assert AffectedAccount.objects.get(account__external_id="a1").facts == {}
    undo(first, wanda)
    assert Account.objects.count() == 0


def test_a_later_import_of_other_accounts_is_no_obstacle(incident, wanda):
    first = save(incident, many(2))
    save(incident, many(2, beginning=3))

    undo(first, wanda)

    assert set(certainties(incident)) == {"a3", "a4"}


def test_whoever_a_later_file_names_again_stays_on_the_list(incident, wanda):
    first = save(incident, many(2))
    second = save(incident, many(2, beginning=2))

    assert why_not(first, wanda).startswith("Import 2 named accounts that were on the list already")
    undo(second, wanda)
    undo(first, wanda)

    assert certainties(incident) == {}


def test_a_later_file_of_those_ruled_out_already_is_no_obstacle(incident, wanda):
    save(incident, many(20, value="ruled_out"), evidence=ENOUGH)
    first = save(incident, many(2, beginning=30))
    second = read(incident, "account_id\na1", mode="rule_out", evidence=ENOUGH)
    audience.save(second, by=wanda)

    undo(first, wanda)

    assert len(certainties(incident)) == 20


def test_an_address_that_another_incident_was_told_of_since_stays(incident, wanda):
    first = save(incident, many(2))
    another = make_incident("another")
    save(another, many(1))

    undo(first, wanda)

    assert Address.objects.get().value == "owner@a1.example"
    assert certainties(another) == {"a1": "confirmed"}


def test_an_address_that_another_incident_had_before_goes(incident, wanda):
    another = make_incident("another")
    save(another, "account_id,email\na1,right@a1.example")
    first = save(incident, "account_id,email\na1,wrong@a1.example")

    undo(first, wanda)

    assert Address.objects.get().value == "right@a1.example", "a wrong address is taken back from every incident"


def test_whoever_is_written_to_in_the_moment_of_an_undo_stays(incident, wanda, monkeypatch):
    batch = save(incident, many(1))
    make_mailing(incident, [incident.affected_accounts.get()])
    monkeypatch.setattr(undoing, "_told", lambda: Q(pk=None))  # as if the message came after the look

    assert "in this very moment" in why_not(batch, wanda)
    assert incident.affected_accounts.count() == 1


def test_an_import_of_before_undoing_was_known_says_so(incident, wanda):
    batch = save(incident, many(1))
    ImportBatch.objects.update(written_at=None)
    batch.refresh_from_db()

    assert "before it was noted" in why_not(batch, wanda)


def test_an_import_is_undone_once(incident, wanda):
    batch = save(incident, many(1))
    undo(batch, wanda)

    assert "already undone by Wanda Writer" in why_not(batch, wanda)


def test_an_import_that_was_discarded_cannot_be_undone(incident, wanda):
    batch = save(incident, many(1))
    ImportBatch.objects.filter(pk=batch.pk).update(state="discarded", confirmed_at=None)

    assert "was not imported" in why_not(batch, wanda)


def test_the_list_can_be_imported_again_after_an_undo(incident, wanda):
    undo(save(incident, many(3)), wanda)

    save(incident, many(3))

    assert len(certainties(incident)) == 3


def test_trust_that_a_rule_has_taken_stays_taken(incident, wanda):
    save(incident, "account_id,email\na1,owner@a1.example")
    batch = save(incident, "account_id,email,trusted\na1,owner@a1.example,no")
    distrusting.distrust(incident, kind="domain", value="a1.example", because="Exposed, too.", by=wanda)

    undo(batch, wanda)

    assert not Address.objects.get().trusted


def test_the_page_is_told_beforehand_what_would_happen(incident):
    save(incident, many(2))
    batch = save(incident, "account_id,plan\na1,gold\na9,gold")

    outlook = undoing.outlook(batch)

    assert (outlook.leaving, outlook.restored, outlook.obstacle) == (1, 1, "")


def test_undoing_leaves_no_temporary_table_behind(incident, wanda):
    undo(save(incident, many(1)), wanda)
    undo(save(incident, many(1)), wanda)

    assert connection.introspection.table_names()
