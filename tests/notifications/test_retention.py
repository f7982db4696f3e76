"""People are forgotten when their day has come: no word of theirs is left in the database, the evidence verifies."""

import io
import subprocess
import sys
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.db import connection
from django.urls import reverse
from django.utils import timezone

from accounts.models import Account, Address, AuditEntry
from incidents.models import AccountChange, AffectedAccount, Decision, Finding, ImportBatch, Incident, RejectedRow
from notifications import evidence, links, resending, retention
from notifications.evidence import rows, writing
from notifications.inquiries import asking
from notifications.models import Inquiry, Mailing, Outbox, Recipient, Retention
from notifications.reading import theirs
from tests.factories import make_account, make_affected, make_decision, make_incident
from tests.notifications.arrange import make_recipient

pytestmark = pytest.mark.django_db
CANARY = "zq7canary"


@pytest.fixture
def incident() -> Incident:
    return make_incident()


@pytest.fixture
def told(incident) -> Recipient:
    account = make_account(f"{CANARY}-id", f"{CANARY}@{CANARY}.example", name=f"{CANARY} Limited")
    affected = make_affected(incident, account, facts={"api_key": f"key-{CANARY}"})
    recipient = make_recipient(incident, affected, state="delivered")
    Mailing.objects.update(state="finished", problems=[{"account": CANARY, "words": "x", "variable": "y"}])
    batch = ImportBatch.objects.create(
        incident=incident, number=1, source="room", state="confirmed", confirmed_at=timezone.now(),
        file_name=f"{CANARY}.csv", push={"rows": [CANARY]},
    )  # fmt: skip
    said = {"name": CANARY}
    AccountChange.objects.create(batch=batch, affected_account=affected, before=said, after=said)
    RejectedRow.objects.create(batch=batch, line=2, value=CANARY, problem="x", remedy="y", cells=[CANARY])
    Finding.objects.create(batch=batch, kind="changed", account=CANARY, value=CANARY, other=CANARY, words=CANARY)
    return recipient


def come(incident: Incident) -> None:
    Retention.objects.update_or_create(incident=incident, defaults={"forget_on": timezone.now().date()})


def tables_with(word: str) -> list[str]:
    found = []
    for table in connection.introspection.table_names():
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT count(*) FROM {table} t WHERE t::text ILIKE %s", [f"%{word}%"])
            if cursor.fetchone()[0]:
                found.append(table)
    return found


def test_no_word_of_theirs_is_left_in_any_table(incident, told):
    assert len(tables_with(CANARY)) >= 8
    come(incident)

    retention.forget(incident, by=None, at=timezone.now())

    assert tables_with(CANARY) == []


def test_hashes_and_outcomes_stay(incident, told):
    lookup, state, code = bytes(told.address.lookup), told.state, told.code
    before = evidence_rows(incident)
    come(incident)

    retention.forget(incident, by=None, at=timezone.now())

    assert evidence_rows(incident) == before
    told.refresh_from_db()
    assert (bytes(Address.objects.get().lookup), told.state, told.code) == (lookup, state, code)


def evidence_rows(incident: Incident) -> tuple:
    return list(rows.recipients(incident)), list(rows.affected_accounts(incident))


def test_nobody_forgotten_is_ever_written_to(incident, told):
    come(incident)

    retention.forget(incident, by=None, at=timezone.now())

    assert not Address.objects.reachable().exists()
    told.link.refresh_from_db()
    with pytest.raises(links.Revoked):
        links.find(links.token(told.link))


def test_nobody_forgotten_is_told_that_they_were_never_on_the_list(incident, told):
    """Who was on it cannot be said any more, so no inquiry is answered and no list is named behind sign-in."""
    Incident.objects.update(visibility="public", first_published_at=timezone.now())
    incident.refresh_from_db()
    asking.ask(incident=incident, address=f"{CANARY}@{CANARY}.example", language="en", wants_news=True)
    assert asking.is_on(incident)
    come(incident)

    retention.forget(incident, by=None, at=timezone.now())

    assert not asking.is_on(incident)
    assert not Inquiry.objects.filter(sealed__isnull=False).exists()
    assert theirs.lists() == []


def test_what_is_forgotten_neither_goes_again_nor_is_shown_to_whom_another_incident_keeps(incident, told):
    make_affected(make_incident("other-incident"), told.account)
    told.mailing.started_at = timezone.now()
    told.mailing.save()
    assert theirs.told().filter(pk=told.affected_account_id).exists()
    come(incident)

    retention.forget(incident, by=None, at=timezone.now())

    assert not theirs.told().filter(pk=told.affected_account_id).exists()
    told.refresh_from_db()
    with pytest.raises(resending.Held, match="forgotten"):
        resending.send_again(affected=told.affected_account, address=Address.objects.get(), because="support", by=None,
                             at=timezone.now())  # fmt: skip


