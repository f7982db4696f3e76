"""Further files: who says yes to how many, what each did to whom."""

import pytest

from accounts import approvals
from accounts.models import Account, Address, Approval
from incidents import audience
from incidents.audience import approving, history
from incidents.models import AccountChange, AffectedAccount
from tests.factories import make_account, make_affected, make_incident, make_organisation, make_segment
from tests.incidents.waves import ENOUGH, certainties, many, read, save

pytestmark = pytest.mark.django_db


@pytest.fixture
def incident():
    make_organisation(import_limit=3)
    return make_incident()


def ask(batch, by):
    return approving.ask(batch, audience.compare(batch), by=by)


def test_as_many_as_the_limit_needs_nobody_else(incident, wanda):
    save(incident, many(3), by=wanda)

    assert len(certainties(incident)) == 3
    assert Approval.objects.count() == 0


def test_more_than_the_limit_needs_a_second_persons_yes(incident, wanda, anton):
    batch = read(incident, many(4), by=wanda)

    with pytest.raises(approvals.NotApproved, match="4 accounts; one person alone may import 3"):
        audience.save(batch, by=wanda)
    assert Account.objects.count() == 0
    approvals.answer(ask(batch, wanda), yes=True, by=anton)
    audience.save(batch, by=wanda)

    assert len(certainties(incident)) == 4


def test_unchanged_accounts_do_not_count(incident, wanda, anton):
    batch = read(incident, many(4), by=wanda)
    approvals.answer(ask(batch, wanda), yes=True, by=anton)
    audience.save(batch, by=wanda)

    save(incident, many(6), by=wanda)

    assert len(certainties(incident)) == 6


def test_a_list_that_changed_since_ends_the_yes(incident, wanda, anton):
    batch = read(incident, many(5), by=wanda)
    approvals.answer(ask(batch, wanda), yes=True, by=anton)
    save(incident, many(1), by=wanda)

    with pytest.raises(approvals.NotApproved, match="changed after it was approved"):
        audience.save(batch, by=wanda)

    assert len(certainties(incident)) == 1


def test_a_request_that_is_needed_no_more_ends_with_the_import(incident, wanda, anton):
    batch = read(incident, many(4), by=wanda)
    request = ask(batch, wanda)
    save(incident, many(2), by=wanda)

    audience.save(batch, by=wanda)

    request.refresh_from_db()
    assert request.state == "void"


def test_the_request_says_what_it_is_about(incident, wanda):
    request = ask(read(incident, many(4), by=wanda), wanda)

    assert "4 accounts (4 new)" in request.summary
    assert request.page == f"/staff/{incident.slug}/affected/imports/1/"
    assert set(request.hashes) == {"file", "counts"}


def test_whoever_asked_cannot_say_yes(incident, anton):
    request = ask(read(incident, many(4), by=anton), anton)

    with pytest.raises(approvals.NotAllowed):
        approvals.answer(request, yes=True, by=anton)


# History --------------------------------------------------------------------------------------------------------


def test_a_first_import_writes_no_history(incident):
    save(incident, many(3))

    assert AccountChange.objects.count() == 0


def test_what_a_wave_changed_is_kept_with_old_and_new(incident):
    make_segment(incident, "api")
    save(incident, "account_id,email,name,plan\na1,owner@a1.example,Old,silver")

    save(incident, "account_id,email,name,plan,segments\na1,two@a1.example,New,gold,api")

    change = AccountChange.objects.get()
    assert change.before["name"] == "Old"
    assert change.after["name"] == "New"
    assert (change.before["facts"], change.after["facts"]) == ({"plan": "silver"}, {"plan": "gold"})
    assert (change.before["segments"], change.after["segments"]) == ([], ["api"])
    assert (len(change.before["addresses"]), len(change.after["addresses"])) == (1, 2)
    assert "certainty" not in change.before


def test_an_account_known_from_elsewhere_that_a_file_renames_has_a_history(incident):
    account = make_account("a1", email="owner@a1.example", name="Old")
    make_affected(make_incident("another"), account)

    save(incident, "account_id,name\na1,New")

    assert AccountChange.objects.get().before == {"name": "Old"}


