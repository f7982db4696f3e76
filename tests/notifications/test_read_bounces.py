"""Bounces are fetched and put away only after they are stored; what no program could read waits for a person."""

import io
import os

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError
from django.utils import timezone

from notifications import bounces, dispatch, tasks, tracking
from notifications.bounces import return_path
from notifications.models import DeliveryEvent, Recipient
from tests.factories import make_incident
from tests.notifications import imap_server
from tests.notifications import returned_mail as mail
from tests.notifications.arrange import make_recipient
from tests.notifications.smtp_server import SmtpServer

SEEN, FLAGGED = {r"\Seen"}, {r"\Flagged"}


@pytest.fixture(autouse=True)
def _address(settings):
    settings.BOUNCE_ADDRESS = "bounce@bounces.relaypost.example"


@pytest.fixture
def recipient(db) -> Recipient:
    return make_recipient(make_incident(), state="accepted")


@pytest.fixture
def path(recipient) -> str:
    return return_path.of(recipient.pk)


NO_DOVECOT = pytest.mark.skipif(not imap_server.DOVECOT or os.geteuid() != 0, reason="needs Dovecot, and root")


@pytest.fixture(params=["stub", pytest.param("dovecot", marks=NO_DOVECOT)])
def server(request, tmp_path, settings):
    with getattr(imap_server, request.param)(tmp_path) as running:
        settings.BOUNCE_IMAP_HOST, settings.BOUNCE_IMAP_PORT = "localhost", running.port
        settings.BOUNCE_IMAP_USER, settings.BOUNCE_IMAP_PASSWORD = imap_server.USER, imap_server.PASSWORD
        settings.BOUNCE_IMAP_CA = str(tmp_path / "cert.pem")
        yield running


def read(*arguments: str, **options) -> str:
    out = io.StringIO()
    call_command("read_bounces", *arguments, stdout=out, **options)
    return out.getvalue()


def state(recipient: Recipient) -> str:
    recipient.refresh_from_db()
    return recipient.state


# IMAP ---------------------------------------------------------------------------------------------------------------


def test_what_was_read_is_seen_and_what_nobody_could_read_is_flagged(server, recipient, path):
    server.deliver(mail.postfix(path))
    server.deliver(mail.plain(path, mail.AWAY, Auto_Submitted="auto-replied"))
    server.deliver(mail.plain(path, "Dear sirs, who are you?", sender="owner@northwind.example"))
    server.deliver(mail.postfix("bounce@bounces.relaypost.example"))

    said = read()

    assert state(recipient) == "bounced"
    assert sorted(map(sorted, server.flags())) == sorted(map(sorted, [SEEN, SEEN, FLAGGED, FLAGGED]))
    assert said == (
        "Read: 1 reports, 1 automatic replies, 1 about messages that are not ours, 1 left for a person to read.\n"
    )


def test_what_was_read_or_flagged_is_not_read_again(server, recipient, path):
    server.deliver(mail.postfix(path))
    server.deliver(mail.plain(path, mail.UNCLEAR))
    read()

    assert read() == "Read: nothing new.\n"


def test_what_was_read_moves_where_the_settings_say(server, recipient, path, settings):
    settings.BOUNCE_IMAP_READ_FOLDER = "Read"
    server.deliver(mail.postfix(path))

    read()

    assert (server.flags(), server.flags("Read")) == ([], [SEEN])


def test_a_huge_message_is_read_in_its_first_part(server, recipient, path):
    server.deliver(mail.postfix(path) + b"x" * 5_000_000)

    read()

    assert state(recipient) == "bounced"


def test_while_the_database_is_away_nothing_is_put_away(server, recipient, path, monkeypatch):
    def away(*_):
        raise OperationalError("terminating connection")

    server.deliver(mail.postfix(path))
    monkeypatch.setattr(tracking, "keep", away)
    with pytest.raises(CommandError, match="stays new"):
        read()
    monkeypatch.undo()

    assert server.flags() == [set()]
    read()
    assert state(recipient) == "bounced"


def test_beat_reads_too(server, recipient, path):
    server.deliver(mail.postfix(path))

    tasks.read_bounces()

    assert state(recipient) == "bounced"


def test_a_server_that_nobody_vouches_for_is_not_told_the_password(server, recipient, settings):
    settings.BOUNCE_IMAP_CA = ""

    with pytest.raises(CommandError, match="cannot be read"):
        read()


@pytest.mark.parametrize(
    ("name", "value"), [("BOUNCE_IMAP_PASSWORD", "wrong"), ("BOUNCE_IMAP_FOLDER", "Nowhere"), ("BOUNCE_IMAP_PORT", 9)]
)
def test_a_mailbox_that_cannot_be_opened_is_said_in_words(server, recipient, settings, name, value):
    setattr(settings, name, value)

    with pytest.raises(CommandError, match="The mailbox of bounces"):
        read()


