"""Preparing: who is picked, what is frozen, what stops it."""

import pytest

from accounts import approvals
from accounts.models import Address, Approval, AuditEntry
from incidents.models import AffectedAccount
from notifications import composing, links, mailings
from notifications.models import Mailing, Notice, Outbox, ReaderLink, Recipient
from tests.factories import (
    NOON,
    make_account,
    make_address,
    make_affected,
    make_decision,
    make_incident,
    make_many_affected,
    make_notice,
    make_organisation,
    make_segment,
    make_step,
)


@pytest.fixture
def incident(db):
    make_organisation()
    return make_incident(first_published_at=NOON)


@pytest.fixture
def notice(incident):
    return make_notice(incident)


# Text -----------------------------------------------------------------------------------------------------------


def test_the_same_text_is_frozen_once(notice, wanda):
    first = mailings.freeze(notice, by=wanda)

    assert mailings.freeze(notice, by=wanda) == first
    assert notice.versions.count() == 1


@pytest.mark.parametrize("change", ["subject", "body", "language", "guidance"])
def test_another_text_is_another_version(notice, wanda, change):
    first = mailings.freeze(notice, by=wanda)
    if change == "guidance":
        make_step(notice.incident)
    else:
        Notice.objects.update(**{change: "de"})

    second = mailings.freeze(notice, by=wanda)

    assert (first.number, second.number) == (1, 2)
    assert first.sha256 != second.sha256


def test_of_two_who_edit_the_second_is_told(notice, wanda, anton):
    mailings.edit(notice, by=wanda, edits=0, subject="Mine")

    with pytest.raises(mailings.Changed):
        mailings.edit(notice, by=anton, edits=0, subject="Other")

    notice.refresh_from_db()
    assert (notice.subject, notice.edits) == ("Mine", 1)


def test_what_is_held_back_stays_out_of_the_message(incident):
    make_step(incident, "Keep quiet about this", held_back=True)

    assert composing.freeze_guidance(incident)["steps"] == []


# Whom -----------------------------------------------------------------------------------------------------------


def test_everyone_owed_a_notice_gets_one_row_a_link_and_a_code(incident, notice, wanda):
    make_many_affected(incident, 3)

    mailing = mailings.prepare(notice, by=wanda, at=NOON)

    rows = list(mailing.recipients.select_related("link", "address"))
    assert (mailing.state, mailing.recipients_count, mailing.problems) == (Mailing.State.PREPARED, 3, [])
    assert {row.address.value for row in rows} == {f"owner@acme-000{n}.example" for n in (1, 2, 3)}
    assert all(row.state == Recipient.State.PREPARED and links.normalise_code(row.code) for row in rows)
    assert all(
        links.find(links.token(row.link), at=NOON).affected_account_id == row.affected_account_id for row in rows
    )
    assert all(row.message_id.endswith("@relaypost.example") for row in rows)
    assert not Outbox.objects.exists()


def test_the_first_reachable_address_in_order_of_role_is_taken(incident, notice, wanda):
    account = make_account(email=None)
    make_affected(incident, account)
    make_address(account, "billing@northwind.example", role="billing")
    make_address(account, "owner@northwind.example", role="owner", trusted=False)
    make_address(account, "admin@northwind.example", role="administrator", withdrawn_at=NOON)
    make_address(account, "security@northwind.example", role="security")
    make_address(account, "1 Main Street", kind="post", role="owner")

    (row,) = mailings.prepare(notice, by=wanda).recipients.all()

    assert row.address.value == "security@northwind.example"


def test_accounts_without_an_address_are_counted_and_listed(incident, notice, wanda):
    make_affected(incident)
    lost = make_affected(incident, make_account("contoso", None))

    mailing = mailings.prepare(notice, by=wanda)

    assert mailing.recipients_count == 1
    assert list(mailings.unreachable(mailing)) == [lost]
    assert '"unreachable":1' in AuditEntry.objects.filter(act="mailing.prepared").get().body


def test_whoever_is_ruled_out_is_not_written_to(incident, notice, wanda):
    make_affected(incident)
    make_affected(incident, make_account("contoso", "it@contoso.example"), certainty="ruled_out")

    assert mailings.prepare(notice, by=wanda).recipients_count == 1


