"""From a staged file to affected accounts: compared first, then all of it or nothing."""

import io
import threading
from decimal import Decimal

import pytest
from django.db import connection, transaction

from accounts.models import Account, Address, AuditEntry
from incidents import audience
from incidents.audience import approving
from incidents.models import AffectedAccount, ImportBatch, ScopeEstimate, StagedRow
from tests.factories import (
    NOON,
    make_account,
    make_address,
    make_affected,
    make_incident,
    make_organisation,
    make_segment,
)

pytestmark = pytest.mark.django_db

LIST = (
    "id,email,role,name,segment,key\n"
    "northwind,owner@northwind.example,owner,Northwind,api,k1\n"
    "northwind,sec@northwind.example,security,,,\n"
    "contoso,it@contoso.example,,Contoso,,k2\n"
    ",jane@person.example,,Jane,,k3\n"
)

EVIDENCE = "The log of the gateway shows no call with their key."


@pytest.fixture
def incident(db):
    incident = make_incident()
    make_segment(incident, "api")
    return incident


def read(incident, text: str = LIST, **how) -> ImportBatch:
    batch = audience.read(incident, io.BytesIO(text.encode()), file_name="list.csv", by=None, source="room", **how)
    assert batch.state == ImportBatch.State.STAGED, batch.refusal
    return batch


def save(incident, text: str = LIST, **how) -> ImportBatch:
    return audience.save(read(incident, text), by=how.pop("by", None), **how)


def happened(batch: ImportBatch) -> dict:
    return {name: batch.counts[name] for name in ("new", "changed", "unchanged", "missing")}


def test_saving_makes_accounts_addresses_and_affected_accounts(incident, wanda):
    batch = save(incident, by=wanda, at=NOON)

    assert (batch.state, batch.confirmed_by, batch.confirmed_at) == ("confirmed", wanda, NOON)
    northwind = AffectedAccount.objects.get(account__external_id="northwind")
    assert northwind.facts == {"key": "k1"}
    assert northwind.certainty == "confirmed"
    assert [segment.key for segment in northwind.segments.all()] == ["api"]
    assert list(northwind.account.addresses.order_by("pk").values_list("normal", "role")) == [
        ("owner@northwind.example", "owner"),
        ("sec@northwind.example", "security"),
    ]
    jane = Account.objects.get(external_id=None)
    assert (jane.kind, jane.name) == ("person", "Jane")
    assert Account.objects.get(external_id="contoso").kind == "customer"
    in_file_order = AffectedAccount.objects.order_by("pk").values_list("account__name", flat=True)
    assert list(in_file_order) == ["Northwind", "Contoso", "Jane"]
    assert not StagedRow.objects.exists()


def test_an_address_saved_by_an_import_is_found_like_any_other(incident):
    save(incident)

    found = Address.objects.get(normal="jane@person.example")
    lookup = bytes(found.lookup)
    found.save()
    assert bytes(Address.objects.get(pk=found.pk).lookup) == lookup


def test_the_log_gets_one_entry_with_counts_and_hash_and_no_person(incident, wanda):
    batch = save(incident, by=wanda)

    entry = AuditEntry.objects.get(act="import.confirmed")
    assert (entry.by, entry.incident) == (wanda, incident.pk)
    assert batch.sha256 in entry.body
    assert '"accounts":3' in entry.body
    for word in ("northwind", "jane", "Contoso", "list.csv", "k1"):
        assert word not in entry.body


def test_the_same_file_again_changes_nothing_and_says_so(incident):
    save(incident)
    before = list(AffectedAccount.objects.order_by("pk").values())

    again = read(incident)
    assert audience.compare(again).nothing_new
    again = audience.save(again, by=None)

    assert happened(again) == {"new": 0, "changed": 0, "unchanged": 3, "missing": 0}
    assert list(AffectedAccount.objects.order_by("pk").values()) == before
    assert (Account.objects.count(), Address.objects.count()) == (3, 4)


def test_one_address_in_two_roles_keeps_the_one_tried_first_and_stays_unchanged(incident):
    text = "id,email,role,trusted\na,x@a.example,security,yes\na,x@a.example,owner,no\n"

    save(incident, text)

    address = Address.objects.get()
    assert (address.role, address.trusted) == ("owner", False)
    assert happened(save(incident, text))["unchanged"] == 1


def test_a_person_is_found_again_by_the_address_in_another_incident(incident):
    save(incident)
    other = make_incident("another")

    save(other, "email,key\nJane@PERSON.example,k7\n")

    assert Account.objects.filter(external_id=None).count() == 1
    assert AffectedAccount.objects.get(incident=other).facts == {"key": "k7"}


