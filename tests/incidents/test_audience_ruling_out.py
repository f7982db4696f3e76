"""Ruling out: with evidence, two people for a large part, nobody lost."""

import pytest

from accounts import approvals
from accounts.models import Approval, AuditEntry
from incidents import audience
from incidents.audience import approving, ruling_out
from incidents.models import AffectedAccount, ImportBatch
from tests.factories import make_account, make_affected, make_incident, make_organisation, make_user
from tests.incidents.waves import ENOUGH, certainties, many, read, save

pytestmark = pytest.mark.django_db
Mode = ImportBatch.Mode


@pytest.fixture
def incident():
    make_organisation()
    return make_incident()


@pytest.fixture
def counsel():
    return make_user("carla@relaypost.example", role="Counsel", name="Carla Counsel")


def ask(batch, by):
    return approving.ask(batch, audience.compare(batch), by=by)


def test_a_file_that_is_the_whole_list_rules_out_whoever_it_does_not_name(incident, wanda):
    save(incident, many(20))

    batch = save(incident, many(19, beginning=2), by=wanda, mode=Mode.REPLACE, evidence=ENOUGH)

    assert certainties(incident)["a1"] == "ruled_out"
    assert list(certainties(incident).values()).count("confirmed") == 19
    assert AffectedAccount.objects.get(account__external_id="a1").changed_in == batch


def test_whoever_is_new_in_a_file_that_is_the_whole_list_is_not_ruled_out(incident):
    save(incident, many(20))

    save(incident, many(20, beginning=2), mode=Mode.REPLACE, evidence=ENOUGH)

    assert certainties(incident)["a21"] == "confirmed"
    assert certainties(incident)["a1"] == "ruled_out"


def test_the_preview_says_how_many_would_be_ruled_out(incident):
    save(incident, many(20))

    comparison = audience.compare(read(incident, many(20, beginning=2), mode=Mode.REPLACE))

    assert (comparison.new, comparison.missing, comparison.newly_ruled_out, comparison.after) == (1, 1, 1, 20)


def test_everyone_in_a_file_that_rules_out_is_ruled_out_and_nothing_else_of_them_changes(incident):
    save(incident, many(20))

    save(incident, "account_id,email,name,plan\na3,new@a3.example,Renamed,gold", mode=Mode.RULE_OUT, evidence=ENOUGH)

    affected = AffectedAccount.objects.get(account__external_id="a3")
    assert (affected.certainty, affected.facts, affected.account.name) == ("ruled_out", {}, "")
    assert affected.account.addresses.get().value == "owner@a3.example"


def test_whoever_a_file_that_rules_out_names_and_we_do_not_hold_is_reported_and_not_imported(incident):
    save(incident, many(20))
    batch = read(incident, "account_id\na1\nb1\nb2", mode=Mode.RULE_OUT, evidence=ENOUGH)

    assert audience.compare(batch).not_held == 2
    audience.save(batch, by=None)

    assert incident.affected_accounts.count() == 20
    assert batch.findings.filter(kind="not_held").count() == 2


def test_nobody_is_ruled_out_without_evidence(incident):
    save(incident, many(20))
    batch = read(incident, "account_id,certainty\na1,ruled out")

    with pytest.raises(ruling_out.NeedsEvidence, match="rules out 1 account"):
        audience.save(batch, by=None)

    assert certainties(incident)["a1"] == "confirmed"
    batch.refresh_from_db()
    assert batch.state == "staged"


