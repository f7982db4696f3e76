"""The sums of a mailing: everybody in exactly one line, each line with its list and its file."""

from urllib.parse import urlencode

import pytest
from django.urls import reverse

from accounts import approvals
from accounts.models import Approval, AuditEntry
from notifications.mailings import sums
from notifications.models import Export, Mailing, Outbox, Recipient
from tests.factories import make_account, make_address, make_affected, make_incident, make_many_affected
from tests.notifications.arrange import make_mailing
from tests.notifications.test_mailing_settings_page import text

STATES = ["delivered", "accepted", "queued", "unknown", "bounced", "unconfirmed", "failed", "cancelled"]


@pytest.fixture
def mailing(wanda):
    """A finished mailing with one person in each state, and one whose second address was reached."""
    incident = make_incident()
    affected = make_many_affected(incident, len(STATES))
    mailing = make_mailing(incident, affected)
    for one, state in zip(affected, STATES, strict=True):
        Recipient.objects.filter(affected_account=one).update(state=state)
    Outbox.objects.all().delete()
    bounced = Recipient.objects.get(state="bounced")
    second = make_address(bounced.account, "second@acme.example")
    Recipient.objects.create(
        incident=incident, mailing=mailing, affected_account=bounced.affected_account, account=bounced.account,
        address=second, kind="first", sequence=1, code="SECOND", state="delivered", follows=bounced, message_id="2nd",
    )  # fmt: skip
    Mailing.objects.update(state="finished")
    mailing.refresh_from_db()
    return mailing


def to(name, mailing):
    return reverse(f"notifications:{name}", args=[mailing.incident.slug, mailing.number])


def test_every_person_is_in_exactly_one_line(mailing):
    counts = {line.name: line.count for line in sums.lines(mailing)}

    assert counts == {
        "told": 2, "sent": 1, "under_way": 1, "unknown": 1, "unreached": 1, "failed": 1, "cancelled": 1,
    }  # fmt: skip
    assert sum(counts.values()) == mailing.recipients_count


@pytest.mark.parametrize("name", sums.NAMES)
def test_each_number_is_the_length_of_its_list(mailing, name):
    counts = {line.name: line.count for line in sums.lines(mailing)}

    people = list(sums.people(mailing, name).values_list("affected_account", flat=True))

    assert len(people) == len(set(people)) == counts.get(name, 0)


def test_the_lines_know_every_state():
    assert {state for states, _ in sums.LINES.values() for state in states} == set(Recipient.State.values)


def test_pages_go_on_where_the_last_one_ended(mailing):
    first = sums.page_of(mailing, "told", size=1)
    rest = sums.page_of(mailing, "told", after=first[0].pk, size=1)

    assert len(first) == 2 and len(rest) == 1 and first[1] == rest[0]


def test_the_page_adds_up_and_each_number_opens_its_list(mailing, otto, as_user):
    client = as_user(otto)

    said = client.get(to("mailing", mailing))

    assert "together, the people it was prepared for 8" in text(said)
    assert f"{to('mailing_people', mailing)}?line=unknown" in said.content.decode()
    listed = text(client.get(to("mailing_people", mailing), {"line": "unknown"}))
    assert "acme-0004" in listed and "acme-0001" not in listed and "@" not in listed.partition("Sign out")[2]


def test_one_person_is_found_by_id_or_code(mailing, otto, as_user):
    client, url = as_user(otto), to("mailing_people", mailing) + "?line=told"
    row = Recipient.objects.get(state="failed")

    for typed in (row.account.external_id, row.code, f" {row.code.lower()} "):
        assert row.account.external_id in text(client.post(url, {"text": typed}))
    assert "Nobody of this mailing has this id or code" in text(client.post(url, {"text": "nobody"}))


def test_an_unknown_line_is_not_found(mailing, otto, as_user):
    assert as_user(otto).get(to("mailing_people", mailing), {"line": "secret"}).status_code == 404


BECAUSE = {"because": "The regulator asked for it"}


def ask(client, mailing, **query):
    return client.post(to_export(mailing, **query), BECAUSE)


def to_export(shown, **query):
    path = reverse("notifications:export_new", args=[shown.incident.slug])
    return f"{path}?{urlencode({'mailing': shown.number} | query)}"


def download(client, mailing):
    export = Export.objects.latest("pk")
    return client.post(reverse("notifications:export_download", args=[mailing.incident.slug, export.pk]))


def test_the_file_holds_everybody_once_a_second_person_said_yes(mailing, otto, anton, as_user):
    Recipient.objects.filter(state="failed").update(account=make_account("=SUM(1)", None, name="+1"))
    client = as_user(otto)
    assert "<strong>8 people</strong> would leave the house" in client.get(to_export(mailing, line="")).text

    ask(client, mailing, line="")
    assert download(client, mailing).status_code == 302
    approvals.answer(Approval.objects.open().get(act="export"), yes=True, by=anton)
    lines = b"".join(download(client, mailing).streaming_content).decode("utf-8-sig").splitlines()

    assert len(lines) == 9 and lines[0].startswith("account,name,outcome,state")
    assert any(line.startswith("'=SUM(1),'+1,failed,failed") for line in lines)
    assert "@" not in "".join(lines)
    entry = AuditEntry.objects.get(act="export.begun")
    assert '"people":8' in entry.body and entry.by == otto
    assert "downloaded already" in text(client.get(download(client, mailing).url))


def test_other_people_in_the_line_need_another_yes(mailing, otto, anton, as_user):
    Recipient.objects.filter(state="failed").update(state="unknown")
    ask(as_user(otto), mailing, line="unknown")
    approvals.answer(Approval.objects.open().get(act="export"), yes=True, by=anton)
    Recipient.objects.filter(state="cancelled").update(state="unknown")

    answer = as_user(otto).post(
        reverse("notifications:export_download", args=[mailing.incident.slug, Export.objects.get().pk]), follow=True
    )

    assert "The list has changed since this was asked" in text(answer)


def test_one_person_of_one_list_needs_no_second_person(mailing, otto, as_user):
    ask(as_user(otto), mailing, line="unknown")

    answer = download(as_user(otto), mailing)

    assert len(b"".join(answer.streaming_content).decode().splitlines()) == 2


@pytest.mark.parametrize("query", [{"line": "secret"}, {"mailing": "99"}, {"mailing": "x"}, {"part": "1"}])
def test_a_list_that_is_not_there_is_said(mailing, otto, as_user, query):
    answer = as_user(otto).get(to_export(mailing, **query), follow=True)

    assert "has been removed since" in text(answer)


@pytest.mark.parametrize("who", ["wanda", "anton"])
def test_whoever_may_not_export_takes_nothing(mailing, as_user, request, who):
    client = as_user(request.getfixturevalue(who))

    assert ask(client, mailing, line="").status_code == 403
    assert "Take all" not in text(client.get(to("mailing", mailing)))


def test_letters_are_offered_to_those_with_a_post_address(mailing, wanda, as_user):
    lost = make_affected(mailing.incident, make_account("lost", None))
    make_address(lost.account, "2 Lost Lane", kind="post")

    assert "Write letters to 1 of them" in text(as_user(wanda).get(to("mailing", mailing)))
