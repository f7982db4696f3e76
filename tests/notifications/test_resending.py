"""One person gets a notice once more: the text approved for them, once a day, and no sum of the first mailing moves."""

from datetime import timedelta

import pytest
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from accounts.models import AuditEntry
from incidents.models import AffectedAccount, Incident
from notifications import composing, dispatch, links, mailing_states, next_address, resending, stopping, telling
from notifications.mailings import sums
from notifications.models import Mailing, Outbox, Recipient, SentAgain
from tests.factories import NOON, make_address, make_affected, make_decision, make_incident
from tests.notifications.arrange import make_mailing, make_recipient

pytestmark = pytest.mark.django_db


@pytest.fixture
def incident() -> Incident:
    return make_incident()


@pytest.fixture
def told(incident) -> Recipient:
    return make_recipient(incident, state="delivered")


def again(told: Recipient, **given) -> Recipient:
    said = {"affected": told.affected_account, "address": told.address, "because": "support", "by": None,
            "at": timezone.now()}  # fmt: skip
    return resending.send_again(**said | given)


def test_the_same_words_go_out_with_a_code_of_their_own_and_the_same_link(told):
    copy = again(told)

    [claimed] = dispatch.claim(25).writable
    assert claimed.pk == copy.pk
    first, second = composing.compose(told), composing.compose(copy)
    assert second.text == first.text.replace(told.code, copy.code)
    assert (copy.merge, copy.link, copy.mailing.version) == (told.merge, told.link, told.mailing.version)
    assert second.headers["Message-ID"] != first.headers["Message-ID"]


def test_the_sums_of_the_first_mailing_stay_as_they_were(told):
    before = sums.of(told.mailing)

    copy = again(told)

    assert sums.of(told.mailing) == before
    assert copy.mailing != told.mailing
    assert (copy.mailing.is_again, copy.mailing.approval) == (True, told.mailing.approval)
    copy.mailing.refresh_from_db()
    assert (copy.mailing.state, copy.mailing.recipients_count) == ("running", 1)


def test_an_address_gets_one_a_day(told):
    again(told)

    with pytest.raises(resending.TooSoon):
        again(told, because="inquiry")

    later = again(told, at=timezone.now() + timedelta(days=1, minutes=1))
    assert (later.again, Mailing.objects.filter(whom="again").count()) == (2, 1)


def test_another_address_of_theirs_gets_its_own(told):
    other = make_address(told.account, "security@northwind.example", role="security")

    assert again(told).address != again(told, address=other).address


@pytest.mark.parametrize("state", ["prepared", "cancelled"])
def test_nothing_is_sent_that_never_went_out(incident, state):
    recipient = make_recipient(incident, state=state)

    with pytest.raises(resending.NothingToSend):
        again(recipient)


def test_nothing_is_sent_before_its_mailing_started(incident):
    mailing = make_mailing(incident, [make_affected(incident)], state="prepared")
    Mailing.objects.filter(pk=mailing.pk).update(started_at=None)

    with pytest.raises(resending.NothingToSend):
        again(mailing.recipients.get())


def test_whoever_was_ruled_out_gets_the_all_clear_or_nothing(incident, told):
    AffectedAccount.objects.update(certainty="ruled_out")
    told.affected_account.refresh_from_db()
    with pytest.raises(resending.NothingToSend):
        again(told)

    clear = make_mailing(incident, [told.affected_account], kind="all_clear")

    assert again(told).mailing.version == clear.version


def test_a_reminder_is_not_what_an_asker_gets(incident, told):
    make_mailing(incident, [told.affected_account], kind="reminder")

    assert again(told).mailing.version == told.mailing.version


def test_the_newest_notice_goes(incident, told):
    newer = make_mailing(incident, [told.affected_account], kind="correction")

    assert again(told).mailing.version == newer.version


@pytest.mark.parametrize("fields", [{"trusted": False}, {"withdrawn_at": NOON}])
def test_an_address_that_is_not_to_be_used_gets_nothing(told, fields):
    type(told.address).objects.update(**fields)

    with pytest.raises(resending.Held):
        again(told)


def test_nothing_goes_to_an_address_of_somebody_else(told, incident):
    from tests.factories import make_account

    with pytest.raises(resending.Held):
        again(told, address=make_account("other", "owner@other.example").addresses.get())


@pytest.mark.parametrize("kind", ["law_enforcement_hold", "do_not_contact"])
def test_a_decision_that_stands_holds_it(told, incident, kind):
    make_decision(incident, kind)

    with pytest.raises(resending.Held):
        again(told)


