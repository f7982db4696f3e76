"""Who was told, who is tried next, and what the page may say about it."""

from datetime import timedelta

import pytest
from django.db.models.functions import Now

from incidents import audience
from incidents.models import AffectedAccount, Decision, Incident, PageVersion
from notifications import dispatch, links, mailing_states, telling
from notifications.models import DeliveryEvent, Mailing, Outbox, Recipient
from tests.factories import NOON, in_hours, make_account, make_address, make_affected, make_incident, make_segment
from tests.notifications.arrange import make_mailing, make_recipient

pytestmark = pytest.mark.django_db


@pytest.fixture
def incident() -> Incident:
    return make_incident()


def with_recipient(incident: Incident, **fields) -> Recipient:
    """An affected account and its one recipient."""
    number = AffectedAccount.objects.count() + 1
    account = make_account(f"account-{number}", f"owner@account-{number}.example")
    affected = make_affected(incident, account)
    return make_recipient(incident, affected, message_id=f"{number}@relaypost.example", **fields)


def outcome(incident: Incident) -> str:
    """Of the only affected account."""
    counts = telling.outcomes(incident)
    assert sum(counts.values()) == 1
    return next(name for name, count in counts.items() if count)


def decide(incident: Incident, kind: str, segment=None, **fields) -> Decision:
    return Decision.objects.create(
        incident=incident, kind=kind, segment=segment, reasons="Because", ground="GDPR 34(3)(c)", means="the page",
        at=NOON, precision="minute", **fields,
    )  # fmt: skip


# Outcomes ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("prepared", "unreached"), ("queued", "on_the_way"), ("sending", "on_the_way"), ("accepted", "on_the_way"),
        ("delivered", "told"), ("bounced", "unreached"), ("failed", "unreached"), ("unknown", "unknown"),
        ("unconfirmed", "unreached"), ("cancelled", "unreached"),
    ],
)  # fmt: skip
def test_each_state_has_its_outcome(incident, state, expected):
    with_recipient(incident, state=state)

    assert outcome(incident) == expected


def test_the_table_above_knows_every_state():
    assert len(Recipient.State.values) == 10


def test_somebody_nobody_has_written_to_is_unreached(incident):
    make_affected(incident)

    assert outcome(incident) == "unreached"


@pytest.mark.parametrize(
    ("hours", "provider", "expected"),
    [(71, "mailgun", "on_the_way"), (73, "mailgun", "told"), (73, "smtp", "on_the_way")],
)
def test_quiet_counts_where_the_provider_reports_bounces(incident, hours, provider, expected):
    with_recipient(incident, state="accepted", state_at=Now() - timedelta(hours=hours))
    Mailing.objects.update(provider=provider)

    assert outcome(incident) == expected


def test_smtp_counts_quiet_once_somebody_reads_its_bounces(incident, settings):
    settings.PROVIDER_REPORTS_BOUNCES = True
    with_recipient(incident, state="accepted", state_at=Now() - timedelta(hours=73))

    assert outcome(incident) == "told"


def test_a_soft_bounce_is_not_quiet(incident):
    recipient = with_recipient(incident, state="accepted", state_at=Now() - timedelta(hours=73))
    Mailing.objects.update(provider="mailgun")
    DeliveryEvent.objects.create(provider="Mailgun", key="1", recipient=recipient, type="soft_bounced", at=NOON)

    assert outcome(incident) == "on_the_way"


def test_a_letter_counts_only_with_its_proof(incident):
    recipient = with_recipient(incident, state="failed", channel="post")
    assert outcome(incident) == "unreached"

    Recipient.objects.filter(pk=recipient.pk).update(recorded_proof="Registered letter RR 1234, by Wanda")
    assert outcome(incident) == "told"


def test_one_message_that_arrived_is_enough(incident):
    bounced = with_recipient(incident, state="bounced")
    make_address(bounced.account, "security@account-1.example", role="security")
    following = telling.next_address(bounced)
    assert outcome(incident) == "on_the_way"

    Recipient.objects.filter(pk=following.pk).update(state="delivered")
    assert outcome(incident) == "told"


