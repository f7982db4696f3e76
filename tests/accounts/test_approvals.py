"""Two people: who may say yes, to exactly what, and that a yes is spent once."""

import threading

import pytest
from django.db import connections, transaction

from accounts import approvals, audit, people
from accounts.models import Approval, AuditEntry, Organisation, SignOff
from tests.factories import make_organisation, make_user

WORDS = {"content": "a" * 64}


def ask(by, **facts) -> Approval:
    return approvals.ask(**{
        "act": "publish", "thing": Organisation(pk=1), "hashes": WORDS, "summary": "Publish it", "by": by, **facts,
    })  # fmt: skip


def use(hashes=WORDS) -> Approval:
    return approvals.use(act="publish", thing=Organisation(pk=1), hashes=hashes)


@pytest.fixture
def second_approver(db):
    return make_user("anna@relaypost.example", role="Counsel", name="Anna Counsel")


def test_what_a_second_person_approved_can_be_used(wanda, anton):
    approvals.answer(ask(wanda), yes=True, by=anton, words="Read it twice")

    assert use().state == "used"
    assert SignOff.objects.get().words == "Read it twice"


def test_a_yes_of_one_person_is_too_little_where_it_takes_two_by_now(wanda, anton):
    approvals.answer(ask(wanda), yes=True, by=anton)

    with pytest.raises(approvals.NotApproved, match="more people have to say yes"):
        approvals.use(act="publish", thing=Organisation(pk=1), hashes=WORDS, at_least=2)


def test_a_writer_cannot_approve_her_own_request(ada):
    asked = ask(ada)

    with pytest.raises(approvals.NotAllowed, match="You asked for this yourself"):
        approvals.answer(asked, yes=True, by=ada)

    assert SignOff.objects.count() == 0


def test_somebody_else_who_only_writes_cannot_approve(wanda, anton, otto):
    asked = ask(anton)

    for person in (wanda, otto):
        with pytest.raises(approvals.NotAllowed, match="Your role cannot approve"):
            approvals.answer(asked, yes=True, by=person)


def test_who_wrote_all_of_it_cannot_approve_although_somebody_else_asked(wanda, anton):
    asked = ask(wanda, authors=[anton.pk])

    with pytest.raises(approvals.NotAllowed, match="You wrote this yourself"):
        approvals.answer(asked, yes=True, by=anton)
    assert asked not in approvals.waiting_for(anton)


def test_who_wrote_a_part_of_it_may_approve_since_two_have_seen_all(wanda, anton):
    approvals.answer(ask(wanda, authors=[wanda.pk, anton.pk]), yes=True, by=anton)

    assert use().state == "used"


def test_nothing_is_used_that_nobody_asked_for(db):
    with pytest.raises(approvals.NotApproved, match="Nobody has been asked"), transaction.atomic():
        use()


def test_nothing_is_used_that_nobody_answered(wanda):
    ask(wanda)

    with pytest.raises(approvals.NotApproved, match="A second person has not approved"):
        use()


def test_what_was_changed_after_the_yes_is_not_approved(wanda, anton):
    approvals.answer(ask(wanda), yes=True, by=anton)

    with pytest.raises(approvals.NotApproved, match="changed after it was approved"):
        use({"content": "b" * 64})

    assert Approval.objects.get().state == "given"


def test_an_edit_ends_the_request_and_the_yes(wanda, anton):
    approvals.answer(ask(wanda), yes=True, by=anton)

    ended = approvals.void(act="publish", thing=Organisation(pk=1), because="the title was edited", by=wanda)

    assert ended == 1
    assert Approval.objects.get().state == "void"
    with pytest.raises(approvals.NotApproved):
        use()


def test_asking_again_ends_the_earlier_request(wanda, anton):
    first = ask(wanda)
    second = ask(wanda, hashes={"content": "b" * 64})

    first.refresh_from_db()
    assert (first.state, second.state) == ("void", "open")
    with pytest.raises(approvals.NotAllowed, match="no longer holds"):
        approvals.answer(first, yes=True, by=anton)


def test_a_stale_page_cannot_approve_what_was_refused(wanda, anton, second_approver):
    stale = ask(wanda)
    approvals.answer(stale, yes=False, by=anton)

    with pytest.raises(approvals.NotAllowed, match="was refused already"):
        approvals.answer(stale, yes=True, by=second_approver)


def test_a_used_approval_is_not_used_twice(wanda, anton):
    approvals.answer(ask(wanda), yes=True, by=anton)
    use()

    with pytest.raises(approvals.NotApproved, match="Nobody has been asked"):
        use()


def test_where_no_second_person_is_asked_for_the_log_says_so(wanda):
    make_organisation(sign_offs=0)

    assert ask(wanda).state == "given"
    assert '"needs":0' in AuditEntry.objects.get(act="approval.asked").body
    assert use().state == "used"


