"""Mailboxes to read over IMAP: a stub that speaks as much of it as is needed, and Dovecot where it is installed."""

import datetime
import re
import shutil
import socket
import socketserver
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

USER, PASSWORD = "bounces", "laptop-imap-password"  # noqa: S105
DOVECOT = shutil.which("dovecot", path="/usr/sbin:/usr/local/sbin:/usr/bin")


def certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate of `localhost` that is its own authority, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(1).not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    pem, secret = folder / "cert.pem", folder / "key.pem"
    pem.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ))  # fmt: skip
    return pem, secret


class Mailbox:
    """What a test puts in and looks at; each folder is {uid: [bytes, flags]}."""

    port: int

    def deliver(self, raw: bytes) -> None:
        raise NotImplementedError

    def flags(self, folder: str = "INBOX") -> list[set[str]]:
        raise NotImplementedError


# The stub -----------------------------------------------------------------------------------------------------------


class Stub(Mailbox):
    def __init__(self) -> None:
        self.folders: dict[str, dict[int, tuple[bytes, set[str]]]] = {"INBOX": {}, "Read": {}}
        self.said: list[str] = []
        self.refuses = ""
        """A command that it answers with NO."""

    def deliver(self, raw: bytes) -> None:
        inbox = self.folders["INBOX"]
        inbox[max(inbox, default=0) + 1] = (raw, set())

    def flags(self, folder: str = "INBOX") -> list[set[str]]:
        return [flags for _, flags in self.folders[folder].values()]

    def answer(self, line: str) -> tuple[list[bytes], str]:
        """Untagged lines and the end of the tagged one."""
        self.said.append(line)
        command, _, rest = line.partition(" ")
        command, rest = (rest.partition(" ")[0], rest.partition(" ")[2]) if command == "UID" else (command, rest)
        if command == self.refuses:
            return [], "NO not now"
        return getattr(self, f"do_{command.lower()}", lambda rest: ([], "BAD unknown"))(rest)

    def do_capability(self, rest: str) -> tuple[list[bytes], str]:
        return [b"* CAPABILITY IMAP4rev1 MOVE"], "OK"

    def do_login(self, rest: str) -> tuple[list[bytes], str]:
        return [], "OK" if rest.replace('"', "") == f"{USER} {PASSWORD}" else "NO [AUTHENTICATIONFAILED] no"

    def do_select(self, rest: str) -> tuple[list[bytes], str]:
        return [b"* 0 EXISTS"], "OK [READ-WRITE]" if rest.strip('"') in self.folders else "NO no such folder"

    def do_search(self, rest: str) -> tuple[list[bytes], str]:
        wanted = [uid for uid, (_, flags) in self.folders["INBOX"].items() if not flags]
        return [b"* SEARCH " + " ".join(map(str, wanted)).encode()], "OK"

    def do_fetch(self, rest: str) -> tuple[list[bytes], str]:
        uid, most = int(rest.split()[0]), int(re.search(r"<0\.(\d+)>", rest)[1])  # type: ignore[index]
        raw = self.folders["INBOX"][uid][0][:most]
        return [b"* %d FETCH (UID %d BODY[]<0> {%d}\r\n%s)" % (uid, uid, len(raw), raw)], "OK"

    def do_store(self, rest: str) -> tuple[list[bytes], str]:
        uid, flag = int(rest.split()[0]), re.search(r"\((.*)\)", rest)[1]  # type: ignore[index]
        self.folders["INBOX"][uid][1].add(flag)
        return [], "OK"

    def do_move(self, rest: str) -> tuple[list[bytes], str]:
        uid, folder = rest.split(" ", 1)
        self.folders[folder.strip('"')][int(uid)] = self.folders["INBOX"].pop(int(uid))
        return [], "OK"

    def do_logout(self, rest: str) -> tuple[list[bytes], str]:
        return [b"* BYE"], "OK"


@contextmanager
def stub(folder: Path) -> Iterator[Stub]:
    kept = Stub()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate(folder))

    class Conversation(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.wfile.write(b"* OK ready\r\n")
            for line in self.rfile:
                tag, _, said = line.decode().strip().partition(" ")
                told, end = kept.answer(said)
                self.wfile.write(b"".join(one + b"\r\n" for one in told) + f"{tag} {end} done\r\n".encode())
                if said == "LOGOUT":
                    return

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads, allow_reuse_address = True, True

        def get_request(self):
            connection, peer = super().get_request()
            return context.wrap_socket(connection, server_side=True), peer

        def handle_error(self, request, client_address) -> None:
            pass  # a client that does not trust us

    with Server(("localhost", 0), Conversation) as server:
        kept.port = server.server_address[1]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield kept
        server.shutdown()


# Dovecot ------------------------------------------------------------------------------------------------------------

CONFIG = """
protocols = imap
listen = 127.0.0.1
base_dir = {run}
log_path = {folder}/dovecot.log
ssl = required
ssl_cert = <{cert}
ssl_key = <{key}
mail_location = maildir:{mail}
mail_uid = nobody
mail_gid = nogroup
first_valid_uid = 1
first_valid_gid = 1
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid=nobody gid=nogroup home={mail}
}}
service imap-login {{
  inet_listener imap {{
    port = 0
  }}
  inet_listener imaps {{
    port = {port}
    ssl = yes
  }}
}}
namespace inbox {{
  inbox = yes
  separator = /
}}
"""


class Dovecot(Mailbox):
    def __init__(self, mail: Path, port: int) -> None:
        self.mail, self.port, self.count = mail, port, 0

    def deliver(self, raw: bytes) -> None:
        self.count += 1
        path = self.mail / "new" / f"{1773489600 + self.count}.M{self.count}.localhost"
        path.write_bytes(raw)
        shutil.chown(path, "nobody", "nogroup")

    def flags(self, folder: str = "INBOX") -> list[set[str]]:
        place = self.mail if folder == "INBOX" else self.mail / f".{folder}"
        names = [path.name for part in ("new", "cur") for path in sorted((place / part).glob("*"))]
        words = {"S": r"\Seen", "F": r"\Flagged", "T": r"\Deleted"}
        return [{words[flag] for flag in name.partition(":2,")[2]} for name in names]


@contextmanager
def dovecot(folder: Path) -> Iterator[Dovecot]:
    cert, key = certificate(folder)
    mail, run, port = folder / "mail", folder / "run", _free_port()
    for one in (mail, mail / ".Read"):
        for part in ("new", "cur", "tmp"):
            (one / part).mkdir(parents=True)
    for path in (folder, *folder.parents[:-1]):
        if path.stat().st_uid == 0 and path != Path("/tmp"):  # noqa: S108
            path.chmod(0o755)
    for path in (mail, *mail.rglob("*")):
        shutil.chown(path, "nobody", "nogroup")
    given = {"folder": folder, "cert": cert, "key": key, "mail": mail, "run": run, "port": port, "password": PASSWORD}
    (folder / "dovecot.conf").write_text(CONFIG.format(**given))
    process = subprocess.Popen([str(DOVECOT), "-F", "-c", str(folder / "dovecot.conf")])
    try:
        _until_it_listens(port)
        yield Dovecot(mail, port)
    finally:
        process.terminate()
        process.wait(10)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return taken.getsockname()[1]


def _until_it_listens(port: int) -> None:
    until = time.monotonic() + 10
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.05)
