"""The nginx.conf we ship in front of the whole house, as in production."""

import http.client
import json
import os

import pytest

from accounts import approvals
from config.bench import nginx
from incidents import casefile, publishing
from tests.factories import make_organisation

pytestmark = pytest.mark.skipif(
    nginx.program() is None and os.environ.get("CANDOR_REQUIRE_BROWSER") != "1", reason="nginx is not installed"
)


def get(port, path, host="localhost"):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", path, headers={"Host": host})
    response = connection.getresponse()
    return response, response.read().decode()


def readable_for_nginx(folder):
    for part in (folder, *folder.parents[:3]):
        part.chmod(0o755)


def test_the_page_the_rooms_and_the_webhook_stand_behind_nginx(house, wanda, anton, tmp_path, settings):
    make_organisation()
    incident = casefile.load(casefile.named("mailgun-2018-01"), by=wanda)
    incident.visibility = "public"
    incident.save()
    approvals.answer(publishing.ask(incident, by=wanda), yes=True, by=anton)
    publishing.publish(incident, by=anton)
    readable_for_nginx(tmp_path)

    with nginx.serving(settings.SITE_FOLDER, django_port=int(house.address.rpartition(":")[2])) as port:
        through_nginx, page = get(port, f"/incidents/{incident.slug}/")
        direct, same_page = get(int(house.address.rpartition(":")[2]), f"/incidents/{incident.slug}/")
        sign_in, _ = get(port, "/account/login/")
        health, state = get(port, "/health/")
        webhook, _ = get(port, "/webhooks/mailgun/tracking/")
        stranger, _ = get(port, "/", host="somebody-elses.example")

    assert through_nginx.status == 200
    assert page == same_page
    for header in (
        "Cache-Control", "X-Content-Type-Options", "Referrer-Policy", "X-Frame-Options",
        "Cross-Origin-Opener-Policy", "Cross-Origin-Resource-Policy", "Permissions-Policy", "Content-Security-Policy",
    ):  # fmt: skip
        assert through_nginx.headers[header] == direct.headers[header], header
    assert sign_in.status == 200
    assert "no-store" in sign_in.headers["Cache-Control"]
    assert json.loads(state) == {"database": "ok", "redis": "ok", "sending": "ok"}
    assert webhook.status in (400, 405)
    assert stranger.status == 200  # the published site answers any name; only Django insists on its own