def test_who_says_they_have_read_it_was_told(incident):
    with_recipient(incident, state="accepted")
    AffectedAccount.objects.update(acknowledged_at=NOON)

    assert outcome(incident) == "told"


def test_an_all_clear_tells_nobody_of_a_breach(incident):
    with_recipient(incident, state="delivered", kind="all_clear")

    assert outcome(incident) == "unreached"


def test_ruled_out_is_ruled_out_even_for_those_who_were_told(incident):
    with_recipient(incident, state="delivered")
    AffectedAccount.objects.update(certainty="ruled_out")

    assert outcome(incident) == "ruled_out"


def test_by_decision_not_told_needs_a_decision_for_every_segment(incident):
    former, current = make_segment(incident, "former"), make_segment(incident, "current")
    make_affected(incident, segments=[former, current])

    decide(incident, "do_not_contact", former)
    assert outcome(incident) == "unreached"

    decide(incident, "do_not_contact", current)
    assert outcome(incident) == "by_decision_not_told"


def test_a_decision_for_everyone_covers_those_without_a_segment(incident):
    make_affected(incident)

    decide(incident, "do_not_contact")

    assert outcome(incident) == "by_decision_not_told"


@pytest.mark.parametrize("kind", ["contact", "no_longer"])
def test_a_superseded_decision_covers_nobody(incident, kind):
    segment = make_segment(incident)
    make_affected(incident, segments=[segment])

    first = decide(incident, "do_not_contact", segment)
    decide(incident, kind, segment, supersedes=first)

    assert outcome(incident) == "unreached"


def test_the_latest_of_two_decisions_holds(incident):
    segment = make_segment(incident)
    make_affected(incident, segments=[segment])

    decide(incident, "do_not_contact", segment)
    decide(incident, "contact", segment)

    assert outcome(incident) == "unreached"


def test_what_is_on_its_way_is_said_in_spite_of_a_decision(incident):
    with_recipient(incident, state="accepted")

    decide(incident, "do_not_contact")

    assert outcome(incident) == "on_the_way"


def test_every_account_is_in_exactly_one_outcome_and_others_are_not_counted(incident):
    for state in Recipient.State.values:
        with_recipient(incident, state=state)
    with_recipient(make_incident("another"), state="delivered")

    counts = telling.outcomes(incident)

    assert tuple(counts) == telling.NAMES
    assert sum(counts.values()) == incident.affected_accounts.count() == 10


def test_the_outcome_of_one_account(incident):
    recipient = with_recipient(incident, state="unknown")
    with_recipient(incident, state="delivered")

    assert telling.outcome_of(recipient.affected_account) == "unknown"


# The next address ----------------------------------------------------------------------------------------------


def test_addresses_are_tried_in_order_of_role(incident):
    recipient = with_recipient(incident, state="bounced")
    for role in ("billing", "security", "administrator"):
        make_address(recipient.account, f"{role}@account-1.example", role=role)

    tried = []
    while recipient:
        Recipient.objects.filter(pk=recipient.pk).update(state="failed")
        Outbox.objects.all().delete()
        telling.follow_up()
        recipient = Recipient.objects.filter(follows=recipient).first()
        tried.append(recipient.address.role if recipient else None)

    assert tried == ["administrator", "security", "billing", None]


@pytest.mark.parametrize("state", ["bounced", "failed", "unconfirmed"])
def test_the_next_message_carries_the_same_facts_with_a_code_and_link_of_its_own(incident, state):
    recipient = with_recipient(incident, state=state)
    make_address(recipient.account, "security@account-1.example", role="security")

    assert telling.follow_up() == 1

    following = Recipient.objects.get(follows=recipient)
    assert (following.state, following.merge, following.mailing) == ("queued", recipient.merge, recipient.mailing)
    assert following.link.address == following.address
    assert len({following.code, recipient.code}) == len({following.message_id, recipient.message_id}) == 2
    assert links.normalise_code(following.code) == following.code
    assert following.message_id.endswith("@relaypost.example")
    assert list(dispatch.claim(25).numbers) == [following.pk]