def test_whoever_is_in_another_incident_keeps_their_name_and_address(incident, told):
    other = make_incident("other-incident")
    make_affected(other, told.account)
    come(incident)

    retention.forget(incident, by=None, at=timezone.now())

    assert Account.objects.get().name == f"{CANARY} Limited"
    assert AffectedAccount.objects.get(incident=incident).facts == {}
    come(other)
    retention.forget(other, by=None, at=timezone.now())
    assert tables_with(CANARY) == []


@pytest.mark.parametrize("kind", ["legal_hold", "law_enforcement_hold"])
def test_a_hold_keeps_everything(incident, told, kind):
    come(incident)
    held = make_decision(incident, kind)

    with pytest.raises(retention.NotNow):
        retention.forget(incident, by=None, at=timezone.now())
    assert retention.forget_due() == 0

    Decision.objects.create(incident=incident, kind="no_longer", reasons="over", at=timezone.now(), supersedes=held)
    assert retention.forget_due() == 1


@pytest.mark.parametrize("state", ["prepared", "running", "paused"])
def test_a_mailing_that_is_not_over_keeps_it(incident, told, state):
    come(incident)
    Mailing.objects.update(state=state)

    assert retention.forget_due() == 0


def test_the_setting_counts_from_when_it_was_resolved(incident, told, settings):
    settings.RETENTION = timedelta(days=30)
    assert retention.date_of(incident) is None
    incident.resolved_at = timezone.now() - timedelta(days=29)
    incident.save()
    assert retention.forget_due() == 0

    Incident.objects.update(resolved_at=timezone.now() - timedelta(days=31))

    assert retention.forget_due() == 1


def test_after_a_crash_the_next_call_ends_it_with_the_same_root(incident, told, monkeypatch):
    make_affected(incident, make_account("second", "second@second.example"))
    come(incident)
    monkeypatch.setattr(retention, "WINDOW", 1)
    real, calls = retention._forget_window, []

    def dies(*args, **kwargs):
        calls.append(1)
        if len(calls) == 2:
            raise RuntimeError("killed")
        return real(*args, **kwargs)

    monkeypatch.setattr(retention, "_forget_window", dies)
    with pytest.raises(RuntimeError):
        retention.forget(incident, by=None, at=timezone.now())
    assert retention.forget_due() == 1

    report = Retention.objects.get().report
    assert report["affected"] == 2
    assert AuditEntry.objects.get(act="retention.forgotten").body.count(report["root"]) == 1


def test_the_command_only_says_until_it_is_told_to(incident, told):
    come(incident)
    out = io.StringIO()

    call_command("retention", incident.slug, stdout=out)
    assert "due; affected 1, accounts 1, addresses 1" in out.getvalue()
    assert tables_with(CANARY)

    call_command("retention", incident.slug, "--forget", stdout=out)
    assert tables_with(CANARY) == []


def test_a_day_is_set_a_week_ahead_by_whoever_decides(as_user, ada, otto, incident, told):
    at = reverse("notifications:forgetting", args=[incident.slug])
    soon, later = (timezone.now() + timedelta(days=days) for days in (2, 30))

    assert as_user(otto).post(at, {"forget_on": f"{later:%Y-%m-%d}"}).status_code == 403
    assert as_user(ada).post(at, {"forget_on": f"{soon:%Y-%m-%d}"}).status_code == 422
    page = as_user(ada).post(at, {"forget_on": f"{later:%Y-%m-%d}"}, follow=True).content.decode()

    assert f"are forgotten on {later:%d %B %Y}" in page
    assert AuditEntry.objects.filter(act="retention.set", by=ada).exists()
    assert "Forget 1 person on this day" in page
    assert as_user(otto).get(at).status_code == 200


def test_queries_do_not_grow_with_the_accounts(incident, told, django_assert_max_num_queries):
    for number in range(20):
        make_affected(incident, make_account(f"n{number}", f"n{number}@n.example"))
    come(incident)

    with django_assert_max_num_queries(70):
        retention.forget(incident, by=None, at=timezone.now())
    assert not Outbox.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_the_evidence_verifies_afterwards(incident, told, tmp_path):
    """As before: nothing the script asks for was forgotten."""
    come(incident)
    judged = []
    for name in ("before.zip", "after.zip"):
        with (tmp_path / name).open("w+b") as file:
            evidence.write(incident, file, by=None, at=timezone.now())
        ended = subprocess.run(
            [sys.executable, "-I", str(writing.VERIFIER), str(tmp_path / name)],
            capture_output=True,
            text=True,
            check=False,
        )
        judged.append({line for line in ended.stdout.splitlines() if "recipient" in line or "affected" in line})
        if name == "before.zip":
            retention.forget(incident, by=None, at=timezone.now())

    assert judged[0] == judged[1] != set()
    assert CANARY.encode() not in (tmp_path / "after.zip").read_bytes()