@pytest.mark.parametrize("text", ["", "they said so", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"])
def test_evidence_is_a_sentence(text):
    assert not ruling_out.is_evidence(text)


def test_evidence_may_be_cited_after_reading(incident):
    save(incident, many(20))
    batch = read(incident, "account_id,certainty\na1,ruled out")

    ruling_out.cite(batch, evidence=ENOUGH)
    audience.save(batch, by=None)

    assert certainties(incident)["a1"] == "ruled_out"
    assert ENOUGH in AuditEntry.objects.filter(act="import.confirmed").first().body


def test_a_file_that_is_the_whole_list_must_be_read_whole(incident):
    save(incident, many(20))
    batch = read(incident, many(19) + "\na20,no address,confirmed", mode=Mode.REPLACE, evidence=ENOUGH)

    with pytest.raises(ruling_out.RowsLeftOut, match="1 of its rows"):
        audience.save(batch, by=None)

    assert certainties(incident)["a20"] == "confirmed"


def test_a_tenth_of_the_list_may_be_ruled_out_by_one_person(incident):
    save(incident, many(20))

    save(incident, many(2, value="ruled out"), evidence=ENOUGH)

    assert list(certainties(incident).values()).count("ruled_out") == 2


def test_more_than_a_tenth_stops_and_asks_two_people(incident, wanda, anton, counsel):
    save(incident, many(20))
    batch = read(incident, many(3, value="ruled out"), by=wanda, evidence=ENOUGH)

    with pytest.raises(approvals.NotApproved, match="more than a tenth"):
        audience.save(batch, by=wanda)
    request = ask(batch, wanda)
    assert request.needs == 2
    approvals.answer(request, yes=True, by=anton)
    with pytest.raises(approvals.NotApproved, match="has not approved"):
        audience.save(batch, by=wanda)
    approvals.answer(request, yes=True, by=counsel)
    audience.save(batch, by=wanda)

    assert list(certainties(incident).values()).count("ruled_out") == 3
    request.refresh_from_db()
    assert request.state == "used"


def test_many_small_parts_of_the_list_are_a_large_one(incident, wanda):
    save(incident, many(20))
    save(incident, many(2, value="ruled out"), by=wanda, evidence=ENOUGH)

    with pytest.raises(approvals.NotApproved, match="1 account, after 2 accounts in the last 7 days without a second"):
        save(incident, many(1, beginning=3, value="ruled out"), by=wanda, evidence=ENOUGH)


def test_parts_that_others_said_yes_to_are_not_counted_again(incident, wanda, anton, counsel):
    save(incident, many(20))
    batch = read(incident, many(3, value="ruled out"), by=wanda, evidence=ENOUGH)
    request = ask(batch, wanda)
    for person in (anton, counsel):
        approvals.answer(request, yes=True, by=person)
    audience.save(batch, by=wanda)

    save(incident, many(1, beginning=4, value="ruled out"), by=wanda, evidence=ENOUGH)

    assert list(certainties(incident).values()).count("ruled_out") == 4


def test_as_many_others_need_another_yes(incident, wanda, anton, counsel):
    save(incident, many(20))
    batch = read(incident, many(17), by=wanda, mode=Mode.REPLACE, evidence=ENOUGH)
    request = ask(batch, wanda)
    for person in (anton, counsel):
        approvals.answer(request, yes=True, by=person)
    AffectedAccount.objects.filter(account__external_id="a20").delete()
    make_affected(incident, make_account(external_id="victim"))

    with pytest.raises(approvals.NotApproved, match="changed after it was approved"):
        audience.save(batch, by=wanda)


def test_whoever_uploaded_the_file_cannot_say_yes_to_it_although_another_asks(incident, wanda, anton):
    save(incident, many(20))
    request = ask(read(incident, many(3, value="ruled out"), by=anton, evidence=ENOUGH), wanda)

    with pytest.raises(approvals.NotAllowed, match="You wrote this yourself"):
        approvals.answer(request, yes=True, by=anton)


def test_in_a_one_person_company_it_goes_at_once_and_the_log_says_so(incident, wanda):
    make_organisation(sign_offs=0)
    save(incident, many(5))
    batch = read(incident, many(3, value="ruled out"), by=wanda, evidence=ENOUGH)

    assert ask(batch, wanda).state == "given"
    audience.save(batch, by=wanda)

    assert '"alone":true' in AuditEntry.objects.filter(act="import.confirmed").first().body


def test_other_evidence_needs_another_yes(incident, wanda, anton, counsel):
    save(incident, many(5))
    batch = read(incident, many(3, value="ruled out"), by=wanda, evidence=ENOUGH)
    request = ask(batch, wanda)
    for person in (anton, counsel):
        approvals.answer(request, yes=True, by=person)

    ruling_out.cite(batch, evidence="Somebody had a feeling that it was not them.")

    with pytest.raises(approvals.NotApproved, match="changed after it was approved"):
        audience.save(batch, by=wanda)


def test_ruled_out_people_stay_on_the_list_with_what_was_said_of_them(incident):
    save(incident, many(20, column="plan", value="gold"))

    save(incident, "account_id,certainty\na1,ruled out", evidence=ENOUGH)

    assert AffectedAccount.objects.get(account__external_id="a1").facts == {"plan": "gold"}


def test_a_ruled_out_account_comes_back_with_a_file_that_says_so(incident):
    save(incident, many(20))
    save(incident, many(1, value="ruled out"), evidence=ENOUGH)

    save(incident, many(1))

    assert certainties(incident)["a1"] == "confirmed"


def test_one_account_is_named_by_a_file_of_one_row(incident):
    with_id = make_affected(incident, make_account(external_id='a,"1'))
    without = make_affected(incident, make_account(external_id=None, email="jane@fabrikam.example", name="Jane"))

    for affected in (with_id, without):
        batch = read(incident, ruling_out.file_of(affected).decode(), mode=Mode.RULE_OUT, evidence=ENOUGH)
        comparison = audience.compare(batch)
        assert (comparison.newly_ruled_out, comparison.not_held) == (1, 0)


def test_a_discarded_import_takes_its_request_along(incident, wanda):
    save(incident, many(5))
    batch = read(incident, many(3, value="ruled out"), by=wanda, evidence=ENOUGH)
    request = ask(batch, wanda)

    audience.discard(batch, by=wanda)

    assert Approval.objects.get(pk=request.pk).state == "void"
