"""What is evidence can be added to and never changed, deleted or emptied: by triggers, and by what the user may do."""

from pathlib import Path

import pytest
from django.conf import settings
from django.db import DatabaseError, connection, transaction

from accounts import audit, signing
from accounts.models import AuditEntry, Organisation, SigningKey
from tests.factories import NOON

KEPT_FROM_DELETE = """
    SELECT t.tgrelid::regclass::text FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid
    WHERE p.proname = 'candor_refuse' AND t.tgtype & 8 <> 0 ORDER BY 1
"""
KEPT_FROM_TRUNCATE = KEPT_FROM_DELETE.replace("& 8", "& 32")


def _tables(sql: str) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return [table for (table,) in cursor.fetchall()]


@pytest.fixture
def one_entry(db):
    with transaction.atomic():
        audit.record(act="thing.done", thing=Organisation(pk=1), by=None)


@pytest.fixture
def as_the_application(one_entry):
    """A cursor of the user that deploy/app-role.sql makes."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute((Path(settings.ROOT) / "deploy/app-role.sql").read_text())
        cursor.execute("SET ROLE candor_app")
        yield cursor
        cursor.execute("RESET ROLE")


def test_what_cannot_be_deleted_cannot_be_emptied(db):
    assert {"accounts_auditentry", "accounts_signoff", "accounts_anchor"} <= set(_tables(KEPT_FROM_DELETE))
    assert _tables(KEPT_FROM_DELETE) == _tables(KEPT_FROM_TRUNCATE)


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE accounts_auditentry SET act = 'x'",
        "DELETE FROM accounts_auditentry",
        "TRUNCATE accounts_auditentry",
        "TRUNCATE accounts_auditentry CASCADE",
        "ALTER TABLE accounts_auditentry DISABLE TRIGGER ALL",
        "DROP TRIGGER accounts_auditentry_append_only ON accounts_auditentry",
        "DROP TABLE accounts_auditentry",
        "UPDATE accounts_signoff SET yes = true",
        "DELETE FROM accounts_signoff",
        "TRUNCATE accounts_signoff",
        "UPDATE accounts_signingkey SET public = ''",
        "DELETE FROM accounts_anchor",
        "TRUNCATE incidents_pageversion CASCADE",
        "DELETE FROM notifications_attempt",
        "SET session_replication_role = replica",
        "CREATE TABLE mine (id int)",
    ],
)
def test_the_application_s_user_is_refused(as_the_application, sql):
    with pytest.raises(DatabaseError, match="permission denied|must be owner"), transaction.atomic():
        as_the_application.execute(sql)

    as_the_application.execute("RESET ROLE")
    assert audit.verify() == 1


def test_the_application_s_user_can_add_to_the_log(as_the_application):
    with transaction.atomic():
        audit.record(act="thing.done", thing=Organisation(pk=1), by=None)

    assert audit.verify() == AuditEntry.objects.count() == 2


@pytest.mark.parametrize(
    "sql", ["UPDATE accounts_anchor SET hash = ''", "DELETE FROM accounts_anchor", "DELETE FROM accounts_signingkey"]
)
def test_signed_heads_and_keys_stay(db, settings, sql):
    known, _ = signing.key(at=NOON)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO accounts_anchor (number, hash, at, key_id, signature) VALUES (1, 'x', now(), %s, 'x')",
            [known.pk],
        )

        with pytest.raises(DatabaseError, match="append-only|never changes"), transaction.atomic():
            cursor.execute(sql)

    assert SigningKey.objects.count() == 1