@pytest.mark.parametrize("command", ["SEARCH", "FETCH", "STORE"])
def test_a_server_that_refuses_is_said_in_words(tmp_path, recipient, path, settings, command):
    with imap_server.stub(tmp_path) as running:
        settings.BOUNCE_IMAP_HOST, settings.BOUNCE_IMAP_PORT = "localhost", running.port
        settings.BOUNCE_IMAP_USER, settings.BOUNCE_IMAP_PASSWORD = imap_server.USER, imap_server.PASSWORD
        settings.BOUNCE_IMAP_CA = str(tmp_path / "cert.pem")
        running.deliver(mail.postfix(path))
        running.refuses = command

        with pytest.raises(CommandError, match=f"refused {command}"):
            read()


# Files and pipes ----------------------------------------------------------------------------------------------------


def test_a_maildir_is_read_from_new_to_cur(tmp_path, recipient, path):
    for part in ("new", "cur", "tmp"):
        (tmp_path / part).mkdir()
    (tmp_path / "new" / "1.bounce").write_bytes(mail.postfix(path))
    (tmp_path / "new" / "2.unclear").write_bytes(mail.plain(path, mail.UNCLEAR))

    read("--maildir", str(tmp_path))

    assert state(recipient) == "bounced"
    assert sorted(one.name for one in (tmp_path / "cur").iterdir()) == ["1.bounce:2,S", "2.unclear:2,F"]
    assert not list((tmp_path / "new").iterdir())


def test_an_mbox_is_read_from_end_to_end_and_stays_as_it_is(tmp_path, recipient, path):
    file = tmp_path / "mbox"
    one = b"From MAILER-DAEMON Sat Mar 14 12:00:00 2026\n" + mail.postfix(path) + b"\n"
    file.write_bytes(one + one + b"From x Sat Mar 14 12:00:00 2026\n" + mail.plain(path, mail.UNCLEAR))
    before = file.read_bytes()

    said = read("--mbox", str(file))

    assert (state(recipient), DeliveryEvent.objects.count()) == ("bounced", 1)
    assert said == "Read: 2 reports, 1 left for a person to read.\n"
    assert file.read_bytes() == before


@pytest.mark.parametrize("place", ["--maildir", "--mbox"])
def test_a_file_that_is_not_there_is_said_in_words(tmp_path, db, place):
    with pytest.raises(CommandError, match="cannot be read"):
        read(place, str(tmp_path / "nowhere"))


class Pipe:
    def __init__(self, raw: bytes) -> None:
        self.buffer = io.BytesIO(raw)


def test_a_mail_server_may_pipe_a_message_in(recipient, path, monkeypatch):
    monkeypatch.setattr("sys.stdin", Pipe(mail.postfix("postmaster@relaypost.example")))

    assert read("--stdin", "--to", path) == "Read: 1 reports.\n"
    assert state(recipient) == "bounced"


def test_a_piped_message_is_kept_by_the_mail_server_while_the_database_is_away(recipient, path, monkeypatch):
    def away(*_):
        raise OperationalError("terminating connection")

    monkeypatch.setattr("sys.stdin", Pipe(mail.postfix(path)))
    monkeypatch.setattr(tracking, "keep", away)
    with pytest.raises(CommandError) as refused:
        read("--stdin")

    assert refused.value.returncode == 75  # EX_TEMPFAIL


def test_without_a_mailbox_it_says_what_to_set(db, settings):
    settings.BOUNCE_IMAP_HOST = ""

    with pytest.raises(CommandError, match="BOUNCE_IMAP_HOST"):
        read()


# From the envelope and back -----------------------------------------------------------------------------------------


def test_the_return_path_a_mail_server_is_told_brings_the_bounce_home(settings, db):
    """A whole round: handed over by SMTP, bounced to the envelope's sender, read."""
    settings.EMAIL_BACKEND, settings.EMAIL_HOST = "notifications.smtp.PhasedBackend", "127.0.0.1"
    recipient = make_recipient(make_incident())
    with SmtpServer() as running:
        settings.EMAIL_PORT = running.port
        dispatch.run_lane()
    (sender,) = [said for said in running.commands if said.upper().startswith("MAIL FROM")]
    (message,) = running.accepted

    assert state(recipient) == "accepted"
    assert "bounce+" in sender
    assert message["From"] == "Relaypost Security <security@relaypost.example>"
    bounces.take(mail.postfix(sender.partition("<")[2].partition(">")[0]), at=timezone.now())
    assert state(recipient) == "bounced"


def test_without_a_bounce_address_the_envelope_says_who_writes(settings, db):
    settings.BOUNCE_ADDRESS = ""
    settings.EMAIL_BACKEND, settings.EMAIL_HOST = "notifications.smtp.PhasedBackend", "127.0.0.1"
    make_recipient(make_incident())
    with SmtpServer() as running:
        settings.EMAIL_PORT = running.port
        dispatch.run_lane()

    assert any(said.lower().startswith("mail from:<security@relaypost.example>") for said in running.commands)
