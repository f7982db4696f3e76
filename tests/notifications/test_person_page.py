"""The page of one affected account: everything that belongs to them, opened by whoever may, and said in the log."""

import re
from datetime import timedelta

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import AuditEntry
from incidents.models import AffectedAccount, ImportBatch, StepState
from notifications.models import Attempt, DeliveryEvent, ReaderLink, Recipient, SendBatch
from tests.factories import (
    NOON,
    make_account,
    make_address,
    make_affected,
    make_incident,
    make_many_affected,
    make_organisation,
    make_segment,
    make_step,
    make_user,
)
from tests.notifications.arrange import make_mailing, make_recipient

LETTER = {"channel": "post", "at": "2026-03-14T09:00", "person": "Wanda Writer", "proof": "Registered letter RR 1234"}


def make_bounced(incident=None, **fields) -> Recipient:
    """Somebody whose one message came back, with all that can be known of them."""
    incident = incident or make_incident()
    segment = make_segment(incident)
    make_step(incident, segment=segment)
    make_step(incident, "Read your logs")
    make_step(incident, "Not theirs", segment=make_segment(incident, "billing", name="Billing"))
    batch = ImportBatch.objects.create(
        incident=incident, number=1, source="room", file_name="list.csv", state="confirmed", confirmed_at=NOON
    )
    affected = make_affected(
        incident, segments=[segment], batch=batch,
        facts={"api_key": "key-…4f2", "calls": [{"at": "2018-01-03 10:00", "ip": "192.0.2.7"}]}, **fields,
    )  # fmt: skip
    make_address(affected.account, "old@northwind.example", role="billing", withdrawn_at=NOON)
    make_address(affected.account, "stolen@northwind.example", role="security", trusted=False)
    recipient = make_recipient(incident, affected, state="bounced", reason="The mailbox does not exist", state_at=NOON)
    window = SendBatch.objects.create(provider="smtp", handed_over_at=NOON)
    Attempt.objects.create(
        recipient=recipient, number=1, batch=window, outcome="accepted", smtp_code=250, reply="Queued"
    )
    DeliveryEvent.objects.create(
        provider="SMTP", key="1", recipient=recipient, type="bounced", at=NOON, words="550 no such user"
    )
    ReaderLink.objects.update(first_opened_at=NOON + timedelta(hours=1), opens=3)
    StepState.objects.create(affected_account=affected, step=incident.steps.first(), state="done_for_you", at=NOON)
    return recipient


@pytest.fixture
def bounced(db):
    return make_bounced()


@pytest.fixture
def sam(db):
    """Support."""
    return make_user("sam@relaypost.example", role="Support", name="Sam Support")


def at(recipient: Recipient) -> str:
    return f"/staff/{recipient.incident.slug}/affected/{recipient.affected_account_id}/"


def words(response) -> str:
    return re.sub(r"\s+", " ", re.sub("<[^>]+>", " ", response.text)).strip()


# What it shows --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "said",
    [
        "Not reached yet Nothing of ours has reached this account by any way.",
        "It is closed by a letter, call or meeting on record",
        "owner@northwind.example Owner Email yes opened first 14 Mar 2026, 13:00 UTC , 3 times in all",
        "old@northwind.example Billing Email no: withdrawn 14 Mar 2026, 12:00 UTC",
        "stolen@northwind.example Security Email no: not trusted none was made",
        "Segments API customers", "Certainty Confirmed", "by import 1 (list.csv)", "Said they read it not yet",
        "First, mailing 1 bounced", "To owner@northwind.example",
        "Bounced for good, since 14 Mar 2026, 12:00 UTC . The mailbox does not exist",
        "1: handed over 14 Mar 2026, 12:00 UTC , accepted (250 Queued)",
        "Bounced for good, 14 Mar 2026, 12:00 UTC : 550 no such user",
        "Rotate your API keys Done by us 14 Mar 2026, 12:00 UTC", "Read your logs Open", "API key key-…4f2",
        "192.0.2.7", "None is on record.",
    ],
)  # fmt: skip
def test_everything_that_belongs_together_stands_there(bounced, as_user, otto, said):
    assert said in words(as_user(otto).get(at(bounced)))


def test_the_reference_code_stands_there_and_other_peoples_steps_do_not(bounced, as_user, otto):
    page = as_user(otto).get(at(bounced)).text

    assert bounced.code in page
    assert "Not theirs" not in page


@pytest.mark.parametrize(
    ("state", "word"),
    [("delivered", "Told"), ("queued", "On the way"), ("unknown", "Unknown"), ("failed", "Not reached yet")],
)
def test_the_outcome_is_said_in_words(db, as_user, otto, state, word):
    recipient = make_recipient(make_incident(), state=state)

    assert f'<h2 id="outcome">{word}</h2>' in as_user(otto).get(at(recipient)).text


def test_somebody_nobody_could_write_to_is_said_to_have_no_address(db, as_user, otto):
    affected = make_affected(make_incident(), make_account("lost", None))

    page = words(as_user(otto).get(f"/staff/api-keys-2018/affected/{affected.pk}/"))

    assert "No message was written to it, since no trusted email address of it is known." in page