def test_the_life_of_an_account_is_told_in_order(incident, wanda):
    save(incident, many(3), by=wanda)
    save(incident, "account_id,plan\na1,gold", by=wanda)
    incident.affected_accounts.exclude(account__external_id="a1").update(certainty="confirmed")
    make_organisation(sign_offs=0)
    batch = read(incident, "account_id,certainty\na1,ruled out", by=wanda, evidence=ENOUGH)
    ask(batch, wanda)
    audience.save(batch, by=wanda)

    steps = history.of(AffectedAccount.objects.get(account__external_id="a1"))

    assert [step.batch.number for step in steps] == [1, 2, 3]
    assert [step.added for step in steps] == [True, False, False]
    assert steps[1].changes == [("plan", "not said", "gold")]
    assert (steps[2].ruled_out, steps[2].evidence, steps[2].by) == (True, ENOUGH, wanda)
    assert steps[2].changes == [("certainty", "Confirmed", "Ruled out")]
    assert steps[1].evidence == ""


# Addresses ------------------------------------------------------------------------------------------------------


KEYS = "account_id,key,calls"
AS_TABLE = {"key": "row:key", "calls": "row:calls:number"}


def table_after(incident, *files: str, **last) -> list:
    for text in files[:-1]:
        save(incident, text, meanings=AS_TABLE)
    save(incident, files[-1], meanings=AS_TABLE, **last)
    return AffectedAccount.objects.get(incident=incident).facts["rows"]


def test_a_later_file_adds_lines_to_an_accounts_table_and_takes_none_away(incident):
    first, mended = f"{KEYS}\na,k1,3\na,k2,4", f"{KEYS}\na,k3,5\na,k1,3"

    table = table_after(incident, first, mended)

    assert table == [{"key": "k1", "calls": 3}, {"key": "k2", "calls": 4}, {"key": "k3", "calls": 5}]
    assert table_after(incident, mended) == table
    assert not AccountChange.objects.exclude(batch__number=2).exists()


def test_a_line_that_says_more_takes_the_place_of_one_that_says_less(incident):
    assert table_after(incident, f"{KEYS}\na,k1,\na,k2,", f"{KEYS}\na,k1,3", f"{KEYS}\na,k1,") == [
        {"key": "k2"}, {"key": "k1", "calls": 3},
    ]  # fmt: skip


def test_only_the_whole_list_takes_lines_away(incident):
    first, whole = f"{KEYS}\na,k1,3\na,k2,4", f"{KEYS}\na,k2,4"

    assert table_after(incident, first, whole, mode="replace") == [{"key": "k2", "calls": 4}]


def test_a_table_that_grows_is_said_in_words_before_anybody_says_yes(incident):
    save(incident, f"{KEYS}\na,k1,3", meanings=AS_TABLE)
    batch = read(incident, f"{KEYS}\na,k2,4", meanings=AS_TABLE)
    audience.compare(batch)

    said = batch.findings.get(kind="changed")
    assert (said.column, said.value, said.other) == ("table of the account", "2 lines", "1 line")


def test_addresses_of_one_row_stand_in_the_same_order_for_everybody(incident):
    rows = (f"a{n},12 Main St {n},+49 30 1234{n:02},jane{n}@a.example" for n in range(3))
    save(incident, "\n".join(["account_id,post,phone,email", *rows]))

    kinds = Address.objects.order_by("account", "pk").values_list("kind", flat=True)
    assert list(kinds) == ["email", "phone", "post"] * 3


@pytest.mark.parametrize("mode", ["add", "replace"])
def test_whoever_was_ruled_out_and_is_in_a_file_again_is_counted(incident, mode):
    save(incident, many(1, value="ruled out"))
    save(incident, many(1, beginning=2))

    silent = read(incident, "account_id,email\na1,owner@a1.example\na2,owner@a2.example", mode=mode)
    assert audience.compare(silent).stay_ruled_out == 1
    assert audience.compare(read(incident, many(2), mode=mode)).stay_ruled_out == 0


def test_whoever_is_ruled_out_is_told_in_words(incident):
    save(incident, many(2))
    batch = read(incident, many(2, value="ruled out"))
    audience.compare(batch)

    assert set(batch.findings.filter(kind="changed").values_list("value", "other")) == {("ruled out", "confirmed")}


def test_an_address_of_no_role_is_the_owners(incident):
    save(incident, "account_id,email\na1,owner@a1.example")

    assert Address.objects.get().role == "owner"


def test_a_file_that_says_no_role_leaves_roles_as_they_are(incident):
    save(incident, "account_id,email,role\na1,it@a1.example,security")

    save(incident, "account_id,email,trusted\na1,it@a1.example,no")

    address = Address.objects.get()
    assert (address.role, address.trusted) == ("security", False)
