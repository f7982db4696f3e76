"""The published site needs neither Django, PostgreSQL nor Redis, and gives nothing else away."""

import gzip
import os
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from wsgiref.util import setup_testing_defaults

import brotli
import pytest

from config import site_front
from config.site_front import front
from incidents import site_folder

ROOT = Path(__file__).resolve().parents[2]
PAGE = b"<!doctype html><title>Keys</title>" + b"<p>What happened.</p>" * 50
FILES = {
    "index.html": b"<!doctype html><title>Index</title>",
    "404.html": b"<!doctype html><title>Not here</title>",
    "incidents/keys/index.html": PAGE,
    "assets/page.0a1b2c3d.css": b"body{}",
    ".well-known/security.txt": b"Contact: mailto:s@x.example\n",
    "api/v2/status.json": b"{}",
    "api/v2/incidents/unresolved.json": b"{}",
    "feed.atom": b"<feed/>",
    "incidents/keys/feed.rss": b"<rss/>",
    "incidents/keys/feed.json": b"{}",
    "incidents/keys/csaf.json": b"{}",
    "history.atom": b"<feed/>",
    "robots.txt": b"User-agent: *\n",
}


@pytest.fixture
def folder(tmp_path):
    site_folder.write(tmp_path, FILES.items())
    site_folder.mark(tmp_path)
    return tmp_path


def django(environ, start_response):
    start_response("200 OK", [("X-From", "django")])
    return [b"django"]


class Answer:
    def __init__(self, application, path, method="GET", **environ):
        setup_testing_defaults(environ)
        environ |= {"PATH_INFO": path, "REQUEST_METHOD": method}
        self.body = b"".join(application(environ, self._start))
        self.code = int(self.status.split()[0])

    def _start(self, status, headers, exc_info=None):
        self.status, self.names, self.headers = status, [name for name, _ in headers], dict(headers)


@pytest.fixture
def get(folder):
    application = front(django, folder)
    return lambda path, method="GET", **environ: Answer(application, path, method, **environ)


def test_a_page_is_served_with_the_headers_we_promise(get):
    answer = get("/incidents/keys/")

    assert (answer.code, answer.body) == (200, PAGE)
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert answer.headers["Cache-Control"] == "public, max-age=10, stale-while-revalidate=20, stale-if-error=3600"
    assert answer.headers["Vary"] == "Accept-Encoding"
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'; style-src 'self'")
    assert "unsafe" not in answer.headers["Content-Security-Policy"]
    for name in ("Cross-Origin-Opener-Policy", "Cross-Origin-Resource-Policy"):
        assert answer.headers[name] == "same-origin"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "strict-origin"
    assert "Permissions-Policy" in answer.headers
    assert "Set-Cookie" not in answer.headers and len(answer.names) == len(set(answer.names))


def test_https_is_demanded_only_where_we_are_on_https(folder, get):
    assert "Strict-Transport-Security" not in get("/").headers
    assert "Strict-Transport-Security" in Answer(front(django, folder, https=True), "/").headers


@pytest.mark.parametrize(
    ("accepts", "encoding"),
    [
        ("gzip, deflate, br", "br"),
        ("gzip", "gzip"),
        ("br;q=0, gzip", "gzip"),
        ("gzip;q=0", None),
        ("*", "br"),
        ("identity", None),
        ("", None),
        ("br;q=nonsense", None),
    ],
)
def test_each_reader_gets_an_encoding_they_understand(get, accepts, encoding):
    answer = get("/incidents/keys/", HTTP_ACCEPT_ENCODING=accepts)

    unpack = {"br": brotli.decompress, "gzip": gzip.decompress, None: bytes}[encoding]
    assert answer.headers.get("Content-Encoding") == encoding
    assert unpack(answer.body) == PAGE
    assert answer.headers["Content-Length"] == str(len(answer.body))


def test_validators_differ_by_encoding_and_spare_the_body(get):
    tags = {get("/", HTTP_ACCEPT_ENCODING=accepts).headers["ETag"] for accepts in ("", "gzip", "br")}
    assert len(tags) == 3

    again = get("/", HTTP_ACCEPT_ENCODING="br", HTTP_IF_NONE_MATCH=get("/", HTTP_ACCEPT_ENCODING="br").headers["ETag"])
    other = get("/", HTTP_ACCEPT_ENCODING="gzip", HTTP_IF_NONE_MATCH=get("/").headers["ETag"])

    assert (again.code, again.body) == (304, b"") and "Content-Type" not in again.headers
    assert other.code == 200
    assert get("/", HTTP_IF_NONE_MATCH=f'"x", W/{get("/").headers["ETag"]}').code == 304
    assert get("/", HTTP_IF_NONE_MATCH="*").code == 304


def test_head_has_the_headers_of_get_and_no_body(get):
    head = get("/", "HEAD")

    assert head.body == b"" and head.headers == get("/").headers


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_the_site_can_only_be_read(get, method):
    answer = get("/", method)

    assert (answer.code, answer.headers["Allow"]) == (405, "GET, HEAD")


def test_assets_are_kept_for_ever(get):
    assert get("/assets/page.0a1b2c3d.css").headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert "immutable" not in get("/robots.txt").headers["Cache-Control"]


def test_a_folder_without_its_slash_moves_to_it(get):
    for path, to in (("/incidents/keys", "/incidents/keys/"), ("/incidents/keys/index.html", "/incidents/keys/")):
        assert (get(path).code, get(path).headers["Location"]) == (301, to)


@pytest.mark.parametrize("prefix", sorted(site_front.DJANGO))
def test_what_depends_on_a_person_goes_to_django(get, prefix):
    for path in (f"/{prefix}", f"/{prefix}/", f"/{prefix}/x/"):
        assert get(path, "POST").body == b"django"


