"""Who was told, who is tried next, and what the page may say about it."""

from datetime import timedelta

import pytest
from django.db.models.functions import Now

from incidents import audience
from incidents.models import AffectedAccount, Incident, PageVersion
from notifications import next_address, telling
from notifications.models import DeliveryEvent, Mailing, Recipient
from tests.factories import NOON, make_account, make_address, make_affected, make_decision, make_incident, make_segment
from tests.notifications.arrange import make_another_recipient, make_mailing

pytestmark = pytest.mark.django_db


@pytest.fixture
def incident() -> Incident:
    return make_incident()


def outcome(incident: Incident) -> str:
    """Of the only affected account."""
    counts = telling.outcomes(incident)
    assert sum(counts.values()) == 1
    return next(name for name, count in counts.items() if count)


# Outcomes ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("prepared", "unreached"), ("queued", "on_the_way"), ("sending", "on_the_way"), ("accepted", "on_the_way"),
        ("delivered", "told"), ("bounced", "unreached"), ("failed", "unreached"), ("unknown", "unknown"),
        ("unconfirmed", "unreached"), ("cancelled", "unreached"), ("letter", "unreached"),
    ],
)  # fmt: skip
def test_each_state_has_its_outcome(incident, state, expected):
    make_another_recipient(incident, state=state)

    assert outcome(incident) == expected


def test_the_table_above_knows_every_state():
    assert len(Recipient.State.values) == 11


def test_somebody_nobody_has_written_to_is_unreached(incident):
    make_affected(incident)

    assert outcome(incident) == "unreached"


@pytest.mark.parametrize(
    ("hours", "provider", "expected"),
    [(71, "mailgun", "on_the_way"), (73, "mailgun", "told"), (73, "smtp", "on_the_way")],
)
def test_quiet_counts_where_the_provider_reports_bounces(incident, hours, provider, expected):
    make_another_recipient(incident, state="accepted", state_at=Now() - timedelta(hours=hours))
    Mailing.objects.update(provider=provider)

    assert outcome(incident) == expected


def test_smtp_counts_quiet_once_somebody_reads_its_bounces(incident, settings):
    settings.PROVIDER_REPORTS_BOUNCES = True
    make_another_recipient(incident, state="accepted", state_at=Now() - timedelta(hours=73))

    assert outcome(incident) == "told"


def test_a_soft_bounce_is_not_quiet(incident):
    recipient = make_another_recipient(incident, state="accepted", state_at=Now() - timedelta(hours=73))
    Mailing.objects.update(provider="mailgun")
    DeliveryEvent.objects.create(provider="Mailgun", key="1", recipient=recipient, type="soft_bounced", at=NOON)

    assert outcome(incident) == "on_the_way"


def test_a_letter_counts_only_with_its_proof(incident):
    recipient = make_another_recipient(incident, state="failed", channel="post")
    assert outcome(incident) == "unreached"

    Recipient.objects.filter(pk=recipient.pk).update(recorded_proof="Registered letter RR 1234, by Wanda")
    assert outcome(incident) == "told"


def test_one_message_that_arrived_is_enough(incident):
    bounced = make_another_recipient(incident, state="bounced")
    make_address(bounced.account, "security@account-1.example", role="security")
    following = next_address.queue(bounced)
    assert outcome(incident) == "on_the_way"

    Recipient.objects.filter(pk=following.pk).update(state="delivered")
    assert outcome(incident) == "told"


def test_who_says_they_have_read_it_was_told(incident):
    make_another_recipient(incident, state="accepted")
    AffectedAccount.objects.update(acknowledged_at=NOON)

    assert outcome(incident) == "told"


def test_an_all_clear_tells_nobody_of_a_breach(incident):
    make_another_recipient(incident, state="delivered", kind="all_clear")

    assert outcome(incident) == "unreached"


def test_ruled_out_is_ruled_out_even_for_those_who_were_told(incident):
    make_another_recipient(incident, state="delivered")
    AffectedAccount.objects.update(certainty="ruled_out")

    assert outcome(incident) == "ruled_out"


def test_by_decision_not_told_needs_a_decision_for_every_segment(incident):
    former, current = make_segment(incident, "former"), make_segment(incident, "current")
    make_affected(incident, segments=[former, current])

    make_decision(incident, "do_not_contact", former)
    assert outcome(incident) == "unreached"

    make_decision(incident, "do_not_contact", current)
    assert outcome(incident) == "by_decision_not_told"


def test_a_decision_for_everyone_covers_those_without_a_segment(incident):
    make_affected(incident)

    make_decision(incident, "do_not_contact")

    assert outcome(incident) == "by_decision_not_told"


@pytest.mark.parametrize("kind", ["contact", "no_longer"])
def test_a_superseded_decision_covers_nobody(incident, kind):
    segment = make_segment(incident)
    make_affected(incident, segments=[segment])

    first = make_decision(incident, "do_not_contact", segment)
    make_decision(incident, kind, segment, supersedes=first)

    assert outcome(incident) == "unreached"


