"""Where bounces are fetched from: an IMAP mailbox, a maildir, an mbox file.

What was read is marked so, and only then; what no program could read is flagged and left for a person, and not read
again. Reading twice does no harm: an event is stored once.
"""

import imaplib
import mailbox as files
import os
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from django.conf import settings

from notifications.bounces.reports import LONGEST

TIMEOUT = 30  # seconds
AT_MOST = 5_000  # messages of one look; the next look takes the rest


class MailboxIsAway(Exception):
    """It cannot be opened or read; the message says why. What was not read stays new."""


@dataclass(frozen=True)
class Fetched:
    name: str
    raw: bytes


class Mailbox(Protocol):
    def new(self) -> Iterator[Fetched]: ...
    def put_away(self, message: Fetched) -> None: ...
    def leave(self, message: Fetched) -> None: ...


# IMAP (RFC 3501, RFC 6851) ------------------------------------------------------------------------------------------


class Imap:
    """New is what is neither seen nor flagged."""

    def __init__(self, connection: imaplib.IMAP4, read_folder: str) -> None:
        self.connection, self.read_folder = connection, read_folder
        # Asked anew: before signing in servers tell less of themselves.
        self.can_move = b"MOVE" in b" ".join(connection.capability()[1]).upper().split()

    def new(self) -> Iterator[Fetched]:
        found = self._uid("SEARCH", "UNSEEN", "UNFLAGGED", "UNDELETED")[0] or b""
        for number in found.split()[:AT_MOST]:
            uid = number.decode()
            answer = self._uid("FETCH", uid, f"(BODY.PEEK[]<0.{LONGEST}>)")  # a part is enough, and it stays unseen
            raw = next((piece[1] for piece in answer if isinstance(piece, tuple)), None)
            if raw is not None:  # gone meanwhile
                yield Fetched(uid, raw)

    def put_away(self, message: Fetched) -> None:
        self._uid("STORE", message.name, "+FLAGS.SILENT", r"(\Seen)")
        if not self.read_folder:
            return
        if self.can_move:
            self._uid("MOVE", message.name, _quoted(self.read_folder))
        else:
            self._uid("COPY", message.name, _quoted(self.read_folder))
            self._uid("STORE", message.name, "+FLAGS.SILENT", r"(\Deleted)")

    def leave(self, message: Fetched) -> None:
        self._uid("STORE", message.name, "+FLAGS.SILENT", r"(\Flagged)")

    def _uid(self, command: str, *given: str) -> list[Any]:
        ok, answer = self.connection.uid(command, *given)
        if ok != "OK":
            raise MailboxIsAway(f"The mailbox of bounces refused {command}.")
        return answer


@contextmanager
def imap() -> Iterator[Imap]:
    """The mailbox that the settings name, over TLS. Raises MailboxIsAway."""
    try:
        connection = _connected()
        try:
            ok, _ = connection.select(_quoted(settings.BOUNCE_IMAP_FOLDER))
            if ok != "OK":
                raise MailboxIsAway("The mailbox of bounces has no such folder: see BOUNCE_IMAP_FOLDER.")
            yield Imap(connection, settings.BOUNCE_IMAP_READ_FOLDER)
        finally:
            _logout(connection)
    except (OSError, imaplib.IMAP4.error) as error:
        raise MailboxIsAway(f"The mailbox of bounces cannot be read ({type(error).__name__}).") from error


def _connected() -> imaplib.IMAP4:
    context = ssl.create_default_context(cafile=settings.BOUNCE_IMAP_CA or None)
    host, port = settings.BOUNCE_IMAP_HOST, settings.BOUNCE_IMAP_PORT
    connection: imaplib.IMAP4
    if settings.BOUNCE_IMAP_STARTTLS:
        connection = imaplib.IMAP4(host, port, timeout=TIMEOUT)
        connection.starttls(context)
    else:
        connection = imaplib.IMAP4_SSL(host, port, ssl_context=context, timeout=TIMEOUT)
    connection.login(settings.BOUNCE_IMAP_USER, settings.BOUNCE_IMAP_PASSWORD)
    return connection


def _logout(connection: imaplib.IMAP4) -> None:
    with suppress(OSError, imaplib.IMAP4.error):  # nothing depends on the goodbye
        connection.logout()


def _quoted(name: str) -> str:
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'


# Files --------------------------------------------------------------------------------------------------------------


class Maildir:
    """New is what lies in `new`; a name in `cur` ends with its flags."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def new(self) -> Iterator[Fetched]:
        for path in sorted(self.folder.joinpath("new").iterdir())[:AT_MOST]:
            with path.open("rb") as file:
                yield Fetched(path.name, file.read(LONGEST))

    def put_away(self, message: Fetched) -> None:
        self._move(message, "S")

    def leave(self, message: Fetched) -> None:
        self._move(message, "F")

    def _move(self, message: Fetched, flag: str) -> None:
        bare = message.name.partition(":2,")[0]
        os.replace(self.folder / "new" / message.name, self.folder / "cur" / f"{bare}:2,{flag}")


class Mbox:
    """A file in which nothing is marked, since that would mean writing it anew: all of it is read each time."""

    def __init__(self, file: files.mbox) -> None:
        self.file = file

    def new(self) -> Iterator[Fetched]:
        for name in self.file.iterkeys():
            with self.file.get_file(name) as message:
                yield Fetched(str(name), message.read(LONGEST))

    def put_away(self, message: Fetched) -> None:
        pass

    def leave(self, message: Fetched) -> None:
        pass


@contextmanager
def maildir(path: Path) -> Iterator[Maildir]:
    """Raises MailboxIsAway."""
    with _in_words(path):
        yield Maildir(path)


@contextmanager
def mbox(path: Path) -> Iterator[Mbox]:
    """Raises MailboxIsAway."""
    with _in_words(path):
        file = files.mbox(path, create=False)
        try:
            yield Mbox(file)
        finally:
            file.close()


@contextmanager
def _in_words(path: Path) -> Iterator[None]:
    try:
        yield
    except (files.Error, OSError) as error:
        raise MailboxIsAway(f"The mailbox {path} cannot be read ({type(error).__name__}).") from error
