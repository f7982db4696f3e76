"""Several web processes on one folder: each shows a change within a second, and none a half-written or mixed page."""

import gzip
import hashlib
import subprocess
import sys
import threading
import time
from http.client import HTTPConnection

import brotli
import pytest

from incidents import site_folder

SERVE = """
import sys
from pathlib import Path
from wsgiref.simple_server import WSGIRequestHandler, make_server
from config.site_front import front

class Quiet(WSGIRequestHandler):
    def log_message(self, *args): pass

server = make_server("127.0.0.1", 0, front(lambda *_: [], Path(sys.argv[1])), handler_class=Quiet)
print(server.server_port, flush=True)
server.serve_forever()
"""
PAGE = "incidents/one/index.html"
UNPACK = {None: bytes, "gzip": gzip.decompress, "br": brotli.decompress}


def page(number: int) -> bytes:
    """Of a size that is not written at one stroke; every line names its version."""
    return "".join(f"<p>version {number}, line {line}</p>\n" for line in range(3000)).encode()


@pytest.fixture
def ports(tmp_path):
    site_folder.write(tmp_path, [(PAGE, page(0))])
    site_folder.mark(tmp_path)
    processes = [
        subprocess.Popen([sys.executable, "-c", SERVE, str(tmp_path)], stdout=subprocess.PIPE, text=True)  # noqa: S603
        for _ in range(3)
    ]
    yield [int(process.stdout.readline()) for process in processes]
    for process in processes:
        process.kill()
        process.wait()


def read(port: int, accepts: str = "identity") -> tuple[bytes, str]:
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", "/incidents/one/", headers={"Accept-Encoding": accepts})
    response = connection.getresponse()
    body = response.read()
    assert response.status == 200
    assert int(response.headers["Content-Length"]) == len(body)
    assert response.headers["ETag"] == f'"{hashlib.sha256(body).hexdigest()[:24]}"'
    return UNPACK[response.headers["Content-Encoding"]](body), response.headers["ETag"]


def test_every_process_shows_a_change_within_a_second(ports, tmp_path):
    for number in (1, 2):
        for port in ports:
            read(port)  # each has looked at the folder just now
        site_folder.write(tmp_path, [(PAGE, page(number))])
        site_folder.mark(tmp_path)
        changed = time.monotonic()
        for port in ports:
            while read(port)[0] != page(number):
                assert time.monotonic() < changed + 1


def test_under_constant_load_nobody_sees_half_a_page_or_two_versions_of_one(ports, tmp_path):
    known, wrong, seen, stop = {page(0)}, [], set(), threading.Event()

    def reads(port: int, accepts: str) -> None:
        while not stop.is_set():
            try:
                body, _ = read(port, accepts)
            except Exception as problem:
                wrong.append(repr(problem))
                return
            if body not in known:
                wrong.append(body[:40])
            seen.add(body)

    readers = [threading.Thread(target=reads, args=(port, how)) for port in ports for how in ("identity", "gzip", "br")]
    for reader in readers:
        reader.start()
    for number in range(1, 8):
        known.add(page(number))
        site_folder.write(tmp_path, [(PAGE, page(number))])
        site_folder.mark(tmp_path)
        time.sleep(0.2)
    stop.set()
    for reader in readers:
        reader.join()

    assert wrong == []
    assert len(seen) > 3  # the load went on while pages changed
