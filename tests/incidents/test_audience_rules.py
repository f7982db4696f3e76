"""Segments by rule, trust by rule, country and language by inference."""

import pytest

from accounts.models import Account, Address, AuditEntry
from incidents.audience import distrusting, rules, segments
from incidents.models import Segment
from tests.factories import make_incident, make_organisation, make_segment
from tests.incidents.waves import ENOUGH, save

pytestmark = pytest.mark.django_db

FILE = (
    "account_id,email,role,country,certainty,plan,last_used,calls,reseller\n"
    "a1,owner@one.example,owner,DE,confirmed,enterprise,2018-01-03,120,yes\n"
    "a2,it@two.example,security,US-CA,possible,Business,2018-01-01,99.5,no\n"
    "a3,x@three.example,owner,AT,confirmed,free,2017-12-31,,no\n"
)


@pytest.fixture
def incident():
    make_organisation()
    return make_incident()


def members(segment: Segment) -> list[str]:
    rows = segment.affected_accounts.order_by("account__external_id")
    return list(rows.values_list("account__external_id", flat=True))


@pytest.mark.parametrize(("text", "expected"), [
    ("plan is enterprise", ["a1"]),
    ("plan is one of enterprise, business", ["a1", "a2"]),
    ("last_used after 2018-01-01", ["a1"]),
    ("last_used before 2018-01-02", ["a2", "a3"]),
    ("calls more than 99", ["a1", "a2"]),
    ("calls less than 100", ["a2"]),
    ("certainty is possible", ["a2"]),
    ("country is DE, AT", ["a1", "a3"]),
    ("country is US", ["a2"]),
    ("address at two.example", ["a2"]),
    ("security address at two.example, one.example", ["a2"]),
    ("reseller is no", ["a2", "a3"]),
    ("plan is enterprise\ncalls more than 200", []),
    ("plan is one of enterprise, free\ncountry is AT", ["a3"]),
    ("nothing is known", []),
])  # fmt: skip
def test_a_rule_holds_whom_all_its_conditions_fit(incident, text, expected):
    segment = make_segment(incident, "ruled", rule=rules.read(text))

    save(incident, FILE)

    assert members(segment) == expected
    assert rules.would_hold(incident, segment.rule) == len(expected)


@pytest.mark.parametrize("text", [
    "plan is enterprise", "plan is one of a, b", "calls more than 1.5", "last_used before 2018-01-02",
    "certainty is possible", "country is DE, US-CA", "billing address at example.com", "address at a.example, b.net",
    "plan is a\ncalls less than 3",
])  # fmt: skip
def test_a_rule_reads_as_it_was_written(text):
    assert rules.in_words(rules.read(text)) == text


@pytest.mark.parametrize("text", [
    "everyone", "plan", "plan is ", "calls more than many", "last_used after yesterday", "certainty is ruled out",
    "country is Germany", "address at nowhere", "calls more than nan", "calls more than 1e400",
    "plan is " + "x" * 500, "a" * 10_000, "plan is a\n" * 30,
])  # fmt: skip
def test_what_is_no_rule_is_refused_in_words(text):
    with pytest.raises(rules.NotARule):
        rules.read(text)


def test_a_hostile_value_is_only_a_value(incident):
    segment = make_segment(incident, "ruled", rule=rules.read("plan is '; DROP TABLE accounts_account; --"))

    save(incident, FILE)

    assert members(segment) == []


def test_a_rule_looks_into_the_lines_of_an_accounts_table(incident):
    segment = make_segment(incident, "ruled", rule=rules.read("scope is write"))
    save(incident, "account_id\na1\na2")
    incident.affected_accounts.filter(account__external_id="a2").update(
        facts={"rows": [{"scope": "read"}, {"scope": "write"}]}
    )

    assert rules.would_join(segment) == 1


def test_ruled_out_accounts_come_into_no_segment_by_rule(incident):
    make_segment(incident, "ruled", rule=rules.read("plan is free"))

    save(incident, "account_id,plan,certainty\na1,free,ruled out", evidence=ENOUGH)

    assert members(incident.segments.get()) == []


def test_nobody_is_taken_out_of_a_segment_by_its_rule(incident):
    segment = make_segment(incident, "ruled", rule=rules.read("plan is free"))
    save(incident, "account_id,plan\na1,free")

    save(incident, "account_id,plan\na1,gold")

    assert members(segment) == ["a1"]


def test_a_new_rule_is_applied_to_the_list_on_demand(incident, wanda):
    save(incident, FILE)
    segment = make_segment(incident, "ruled", rule=rules.read("plan is free"))
    assert (members(segment), rules.would_join(segment)) == ([], 1)

    assert rules.apply_to_list(segment, by=wanda) == 1

    assert members(segment) == ["a3"]
    assert '"accounts":1' in AuditEntry.objects.get(act="segment.applied").body


# Trust ----------------------------------------------------------------------------------------------------------


def trusted() -> dict[str, bool]:
    return dict(Address.objects.values_list("value", "trusted"))


