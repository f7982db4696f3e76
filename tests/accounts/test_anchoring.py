"""Signed heads of the log: made when due, written outside late or soon, and what they find out."""

import base64
import json
from datetime import timedelta
from email import message_from_bytes

import pytest
from django.core import mail
from django.core.management import CommandError, call_command
from django.db import connection, transaction

from accounts import anchoring, audit, signing
from accounts.models import Anchor, AuditEntry, Organisation, SigningKey
from tests.factories import NOON, make_organisation

HOUR = timedelta(hours=1)


def record(act: str = "thing.done", **facts) -> AuditEntry:
    with transaction.atomic():
        return audit.record(act=act, thing=Organisation(pk=1), by=None, **facts)


def tampered(*statements: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE accounts_auditentry DISABLE TRIGGER USER")
        for statement in statements:
            cursor.execute(statement)
        cursor.execute("ALTER TABLE accounts_auditentry ENABLE TRIGGER USER")


def written_anew(first: int) -> None:
    """Entries from this one on say something else, each sealed as it should be: a chain alone shows nothing."""
    entries = list(AuditEntry.objects.filter(number__gte=first).order_by("number"))
    previous = AuditEntry.objects.filter(number=first - 1).values_list("hash", flat=True).first() or audit.GENESIS
    for entry in entries:
        body = entry.body.replace('"thing.done"', '"thing.gone"')
        entry.previous, entry.hash = previous, audit.seal(previous, body)
        tampered(
            f"UPDATE accounts_auditentry SET body = '{body}', act = 'thing.gone', previous = '{previous}', "  # noqa: S608
            f"hash = '{entry.hash}' WHERE number = {entry.number}"
        )
        previous = entry.hash


def key(letter: str) -> str:
    return base64.b64encode(letter.encode() * 32).decode()


@pytest.fixture
def folder(settings, tmp_path):
    settings.AUDIT_ANCHOR_DIR = str(tmp_path / "anchors")
    (tmp_path / "anchors").mkdir()
    return tmp_path / "anchors"


@pytest.fixture
def officers(settings, db):
    make_organisation()
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    settings.AUDIT_OFFICERS = ["officer@elsewhere.example"]
    mail.outbox = []


# When -----------------------------------------------------------------------------------------------------------


def test_the_first_entry_gets_a_head_and_the_key_stands_in_the_log(db):
    record()

    made = anchoring.keep(at=NOON)

    assert made and made.number == 2
    assert AuditEntry.objects.get(number=2).act == "signing_key.introduced"
    assert anchoring.verify() == (2, 1)


def test_an_hour_without_anything_new_gets_none(db):
    record()
    anchoring.keep(at=NOON)

    assert anchoring.keep(at=NOON + 5 * HOUR) is None


def test_an_hour_with_something_new_gets_one_and_not_earlier(db):
    record()
    anchoring.keep(at=NOON)
    record()

    assert anchoring.keep(at=NOON + HOUR / 2) is None
    assert anchoring.keep(at=NOON + HOUR).number == 3


@pytest.mark.parametrize("act", ["page.published", "mailing.started", "evidence.exported"])
def test_each_publication_and_each_start_of_a_mailing_gets_one_at_once(db, act):
    record()
    anchoring.keep(at=NOON)
    record(act)

    assert anchoring.keep(at=NOON + timedelta(seconds=15)).number == 3


def test_without_a_key_nothing_breaks_and_the_log_says_so(db, settings, caplog):
    record()
    settings.AUDIT_KEYS = []

    assert anchoring.keep(at=NOON) is None
    assert "AUDIT_KEYS is empty" in caplog.text


# Outside --------------------------------------------------------------------------------------------------------


def test_heads_are_written_into_the_folder_and_mailed_once(officers, folder):
    record()

    anchoring.keep(at=NOON)
    anchoring.keep(at=NOON + timedelta(minutes=1))

    [path] = folder.iterdir()
    assert json.loads(path.read_text()) == anchoring.as_record(Anchor.objects.get())
    [message] = mail.outbox
    assert message.to == ["officer@elsewhere.example"]
    assert path.read_text().strip() in message.body


def test_mail_that_is_down_keeps_nobody_waiting_and_late_heads_come_in_one_mail(officers, settings, caplog):
    settings.EMAIL_BACKEND = "nowhere.to.be.found"
    record()
    anchoring.keep(at=NOON)
    record("page.published")
    anchoring.keep(at=NOON + timedelta(minutes=1))
    assert Anchor.objects.filter(mailed_at=None).count() == 2
    assert "officer@" not in caplog.text

    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    anchoring.keep(at=NOON + timedelta(minutes=2))

    [message] = mail.outbox
    assert message.body.count('"signature"') == 2
    assert not Anchor.objects.filter(mailed_at=None).exists()


def test_a_folder_that_is_away_is_caught_up(db, settings, tmp_path):
    settings.AUDIT_ANCHOR_DIR = str(tmp_path / "later")
    record()
    anchoring.keep(at=NOON)
    (tmp_path / "later").mkdir()

    anchoring.keep(at=NOON + timedelta(minutes=1))

    assert len(list((tmp_path / "later").iterdir())) == 1


# What they find -------------------------------------------------------------------------------------------------


def test_an_end_that_was_cut_off_is_found_by_heads_kept_outside(folder, db, capsys):
    for _ in range(5):
        record()
    anchoring.keep(at=NOON)
    tampered(
        "DELETE FROM accounts_auditentry WHERE number > 3",
        "ALTER TABLE accounts_anchor DISABLE TRIGGER USER",
        "DELETE FROM accounts_anchor",
        "ALTER TABLE accounts_anchor ENABLE TRIGGER USER",
    )
    public = SigningKey.objects.get().public
    tampered("ALTER TABLE accounts_signingkey DISABLE TRIGGER USER", "DELETE FROM accounts_signingkey")
    call_command("verify_audit")  # the chain alone shows nothing
    assert "3 entries hold" in capsys.readouterr().out

    with pytest.raises(CommandError, match="ends with audit entry 3, and entry 6 was signed: its end was cut off"):
        call_command("verify_audit", "--anchors", str(folder), "--key", public)


def test_entries_written_anew_are_found_and_named(folder, db):
    record(), record()
    anchoring.keep(at=NOON)  # 3
    record(), record(), record()
    anchoring.keep(at=NOON + HOUR)  # 6
    written_anew(5)
    assert audit.verify() == 6

    with pytest.raises(CommandError, match="entry 6 is not the one that was signed: entries 4 to 6 were written anew"):
        call_command("verify_audit", "--anchors", str(folder))


def test_a_mail_saved_as_it_travelled_is_understood(officers, tmp_path, capsys):
    record()
    anchoring.keep(at=NOON)
    (tmp_path / "head.eml").write_bytes(mail.outbox[0].message().as_bytes())

    call_command("verify_audit", "--anchors", str(tmp_path / "head.eml"))

    assert message_from_bytes((tmp_path / "head.eml").read_bytes())["Subject"].endswith("entry 2")
    assert "agree with it, 1 of them from outside" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["number", "hash", "at", "key", "public", "signature"])