def test_it_goes_around_a_channel_that_is_exposed(told, incident, settings):
    incident.exposed_channels = [telling.providers.first().name]
    incident.save()
    told.affected_account.incident.refresh_from_db()
    with pytest.raises(resending.Held):
        again(told)

    settings.SPARE_EMAIL_BACKEND, settings.SPARE_SENDER = "anymail.backends.postmark.EmailBackend", "a@spare.example"

    copy = again(told)
    assert (copy.mailing.provider, copy.mailing.sender) == ("postmark", "a@spare.example")


def test_the_stop_of_everything_holds_it_and_pause_does_too(told, anton):
    copy = again(told)
    stopping.stop(by=anton, because="the wrong text")
    assert dispatch.claim(25) is None

    stopping.SendingStop.objects.update(lifted_at=timezone.now(), lifted_by=anton, lifted_because="mended")
    Mailing.objects.filter(pk=copy.mailing_id).update(state="paused")
    assert dispatch.claim(25) is None
    again(told, at=timezone.now() + timedelta(days=2))
    assert Mailing.objects.get(pk=copy.mailing_id).state == "paused"


def test_first_notices_go_before_it(incident, told):
    copy = again(told)
    Outbox.objects.update(not_before=NOON)
    affected = make_affected(incident, told.account.__class__.objects.create(external_id="late", name="Late"))
    make_address(affected.account, "late@late.example")
    first = make_mailing(incident, [affected])

    assert [set(dispatch.claim(25).numbers) for _ in range(2)] == [
        {first.recipients.get().pk}, {copy.pk},
    ]  # fmt: skip


def test_it_ends_without_a_word_and_begins_again(told):
    copy = again(told)
    Outbox.objects.all().delete()
    dispatch.finish_mailings()
    copy.mailing.refresh_from_db()
    assert copy.mailing.state == "finished"

    again(told, at=timezone.now() + timedelta(days=2))

    copy.mailing.refresh_from_db()
    assert (copy.mailing.state, copy.mailing.recipients_count) == ("running", 2)
    acts = AuditEntry.objects.filter(act__startswith="mailing.").exclude(
        thing=f"notifications.mailing:{told.mailing_id}"
    )
    assert list(acts.values_list("act", flat=True)) == ["mailing.again_opened"]


def test_a_bounce_of_it_is_not_tried_elsewhere(told):
    make_address(told.account, "security@northwind.example", role="security")
    copy = again(told)
    Outbox.objects.all().delete()
    Recipient.objects.filter(pk=copy.pk).update(state="bounced")

    assert next_address.queue_all() == 0


def test_the_page_does_not_say_under_way_because_of_it(incident, told):
    before = telling.telling_of(incident, at=NOON)

    again(told)

    assert before.state == "done"
    assert telling.telling_of(incident, at=NOON) == before


def test_a_copy_that_arrives_tells_whom_the_first_did_not_reach(incident):
    told = make_recipient(incident, state="bounced")
    other = make_address(told.account, "security@northwind.example", role="security")
    copy = again(told, address=other)
    assert telling.outcomes(incident)["on_the_way"] == 1

    Recipient.objects.filter(pk=copy.pk).update(state="delivered")

    assert telling.outcomes(incident)["told"] == 1


def test_a_link_that_was_revoked_is_made_anew(told):
    type(told.link).objects.update(revoked_at=timezone.now())
    old = links.token(told.link)

    copy = again(told)

    assert links.token(copy.link) != old
    assert links.find(links.token(copy.link)).address == told.address


def test_the_log_names_who_asked_and_no_address(told, anton):
    copy = again(told, by=anton)

    entry = AuditEntry.objects.get(act="notice.sent_again")
    assert (entry.by, entry.thing) == (anton, f"notifications.recipient:{copy.pk}")
    assert told.address.value not in entry.body
    again(told, at=timezone.now() + timedelta(days=2))
    assert AuditEntry.objects.filter(act="notice.sent_again").count() == 1


def test_a_copy_of_an_unknown_message_can_be_settled_while_the_first_mailing_goes_on(told, anton):
    copy = again(told)
    Outbox.objects.all().delete()
    dispatch.finish_mailings()
    Mailing.objects.filter(pk=told.mailing_id).update(state="running", finished_at=None)

    with transaction.atomic():
        assert mailing_states.keep_open(copy.mailing_id, by=anton).state == "running"


def test_why_it_was_sent_never_changes(told):
    again(told)

    for verb in ("UPDATE notifications_sentagain SET because = 'inquiry'", "DELETE FROM notifications_sentagain"):
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(verb)
    assert SentAgain.objects.get().original == told