def test_addresses_at_an_exposed_domain_lose_our_trust_at_once(incident, wanda):
    save(incident, FILE)

    assert distrusting.would_lose(incident, "domain", "two.example") == 1
    lost = distrusting.distrust(incident, kind="domain", value="@Two.example", because="Exposed, too.", by=wanda)

    assert lost == 1
    assert trusted() == {"owner@one.example": True, "it@two.example": False, "x@three.example": True}
    assert '"addresses":1' in AuditEntry.objects.get(act="address_rule.made").body


def test_and_so_do_those_that_come_later(incident, wanda):
    distrusting.distrust(incident, kind="domain", value="two.example", because="Exposed, too.", by=wanda)

    save(incident, FILE)

    assert trusted()["it@two.example"] is False


def test_a_role_and_a_segment_can_be_distrusted(incident, wanda):
    make_segment(incident, "free", rule=rules.read("plan is free"))
    save(incident, FILE)

    distrusting.distrust(incident, kind="role", value="security", because="Their mailboxes were read.", by=wanda)
    distrusting.distrust(incident, kind="segment", value="free", because="Their mailboxes were read.", by=wanda)

    assert trusted() == {"owner@one.example": True, "it@two.example": False, "x@three.example": False}


def test_accounts_that_come_into_a_distrusted_segment_lose_trust_too(incident, wanda):
    segment = make_segment(incident, "free")
    distrusting.distrust(incident, kind="segment", value="free", because="Their mailboxes were read.", by=wanda)
    save(incident, FILE)
    Segment.objects.filter(pk=segment.pk).update(rule=rules.read("plan is free"))
    segment.refresh_from_db()

    segments.fill(segment, by=wanda)

    assert trusted()["x@three.example"] is False


def test_other_incidents_addresses_are_left_alone(incident, wanda):
    save(make_incident("another"), FILE)

    distrusting.distrust(incident, kind="domain", value="two.example", because="Exposed, too.", by=wanda)

    assert all(trusted().values())


def test_ending_a_rule_gives_no_trust_back(incident, wanda):
    save(incident, FILE)
    distrusting.distrust(incident, kind="domain", value="two.example", because="Exposed, too.", by=wanda)

    distrusting.end(incident.address_rules.get(), by=wanda)

    assert trusted()["it@two.example"] is False
    assert AuditEntry.objects.filter(act="address_rule.ended").exists()


@pytest.mark.parametrize(("kind", "value"), [("domain", "two"), ("role", "boss"), ("segment", "none")])
def test_a_rule_about_nothing_is_refused(incident, wanda, kind, value):
    with pytest.raises(distrusting.NotOne):
        distrusting.distrust(incident, kind=kind, value=value, because="Because.", by=wanda)


def test_a_rule_is_made_once(incident, wanda):
    distrusting.distrust(incident, kind="role", value="billing", because="Because.", by=wanda)

    with pytest.raises(distrusting.AlreadyThere):
        distrusting.distrust(incident, kind="role", value="Billing", because="Because.", by=wanda)


# Country and language -------------------------------------------------------------------------------------------


def known(external_id: str) -> tuple[str, str, str, str]:
    account = Account.objects.get(external_id=external_id)
    return account.jurisdiction, account.jurisdiction_from, account.locale, account.locale_from


def test_a_country_is_inferred_from_the_domain_of_an_address_and_says_so(incident):
    save(incident, "account_id,email\na1,owner@firma.de\na2,owner@shop.co.uk\na3,x@startup.io\na4,y@corp.com")

    assert known("a1") == ("DE", "the address domain", "de", "the country")
    assert known("a2") == ("GB", "the address domain", "en", "the country")
    assert known("a3") == ("", "", "", "")
    assert known("a4") == ("", "", "", "")


def test_what_is_said_is_never_replaced_by_what_is_inferred(incident):
    save(incident, "account_id,email,country,language\na1,owner@firma.de,CH,fr")

    assert known("a1") == ("CH", "", "fr", "")


def test_what_is_said_later_replaces_what_was_inferred(incident):
    save(incident, "account_id,email\na1,owner@firma.de")

    save(incident, "account_id,country\na1,AT")

    assert known("a1") == ("AT", "", "de", "the country")


def test_saying_what_was_inferred_makes_it_said(incident):
    save(incident, "account_id,email\na1,owner@firma.de")

    save(incident, "account_id,country,language\na1,DE,de")

    assert known("a1") == ("DE", "", "de", "")


def test_no_language_is_inferred_where_a_country_has_several(incident):
    save(incident, "account_id,country\na1,CH\na2,JP")

    assert known("a1") == ("CH", "", "", "")
    assert known("a2") == ("JP", "", "ja", "the country")


def test_a_country_is_inferred_from_a_telephone_number_where_nothing_else_says_it(incident):
    save(incident, "account_id,email,phone\na1,x@corp.com,+49 30 1234567\na2,y@corp.com,+1 212 5550100")

    assert known("a1")[:2] == ("DE", "the telephone number")
    assert known("a2")[0] == ""