@pytest.mark.parametrize("state", ["accepted", "delivered", "unknown", "cancelled", "queued", "sending"])
def test_nobody_else_is_written_to_a_second_time(incident, state):
    recipient = with_recipient(incident, state=state)
    make_address(recipient.account, "security@account-1.example", role="security")

    assert telling.follow_up() == 0


@pytest.mark.parametrize("fields", [{"trusted": False}, {"withdrawn_at": NOON}, {"kind": "phone"}])
def test_an_address_that_cannot_be_trusted_is_not_tried(incident, fields):
    recipient = with_recipient(incident, state="bounced")
    make_address(recipient.account, "security@account-1.example", **fields)

    assert telling.follow_up() == 0
    with pytest.raises(telling.NoOtherAddress):
        telling.next_address(recipient)
    assert outcome(incident) == "unreached"


def test_an_address_that_came_after_the_start_has_nobodys_yes(incident):
    recipient = with_recipient(incident, state="bounced")
    make_address(recipient.account, "late@elsewhere.example", role="owner", created_at=in_hours(1))

    assert telling.follow_up() == 0
    with pytest.raises(telling.NoOtherAddress):
        telling.next_address(recipient)


def test_two_workers_with_one_list_do_not_end_each_others_tick(incident):
    """An error would keep the lanes from being rung; with a third address there is still one to try."""
    recipient = with_recipient(incident, state="bounced")
    make_address(recipient.account, "security@account-1.example", role="security")
    make_address(recipient.account, "billing@account-1.example", role="billing")
    telling.next_address(recipient)

    with pytest.raises(telling.AlreadyFollowed):
        telling.next_address(recipient)
    assert Recipient.objects.filter(follows=recipient).count() == 1


def test_following_up_twice_writes_once(incident):
    recipient = with_recipient(incident, state="bounced")
    make_address(recipient.account, "security@account-1.example", role="security")

    assert (telling.follow_up(), telling.follow_up()) == (1, 0)


def test_a_finished_mailing_runs_again_for_a_late_bounce(incident):
    recipient = with_recipient(incident, state="bounced")
    make_address(recipient.account, "security@account-1.example", role="security")
    dispatch.finish_mailings()

    telling.follow_up()

    recipient.mailing.refresh_from_db()
    assert (recipient.mailing.state, recipient.mailing.finished_at) == ("running", None)


def test_a_cancelled_mailing_writes_to_nobody_more(incident):
    recipient = with_recipient(incident, state="bounced")
    make_address(recipient.account, "security@account-1.example", role="security")
    Mailing.objects.update(state="cancelled")

    assert telling.follow_up() == 0
    with pytest.raises(mailing_states.NotOpen):
        telling.next_address(recipient)


def test_who_was_ruled_out_since_is_not_written_to(incident):
    recipient = with_recipient(incident, state="bounced")
    make_address(recipient.account, "security@account-1.example", role="security")
    AffectedAccount.objects.update(certainty="ruled_out")

    assert telling.follow_up() == 0


@pytest.mark.parametrize("kind", ["do_not_contact", "law_enforcement_hold"])
def test_a_decision_made_since_is_heeded_until_it_no_longer_holds(incident, kind):
    recipient = with_recipient(incident, state="bounced")
    make_address(recipient.account, "security@account-1.example", role="security")
    decision = decide(incident, kind)
    assert telling.follow_up() == 0

    decide(incident, "no_longer", supersedes=decision)
    assert telling.follow_up() == 1


def test_an_account_whose_every_address_is_in_the_mailing_already_is_not_doubled(incident):
    recipient = with_recipient(incident, state="bounced")
    second = make_address(recipient.account, "security@account-1.example", role="security")
    Recipient.objects.create(
        incident=incident, mailing=recipient.mailing, affected_account=recipient.affected_account,
        account=recipient.account, address=second, kind=recipient.kind, sequence=1, code="X", message_id="x@x",
        state="accepted",
    )  # fmt: skip

    assert telling.follow_up() == 0