def test_the_latest_of_two_decisions_holds(incident):
    segment = make_segment(incident)
    make_affected(incident, segments=[segment])

    make_decision(incident, "do_not_contact", segment)
    make_decision(incident, "contact", segment)

    assert outcome(incident) == "unreached"


def test_what_is_on_its_way_is_said_in_spite_of_a_decision(incident):
    make_another_recipient(incident, state="accepted")

    make_decision(incident, "do_not_contact")

    assert outcome(incident) == "on_the_way"


def test_every_account_is_in_exactly_one_outcome_and_others_are_not_counted(incident):
    for state in Recipient.State.values:
        make_another_recipient(incident, state=state)
    make_another_recipient(make_incident("another"), state="delivered")

    counts = telling.outcomes(incident)

    assert tuple(counts) == telling.NAMES
    assert sum(counts.values()) == incident.affected_accounts.count() == 11


def test_the_outcome_of_one_account(incident):
    recipient = make_another_recipient(incident, state="unknown")
    make_another_recipient(incident, state="delivered")

    assert telling.outcome_of(recipient.affected_account) == "unknown"


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
        make_another_recipient(incident, state=each)

    assert telling.telling_of(incident, at=NOON).state == state


def test_done_counts_whom_a_decision_or_a_ruling_out_accounts_for(incident):
    make_another_recipient(incident, state="delivered")
    make_affected(incident, make_account("out"), certainty="ruled_out")
    segment = make_segment(incident)
    make_affected(incident, make_account("former"), segments=[segment])
    assert telling.telling_of(incident, at=NOON).state == "under_way"

    make_decision(incident, "do_not_contact", segment)

    assert telling.telling_of(incident, at=NOON).state == "done"


def test_whoever_an_import_left_out_keeps_it_from_being_done(incident, wanda):
    make_another_recipient(incident, state="delivered")
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


@pytest.mark.parametrize("state", ["received", "reading", "staged", "confirming"])
def test_an_import_that_waits_keeps_it_from_being_done(incident, state):
    make_another_recipient(incident, state="delivered")
    batch = incident.import_batches.create(number=1, source="room", state=state)
    assert telling.telling_of(incident, at=NOON).state == "under_way"

    incident.import_batches.filter(pk=batch.pk).update(state="discarded")

    assert telling.telling_of(incident, at=NOON).state == "done"


def test_rows_left_out_of_a_file_that_rules_out_are_nobody_to_tell(incident):
    make_another_recipient(incident, state="delivered")
    incident.import_batches.create(
        number=1, source="room", state="confirmed", confirmed_at=NOON, counts={"rejected": 4}, mode="rule_out"
    )

    assert telling.telling_of(incident, at=NOON).state == "done"


def test_a_later_decision_that_the_scope_is_final_settles_what_an_import_left_out(incident):
    make_another_recipient(incident, state="delivered")
    incident.import_batches.create(
        number=1, source="room", state="confirmed", confirmed_at=NOON, counts={"rejected": 4}
    )

    make_decision(incident, "scope_final")

    assert telling.telling_of(incident, at=NOON).state == "done"


def test_a_mailing_to_nobody_is_not_done(incident):
    make_mailing(incident, [])

    assert telling.telling_of(incident, at=NOON).state == "under_way"


def test_the_page_learns_how_to_tell_a_genuine_notice(incident):
    make_another_recipient(incident)

    said = telling.telling_of(incident, at=NOON)

    assert said.sender == "Relaypost Security <security@relaypost.example>"
    assert said.subjects == ("About your keys",)
    assert said.code_form == "XXXX-XXXX-XXXX"


def test_what_differs_from_reader_to_reader_is_not_on_the_page(incident):
    make_another_recipient(incident)
    version = incident.mailings.get().version
    version.subject = "{{ organisation }}: your account {{ account }}"

    assert telling._subjects(version) == ["Relaypost: your account …"]


def test_a_later_moment_alone_is_no_news(incident):
    make_another_recipient(incident, state="delivered")
    telling.push(incident)
    incident.refresh_from_db()
    said = incident.telling

    telling.push(incident)

    incident.refresh_from_db()
    assert said["state"] == "done"
    assert incident.telling == said


def test_a_late_bounce_ends_the_present_tense_by_itself(incident):
    recipient = make_another_recipient(incident, state="delivered")
    telling.push_all()
    Recipient.objects.filter(pk=recipient.pk).update(state="bounced")

    telling.push_all()

    incident.refresh_from_db()
    assert incident.telling["state"] == "under_way"


def test_an_incident_nobody_was_written_to_about_is_left_alone(incident):
    make_affected(incident)

    assert telling.push_all() == 0
    assert not PageVersion.objects.exists()
