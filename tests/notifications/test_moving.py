"""Another provider for what was surely not sent: one deliberate act; whom we may have told stays where they are."""

import pytest
from django.test import override_settings

from accounts import approvals
from accounts.models import AuditEntry
from notifications import dispatch, handover, providers
from notifications.dispatch import windows
from notifications.mailings import NotNow
from notifications.mailings.moving import move_rest
from notifications.models import Mailing, Recipient, SendBatch
from tests.factories import make_incident, make_many_affected, make_organisation
from tests.notifications.arrange import make_mailing
from tests.notifications.smtp_server import SmtpServer

pytestmark = pytest.mark.django_db

SPARE = "Relaypost Security <security@relaypost-notices.example>"


@pytest.fixture
def servers(settings):
    """The usual mail server and the spare one."""
    settings.EMAIL_BACKEND = settings.SPARE_EMAIL_BACKEND = "notifications.smtp.PhasedBackend"
    settings.EMAIL_HOST, settings.EMAIL_TIMEOUT, settings.SPARE_SENDER = "127.0.0.1", 1, SPARE
    with SmtpServer() as usual, SmtpServer() as spare:
        settings.EMAIL_PORT = usual.port
        settings.SPARE_EMAIL_OPTIONS = {"host": "127.0.0.1", "port": spare.port}
        yield usual, spare


@pytest.fixture
def mailing(servers) -> Mailing:
    incident = make_incident()
    return make_mailing(incident, make_many_affected(incident, 5))


def test_two_channels_of_one_kind_have_names_of_their_own(servers):
    assert [name for name, _ in providers.choices()] == ["smtp", "smtp-spare"]
    assert providers.channel("smtp-spare").sender == SPARE


def test_the_rest_goes_through_the_other_provider_from_its_sender(mailing, servers, anton):
    usual, spare = servers
    dispatch.run_window(2)

    counts = move_rest(mailing, to="smtp-spare", by=anton)
    dispatch.run_lane()

    assert counts == {"moved": 3, "sending": 0, "unknown": 0}
    assert (len(usual.accepted), len(spare.accepted)) == (2, 3)
    assert {message["From"] for message in spare.accepted} == {SPARE}
    assert set(usual.readers) & set(spare.readers) == set()
    assert sorted(SendBatch.objects.values_list("provider", flat=True)) == ["smtp", "smtp-spare"]


def test_the_unknown_are_left_as_they_are(mailing, servers, anton):
    usual, spare = servers
    usual.faults["dot"] = {"owner": "drop"}
    dispatch.run_window(2)

    counts = move_rest(mailing, to="smtp-spare", by=anton)
    dispatch.run_lane()

    assert counts["unknown"] == 1
    assert len(spare.accepted) == 4
    assert set(usual.readers) & set(spare.readers) == set()
    assert Recipient.objects.filter(state="unknown").count() == 1


def test_it_is_written_into_the_log_with_both_names(mailing, anton):
    move_rest(mailing, to="smtp-spare", by=anton)

    entry = AuditEntry.objects.get(act="mailing.moved")
    assert entry.by == anton
    assert '"provider":"smtp-spare"' in entry.body and '"provider":"smtp"' in entry.body


def test_a_paused_mailing_stays_paused(mailing, anton):
    Mailing.objects.update(state="paused")

    move_rest(mailing, to="smtp-spare", by=anton)

    mailing.refresh_from_db()
    assert (mailing.state, mailing.provider) == ("paused", "smtp-spare")


def test_an_approval_ends_where_the_sender_becomes_another(mailing, anton):
    mailing.state = Mailing.State.PREPARED
    mailing.save(update_fields=["state"])
    approval = approvals.ask(act="mail", thing=mailing, hashes={}, summary="Send it", by=anton)

    move_rest(mailing, to="smtp-spare", by=anton)

    approval.refresh_from_db()
    assert approval.void_because == "it goes through another provider"
    assert approvals.living("mail", mailing) is None


@pytest.mark.parametrize("exposed", ["smtp-spare", "relaypost-notices.example", "smtp"])
def test_an_exposed_channel_is_refused(mailing, anton, exposed):
    """The bare name of a provider means every account we have with it."""
    mailing.incident.exposed_channels = [exposed]
    mailing.incident.save()

    with pytest.raises(NotNow, match="is part of this incident"):
        move_rest(mailing, to="smtp-spare", by=anton)


@pytest.mark.parametrize("to", ["mailgun", "smtp"])
def test_it_goes_nowhere_that_is_not_set_up_or_where_it_is_already(mailing, anton, to):
    with pytest.raises(NotNow):
        move_rest(mailing, to=to, by=anton)


def test_a_finished_mailing_has_nothing_to_move(mailing, anton):
    Mailing.objects.update(state="finished")

    with pytest.raises(NotNow, match="nothing of it waits"):
        move_rest(mailing, to="smtp-spare", by=anton)


def test_a_provider_that_rests_holds_up_nobody_elses_messages(mailing, servers, settings, broker):
    usual, spare = servers
    incident = make_incident("another-one")
    others = make_mailing(incident, [mailing.recipients.first().affected_account], kind="reminder")
    Mailing.objects.filter(pk=others.pk).update(provider="smtp-spare")
    broker.set("candor:pace:smtp:rest", "1", px=60_000)

    dispatch.run_lane(seconds=0.5)

    assert (len(usual.accepted), len(spare.accepted)) == (0, 1)


def test_a_mailing_whose_channel_is_no_more_goes_through_the_usual_one(mailing, servers):
    usual, _ = servers
    Mailing.objects.update(provider="mailgun")

    dispatch.run_lane()

    assert len(usual.accepted) == 5


def test_without_a_spare_there_is_one_choice():
    make_organisation()
    with override_settings(SPARE_EMAIL_BACKEND="", EMAIL_BACKEND="notifications.smtp.PhasedBackend"):
        assert providers.choices() == [("smtp", "smtp (usual)")]


def test_a_window_claimed_for_the_old_provider_goes_through_the_new_one(mailing, servers, anton):
    usual, spare = servers
    window = windows.begin(2, providers.first())
    move_rest(mailing, to="smtp-spare", by=anton)

    with handover.lines() as lines:
        windows.hand_over(window, lines, windows.AtOnce(), go_on=handover.always)
    dispatch.run_lane()

    assert (len(usual.message_ids), len(spare.message_ids)) == (0, 5)