# What the page says --------------------------------------------------------------------------------------------


def test_before_the_first_mailing_telling_has_not_begun(incident):
    make_affected(incident)

    assert telling.telling_of(incident, at=NOON).state == "none"


@pytest.mark.parametrize(
    ("states", "state"),
    [
        (["delivered", "delivered"], "done"), (["delivered", "accepted"], "under_way"),
        (["delivered", "unknown"], "under_way"), (["delivered", "failed"], "under_way"),
        (["delivered", "queued"], "under_way"),
    ],
)  # fmt: skip
def test_done_is_said_only_when_everyone_is_accounted_for(incident, states, state):
    for each in states:
        with_recipient(incident, state=each)

    assert telling.telling_of(incident, at=NOON).state == state


def test_done_counts_whom_a_decision_or_a_ruling_out_accounts_for(incident):
    with_recipient(incident, state="delivered")
    make_affected(incident, make_account("out"), certainty="ruled_out")
    segment = make_segment(incident)
    make_affected(incident, make_account("former"), segments=[segment])
    assert telling.telling_of(incident, at=NOON).state == "under_way"

    decide(incident, "do_not_contact", segment)

    assert telling.telling_of(incident, at=NOON).state == "done"


def test_whoever_an_import_left_out_keeps_it_from_being_done(incident, wanda):
    with_recipient(incident, state="delivered")
    batch = incident.import_batches.create(
        number=1, source="room", state="confirmed", confirmed_at=NOON, counts={"rejected": 4}
    )
    assert telling.telling_of(incident, at=NOON).state == "under_way"

    incident.import_batches.create(
        number=2, source="room", state="confirmed", confirmed_at=NOON + timedelta(hours=1), counts={"rejected": 0}
    )
    assert telling.telling_of(incident, at=NOON).state == "under_way"  # it may be of other people

    audience.deal_with(batch, because="imported corrected as import 2", by=wanda)
    assert telling.telling_of(incident, at=NOON).state == "done"


def test_a_later_decision_that_the_scope_is_final_settles_what_an_import_left_out(incident):
    with_recipient(incident, state="delivered")
    incident.import_batches.create(
        number=1, source="room", state="confirmed", confirmed_at=NOON, counts={"rejected": 4}
    )

    decide(incident, "scope_final")

    assert telling.telling_of(incident, at=NOON).state == "done"


def test_a_mailing_to_nobody_is_not_done(incident):
    make_mailing(incident, [])

    assert telling.telling_of(incident, at=NOON).state == "under_way"


def test_the_page_learns_how_to_tell_a_genuine_notice(incident):
    with_recipient(incident)

    said = telling.telling_of(incident, at=NOON)

    assert said.sender == "Relaypost Security <security@relaypost.example>"
    assert said.subjects == ("About your keys",)
    assert said.code_form == "XXXX-XXXX-XXXX"


def test_what_differs_from_reader_to_reader_is_not_on_the_page(incident):
    with_recipient(incident)
    version = incident.mailings.get().version
    version.subject = "{{ organisation }}: your account {{ account }}"

    assert telling._subject(version) == "Relaypost: your account …"


def test_a_later_moment_alone_is_no_news(incident):
    with_recipient(incident, state="delivered")
    telling.push(incident)
    incident.refresh_from_db()
    said = incident.telling

    telling.push(incident)

    incident.refresh_from_db()
    assert said["state"] == "done"
    assert incident.telling == said


def test_a_late_bounce_ends_the_present_tense_by_itself(incident):
    recipient = with_recipient(incident, state="delivered")
    telling.push_all()
    Recipient.objects.filter(pk=recipient.pk).update(state="bounced")

    telling.push_all()

    incident.refresh_from_db()
    assert incident.telling["state"] == "under_way"


def test_an_incident_nobody_was_written_to_about_is_left_alone(incident):
    make_affected(incident)

    assert telling.push_all() == 0
    assert not PageVersion.objects.exists()