def test_the_public_api_is_a_file_before_it_is_django(get):
    assert get("/api/v2/status.json").body == b"{}"
    assert get("/api/other").body == b"django"


@pytest.mark.parametrize(
    "path",
    [
        "/nothing/", "/incidents/", "/incidents/other/", "/incidents/keys//", "//", "//evil.example/", "/../etc/passwd",
        "/incidents/../index.html", "/./", "/.generation", "/.lock", "/.git/config", "/incidents/keys/index.html.br",
        "/index.html.gz", "/%2e%2e/", "/incidents\\keys/", "/\0", "/incidents/keys/;.js", "/incidents/keys/x.css",
        "/notice/x.css", "/notice/abc/x.js", "/notice/abc;.css", "/notice/../incidents/keys/", "/genuine/a.png",
        "/notice//", "/staff/../x", "/404.html", "/ÿ", "/incidents/keys/.", "staff", "",
    ],
)  # fmt: skip
def test_everything_else_is_the_page_that_says_so(get, path):
    answer = get(path)

    if path == "":
        assert answer.code == 200  # the root, as some servers pass it
        return
    assert (answer.code, answer.body) == (404, FILES["404.html"])
    assert answer.headers["Content-Security-Policy"]


@pytest.mark.parametrize("raw", ["/incidents%2fkeys/", "/notice%2Fx.css", "/notice/%2e%2e/", "/staff%5cx/"])
def test_encoded_separators_open_nothing(get, raw):
    answer = get(urllib.request.unquote(raw), RAW_URI=raw)

    assert answer.code == 404


def test_before_anything_is_published_there_is_a_plain_page(tmp_path):
    answer = Answer(front(django, tmp_path / "missing"), "/")

    assert answer.code == 404 and b"Nothing has been published" in answer.body


def test_a_new_generation_is_seen_within_a_second(folder, get):
    assert get("/").body == FILES["index.html"]
    site_folder.write(folder, [("index.html", b"new")])
    assert get("/").body == FILES["index.html"]  # until the mark says that all of it stands there

    site_folder.mark(folder)
    time.sleep(site_front.LOOK_AGAIN + 0.05)

    assert get("/").body == b"new"


def test_what_does_not_exist_is_not_remembered(folder, get):
    assert get("/later/").code == 404

    site_folder.write(folder, [("later/index.html", b"here")])

    assert get("/later/").code == 200


def test_the_page_is_read_with_database_and_redis_gone(folder):
    """Through the real entry point, config.wsgi, in a process of its own whose database and Redis are closed ports."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        closed = taken.getsockname()[1]
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    serve = (
        "from wsgiref.simple_server import make_server; from config.wsgi import application; "
        f"make_server('127.0.0.1', {port}, application).serve_forever()"
    )
    gone = {
        "DATABASE_URL": f"postgresql://nobody@127.0.0.1:{closed}/nothing",
        "REDIS_URL": f"redis://127.0.0.1:{closed}/0",
        "SITE_FOLDER": str(folder),
    }
    server = subprocess.Popen([sys.executable, "-c", serve], env=os.environ | gone, cwd=ROOT, stderr=subprocess.PIPE)
    try:
        page, status = read(f"http://127.0.0.1:{port}/incidents/keys/")
        health = read(f"http://127.0.0.1:{port}/health/")[1]
    finally:
        server.kill()
        server.wait()

    assert (page, status) == (PAGE, 200)
    assert health == 503


def read(url):
    for _ in range(100):
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                return answer.read(), answer.status
        except urllib.error.HTTPError as problem:
            return problem.read(), problem.code
        except OSError:
            time.sleep(0.2)
    pytest.fail(f"{url} did not answer")


MACHINES = {
    "/api/v2/status.json": "application/json; charset=utf-8",
    "/api/v2/incidents/unresolved.json": "application/json; charset=utf-8",
    "/feed.atom": "application/atom+xml; charset=utf-8",
    "/history.atom": "application/atom+xml; charset=utf-8",
    "/incidents/keys/feed.rss": "application/rss+xml; charset=utf-8",
    "/incidents/keys/feed.json": "application/feed+json; charset=utf-8",
    "/incidents/keys/csaf.json": "application/json; charset=utf-8",
}


@pytest.mark.parametrize(("path", "kind"), MACHINES.items())
def test_programs_and_pages_of_others_may_read_what_is_for_machines(get, path, kind):
    for method in ("GET", "HEAD"):
        answer = get(path, method)

        assert answer.code == 200 and answer.headers["Content-Type"] == kind
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert answer.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
        assert len(answer.names) == len(set(answer.names))
    assert get(path, "POST").code == 405
    again = get(path, HTTP_IF_NONE_MATCH=get(path).headers["ETag"])
    assert again.code == 304 and again.headers["Access-Control-Allow-Origin"] == "*"


def test_pages_are_for_their_own_origin_alone(get):
    for path in ("/", "/incidents/keys/", "/incidents/keys/feed.exe", "/nothing/"):
        assert "Access-Control-Allow-Origin" not in get(path).headers


def test_what_the_api_of_statuspage_does_not_have_is_not_asked_of_django(get):
    assert get("/api/v2/unknown.json").code == 404
    assert get("/api/docs").headers["X-From"] == "django"


def test_what_does_not_exist_below_a_language_is_said_in_it(folder, get):
    (folder / "de").mkdir()
    (folder / "de/404.html").write_text("Hier steht nichts")

    assert (get("/de/incidents/x/").code, get("/de/incidents/x/").body) == (404, b"Hier steht nichts")
    assert get("/fr/incidents/x/").body == FILES["404.html"]
    assert get("/de/404.html").code == 404