def test_a_person_with_a_customers_address_is_reported_and_not_merged(incident):
    make_account("northwind", "owner@northwind.example")
    batch = read(incident, "email,key\nowner@northwind.example,k1\n")

    comparison = audience.compare(batch)
    audience.save(batch, by=None)

    assert comparison.same_address == 1
    finding = batch.findings.get(kind="same_address")
    assert (finding.line, finding.account, finding.other) == (2, "owner@northwind.example", "northwind")
    assert not AffectedAccount.objects.filter(account__external_id="northwind").exists()


def test_the_same_address_under_two_accounts_of_the_file_is_reported(incident):
    batch = read(incident, "id,email\na,x@shared.example\nb,X@shared.example\nc,y@own.example\n")

    comparison = audience.compare(batch)

    assert comparison.same_address == 1
    finding = batch.findings.get(kind="same_address")
    assert (finding.line, finding.account, finding.value, finding.other) == (2, "a", "x@shared.example", "b")


@pytest.mark.parametrize(
    "row",
    [
        "northwind,owner@northwind.example,,Northwind Traders,,",
        "northwind,,,,,k9",
        "northwind,new@northwind.example,,,,",
        "northwind,owner@northwind.example,billing,,,",
        "contoso,,,,api,",
    ],
    ids=["name", "fact", "address", "role", "segment"],
)
def test_each_kind_of_change_counts_as_one(incident, row):
    save(incident)
    text = f"id,email,role,name,segment,key\n{row}\n"

    batch = save(incident, text)

    assert happened(batch) == {"new": 0, "changed": 1, "unchanged": 0, "missing": 2}
    assert AffectedAccount.objects.filter(changed_in=batch).count() == 1
    assert happened(save(incident, text))["unchanged"] == 1


def test_certainty_changes_and_ruling_out_is_said(incident, wanda):
    make_organisation(sign_offs=0)
    save(incident)
    batch = read(incident, "id,certainty\nnorthwind,ruled out\ncontoso,possible\n", evidence=EVIDENCE)

    comparison = audience.compare(batch)
    assert comparison.newly_ruled_out == 1
    approving.ask(batch, comparison, by=wanda)
    audience.save(batch, by=None)

    assert dict(AffectedAccount.objects.values_list("account__external_id", "certainty")) == {
        "northwind": "ruled_out", "contoso": "possible", None: "confirmed",
    }  # fmt: skip


def test_what_a_file_leaves_out_stays_as_it_is(incident):
    save(incident)

    batch = save(incident, "id,name,segment,key\nnorthwind,,,\n")

    assert happened(batch) == {"new": 0, "changed": 0, "unchanged": 1, "missing": 2}
    northwind = AffectedAccount.objects.get(account__external_id="northwind")
    assert (northwind.account.name, northwind.facts, northwind.segments.count()) == ("Northwind", {"key": "k1"}, 1)
    assert AffectedAccount.objects.count() == 3


def test_a_file_takes_trust_from_an_address_and_never_gives_it_back(incident):
    account = make_account("northwind", None)
    make_address(account, "owner@northwind.example", trusted=False)

    save(incident, "id,email,trusted\nnorthwind,owner@northwind.example,yes\n")

    assert not Address.objects.get().trusted


def test_an_account_the_house_knows_is_new_in_this_incident_only(incident):
    make_account("northwind", "owner@northwind.example", name="Northwind")

    comparison = audience.compare(read(incident))

    assert (comparison.new, comparison.new_here_only) == (3, 1)


def test_only_one_of_two_confirmations_wins(incident, wanda, anton):
    batch = read(incident)
    stale = ImportBatch.objects.get(pk=batch.pk)
    audience.save(batch, by=wanda)

    with pytest.raises(audience.NotWaiting, match="already confirmed by Wanda Writer"):
        audience.save(stale, by=anton)

    assert AuditEntry.objects.filter(act="import.confirmed").count() == 1


@pytest.mark.parametrize("state", ["discarded", "refused", "reading"])
def test_a_batch_that_does_not_wait_cannot_be_confirmed(incident, state):
    batch = read(incident)
    ImportBatch.objects.filter(pk=batch.pk).update(state=state)

    with pytest.raises(audience.NotWaiting):
        audience.save(batch, by=None)

    assert not AffectedAccount.objects.exists()


def test_discarding_forgets_the_rows_and_only_once(incident, wanda):
    batch = audience.discard(read(incident), by=wanda)

    assert batch.state == ImportBatch.State.DISCARDED
    assert not StagedRow.objects.exists()
    assert AuditEntry.objects.get(act="import.discarded").by == wanda
    with pytest.raises(audience.NotWaiting):
        audience.discard(batch, by=wanda)