def test_an_account_without_an_id_has_one_name_everywhere(db, as_user, otto):
    incident = make_incident()
    account = make_account(None, "jane@fabrikam.example", name="", kind="person")
    recipient = make_recipient(incident, make_affected(incident, account), state="bounced")
    client, name = as_user(otto), f"no id, number {account.pk}"

    for page in ("affected/", "unreached/", "mailings/1/recipients/", "mailings/1/unreachable/"):
        assert name in client.get(f"/staff/api-keys-2018/{page}").text, page
    assert name in client.get(at(recipient)).text


def test_the_number_of_questions_does_not_grow_with_what_was_said(bounced, as_user, anton):
    client = as_user(anton)

    def asked() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert client.get(at(bounced)).status_code == 200
        return len(queries)

    client.post(f"{at(bounced)}record/", LETTER)
    few = asked()
    affected = bounced.affected_account
    window = SendBatch.objects.create(provider="smtp")
    for n, kind in enumerate(("follow_up", "reminder", "correction", "all_clear")):
        make_step(bounced.incident, f"Step {n}")
        make_address(affected.account, f"more-{n}@northwind.example")
        for recipient in make_mailing(bounced.incident, [affected], kind=kind).recipients.all():
            Attempt.objects.create(recipient=recipient, number=1, batch=window)
        client.post(f"{at(bounced)}record/", LETTER | {"proof": f"Call {n}", "channel": "phone"})

    assert asked() == few


# Who opens it ---------------------------------------------------------------------------------------------------


def test_opening_it_is_in_the_log_by_number_alone(bounced, as_user, otto):
    as_user(otto).get(at(bounced))

    entry = AuditEntry.objects.get(act="account.looked_up")
    assert (entry.by, entry.thing) == (otto, f"accounts.account:{bounced.account_id}")
    assert entry.incident == bounced.incident_id
    assert "northwind" not in entry.body
    log = words(as_user(otto).get("/staff/api-keys-2018/log/"))
    assert f"Otto Auditor looked up account {bounced.account_id}" in log


def test_a_page_that_does_not_open_is_in_no_log(bounced, as_user, stranger, sam):
    assert as_user(stranger).get(at(bounced)).status_code == 403
    assert as_user(sam).get(at(bounced)).status_code == 403

    assert not AuditEntry.objects.filter(act="account.looked_up").exists()


@pytest.mark.parametrize("text", ["northwind", " Owner@NORTHWIND.example "])
def test_support_opens_the_one_they_found(bounced, as_user, sam, text):
    page = as_user(sam).post("/staff/look-up/", {"text": text}, follow=True)

    assert page.redirect_chain == [(at(bounced), 302)]
    assert "owner@northwind.example" in page.text
    assert bounced.code in page.text
    assert 'name="proof"' not in page.text
    assert "/mailings/" not in page.text
    assert "/affected/imports/" not in page.text
    assert "/guidance/" not in page.text
    assert list(AuditEntry.objects.order_by("number").values_list("act", "by")) == [
        ("account.searched", sam.pk), ("account.looked_up", sam.pk),
    ]  # fmt: skip


def test_support_reads_nobody_by_trying_numbers(bounced, as_user, sam):
    other = make_affected(bounced.incident, make_account("contoso", "it@contoso.example"))
    client = as_user(sam)
    client.post("/staff/look-up/", {"text": "contoso"})

    assert client.get(f"/staff/api-keys-2018/affected/{other.pk}/").status_code == 200
    refused = client.get(at(bounced))
    assert refused.status_code == 403
    assert "by their exact id or address" in refused.text
    assert "northwind" not in refused.text


@pytest.mark.parametrize("text", ["north", "nobody@nowhere.example", "api-keys-2018", "%", "north\0wind\0"])
def test_support_finds_nobody_by_less_than_the_whole(bounced, as_user, sam, text):
    page = as_user(sam).post("/staff/look-up/", {"text": text}, follow=True)

    assert page.status_code in {200, 422}
    assert "nowhere" not in page.text
    assert "northwind" not in page.text


def test_what_is_found_in_two_incidents_is_listed_for_whoever_found_it(bounced, as_user, sam, ada):
    make_affected(make_incident("second", title="The second one"), bounced.account)
    client = as_user(sam)

    page = client.post("/staff/look-up/", {"text": "owner@northwind.example"}, follow=True)

    assert page.redirect_chain == [("/staff/look-up/", 302)]
    assert "The second one" in page.text
    assert page.text.count(">northwind</a>") == 2
    assert "northwind" not in as_user(ada).get("/staff/look-up/").text


def test_support_records_nothing(bounced, as_user, sam):
    client = as_user(sam)
    client.post("/staff/look-up/", {"text": "northwind"})

    assert client.post(f"{at(bounced)}record/", LETTER).status_code == 403
    assert Recipient.objects.count() == 1


