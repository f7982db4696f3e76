"""Asking for a yes, citing evidence, undoing and ruling out, as staff see them."""

import pytest

from accounts import approvals
from accounts.models import Address, Approval
from incidents import audience
from incidents.audience import rules
from incidents.models import AffectedAccount
from tests.factories import make_affected, make_decision, make_incident, make_organisation, make_segment
from tests.incidents.waves import ENOUGH, certainties, many, read, save

pytestmark = pytest.mark.django_db


@pytest.fixture
def incident():
    make_organisation(import_limit=3)
    return make_incident()


def at(incident, *parts) -> str:
    return "/".join(["/staff", incident.slug, "affected", *map(str, parts), ""])


def text(answer) -> str:
    return answer.content.decode()


def test_a_large_import_has_a_button_to_ask_and_none_to_import(incident, wanda, as_user):
    batch = read(incident, many(4), by=wanda)

    page = text(as_user(wanda).get(at(incident, "imports", batch.number)))

    assert "Ask somebody to approve 4 accounts" in page
    assert "Import 4 accounts" not in page


def test_a_small_one_is_imported_at_once(incident, wanda, as_user):
    batch = read(incident, many(3), by=wanda)

    page = text(as_user(wanda).get(at(incident, "imports", batch.number)))

    assert "Import 3 accounts" in page
    assert "Ask somebody" not in page


def test_after_the_yes_the_import_goes_on(incident, wanda, anton, as_user):
    batch = read(incident, many(4), by=wanda)
    asked = text(as_user(wanda).post(at(incident, "imports", batch.number, "ask"), follow=True))
    assert "One other person can approve this now" in asked
    assert "Import 4 accounts" not in asked

    page = text(as_user(anton).get(at(incident, "imports", batch.number)))
    assert "Approve</button>" in page
    approvals.answer(Approval.objects.get(), yes=True, by=anton)

    assert "Import 4 accounts" in text(as_user(wanda).get(at(incident, "imports", batch.number)))


def test_the_request_stands_among_the_approvals(incident, wanda, anton, as_user):
    batch = read(incident, many(4), by=wanda)
    as_user(wanda).post(at(incident, "imports", batch.number, "ask"))

    assert "4 accounts (4 new)" in text(as_user(anton).get("/staff/approvals/"))


def test_a_list_that_changed_since_says_so_and_asks_again(incident, wanda, as_user):
    batch = read(incident, many(5), by=wanda)
    as_user(wanda).post(at(incident, "imports", batch.number, "ask"))
    save(incident, many(1))
    audience.compare(batch)

    page = text(as_user(wanda).get(at(incident, "imports", batch.number)))

    assert "Ask again" in page
    assert "Ask somebody to approve 4 accounts" in page


def test_in_a_one_person_company_the_answer_comes_at_once(incident, wanda, as_user):
    make_organisation(import_limit=3, sign_offs=0)
    batch = read(incident, many(4), by=wanda)

    page = text(as_user(wanda).post(at(incident, "imports", batch.number, "ask"), follow=True))

    assert "No second person is asked for in this house" in page
    assert "Import 4 accounts" in page


def test_evidence_is_asked_for_before_anybody_is_ruled_out(incident, wanda, as_user):
    make_organisation(import_limit=100)
    save(incident, many(20))
    batch = read(incident, many(1, value="ruled out"))
    client = as_user(wanda)

    page = text(client.get(at(incident, "imports", batch.number)))
    assert "Nobody is ruled out without it" in page
    assert "Import 1 account" not in page
    refused = client.post(at(incident, "imports", batch.number, "evidence"), {"evidence": "no"}, follow=True)
    assert "too short" in text(refused)

    noted = text(client.post(at(incident, "imports", batch.number, "evidence"), {"evidence": ENOUGH}, follow=True))
    assert ENOUGH in noted
    assert "Import 1 account" in noted


def test_an_undo_asks_first_with_its_numbers(incident, wanda, as_user):
    save(incident, many(2))
    batch = save(incident, "account_id,plan\na1,gold\na9,gold", by=wanda)
    client = as_user(wanda)
    assert at(incident, "imports", batch.number, "undo") in text(client.get(at(incident, "imports", batch.number)))

    page = text(client.get(at(incident, "imports", batch.number, "undo")))
    assert "Undo it: 1 leave the list, 1 as before" in page
    assert client.post(at(incident, "imports", batch.number, "undo"), {"because": ""}).status_code == 422

    done = text(client.post(at(incident, "imports", batch.number, "undo"), {"because": "Wrong file."}, follow=True))
    assert "Wrong file." in done
    assert set(certainties(incident)) == {"a1", "a2"}