def test_where_two_must_say_yes_one_is_not_enough_and_not_twice_the_same(wanda, anton, second_approver):
    make_organisation(sign_offs=2)
    asked = approvals.answer(ask(wanda), yes=True, by=anton)

    assert asked.state == "open"
    with pytest.raises(approvals.NotAllowed, match="already answered"):
        approvals.answer(asked, yes=True, by=anton)
    with pytest.raises(approvals.NotApproved):
        use()

    assert approvals.answer(asked, yes=True, by=second_approver).state == "given"


def test_one_no_ends_it_even_where_two_must_say_yes(wanda, anton, second_approver):
    make_organisation(sign_offs=2)
    asked = approvals.answer(ask(wanda), yes=True, by=anton)

    assert approvals.answer(asked, yes=False, by=second_approver).state == "refused"


def test_lowering_the_number_later_does_not_loosen_what_was_asked_before(wanda, anton):
    make_organisation(sign_offs=2)
    asked = ask(wanda)
    make_organisation(sign_offs=1)

    assert approvals.answer(asked, yes=True, by=anton).state == "open"


def test_it_waits_for_those_who_may_answer_and_for_nobody_else(wanda, anton, ada, otto, stranger):
    asked = ask(anton)

    assert list(approvals.waiting_for(ada)) == [asked]
    for person in (anton, wanda, otto, stranger):
        assert list(approvals.waiting_for(person)) == []

    approvals.answer(asked, yes=True, by=ada)
    assert list(approvals.waiting_for(ada)) == []


def test_a_yes_of_somebody_shut_out_since_counts_no_more(wanda, anton, ada):
    """The reason may be that it was not them who said it."""
    approvals.answer(ask(wanda), yes=True, by=anton)
    people.close(anton, by=ada)

    with pytest.raises(approvals.NotApproved, match="counts no more"):
        use()

    approvals.answer(ask(wanda), yes=True, by=ada)
    assert use().used_at


def test_a_yes_of_somebody_whose_role_may_not_approve_any_more_counts_no_more(wanda, anton, ada):
    approvals.answer(ask(wanda), yes=True, by=anton)
    people.change(anton, name=anton.name, role="Auditor", by=ada)

    with pytest.raises(approvals.NotApproved, match="counts no more"):
        use()


def test_where_more_people_have_to_say_yes_than_then_it_is_asked_again(wanda, anton):
    make_organisation(sign_offs=0)
    ask(wanda)
    make_organisation(sign_offs=1)

    with pytest.raises(approvals.NotApproved, match="counts no more"):
        use()


def test_every_step_is_in_the_log_with_its_hashes(wanda, anton):
    approvals.answer(ask(wanda, incident=7), yes=True, by=anton)

    acts = list(AuditEntry.objects.order_by("number").values_list("act", "by", "incident"))
    assert acts == [("approval.asked", wanda.pk, 7), ("approval.given", anton.pk, 7)]
    assert all("a" * 64 in entry.body for entry in AuditEntry.objects.all())
    assert audit.verify() == 2


def _at_once(*acts) -> list:
    """What each got, its error if it raised one, when all start together in transactions of their own."""
    start, results = threading.Barrier(len(acts)), []

    def run(act) -> None:
        try:
            start.wait()
            results.append(act())
        except (approvals.NotAllowed, approvals.NotApproved) as refused:
            results.append(refused)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=[act]) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


@pytest.mark.django_db(transaction=True)
def test_two_who_use_it_at_once_use_it_once(wanda, anton):
    approvals.answer(ask(wanda), yes=True, by=anton)

    results = _at_once(use, use)

    assert sorted(type(result).__name__ for result in results) == ["Approval", "NotApproved"]


@pytest.mark.django_db(transaction=True)
def test_a_yes_and_a_no_at_once_leave_one_answer(wanda, anton, second_approver):
    asked = ask(wanda)

    results = _at_once(
        lambda: approvals.answer(asked, yes=True, by=anton),
        lambda: approvals.answer(asked, yes=False, by=second_approver),
    )

    assert sorted(type(result).__name__ for result in results) == ["Approval", "NotAllowed"]
    assert SignOff.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_clicks_of_one_person_are_one_answer(wanda, anton):
    make_organisation(sign_offs=2)
    asked = ask(wanda)

    results = _at_once(*[lambda: approvals.answer(asked, yes=True, by=anton)] * 2)

    assert sorted(type(result).__name__ for result in results) == ["Approval", "NotAllowed"]
    assert SignOff.objects.count() == 1


def test_an_act_may_ask_for_more_people_than_the_organisation_does(wanda):
    make_organisation(sign_offs=1)

    assert ask(wanda, at_least=2).needs == 2


def test_where_no_second_person_is_asked_for_no_act_asks_for_two(wanda):
    make_organisation(sign_offs=0)

    approval = ask(wanda, at_least=2)

    assert (approval.needs, approval.state) == (0, "given")
