"""The pages of mailings in a real browser: nothing to forbid, nothing to scroll sideways, in light and dark."""

import pytest
from axe_playwright_python.sync_playwright import Axe

from notifications import mailings, stopping
from notifications.mailings import To
from notifications.models import Mailing, Outbox, Recipient, RecordUpload
from tests.factories import (
    NOON,
    make_account,
    make_address,
    make_affected,
    make_incident,
    make_many_affected,
    make_notice,
    make_organisation,
    make_step,
    make_user,
)
from tests.notifications.arrange import make_mailing

STATES = ["delivered", "accepted", "queued", "unknown", "bounced", "unconfirmed", "failed", "cancelled"]


def arrange(by) -> list[str]:
    """A mailing going out with everything on it, one that is over, one prepared, letters; the paths of their pages."""
    make_organisation()
    incident = make_incident(first_published_at=NOON)
    make_step(incident)
    affected = make_many_affected(incident, 16)
    going = make_mailing(incident, affected[:8], canary=2)
    over = make_mailing(incident, affected[8:], state="finished")
    for mailing in (going, over):
        for one, state in zip(mailing.recipients.all(), STATES, strict=True):
            Recipient.objects.filter(pk=one.pk).update(state=state)
        Outbox.objects.filter(mailing=mailing).exclude(recipient__state="queued").delete()
    Outbox.objects.filter(mailing=over).delete()
    lost = make_affected(incident, make_account("lost", None))
    make_address(lost.account, "2 Lost Lane, Somewhere", kind="post")
    letters = mailings.prepare(make_notice(incident, by), by=by, to=To(channel="post"))
    Mailing.objects.filter(pk=letters.pk).update(
        state="finished", approval=going.approval, started_at=NOON, finished_at=NOON
    )
    letters.recipients.update(state="letter")
    reminder = make_notice(incident, by, kind="reminder", name="Remember")
    prepared = mailings.prepare(reminder, by=by, to=To(whom="told"))
    upload = RecordUpload.objects.create(
        incident=incident, by=by, file_name="calls.csv",
        rows=[{"line": 2, "affected": lost.pk, "account": "lost", "channel": "post", "at": NOON.isoformat(),
               "person": "Wanda", "proof": "RR 1"}],
        problems=[{"line": 3, "column": "at", "words": "Write the day."}],
    )  # fmt: skip
    stopping.stop(by=by, because="the text is wrong")
    of = f"/staff/{incident.slug}"
    return [
        "/staff/sending/", f"{of}/mailings/{going.number}/", f"{of}/mailings/{over.number}/",
        f"{of}/mailings/{over.number}/people/?line=told", f"{of}/mailings/{over.number}/unknown/",
        f"{of}/mailings/{letters.number}/", f"{of}/mailings/{prepared.number}/",
        f"{of}/mailings/{prepared.number}/how/", f"{of}/mailings/{prepared.number}/start/",
        f"{of}/mailings/{going.number}/cancel/", f"{of}/notices/{reminder.pk}/prepare/", f"{of}/unreached/",
        f"{of}/records/", f"{of}/records/{upload.pk}/",
    ]  # fmt: skip


@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_is_accessible_and_fits(
    transactional_db, new_context, live_server, as_user, settings, width, scheme
):
    make_user("wanda@relaypost.example", role="Writer", name="Wanda Writer")
    ada = make_user("ada@relaypost.example", role="Administrator", name="Ada Administrator")
    paths = arrange(ada)
    client = as_user(ada)
    context = new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
    session = client.cookies[settings.SESSION_COOKIE_NAME]
    context.add_cookies([{"name": session.key, "value": session.value, "url": live_server.url}])
    page = context.new_page()
    errors: list[str] = []
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)

    for path in paths:
        answer = page.goto(f"{live_server.url}{path}")
        assert answer is not None and answer.status == 200, path
        found = Axe().run(page)
        assert found.violations_count == 0, f"{path}: {found.generate_report()}"
        assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"), path
    assert errors == []
