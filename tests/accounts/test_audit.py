"""The chain: every entry sealed to the one before, in commit order, and nothing in it can be changed unseen."""

import json
import threading

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, InternalError, connection, connections, transaction

from accounts import approvals, audit
from accounts.models import AuditEntry, Organisation
from tests.factories import make_organisation


def record(number: int = 1) -> AuditEntry:
    with transaction.atomic():
        return audit.record(act="thing.done", thing=Organisation(pk=1), by=None, count=number)


def tampered(sql: str, *values) -> None:
    """What somebody with the database in their hands would do: triggers off, change, triggers on."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE accounts_auditentry DISABLE TRIGGER USER")
        cursor.execute(sql, values)
        cursor.execute("ALTER TABLE accounts_auditentry ENABLE TRIGGER USER")


def test_entries_are_numbered_from_one_and_sealed_to_the_one_before(db):
    first, second = record(), record()

    assert (first.number, first.previous) == (1, audit.GENESIS)
    assert (second.number, second.previous) == (2, first.hash)
    assert audit.verify() == 2


def test_an_empty_chain_holds(db):
    assert audit.verify() == 0


def test_an_entry_belongs_into_the_transaction_of_its_act(transactional_db):
    with pytest.raises(transaction.TransactionManagementError):
        audit.record(act="thing.done", thing=Organisation(pk=1), by=None)


def test_an_act_that_is_rolled_back_leaves_no_entry_and_no_gap(db):
    record()
    with pytest.raises(RuntimeError), transaction.atomic():
        audit.record(act="thing.half_done", thing=Organisation(pk=1), by=None)
        raise RuntimeError

    assert record().number == 2
    assert audit.verify() == 2


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE accounts_auditentry SET act = 'thing.undone'",
        "DELETE FROM accounts_auditentry",
        "UPDATE accounts_signoff SET yes = true",
        "DELETE FROM accounts_signoff",
    ],
)
def test_the_database_itself_refuses_to_change_or_delete(ada, anton, wanda, sql):
    make_organisation()
    asked = approvals.ask(act="publish", thing=wanda, hashes={"content": "a"}, summary="Publish", by=wanda)
    approvals.answer(asked, yes=False, by=anton)

    with pytest.raises((InternalError, IntegrityError), match="append-only"), transaction.atomic():
        connection.cursor().execute(sql)

    assert audit.verify() == AuditEntry.objects.count() == 2


@pytest.mark.parametrize("table", ["accounts_auditentry", "accounts_signoff"])
def test_the_triggers_against_truncate_are_there(db, table):
    """They are switched off in the test database, so that live-server tests can be cleaned up; see conftest."""
    with connection.cursor() as cursor, transaction.atomic():
        cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER {table}_no_truncate")
        with pytest.raises((InternalError, IntegrityError), match="append-only"), transaction.atomic():
            cursor.execute(f"TRUNCATE {table} CASCADE")


def test_the_orm_cannot_save_an_entry_again(db):
    entry = record()
    entry.act = "thing.undone"

    with pytest.raises((InternalError, IntegrityError), match="append-only"), transaction.atomic():
        entry.save()


def test_every_flipped_byte_of_a_body_is_named(db):
    record(), record(), record()
    body = AuditEntry.objects.get(number=2).body

    for place in range(len(body)):
        flipped = body[:place] + chr(ord(body[place]) ^ 1) + body[place + 1 :]
        with transaction.atomic():
            tampered("UPDATE accounts_auditentry SET body = %s WHERE number = 2", flipped)
            with pytest.raises(audit.BrokenChain, match="entry 2 "):
                audit.verify()
            transaction.set_rollback(True)

    assert audit.verify() == 3


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("act", "'thing.undone'"),
        ("thing", "'accounts.organisation:9'"),
        ("at", "at + interval '1 second'"),
        ("incident", "7"),
        ("hash", "repeat('f', 64)"),
        ("previous", "repeat('f', 64)"),
    ],
)
def test_a_changed_column_is_found(db, column, value):
    record(), record()

    tampered(f"UPDATE accounts_auditentry SET {column} = {value} WHERE number = 2")

    with pytest.raises(audit.BrokenChain, match="entry 2"):
        audit.verify()


def test_an_entry_taken_out_of_the_middle_is_found(db):
    for _ in range(3):
        record()

    tampered("DELETE FROM accounts_auditentry WHERE number = 2")

    with pytest.raises(audit.BrokenChain, match="entry 3 does not follow from entry 1"):
        audit.verify()


def test_an_entry_rewritten_with_a_new_seal_breaks_the_next(db):
    for _ in range(3):
        record()
    entry = AuditEntry.objects.get(number=2)
    body = audit.canonical({**json.loads(entry.body), "facts": {"count": 99}})

    tampered(
        "UPDATE accounts_auditentry SET body = %s, hash = %s WHERE number = 2", body, audit.seal(entry.previous, body)
    )

    with pytest.raises(audit.BrokenChain, match="entry 3 "):
        audit.verify()


def test_the_same_value_has_one_text():
    assert audit.canonical({"b": 1, "a": ["ü", None]}) == '{"a":["ü",null],"b":1}'


def test_the_command_says_count_and_head(db, capsys):
    record()
    head = record().hash

    call_command("verify_audit")

    assert capsys.readouterr().out == f"2 entries hold. Head: {head}\n"


def test_the_command_names_the_place_and_ends_with_1(db):
    record(), record()
    tampered("UPDATE accounts_auditentry SET act = 'x' WHERE number = 2")

    with pytest.raises(CommandError, match="audit entry 2: a column differs") as failure:
        call_command("verify_audit")

    assert failure.value.returncode == 1


def test_eight_writers_at_once_leave_no_gap_and_a_chain_that_holds(transactional_db):
    make_organisation()
    start = threading.Barrier(8)

    def write() -> None:
        try:
            start.wait()
            for count in range(10):
                record(count)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=write) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert list(AuditEntry.objects.order_by("number").values_list("number", flat=True)) == list(range(1, 81))
    assert audit.verify() == 80
