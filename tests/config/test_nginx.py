"""The nginx.conf we ship, in front of a published site: the same bytes and headers as our own front."""

import http.client
import os
import socket

import pytest

from config.bench import nginx

pytestmark = pytest.mark.skipif(
    nginx.program() is None and os.environ.get("CANDOR_REQUIRE_BROWSER") != "1", reason="nginx is not installed"
)

PAGE = "<!doctype html><title>A published page</title>"


@pytest.fixture
def site(tmp_path):
    """A small published folder that nginx's own user may read."""
    for folder in (tmp_path, *tmp_path.parents[:3]):
        folder.chmod(0o755)
    (tmp_path / "incidents" / "x").mkdir(parents=True)
    (tmp_path / "incidents" / "x" / "index.html").write_text(PAGE)
    (tmp_path / "incidents" / "x" / "index.html.br").write_bytes(b"brotli twin")
    (tmp_path / "incidents" / "x" / "index.html.gz").write_bytes(b"gzip twin")
    (tmp_path / "404.html").write_text("<title>Nothing stands here</title>")
    for name in ("feed.atom", "feed.rss", "feed.json", "incidents/x/csaf.json", "api/v2/incidents/unresolved.json"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("for machines")
    (tmp_path / "feed.json.br").write_bytes(b"brotli twin")
    (tmp_path / "assets").mkdir()
    (tmp_path / "assets" / "page.abc.css").write_text("body {}")
    return tmp_path


def get(port, path, *, method="GET", **headers):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request(method, path, headers=headers)
    response = connection.getresponse()
    return response, response.read()


def test_nginx_serves_the_published_page_with_nothing_behind_it(site):
    with nginx.serving(site, django_port=9) as port:
        response, body = get(port, "/incidents/x/")

    assert (response.status, body.decode()) == (200, PAGE)
    assert response.headers["Cache-Control"] == "public, max-age=10, stale-while-revalidate=20, stale-if-error=3600"
    assert "default-src 'none'" in response.headers["Content-Security-Policy"]
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert "Set-Cookie" not in response.headers


def test_nginx_hands_out_the_compressed_twins_and_gives_them_no_address(site):
    with nginx.serving(site, django_port=9) as port:
        brotli, body = get(port, "/incidents/x/", **{"Accept-Encoding": "br"})
        gzip, _ = get(port, "/incidents/x/", **{"Accept-Encoding": "gzip"})
        twin, _ = get(port, "/incidents/x/index.html.br")

    assert (brotli.headers["Content-Encoding"], body) == ("br", b"brotli twin")
    assert gzip.headers["Content-Encoding"] == "gzip"
    assert twin.status == 404


def test_nginx_answers_what_does_not_exist_with_the_published_404_page(site):
    with nginx.serving(site, django_port=9) as port:
        response, body = get(port, "/incidents/unpublished/")
        hidden, _ = get(port, "/.generation")

    assert response.status == 404
    assert b"Nothing stands here" in body
    assert hidden.status == 404


MACHINES = {
    "/api/v2/incidents/unresolved.json": "application/json; charset=utf-8",
    "/feed.atom": "application/atom+xml; charset=utf-8",
    "/feed.rss": "application/rss+xml; charset=utf-8",
    "/feed.json": "application/feed+json; charset=utf-8",
    "/incidents/x/csaf.json": "application/json; charset=utf-8",
}


def test_what_is_for_machines_has_its_type_and_is_open_to_pages_of_others(site):
    with nginx.serving(site, django_port=9) as port:
        answers = {
            (path, method): get(port, path, method=method)[0] for path in MACHINES for method in ("GET", "HEAD", "POST")
        }
        packed, body = get(port, "/feed.json", **{"Accept-Encoding": "br"})
        missing, _ = get(port, "/api/v2/unknown.json")
        other, _ = get(port, "/incidents/x/")

    for (path, method), response in answers.items():
        assert (response.status == 200) == (method != "POST"), (path, method)
        assert response.headers.get_all("Access-Control-Allow-Origin") == ["*"], path
        assert response.headers.get_all("Cross-Origin-Resource-Policy") == ["cross-origin"], path
        assert "default-src 'none'" in response.headers["Content-Security-Policy"]
        if method != "POST":
            assert response.headers["Content-Type"] == MACHINES[path]
            assert "stale-if-error" in response.headers["Cache-Control"]
    assert (packed.headers["Content-Encoding"], body) == ("br", b"brotli twin")
    assert (missing.status, missing.headers["Access-Control-Allow-Origin"]) == (404, "*")
    assert "Access-Control-Allow-Origin" not in other.headers
    assert other.headers["Cross-Origin-Resource-Policy"] == "same-origin"


def test_nginx_refuses_to_write(site):
    with nginx.serving(site, django_port=9) as port:
        response, _ = get(port, "/incidents/x/", method="POST")

    assert response.status in (403, 405)


def test_hashed_assets_stay_in_the_cache_for_a_year(site):
    with nginx.serving(site, django_port=9) as port:
        response, _ = get(port, "/assets/page.abc.css")

    assert response.headers["Cache-Control"] == "public, max-age=31536000, immutable"


def test_nginx_hands_personal_paths_to_django_and_adds_no_public_headers(site, live_server):
    with nginx.serving(site, django_port=live_server.thread.port) as port:
        response, _ = get(port, "/genuine/", Host=f"localhost:{port}")

    assert response.status == 200
    assert "no-store" in response.headers["Cache-Control"]
    assert "public" not in response.headers["Cache-Control"]


def test_the_rest_of_the_api_goes_to_django(site, live_server):
    with nginx.serving(site, django_port=live_server.thread.port) as port:
        response, _ = get(port, "/api/docs", Host=f"localhost:{port}")

    assert response.status != 404


@pytest.mark.parametrize(
    ("path", "size", "refused"),
    [
        ("/staff/api-keys/affected/imports/new/", 30_000_000, False),
        ("/staff/api-keys/affected/imports/new/", 3_000_000_000, True),
        ("/staff/api-keys/affected/imports/1/columns/", 30_000_000, True),
        ("/genuine/", 30_000_000, True),
    ],
)
def test_only_the_upload_of_a_list_may_be_large(site, path, size, refused):
    with nginx.serving(site, django_port=9) as port, socket.create_connection(("127.0.0.1", port), timeout=5) as line:
        head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {size}\r\nExpect: 100-continue\r\n\r\n"
        line.sendall(head.encode())
        answer = line.recv(200)

    assert answer.startswith(b"HTTP/1.1 413") == refused


def test_what_does_not_exist_below_a_language_is_said_in_it(site):
    (site / "de").mkdir()
    (site / "de" / "404.html").write_text("<title>Hier steht nichts</title>")
    with nginx.serving(site, django_port=9) as port:
        german, said = get(port, "/de/incidents/unpublished/")
        french, fallen_back = get(port, "/fr/incidents/unpublished/")
        itself, _ = get(port, "/de/404.html")

    assert (german.status, said) == (404, b"<title>Hier steht nichts</title>")
    assert "default-src 'none'" in german.headers["Content-Security-Policy"]
    assert (french.status, fallen_back) == (404, b"<title>Nothing stands here</title>")
    assert itself.status == 404


def test_a_flood_of_forms_ends_at_nginx_and_keeps_nobody_from_a_notice(site):
    with nginx.serving(site, django_port=9) as port:  # nobody is behind it: what is let in is a 502
        asked = [get(port, "/inquiry/x/", method="POST") for _ in range(200)]
        opened = [get(port, f"/notice/{'t' * 43}/", method="POST")[0].status for _ in range(200)]
        page, _ = get(port, "/incidents/x/")

    statuses = [response.status for response, _ in asked]
    assert set(statuses) == {502, 503}
    assert 60 <= statuses.count(502) < 150
    turned_away = next((response, body) for response, body in asked if response.status == 503)
    assert b"Nothing was lost" in turned_away[1]
    assert turned_away[0].headers["Retry-After"] == "5"
    assert set(opened) == {502}
    assert page.status == 200