def test_an_undo_that_cannot_be_says_why_and_has_no_button(incident, wanda, as_user):
    batch = save(incident, many(1))
    save(incident, "account_id,plan\na1,gold")

    page = text(as_user(wanda).get(at(incident, "imports", batch.number, "undo")))

    assert "Import 2 changed the same accounts later" in page
    assert "button-irrevocable" not in page


def test_one_account_is_ruled_out_from_its_page(incident, wanda, as_user):
    make_organisation(import_limit=100)
    save(incident, many(20))
    affected = AffectedAccount.objects.get(account__external_id="a7")
    client = as_user(wanda)
    assert at(incident, affected.pk, "rule-out") in text(client.get(at(incident, affected.pk)))

    assert "Rule out 1 account" in text(client.get(at(incident, affected.pk, "rule-out")))
    page = text(client.post(at(incident, affected.pk, "rule-out"), {"evidence": ENOUGH}, follow=True))

    assert "This account is ruled out" in page
    assert ENOUGH in page, "its history says on what evidence"
    assert certainties(incident)["a7"] == "ruled_out"
    assert list(certainties(incident).values()).count("ruled_out") == 1


def test_one_of_few_is_ruled_out_only_with_two_more_people(incident, wanda, as_user):
    save(incident, many(3))
    affected = AffectedAccount.objects.get(account__external_id="a1")

    page = text(as_user(wanda).post(at(incident, affected.pk, "rule-out"), {"evidence": ENOUGH}, follow=True))

    assert "other people have to say yes first" in page
    assert Approval.objects.get().needs == 2
    assert certainties(incident)["a1"] == "confirmed"


def test_the_segments_of_the_list_say_who_is_not_contacted_and_on_what_ground(incident, otto, as_user):
    api, smtp = make_segment(incident, "api"), make_segment(incident, "smtp", name="SMTP customers")
    make_affected(incident, segments=[api, smtp])
    make_decision(incident, segment=smtp)

    page = text(as_user(otto).get(at(incident, "segments")))

    assert "not, by decision" in page
    assert "GDPR 34(3)(c)" in page
    assert page.count("not, by decision") == 1


def test_the_rule_of_a_segment_is_applied_with_the_number_on_the_button(incident, wanda, as_user):
    save(incident, "account_id,plan\na1,gold\na2,free")
    segment = make_segment(incident, "gold", rule=rules.read("plan is gold"))
    client = as_user(wanda)

    assert "Put 1 account into the segment" in text(client.get(at(incident, "segments", segment.pk)))
    page = text(client.post(at(incident, "segments", segment.pk), follow=True))

    assert "1 account came into the segment" in page
    assert segment.affected_accounts.count() == 1


def test_a_segments_form_takes_a_rule_in_words_and_says_what_is_none(incident, wanda, as_user):
    client, address = as_user(wanda), f"/staff/{incident.slug}/guidance/segments/new/"
    given = {"name": "Gold", "key": "gold", "receives_notice": "on"}

    refused = client.post(address, given | {"rule": "plan equals gold"})
    assert refused.status_code == 422
    assert "is no condition" in text(refused)

    client.post(address, given | {"rule": "plan is gold\ncountry is DE"})
    segment = incident.segments.get()
    assert rules.in_words(segment.rule) == "plan is gold\ncountry is DE"
    assert "plan is gold" in text(client.get(f"/staff/{incident.slug}/guidance/segments/{segment.pk}/edit/"))


def test_a_domain_is_distrusted_after_its_number_was_seen(incident, wanda, as_user):
    save(incident, many(3))
    client = as_user(wanda)
    rule = {"kind": "domain", "value": "A1.example", "because": "Their mailboxes were read."}

    seen = text(client.post(at(incident, "addresses", "new"), rule))
    assert "Stop trusting 1 address" in seen
    assert Address.objects.filter(trusted=False).count() == 0

    client.post(at(incident, "addresses", "new"), rule | {"sure": "yes"})
    assert Address.objects.get(trusted=False).value == "owner@a1.example"
    page = text(client.get(at(incident, "addresses")))
    assert "a1.example" in page

    client.post(at(incident, "addresses", incident.address_rules.get().pk, "end"))
    assert incident.address_rules.count() == 0


@pytest.mark.parametrize("path", ["imports/1/evidence", "imports/1/ask", "imports/1/undo", "addresses/new"])
def test_whoever_only_looks_changes_nothing(incident, otto, stranger, as_user, path):
    save(incident, many(1))

    for person in (otto, stranger):
        assert as_user(person).post(at(incident, path)).status_code == 403


def test_whoever_only_looks_rules_nobody_out(incident, otto, as_user):
    affected = make_affected(incident)
    segment = make_segment(incident, "gold")

    assert as_user(otto).post(at(incident, affected.pk, "rule-out")).status_code == 403
    assert as_user(otto).post(at(incident, "segments", segment.pk)).status_code == 403
    assert "rule-out" not in text(as_user(otto).get(at(incident, affected.pk)))
