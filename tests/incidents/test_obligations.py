"""Legal clocks: from which decision they run, until when, and in which state they are."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import DatabaseError, transaction

from accounts.models import AuditEntry
from incidents import obligations
from incidents.models import LawRule, ObligationEntry
from incidents.obligations import rules
from tests.factories import NOON, make_account, make_affected, make_decision, make_incident

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)


@pytest.fixture
def incident():
    return make_incident()


def rule(key):
    return LawRule.objects.newest().get(key=key)


@pytest.fixture
def run(incident, ada):
    """run("gdpr-33") chooses these clocks."""
    return lambda *keys: obligations.choose(incident, [rule(key) for key in keys], by=ada, at=NOON)


@pytest.fixture
def look(incident):
    """look("gdpr-33", hours=3) is that clock so long after noon."""

    def at(key, *, hours=0, **more):
        clocks = obligations.standing(incident, at=NOON + hours * HOUR, **more)
        return next(clock for clock in clocks if clock.obligation.key == key)

    return at


def met(clock, *, by, hours, at=None, **fields):
    when = NOON + hours * HOUR
    entry = ObligationEntry(**{
        "kind": "met", "at": when, "precision": "minute", "proof": "upload", "reference": "Case 2026-0815", **fields,
    })  # fmt: skip
    return obligations.say(entry, clock=clock, by=by, at=at or when)


def people(incident, count, jurisdiction):
    for number in range(count):
        make_affected(incident, make_account(f"{jurisdiction or 'nowhere'}-{number}", None, jurisdiction=jurisdiction))


def aware(incident, **fields):
    return make_decision(incident, "aware", **{"precision": "minute", **fields})


# The starter set --------------------------------------------------------------------------------------------------


def test_every_starter_rule_names_its_source_and_whether_anybody_checked_it():
    for one in LawRule.objects.all():
        assert one.citation, one.key
        assert one.source.startswith("http"), one.key
        assert bool(one.checked_on) == bool(one.checked_against), one.key
        assert one.trigger or LawRule.objects.filter(key=one.after).exists(), one.key


def test_the_starter_set_holds_what_the_night_asks_for():
    regimes = set(LawRule.objects.values_list("regime", flat=True))
    assert {"GDPR", "NIS2", "DORA", "SEC", "HIPAA", "California", "New York"} <= regimes
    assert rule("gdpr-33").amount == 72
    assert (rule("sec-8k-105").amount, rule("sec-8k-105").unit) == (4, "business_days")


def test_loading_twice_adds_nothing_and_never_covers_what_the_house_wrote(ada):
    count = LawRule.objects.count()
    assert obligations.load_starter() == 0
    mine = rule("gdpr-33")
    mine.note = "Ours: tell the DPO first."
    assert obligations.write_version(mine, by=ada, started_from=1).number == 2
    assert obligations.load_starter() == 0
    assert LawRule.objects.count() == count + 1
    assert rule("gdpr-33").note == "Ours: tell the DPO first."
    assert LawRule.objects.get(key="gdpr-33", number=1).note != rule("gdpr-33").note


def test_two_who_edit_the_same_rule_do_not_cover_each_other(ada):
    first, second = rule("gdpr-33"), rule("gdpr-33")
    first.note, second.note = "one", "two"
    obligations.write_version(first, by=ada, started_from=1)
    with pytest.raises(obligations.EditedMeanwhile):
        obligations.write_version(second, by=ada, started_from=1)


@pytest.mark.parametrize("act", ["change", "delete"])
def test_a_version_of_a_rule_never_changes(act):
    rows = LawRule.objects.filter(key="gdpr-33")
    with pytest.raises(DatabaseError), transaction.atomic():
        rows.update(amount=99) if act == "change" else rows.delete()


# States -----------------------------------------------------------------------------------------------------------


def test_without_its_decision_a_clock_waits(run, look):
    run("gdpr-33")
    clock = look("gdpr-33")
    assert (clock.state, clock.due_at) == ("contingent", None)
    assert "We became aware" in clock.because


def test_from_the_decision_on_it_runs_and_says_what_is_left(incident, run, look):
    run("uk-gdpr-33")
    aware(incident)
    clock = look("uk-gdpr-33", hours=1.5)
    assert (clock.state, clock.due_at) == ("open", NOON + 72 * HOUR)
    assert clock.left == "2 days 22 hours left"
    assert look("uk-gdpr-33", hours=73).left == "1 hour over"
    assert look("uk-gdpr-33", hours=73).is_overdue


def test_a_superseding_decision_moves_the_clock(incident, run, look):
    run("uk-gdpr-33")
    first = aware(incident)
    aware(incident, at=NOON - 10 * HOUR, supersedes=first)
    assert look("uk-gdpr-33").due_at == NOON + 62 * HOUR


def test_where_sources_contradict_each_other_nobody_assumes_one(incident, run, look, ada):
    run("gdpr-33")
    aware(incident)  # noon of a Saturday
    clock = look("gdpr-33")
    assert clock.is_undecided
    assert len(clock.readings) == 2
    assert clock.due_at == min(one.due_at for one in clock.readings)

    entry = ObligationEntry(kind="reading", reading=1, reasons="As our authority counts.")
    obligations.say(entry, clock=clock, by=ada, at=NOON)
    chosen = look("gdpr-33")
    assert (chosen.is_undecided, chosen.due_at) == (False, clock.readings[1].due_at)


def test_met_in_time_with_its_proof(incident, run, look, ada):
    run("uk-gdpr-33")
    aware(incident)
    met(look("uk-gdpr-33"), by=ada, hours=5)
    clock = look("uk-gdpr-33", hours=80)
    assert (clock.state, clock.runs, clock.met.reference) == ("met", False, "Case 2026-0815")
    assert AuditEntry.objects.get(act="obligation.met").incident == incident.pk


def test_met_after_its_end_asks_why(incident, run, look, ada):
    run("uk-gdpr-33")
    aware(incident)
    with pytest.raises(obligations.ReasonsMissing):
        met(look("uk-gdpr-33"), by=ada, hours=80)
    met(look("uk-gdpr-33"), by=ada, hours=80, reasons="The portal was down.")
    assert (look("uk-gdpr-33").state, look("uk-gdpr-33").because) == ("late", "The portal was down.")


def test_nothing_is_met_in_the_future(incident, run, look, ada):
    run("uk-gdpr-33")
    with pytest.raises(obligations.NotYet):
        met(look("uk-gdpr-33"), by=ada, hours=5, at=NOON)


def test_without_proof_the_database_refuses(incident, run, look, ada):
    run("uk-gdpr-33")
    with pytest.raises(DatabaseError), transaction.atomic():
        met(look("uk-gdpr-33"), by=ada, hours=1, reference="")


def test_a_reason_said_before_it_is_met_makes_it_late_and_it_goes_on(incident, run, look, ada):
    run("uk-gdpr-33")
    aware(incident)
    obligations.say(ObligationEntry(kind="late", reasons="We look for the scope."), clock=look("uk-gdpr-33"), by=ada)
    assert look("uk-gdpr-33", hours=1).state == "open"
    late = look("uk-gdpr-33", hours=80)
    assert (late.state, late.runs) == ("late", True)


def test_not_required_and_open_again(incident, run, look, ada):
    run("uk-gdpr-33")
    aware(incident)
    obligations.say(ObligationEntry(kind="not_required", reasons="No risk."), clock=look("uk-gdpr-33"), by=ada)
    assert (look("uk-gdpr-33").state, look("uk-gdpr-33").because) == ("not_required", "No risk.")
    obligations.say(ObligationEntry(kind="open_again", reasons="There is."), clock=look("uk-gdpr-33"), by=ada)
    assert look("uk-gdpr-33").state == "open"


def test_law_enforcement_holds_what_its_law_allows_and_nothing_else(incident, run, look):
    run("ca-1798-82", "uk-gdpr-33")
    aware(incident)
    hold = make_decision(incident, "law_enforcement_hold", reasons="The police asked.")
    assert "The police asked." in look("ca-1798-82").because
    assert (look("ca-1798-82").state, look("uk-gdpr-33").state) == ("held", "open")
    make_decision(incident, "no_longer", supersedes=hold)
    assert look("ca-1798-82").state == "open"


def test_one_clock_waits_for_another_and_counts_from_its_proof(incident, run, look, ada):
    run("nis2-23-notification", "nis2-23-final")
    aware(incident)
    assert "nis2-23-notification" in look("nis2-23-final").because
    met(look("nis2-23-notification"), by=ada, hours=48)
    assert look("nis2-23-final").due_at == datetime(2026, 4, 17, tzinfo=UTC)


def test_while_the_count_is_not_known_a_clock_with_a_threshold_is_contingent(incident, run, look):
    run("tx-521-053-ag")
    aware(incident)
    people(incident, 3, "US-TX")
    people(incident, 2, "US-NY")
    assert "3 are known" in look("tx-521-053-ag").because
    assert look("tx-521-053-ag").state == "contingent"

    make_decision(incident, "scope_final")
    assert look("tx-521-053-ag").state == "not_required"


def test_accounts_of_unknown_place_keep_it_contingent(incident, run, look):
    mine = rule("tx-521-053-ag")
    mine.threshold = 5
    obligations.write_version(mine, by=None, started_from=1)
    run("tx-521-053-ag")
    aware(incident)
    make_decision(incident, "scope_final")
    people(incident, 3, "US-TX")
    people(incident, 2, "")
    assert look("tx-521-053-ag").state == "contingent"
    people(incident, 2, "US-TX-48201")
    assert look("tx-521-053-ag").state == "open"


def test_substitute_notice_runs_from_ten_unreached_on(incident, run, look):
    run("hipaa-404-substitute")
    aware(incident)
    assert look("hipaa-404-substitute").state == "contingent"
    assert look("hipaa-404-substitute", unreached=9).state == "contingent"
    assert look("hipaa-404-substitute", unreached=10).state == "open"


def test_a_rule_without_a_term_is_open_without_a_date(incident, run, look):
    run("gdpr-34")
    make_decision(incident, "high_risk")
    assert (look("gdpr-34").state, look("gdpr-34").due_at) == ("open", None)


def test_an_obligation_keeps_its_rule_until_somebody_takes_the_newer_one(incident, run, look, ada):
    run("uk-gdpr-33")
    aware(incident)
    mine = rule("uk-gdpr-33")
    mine.amount = 48
    obligations.write_version(mine, by=ada, started_from=1)
    clock = look("uk-gdpr-33")
    assert (clock.due_at, clock.newer.number) == (NOON + 72 * HOUR, 2)
    obligations.take_newer(clock, by=ada)
    assert (look("uk-gdpr-33").due_at, look("uk-gdpr-33").newer) == (NOON + 48 * HOUR, None)


def test_jurisdictions_of_affected_accounts_suggest_rules(incident):
    people(incident, 2, "DE")
    people(incident, 1, "US-CA")
    found = obligations.suggestions(incident)
    why = {one.rule.key: one.why for one in found}
    assert why["gdpr-33"] == "2 affected accounts are there"
    assert why["ca-1798-82"] == "1 affected account is there"
    assert why["ny-899-aa"] == ""
    assert found[0].why


def test_a_clock_runs_once(run):
    run("gdpr-33")
    with pytest.raises(obligations.AlreadyRuns):
        run("gdpr-33")


def test_evidence_has_the_rule_as_it_stood_and_all_that_was_said(incident, run, look, ada):
    run("uk-gdpr-33")
    aware(incident)
    met(look("uk-gdpr-33"), by=ada, hours=5)
    (record,) = obligations.obligations_for_evidence(incident, at=NOON + 9 * HOUR)["obligations"]
    assert (record["state"], record["rule"]["number"], record["rule"]["amount"]) == ("met", 1, 72)
    assert record["entries"][0]["reference"] == "Case 2026-0815"
    assert record["rule"]["advice"] == rules.CHECK_WITH_COUNSEL