# The form -------------------------------------------------------------------------------------------------------


def test_an_approver_puts_a_letter_on_record(bounced, as_user, anton):
    client = as_user(anton)
    asks = client.get(at(bounced))
    assert "From then on this account counts as told" in asks.text
    assert "Record that 1 person was told</button>" in asks.text

    done = client.post(f"{at(bounced)}record/", LETTER, follow=True)

    assert done.redirect_chain == [(at(bounced), 302)]
    said = words(done)
    assert "On record: northwind, letter by post. The account counts as told." in said
    assert "Letter by post, 14 Mar 2026, 09:00 UTC Wanda Writer: Registered letter RR 1234 Recorded" in said
    assert "by Anton Approver · counts for mailing 1" in said
    assert "Told A letter, call or meeting is on record." in said


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"proof": ""}, "without proof it cannot count"), ({"person": ""}, "Name whoever of us did it."),
        ({"channel": ""}, "Say whether it was"), ({"channel": "email"}, "email"), ({"at": "yesterday"}, "in UTC."),
        ({"at": "2999-01-01T00:00"}, "not come yet"), ({"proof": "Wrote to jane@x.example"}, "Leave it out"),
    ],
)  # fmt: skip
def test_what_is_missing_is_said_and_nothing_is_recorded(bounced, as_user, anton, wrong, said):
    page = as_user(anton).post(f"{at(bounced)}record/", LETTER | wrong)

    assert page.status_code == 422
    assert said in page.text
    assert Recipient.objects.count() == 1


def test_before_any_mailing_it_says_what_to_do(db, as_user, anton):
    affected = make_affected(make_incident())

    page = as_user(anton).post(f"/staff/api-keys-2018/affected/{affected.pk}/record/", LETTER)

    assert page.status_code == 422
    assert "Start the mailing" in page.text


def test_a_writer_is_told_who_may(wanda, bounced, as_user):
    client = as_user(wanda)

    assert "an approver or an administrator" in client.get(at(bounced)).text
    assert client.post(f"{at(bounced)}record/", LETTER).status_code == 403


# The list of the unreached --------------------------------------------------------------------------------------


def test_the_overviews_number_leads_to_exactly_these_accounts(bounced, as_user, otto):
    told = make_affected(bounced.incident, make_account("contoso", "it@contoso.example"))
    AffectedAccount.objects.filter(pk=told.pk).update(acknowledged_at=NOON)
    make_affected(bounced.incident, make_account("lost", None))
    client = as_user(otto)
    assert '<a href="/staff/api-keys-2018/unreached/">2</a> unreached' in client.get("/staff/api-keys-2018/").text

    page = client.get("/staff/api-keys-2018/unreached/")

    assert f'href="{at(bounced)}">northwind</a>' in page.text
    assert "The mailbox does not exist" in page.text
    assert "lost Northwind Traders none no trusted email address is known" in words(page)
    assert "contoso" not in page.text
    assert "put it on record there" in page.text


def test_an_account_on_record_leaves_the_list(bounced, as_user, anton):
    client = as_user(anton)
    client.post(f"{at(bounced)}record/", LETTER)

    assert "Nobody is unreached" in client.get("/staff/api-keys-2018/unreached/").text


def test_the_list_asks_the_same_however_long_it_is(bounced, as_user, otto):
    client = as_user(otto)

    def asked() -> int:
        with CaptureQueriesContext(connection) as queries:
            client.get("/staff/api-keys-2018/unreached/")
        return len(queries)

    asked()  # the first page of a session costs one more
    few = asked()
    make_many_affected(bounced.incident, 60)

    assert asked() == few


def test_the_mailings_own_list_says_how_to_close_it_and_leads_there(bounced, as_user, otto):
    page = as_user(otto).get("/staff/api-keys-2018/mailings/1/unreachable/")

    assert f'href="{at(bounced)}"' in page.text
    assert "put it on record there" in page.text


# In a browser ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_is_accessible_and_fits(
    transactional_db, new_context, live_server, as_user, settings, width, scheme
):
    make_organisation()
    bounced = make_bounced()
    user = make_user("ada@relaypost.example", role="Administrator", name="Ada Administrator")
    client = as_user(user)
    client.post(f"{at(bounced)}record/", LETTER)
    make_affected(bounced.incident, make_account("lost", None))
    make_affected(make_incident("second", title="The second one"), bounced.account)
    client.post("/staff/look-up/", {"text": "northwind"})
    context = new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
    session = client.cookies[settings.SESSION_COOKIE_NAME]
    context.add_cookies([{"name": session.key, "value": session.value, "url": live_server.url}])
    page = context.new_page()
    errors: list[str] = []
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)

    for path in (at(bounced), "/staff/look-up/", "/staff/api-keys-2018/unreached/"):
        page.goto(f"{live_server.url}{path}")
        found = Axe().run(page)
        assert found.violations_count == 0, f"{path}: {found.generate_report()}"
        assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"), path
    assert errors == []