def test_a_standing_decision_keeps_a_segment_out(incident, notice, wanda):
    encrypted, api = make_segment(incident, "encrypted"), make_segment(incident, "api")
    make_decision(incident, segment=encrypted)
    told = make_affected(incident, segments=[api])
    both = make_affected(incident, make_account("contoso", "it@contoso.example"), segments=[encrypted, api])
    make_affected(incident, make_account("fabrikam", "it@fabrikam.example"), segments=[encrypted])

    mailing = mailings.prepare(notice, by=wanda)

    assert set(mailing.recipients.values_list("affected_account", flat=True)) == {told.pk, both.pk}
    assert not mailings.unreachable(mailing).exists()


def test_a_superseded_decision_keeps_nobody_out(incident, notice, wanda):
    encrypted = make_segment(incident, "encrypted")
    make_decision(incident, "no_longer", supersedes=make_decision(incident, segment=encrypted))
    make_affected(incident, segments=[encrypted])

    assert mailings.prepare(notice, by=wanda).recipients_count == 1


def test_nobody_left_to_tell_is_said_and_leaves_nothing(incident, notice, wanda):
    with pytest.raises(mailings.NotNow, match="Nobody is left"):
        mailings.prepare(notice, by=wanda)

    assert not Mailing.objects.exists()


def test_preparing_again_discards_what_was_never_started(incident, notice, wanda):
    make_many_affected(incident, 2)
    first = mailings.prepare(notice, by=wanda)
    make_affected(incident)

    second = mailings.prepare(notice, by=wanda)

    first.refresh_from_db()
    assert (first.state, first.recipients.count()) == (Mailing.State.CANCELLED, 0)
    assert (second.number, second.recipients_count) == (2, 3)
    assert ReaderLink.objects.count() == 3


def test_a_second_wave_goes_only_to_those_not_yet_told(incident, notice, wanda):
    make_many_affected(incident, 2)
    finish(mailings.prepare(notice, by=wanda))
    late = make_affected(incident)

    mailing = mailings.prepare(notice, by=wanda)

    assert list(mailing.recipients.values_list("affected_account", flat=True)) == [late.pk]


def test_a_second_first_notice_tells_nobody_twice(incident, notice, wanda):
    make_many_affected(incident, 2)
    finish(mailings.prepare(notice, by=wanda))

    with pytest.raises(mailings.NotNow):
        mailings.prepare(make_notice(incident, name="Another first notice", body="Other words"), by=wanda)


def test_a_follow_up_goes_to_everyone_again_under_its_own_number(incident, notice, wanda):
    make_many_affected(incident, 2)
    finish(mailings.prepare(notice, by=wanda))
    for expected in (1, 2):
        mailing = mailings.prepare(make_notice(incident, kind="follow_up", body=f"News {expected}"), by=wanda)
        finish(mailing)

        assert (mailing.sequence, mailing.recipients_count) == (expected, 2)


def test_whoever_bounced_is_written_to_again_once_there_is_another_address(incident, notice, wanda):
    affected = make_affected(incident)
    finish(mailings.prepare(notice, by=wanda), state=Recipient.State.BOUNCED)
    with pytest.raises(mailings.NotNow):
        mailings.prepare(notice, by=wanda)
    make_address(affected.account, "new@northwind.example", role="billing")

    (row,) = mailings.prepare(notice, by=wanda).recipients.all()

    assert row.address.value == "new@northwind.example"


def test_whoever_was_cancelled_is_taken_over_by_the_next_mailing(incident, notice, wanda):
    make_many_affected(incident, 2)
    cancelled = mailings.prepare(notice, by=wanda)
    codes = set(cancelled.recipients.values_list("code", flat=True))
    mailings.cancel(cancelled, by=wanda, because="a mistake")

    mailing = mailings.prepare(notice, by=wanda)

    assert set(mailing.recipients.values_list("code", "state")) == {(code, "prepared") for code in codes}
    assert Recipient.objects.count() == 2


def test_the_same_text_is_not_prepared_while_it_is_going_out(incident, notice, wanda):
    make_many_affected(incident, 2)
    finish(mailings.prepare(notice, by=wanda), mailing_state=Mailing.State.RUNNING)
    make_affected(incident)

    with pytest.raises(mailings.NotNow, match="Mailing 1 of this text is not over"):
        mailings.prepare(notice, by=wanda)


