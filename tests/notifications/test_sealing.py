"""What an approval of recipients covers, then and now; attempts sealed in the log."""

import hashlib
import json
from datetime import timedelta

import pytest
from django.utils import timezone

from accounts import audit
from accounts.models import AuditEntry
from notifications import mailings
from notifications.evidence import sealed
from notifications.mailings import sealing
from notifications.models import Attempt, Mailing, Recipient
from tests.factories import NOON, make_incident, make_many_affected, make_notice, make_organisation
from tests.notifications import night


@pytest.fixture
def mailing(db, wanda) -> Mailing:
    make_organisation()
    incident = make_incident(first_published_at=NOON)
    make_many_affected(incident, 3)
    return mailings.prepare(make_notice(incident, wanda), by=wanda)


def test_a_mailing_prepared_now_is_sealed_over_keyed_hashes(mailing):
    assert mailing.recipients_hash_version == 2
    assert mailings.recipients_hash(mailing) == mailing.recipients_hash
    assert all(bytes(one.merge_seal) == sealing.merge_seal(one.merge) for one in mailing.recipients.all())


@pytest.mark.parametrize("changed", ["address", "merge"])
def test_another_address_or_other_facts_are_another_hash(mailing, changed):
    recipient = mailing.recipients.first()
    if changed == "address":
        recipient.address.value = "somebody@else.example"
        recipient.address.save()
    else:
        Recipient.objects.filter(pk=recipient.pk).update(merge=recipient.merge | {"name": "Somebody Else"})

    assert mailings.recipients_hash(mailing) != mailing.recipients_hash


def test_a_mailing_approved_before_holds_by_the_rule_of_then(mailing):
    Mailing.objects.update(recipients_hash_version=1)
    mailing.refresh_from_db()
    said = {"whom": mailing.whom_words, "channel": mailing.channel, "evidence": mailing.evidence}
    digest = hashlib.sha256(f"{audit.canonical(said)}\n".encode())
    for one in mailing.recipients.order_by("affected_account", "pk").select_related("address"):
        row = {"account": one.account_id, "address": one.address.value, "merge": one.merge}
        digest.update(f"{audit.canonical(row)}\n".encode())

    assert mailings.recipients_hash(mailing) == digest.hexdigest()


@pytest.mark.django_db(transaction=True)
def test_attempts_are_sealed_once_a_mailing_has_come_to_rest_and_only_once(tmp_path):
    night.play(tmp_path)
    first = AuditEntry.objects.get(act="attempts.sealed")
    facts = json.loads(first.body)["facts"]
    assert (facts["count"], facts["since"]) == (Attempt.objects.count(), "")

    later = timezone.now() + timedelta(hours=1)
    assert sealed.seal_all(at=later) == 0
    assert AuditEntry.objects.filter(act="attempts.sealed").count() == 1
