"""The pages of waves, undoing and rules: accessible, and no wider than a phone."""

from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe

from incidents import audience
from incidents.audience import approving, distrusting, rules
from tests.factories import make_decision, make_incident, make_organisation, make_segment, make_user
from tests.incidents.waves import ENOUGH, many, read, save

PICTURES: Path | None = None  # a folder, to look at the pages


@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_is_accessible_and_fits(
    transactional_db, new_context, live_server, as_user, settings, width, scheme
):
    make_organisation()
    ada = make_user("ada@relaypost.example", role="Administrator", name="Ada Administrator")
    wanda = make_user("wanda@relaypost.example", role="Writer", name="Wanda Writer")
    incident = make_incident()
    segment = make_segment(incident, "gold", rule=rules.read("plan is gold\ncountry is DE"))
    make_decision(incident, segment=segment)
    first = save(incident, many(20), by=wanda)
    save(incident, many(1, value="ruled out"), by=wanda, evidence=ENOUGH)
    without_evidence = read(incident, many(5, beginning=2, value="ruled out"), by=wanda)
    asked = read(incident, many(6, beginning=2, value="ruled out"), by=wanda, evidence=ENOUGH)
    approving.ask(asked, audience.compare(asked), by=wanda)
    distrusting.distrust(incident, kind="domain", value="a9.example", because="Exposed, too.", by=wanda)
    gone, stays = incident.affected_accounts.order_by("pk")[:2]
    context = new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
    session = as_user(ada).cookies[settings.SESSION_COOKIE_NAME]
    context.add_cookies([{"name": session.key, "value": session.value, "url": live_server.url}])
    page = context.new_page()
    errors: list[str] = []
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)

    for name, path in {
        "undo": f"imports/{first.number}/undo/", "evidence": f"imports/{without_evidence.number}/",
        "asked": f"imports/{asked.number}/", "rule-out": f"{stays.pk}/rule-out/", "person": f"{gone.pk}/",
        "segments": "segments/", "rule": f"segments/{segment.pk}/", "addresses": "addresses/",
    }.items():  # fmt: skip
        page.goto(f"{live_server.url}/staff/{incident.slug}/affected/{path}")
        if PICTURES:
            page.screenshot(path=PICTURES / f"{name}-{width}-{scheme}.png", full_page=True)
        found = Axe().run(page)
        assert found.violations_count == 0, f"{path}: {found.generate_report()}"
        assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"), path
    assert errors == []