def finish(mailing, *, state=Recipient.State.DELIVERED, mailing_state=Mailing.State.FINISHED):
    """As if it had gone out."""
    approval = Approval.objects.create(
        act="mail", thing=f"x:{mailing.pk}", hashes={}, summary="", needs=1, asked_by=mailing.prepared_by,
        given_at=NOON, used_at=NOON,
    )  # fmt: skip
    mailing.recipients.update(state=state)
    Mailing.objects.filter(pk=mailing.pk).update(state=mailing_state, started_at=NOON, approval=approval)


# Every row dry --------------------------------------------------------------------------------------------------


def test_a_missing_variable_is_named_with_the_row_and_blocks_approval(incident, wanda):
    make_affected(incident, facts={"api_key": "key-…4f2"})
    poor = make_affected(incident, make_account("contoso", "it@contoso.example"), facts={})
    mailing = mailings.prepare(make_notice(incident, body="Your key {{ api_key }}"), by=wanda)

    (problem,) = mailing.problems

    assert (problem["account"], problem["variable"]) == ("contoso", "api_key")
    assert problem["recipient"] == poor.recipients.get().pk
    with pytest.raises(mailings.NotNow, match="1 message cannot be written"):
        mailings.ask(mailing, by=wanda)
    assert approvals.living("mail", mailing) is None


def test_all_problems_are_counted_and_the_first_two_hundred_kept(incident, wanda):
    make_many_affected(incident, 230)

    mailing = mailings.prepare(make_notice(incident, body="{{ nothing }}"), by=wanda)

    assert len(mailing.problems) == 201
    assert mailings.problem_count(mailing) == 230


def test_a_poison_row_is_one_problem_among_good_ones(incident, wanda):
    make_affected(incident, make_account("poison", "a@poison.example", name="x" * 290), facts={"api_key": "k" * 5000})
    make_affected(incident, make_account("good", "a@good.example"))

    mailing = mailings.prepare(make_notice(incident, body="{{ name }} {{ api_key }}"), by=wanda)

    assert [problem["account"] for problem in mailing.problems] == ["poison"]
    assert mailing.recipients_count == 2


def test_facts_are_frozen_when_prepared(incident, notice, wanda):
    affected = make_affected(incident, facts={"api_key": "key-old"})
    mailing = mailings.prepare(make_notice(incident, body="{{ api_key }} of {{ name }}"), by=wanda)
    AffectedAccount.objects.update(facts={"api_key": "key-new"})
    affected.account.name = "Renamed"
    affected.account.save()

    (row,) = mailing.recipients.select_related("mailing__version", "address", "link")

    assert composing.compose(row).text == "key-old of Northwind Traders\n"


def test_messages_of_a_mailing_hold_nothing_of_each_other(incident, wanda):
    make_many_affected(incident, 40)
    mailing = mailings.prepare(
        make_notice(incident, body="{{ account }} {{ name }} {{ api_key }} {{ link }} {{ code }}"), by=wanda
    )
    rows = list(mailing.recipients.select_related("mailing__version", "address", "link", "account"))
    messages = {row.account.external_id[-4:]: repr(composing.compose(row)) for row in rows}

    for own, message in messages.items():
        assert message.count(f"owner@acme-{own}.example") == 1
        assert not any(f"acme-{other}" in message or f"Acme {other}" in message for other in messages.keys() - {own})


# Hashes ---------------------------------------------------------------------------------------------------------


def test_the_hash_of_the_recipients_is_what_was_frozen(incident, notice, wanda):
    make_many_affected(incident, 5)

    mailing = mailings.prepare(notice, by=wanda)

    assert mailings.recipients_hash(mailing) == mailing.recipients_hash
    assert mailings.recipients_hash(mailings.prepare(notice, by=wanda)) == mailing.recipients_hash


@pytest.mark.parametrize("change", ["address", "merge", "gone"])
def test_any_other_recipient_gives_another_hash(incident, notice, wanda, change):
    make_many_affected(incident, 3)
    mailing = mailings.prepare(notice, by=wanda)
    row = mailing.recipients.first()
    match change:
        case "address":
            Address.objects.filter(pk=row.address_id).update(value="other@evil.test")
        case "merge":
            Recipient.objects.filter(pk=row.pk).update(merge={**row.merge, "name": "Other"})
        case "gone":
            row.delete()

    assert mailings.recipients_hash(mailing) != mailing.recipients_hash


def test_preparing_costs_the_same_queries_for_few_and_for_many(incident, notice, wanda, django_assert_max_num_queries):
    make_many_affected(incident, 900)

    with django_assert_max_num_queries(45):
        mailings.prepare(notice, by=wanda)