def test_a_segment_removed_since_reading_stops_the_import(incident):
    batch = read(incident)
    incident.segments.all().delete()

    with pytest.raises(audience.SegmentGone, match="“api”"):
        audience.save(batch, by=None)

    assert ImportBatch.objects.get(pk=batch.pk).state == ImportBatch.State.STAGED
    assert not Account.objects.exists()


def test_what_fails_half_way_leaves_nothing(incident, monkeypatch):
    batch = read(incident)

    def fail(**facts):
        raise RuntimeError("the chain is out of order")

    monkeypatch.setattr("incidents.audience.saving.audit.record", fail)

    with pytest.raises(RuntimeError):
        audience.save(batch, by=None)

    assert not Account.objects.exists()
    assert ImportBatch.objects.get(pk=batch.pk).state == ImportBatch.State.STAGED
    assert StagedRow.objects.count() == 4


def estimate(incident, bound="less_than", value="1", unit="percent", **fields) -> ScopeEstimate:
    return ScopeEstimate.objects.create(
        incident=incident, of_what="customers", bound=bound, value=value, unit=unit, at=NOON, precision="day", **fields
    )


@pytest.mark.parametrize(
    ("bound", "value", "unit", "stop", "words"),
    [
        ("less_than", "1", "percent", True, "more than the page says"),
        ("less_than", "1.1", "percent", False, "fits"),
        ("at_most", "1", "percent", False, "fits"),
        ("exactly", "3", "customers", False, "fits"),
        ("exactly", "2", "customers", True, "more than the page says"),
        ("exactly", "4", "customers", False, "fewer"),
        ("about", "2.6", "customers", False, "fits"),
        ("about", "2", "customers", True, "more"),
        ("at_least", "4", "customers", False, "fewer"),
        ("all", None, "", False, "no number"),
    ],
)
def test_the_share_of_customers_is_held_against_the_published_estimate(incident, bound, value, unit, stop, words):
    make_organisation(customers_total=300)
    estimate(incident, bound, value, unit)

    comparison = audience.compare(read(incident))

    assert comparison.share == Decimal(1)
    assert (comparison.stop, words in comparison.verdict) == (stop, True), comparison.verdict


def test_without_a_total_of_customers_a_percentage_cannot_be_compared(incident):
    make_organisation(customers_total=None)
    estimate(incident)

    comparison = audience.compare(read(incident))

    assert (comparison.share, comparison.stop) == (None, False)
    assert "Organisation" in comparison.verdict


def test_the_newest_estimate_that_is_not_held_back_counts(incident):
    make_organisation(customers_total=300)
    old = estimate(incident, value="5")
    estimate(incident, value="0.5", revises=old)
    estimate(incident, value="90", held_back=True)

    assert audience.compare(read(incident)).stop


def test_more_than_the_page_says_needs_an_explicit_yes(incident):
    make_organisation(customers_total=100)
    estimate(incident)
    batch = read(incident)

    with pytest.raises(audience.BeyondEstimate, match="more than the page says"):
        audience.save(batch, by=None)
    assert not AffectedAccount.objects.exists()

    audience.save(batch, by=None, beyond_estimate=True)
    assert '"beyond_estimate":true' in AuditEntry.objects.get(act="import.confirmed").body


def test_accounts_held_already_count_towards_the_share(incident):
    make_organisation(customers_total=100)
    make_affected(incident, make_account("held", None))
    make_affected(incident, make_account("gone", None), certainty="ruled_out")

    comparison = audience.compare(read(incident))

    assert (comparison.after, comparison.missing) == (4, 2)


@pytest.mark.django_db(transaction=True)
def test_two_imports_at_once_wait_for_each_other_and_say_so():
    incident = make_incident()
    first, second = read(incident, "id\na\n"), read(incident, "id\na\nb\n")
    said, results = [], {}
    waits = threading.Event()

    def save_second():
        try:
            results["second"] = audience.save(second, by=None, waiting=lambda: (said.append("waits"), waits.set()))
        finally:
            connection.close()

    thread = threading.Thread(target=save_second)
    with transaction.atomic():
        audience.save(first, by=None)
        thread.start()
        assert waits.wait(10)
    thread.join(10)

    assert said == ["waits", "waits"] or said == ["waits"]
    assert happened(results["second"]) == {"new": 1, "changed": 0, "unchanged": 1, "missing": 0}


def test_one_person_named_by_email_and_by_telephone_loses_nothing(incident):
    save(incident, "email,phone,key\njane@person.example,+49 30 123456,k0\n")
    apart = "email,phone,key\njane@person.example,,k1\n,+49 30 123456,k2\n"

    save(incident, apart)

    held = AffectedAccount.objects.filter(incident=incident)
    assert sorted(one.facts["key"] for one in held) == ["k1", "k2"]
    assert audience.compare(read(incident, apart)).nothing_new
