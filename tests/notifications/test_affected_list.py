"""The list of affected accounts: searched, narrowed, opened page by page."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import AuditEntry
from incidents.audience import finding
from incidents.models import AffectedAccount, ImportBatch, Incident, StepState
from notifications import listing, telling
from notifications.models import Recipient
from tests.factories import (
    NOON,
    make_account,
    make_address,
    make_affected,
    make_decision,
    make_incident,
    make_many_affected,
    make_organisation,
    make_segment,
    make_step,
)
from tests.notifications.arrange import make_another_recipient, make_recipient

pytestmark = pytest.mark.django_db

ROOM = "/staff/api-keys-2018/affected/"


@pytest.fixture
def incident(db) -> Incident:
    make_organisation()
    return make_incident()


def look_up(client, text: str):
    return client.post(f"{ROOM}look-up/", {"text": text}, follow=True)


def shown(page) -> list[str]:
    return [str(row.account) for row in page.context["rows"]]


# Searching --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["northwind", " Owner@NORTHWIND.example "])
def test_an_exact_id_or_address_opens_the_account(incident, as_user, wanda, text):
    affected = make_affected(incident)

    page = look_up(as_user(wanda), text)

    assert page.redirect_chain == [(f"{ROOM}{affected.pk}/", 302)]
    assert "owner@northwind.example" in page.text
    assert "key-…4f2" in page.text


def test_a_telephone_number_opens_the_account_however_it_is_written(incident, as_user, wanda):
    affected = make_affected(incident)
    make_address(affected.account, "+49 30 1234567", kind="phone")

    page = look_up(as_user(wanda), "0049 (0)30 123-4567")

    assert page.redirect_chain == [(f"{ROOM}{affected.pk}/", 302)]


@pytest.mark.parametrize(
    ("text", "accounts"),
    [
        ("acme-001", ["acme-0010", "acme-0011", "acme-0012"]),
        ("ACME 001", ["acme-0010", "acme-0011", "acme-0012"]),
        ("Owner@ACME-0011", ["acme-0011"]),
        ("über", ["ueber"]),
        ("100%", ["hundred"]),
    ],
)
def test_the_beginning_of_an_id_a_name_or_an_address_lists_who_begins_like_it(incident, as_user, wanda, text, accounts):
    make_many_affected(incident, 12)
    make_affected(incident, make_account("ueber", None, name="ÜBER den Wolken"))
    make_affected(incident, make_account("hundred", None, name="100% Wolle"))
    make_affected(incident, make_account("thousand", None, name="1000 Berge"))
    make_affected(make_incident("another"), make_account("acme-0019", None, name="Acme 0019"))

    page = look_up(as_user(wanda), text)

    assert shown(page) == accounts
    assert page.redirect_chain[0][0].startswith(f"{ROOM}?found=")


def test_nothing_that_was_typed_stands_in_an_address_the_session_or_the_log(incident, as_user, wanda):
    make_affected(incident)
    make_affected(incident, make_account("contoso", "owner@northwind.example"))
    client = as_user(wanda)

    for text in ("owner@northwind.example", "owner@north", "Northwind Tr"):
        page = look_up(client, text)

        assert "orthwind" not in page.redirect_chain[0][0]
        assert "orthwind" not in str(dict(client.session))
    assert "orthwind" not in "".join(AuditEntry.objects.values_list("body", flat=True))


def test_an_address_of_several_accounts_lists_them(incident, as_user, wanda):
    make_affected(incident)
    make_affected(incident, make_account("contoso", "owner@northwind.example"))
    make_affected(incident, make_account("fabrikam", "it@fabrikam.example"))

    page = look_up(as_user(wanda), "owner@northwind.example")

    assert "2 accounts of this incident have this id or address." in page.text
    assert shown(page) == ["northwind", "contoso"]


def test_a_search_is_recorded_by_whom_it_found(incident, as_user, wanda):
    affected = make_affected(incident)

    for text in ("owner@northwind.example", "Northw", "nobody@nowhere.example"):
        look_up(as_user(wanda), text)

    exact, beginning, missed = AuditEntry.objects.filter(act="account.searched").order_by("number")
    assert f'"found":[{affected.pk}]' in exact.body
    assert f'"found":[{affected.pk}]' in beginning.body
    assert '"found":[]' in missed.body
    assert "nowhere" not in missed.body


def test_what_is_not_in_the_list_is_said_without_repeating_it(incident, as_user, wanda):
    make_affected(incident)

    page = look_up(as_user(wanda), "jane@elsewhere.example")

    assert "No account of this incident has this id or address" in page.text
    assert "elsewhere" not in page.text


def test_a_search_that_finds_too_many_says_so(incident, as_user, wanda, monkeypatch):
    monkeypatch.setattr(finding, "MOST_FOUND", 5)
    make_many_affected(incident, 12)

    page = look_up(as_user(wanda), "acme")

    assert "More than 5 accounts begin like this" in page.text
    assert len(shown(page)) == 5


def test_what_a_search_found_is_for_whoever_searched(incident, as_user, wanda, otto):
    make_many_affected(incident, 2)
    address = look_up(as_user(wanda), "acme").redirect_chain[0][0]

    page = as_user(otto).get(address)

    assert "This search is over" in page.text
    assert shown(page) == []


def test_a_search_of_another_incident_finds_nobody_here(incident, as_user, wanda):
    make_affected(make_incident("another"))

    for text in ("northwind", "north", "owner@northwind.example", "owner@"):
        assert "No account of this incident" in look_up(as_user(wanda), text).text


def test_what_a_search_found_has_pages_too(incident, as_user, wanda):
    make_many_affected(incident, 60)
    client = as_user(wanda)

    first = look_up(client, "acme")
    second = client.get(ROOM + first.context["later"])

    assert [len(shown(first)), len(shown(second))] == [50, 10]


# Narrowing ------------------------------------------------------------------------------------------------------


def test_the_list_can_be_narrowed_by_all_that_it_shows(incident, as_user, wanda):
    segment = make_segment(incident)
    step = make_step(incident, segment=segment)
    batch = ImportBatch.objects.create(incident=incident, number=2, source="room", state="confirmed", confirmed_at=NOON)
    make_affected(incident, make_account("plain"))
    make_affected(incident, make_account("possible"), certainty="possible")
    open_still = make_affected(incident, make_account("segment"), segments=[segment])
    ticked = make_affected(incident, make_account("ticked"), segments=[segment])
    StepState.objects.create(affected_account=ticked, step=step, state="ticked", at=NOON)
    StepState.objects.create(affected_account=open_still, step=step, state="open", at=NOON)
    make_affected(incident, make_account("ruled-out"), segments=[segment], certainty="ruled_out")
    make_affected(incident, make_account("wave"), batch=batch)
    make_affected(incident, make_account("bavaria", jurisdiction="DE-BY"))
    make_affected(incident, make_account("austria", jurisdiction="AT"))
    make_affected(incident, make_account("no-mail", None))
    distrusted = make_affected(incident, make_account("distrusted", None))
    make_address(distrusted.account, "a@b.example", trusted=False)
    client = as_user(wanda)

    def narrowed(query: str) -> list[str]:
        return shown(client.get(f"{ROOM}?{query}"))

    assert narrowed("certainty=possible") == ["possible"]
    assert narrowed("segment=api") == ["segment", "ticked", "ruled-out"]
    assert narrowed("segment=api&certainty=confirmed") == ["segment", "ticked"]
    assert narrowed(f"step={step.pk}") == ["segment"]
    assert narrowed("wave=2") == ["wave"]
    assert narrowed("country=de") == ["bavaria"]
    assert narrowed("no_email=on") == ["no-mail", "distrusted"]
    assert narrowed("outcome=ruled_out") == ["ruled-out"]
    assert len(narrowed("all=1")) == 10


def make_everything_told(incident: Incident) -> None:
    """Accounts in every state of telling, some by more than one way."""
    for state in Recipient.State.values:
        make_another_recipient(incident, state=state)
    make_another_recipient(incident, state="accepted", state_at=NOON)
    Recipient.objects.filter(pk=make_another_recipient(incident, state="delivered").pk).update(kind="all_clear")
    letter = make_another_recipient(incident, state="bounced")
    Recipient.objects.filter(pk=letter.pk).update(channel="post", recorded_proof="RR 1")
    make_affected(incident, make_account("read", None), acknowledged_at=NOON)
    make_affected(incident, make_account("cleared", None), certainty="ruled_out")
    held, other = make_segment(incident, "held"), make_segment(incident, "other")
    make_decision(incident, segment=held)
    make_affected(incident, make_account("held", None), segments=[held])
    make_affected(incident, make_account("half", None), segments=[held, other])
    make_affected(incident, make_account("nothing", None))


@pytest.mark.parametrize("provider", ["smtp", "mailgun"])
@pytest.mark.parametrize("outcome", telling.NAMES)
def test_each_state_of_telling_lists_exactly_those_in_it(incident, outcome, provider):
    make_everything_told(incident)
    incident.mailings.update(provider=provider)
    expected = telling.accounts_in(incident, outcome)

    rows, earlier, later = listing.page(incident, listing.Filter(outcome=outcome))

    assert [row.pk for row in rows] == expected
    assert expected
    assert not (earlier or later)
    everyone = list(incident.affected_accounts.values_list("pk", flat=True))
    assert telling.among(incident, everyone) == dict(telling.each_outcome(incident))


def test_nobody_contacted_by_decision_about_everyone_is_listed(incident):
    make_affected(incident)
    make_decision(incident)

    assert len(listing.page(incident, listing.Filter(outcome="by_decision_not_told"))[0]) == 1


def test_a_state_of_telling_is_found_beyond_the_first_look_and_page_by_page(incident, monkeypatch):
    monkeypatch.setattr(listing, "FIRST_LOOK", 3)
    monkeypatch.setattr(finding, "PAGE", 2)
    make_many_affected(incident, 30)
    late = AffectedAccount.objects.filter(incident=incident).order_by("pk")[20:25]
    for affected in list(late):
        make_recipient(incident, affected, message_id=f"{affected.pk}@x.example", state="unknown")
    unknown = listing.Filter(outcome="unknown")

    first, _, later = listing.page(incident, unknown)
    second, earlier, _ = listing.page(incident, unknown, after=first[-1].pk)
    back, _, _ = listing.page(incident, unknown, before=second[0].pk)

    assert [row.account.external_id for row in first] == ["acme-0021", "acme-0022"]
    assert [row.account.external_id for row in second] == ["acme-0023", "acme-0024"]
    assert back == first
    assert later
    assert earlier


def test_the_filter_comes_back_until_all_are_asked_for(incident, as_user, wanda, otto):
    make_affected(incident)
    make_affected(incident, make_account("contoso", None), certainty="possible")
    make_affected(make_incident("another"), make_account("fabrikam", None))
    client = as_user(wanda)
    client.get(f"{ROOM}?certainty=possible")

    again = client.get(ROOM, follow=True)
    other = client.get("/staff/another/affected/", follow=True)
    everyone = client.get(f"{ROOM}?all=1")

    assert again.redirect_chain == [(f"{ROOM}?certainty=possible", 302)]
    assert "Narrowed: certainty: possible" in again.text
    assert other.redirect_chain == []
    assert shown(everyone) == ["northwind", "contoso"]
    assert client.get(ROOM).status_code == 200
    assert as_user(otto).get(ROOM).status_code == 200


def test_the_list_goes_forward_and_back_in_pages_of_fifty(incident, as_user, wanda):
    make_many_affected(incident, 120)
    client = as_user(wanda)

    first = client.get(ROOM)
    second = client.get(ROOM + first.context["later"])
    third = client.get(ROOM + second.context["later"])
    back = client.get(ROOM + third.context["earlier"])

    assert [len(page.context["rows"]) for page in (first, second, third)] == [50, 50, 20]
    assert (first.context["earlier"], third.context["later"]) == ("", "")
    assert back.context["rows"] == second.context["rows"]


def test_counts_stand_where_they_are_cheap(incident, as_user, wanda, monkeypatch):
    make_many_affected(incident, 12)
    client = as_user(wanda)

    few = client.get(ROOM)
    monkeypatch.setattr(finding, "MOST_COUNTED", 10)
    many = client.get(ROOM)

    assert '<span class="pages-count">12 accounts</span>' in few.text
    assert "Not reached yet (12)" in few.text
    assert "pages-count" not in many.text
    assert "Not reached yet (" not in many.text


@pytest.mark.parametrize(
    "query",
    [
        "after=x", "before=-1", "found=a-b", "certainty=x", "segment=%00", "wave=x", "wave=" + "9" * 40, "step=-1",
        "step=" + "9" * 40, "country=%00", "outcome=x", "after=" + "9" * 40, "page=x", "no_email=x",
    ],
)  # fmt: skip
def test_nonsense_in_the_address_bar_is_no_error(incident, as_user, wanda, query):
    make_affected(incident)

    assert as_user(wanda).get(f"{ROOM}?{query}").status_code == 200


def test_nonsense_in_the_search_box_is_no_error(incident, as_user, wanda):
    make_affected(incident)

    for text in (
        "%",
        "_",
        "\\",
        "@",
        "@@",
        "'",
        "\ud800".encode("utf-8", "replace").decode(),
        "x" * 320,
        "\N{DIGIT ONE}" * 40,
    ):
        assert look_up(as_user(wanda), text).status_code == 200, text


def queries(client, path: str) -> list[str]:
    with CaptureQueriesContext(connection) as captured:
        assert client.get(path).status_code == 200
    return [query["sql"] for query in captured]


def test_the_page_asks_as_few_questions_as_any(incident, as_user, wanda):
    make_segment(incident)
    make_step(incident)
    client = as_user(wanda)
    make_many_affected(incident, 2)
    for query in ("?all=1", "?outcome=unreached", "?certainty=confirmed&segment=api"):
        client.get(f"{ROOM}{query}")
        few = queries(client, f"{ROOM}{query}")
        for n in range(30):
            make_affected(incident, make_account(f"more-{query[1:5]}-{n}", f"a@{n}.example"))
        assert len(queries(client, f"{ROOM}{query}")) == len(few)
        frame = len(queries(client, "/staff/api-keys-2018/decisions/"))
        assert len(few) - frame <= 10, "\n".join(one[:150] for one in few)


def test_who_has_no_email_address_stands_in_the_list_as_needing_a_letter(incident, as_user, wanda):
    by_post = make_account("by-post", None)
    make_address(by_post, "1 High Street, London", kind="post")
    make_affected(incident, by_post)

    page = as_user(wanda).get(f"/staff/{incident.slug}/affected/").text

    assert page.count("no email: a letter or a call is needed") == 1
    assert "1 High Street, London" in page