def test_a_head_that_was_changed_is_not_believed(folder, db, name):
    record(), record()
    anchoring.keep(at=NOON)
    [path] = folder.iterdir()
    head = json.loads(path.read_text())
    head[name] = (
        head[name] - 1 if name == "number" else head[name].replace(head[name][2], "9" if head[name][2] != "9" else "1")
    )
    path.write_text(audit.canonical(head))

    with pytest.raises(CommandError, match="Broken: "):
        call_command("verify_audit", "--anchors", str(folder))


def test_a_head_signed_by_a_forger_s_own_key_is_not_believed(folder, db):
    record()
    anchoring.keep(at=NOON)
    [path] = folder.iterdir()
    name, forger = signing.secret(f"laptop:{key('f')}")
    head = json.loads(path.read_text()) | {"hash": "f" * 64}
    said = anchoring.signed(**{part: head[part] for part in ("number", "hash", "at", "key")})
    head |= {"public": signing.public_of(forger), "signature": forger.sign(said).hex()}
    path.write_text(audit.canonical(head))

    with pytest.raises(CommandError, match="signed by a key that is not known here"):
        call_command("verify_audit", "--anchors", str(folder))


# Keys -----------------------------------------------------------------------------------------------------------


def test_a_new_key_is_signed_for_by_the_old_one_and_the_old_one_stays_known(db, settings, folder):
    settings.AUDIT_KEYS = [f"first:{key('1')}"]
    record()
    anchoring.keep(at=NOON)
    settings.AUDIT_KEYS = [f"second:{key('2')}", f"first:{key('1')}"]
    record("page.published")

    made = anchoring.keep(at=NOON + HOUR)

    assert made and made.key_id == "second"
    facts = json.loads(AuditEntry.objects.get(thing="accounts.signingkey:second").body)["facts"]
    assert facts["before"] == "first"
    first = SigningKey.objects.get(pk="first")
    assert anchoring.verify(keys=[first.public]) == (4, 2)
    call_command("verify_audit", "--anchors", str(folder), "--key", first.public)


def test_a_new_key_alone_is_refused_until_somebody_says_that_the_old_one_is_lost(db, settings):
    settings.AUDIT_KEYS = [f"first:{key('1')}"]
    record()
    anchoring.keep(at=NOON)
    settings.AUDIT_KEYS = [f"second:{key('2')}"]

    with pytest.raises(CommandError, match="first, has to sign for it"):
        call_command("anchor")
    call_command("anchor", "--old-key-is-lost")

    assert AuditEntry.objects.get(thing="accounts.signingkey:second").act == signing.LOST
    with pytest.raises(anchoring.Forged, match="signed by a key that is not known here"):
        anchoring.verify(keys=[SigningKey.objects.get(pk="first").public])


def test_another_key_under_a_known_name_is_refused(db, settings):
    record()
    anchoring.keep(at=NOON)
    settings.AUDIT_KEYS = [f"laptop:{key('x')}"]

    with pytest.raises(signing.NoKey, match="Give a new key a new id"):
        signing.key(at=NOON)


def test_a_key_may_stand_in_a_file(tmp_path):
    (tmp_path / "seed").write_text(key("1") + "\n")

    assert signing.public_of(signing.secret(f"a:file:{tmp_path / 'seed'}")[1]) == signing.public_of(
        signing.secret(f"a:{key('1')}")[1]
    )
    with pytest.raises(signing.NoKey, match="cannot be read"):
        signing.secret(f"a:file:{tmp_path / 'none'}")
    with pytest.raises(signing.NoKey, match="not 32 bytes"):
        signing.secret("a:short")
