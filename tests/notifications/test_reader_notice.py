"""What the personal notice says: the latest published words about this account, and every message as it was sent."""

import pytest

from incidents.models import AffectedAccount, Correction, StepState
from notifications import composing, links
from notifications.models import Notice, Recipient
from tests.factories import (
    NOON,
    in_hours,
    make_account,
    make_affected,
    make_many_affected,
    make_segment,
    make_step,
    make_update,
)
from tests.notifications.arrange import make_mailing, queue
from tests.notifications.reader import OURS, _files_apart, make_letter, make_story, open_link, page, publish  # noqa: F401

pytestmark = pytest.mark.django_db


@pytest.fixture
def incident():
    return make_story()


@pytest.fixture
def published(incident, wanda, anton):
    return publish(incident, by=wanda, yes=anton)


@pytest.fixture
def letter(published, incident):
    return make_letter(incident)


def test_it_says_which_account_and_what_of_theirs_was_and_was_not_exposed(letter):
    notice = page(open_link(letter))

    assert "northwind" in notice
    assert "N… T…" in notice and "<p>Northwind Traders" not in notice
    assert "Was exposed</h3><ul><li>API keys" in notice
    assert "May have been exposed</h3><ul><li>Sending statistics" in notice
    assert "Was not exposed</h3><ul><li>Payment data <small>kept elsewhere" in notice
    assert "API key</dt><dd>key-…4f2" in notice


def test_it_says_what_to_do_in_order_and_what_we_did(letter):
    notice = page(open_link(letter))

    assert notice.index("Rotate your API keys") < notice.index("Read your logs")
    assert "Whoever holds it can send." in notice
    assert "If you do not: We revoke it." in notice
    assert "We ended all sessions." in notice
    assert "Only keys of the <em>sending</em> API were read." in notice


def test_it_says_when_the_next_update_is_promised(incident, wanda, anton):
    incident.next_update_by = in_hours(5)
    incident.save()
    publish(incident, by=wanda, yes=anton)

    assert "next update by <time" in page(open_link(make_letter(incident)))


def test_it_promises_nothing_once_the_incident_is_over(incident, wanda, anton):
    make_update(incident, "It is over.", phase="resolved")
    incident.next_update_by = in_hours(5)
    incident.save()
    publish(incident, by=wanda, yes=anton)

    assert "next update by" not in page(open_link(make_letter(incident)))


def test_other_segments_are_none_of_their_business(letter):
    notice = page(open_link(letter))

    assert "Look at your invoices" not in notice
    assert "Your invoices were read" not in notice


def test_a_draft_does_not_leak(letter, incident):
    make_step(incident, "Delete everything", position=9)
    make_update(incident, "It was the cat.")
    incident.title = "A draft title"
    incident.save()

    notice = page(open_link(letter))

    for draft in ("Delete everything", "It was the cat", "A draft title"):
        assert draft not in notice


def test_what_is_published_later_stands_there_at_once(letter, incident, wanda, anton):
    client = open_link(letter)
    make_step(incident, "Delete old webhooks", position=9)
    make_update(incident, "Webhooks were read, too.")

    publish(incident, by=wanda, yes=anton)

    assert "Delete old webhooks" in page(client)
    assert "Webhooks were read, too." in page(client)


def test_a_correction_shows_what_was_wrong_and_what_is_right(letter, incident, wanda, anton):
    update = make_update(incident, "The window was longer.", kind="correction")
    Correction.objects.create(
        update=update, subject="event", what="the window", was="One day.", now="Two days.", tell_again=False
    )
    publish(incident, by=wanda, yes=anton)

    notice = page(open_link(letter))

    assert "<del><p>One day.</p> </del>" in notice
    assert "<ins><p>Two days.</p> </ins>" in notice


def test_before_anything_is_published_the_approved_guidance_of_their_message_stands(incident):
    letter = make_letter(incident)
    make_step(incident, "Delete everything", position=9)

    notice = page(open_link(letter))

    assert "Rotate your API keys" in notice
    assert "Delete everything" not in notice
    assert "incidents/api-keys-2018" not in notice


def test_every_message_stands_there_as_it_was_sent_with_the_link_masked(letter, incident):
    second = make_mailing(incident, [], kind=Notice.Kind.FOLLOW_UP, body="Hello {{ name }}: {{ link }} ({{ code }})")
    queue(second, [letter.affected_account])
    later = second.recipients.get()
    Recipient.objects.filter(pk=later.pk).update(state="delivered")
    client = open_link(letter)

    notice = client.get("/notice/").content.decode()

    for recipient in (letter, later):
        token = links.token(recipient.link)
        text = composing.compose(recipient).text
        assert token in text
        shown = notice.replace("&#x27;", "'")
        assert text.replace(token, "…") in shown
        assert token not in notice
        assert recipient.code in notice
    assert notice.index(later.code) < notice.index(letter.code)


@pytest.mark.parametrize("state", ["prepared", "queued", "cancelled"])
def test_a_message_that_did_not_leave_the_house_is_not_shown(letter, incident, state):
    second = make_mailing(incident, [], kind=Notice.Kind.FOLLOW_UP)
    queue(second, [letter.affected_account])
    second.recipients.update(state=state)

    assert second.recipients.get().code not in page(open_link(letter))


def test_a_message_whose_key_is_gone_is_listed_without_its_text(letter, settings):
    client = open_link(letter)

    settings.LINK_KEYS = {"another": "k" * 43}

    assert letter.code in page(client)
    assert "cannot be shown here" in page(client)


def test_whoever_is_ruled_out_afterwards_reads_that_first_and_has_nothing_to_do(letter):
    client = open_link(letter)
    AffectedAccount.objects.update(certainty=AffectedAccount.Certainty.RULED_OUT)

    notice = page(client)

    assert "is not affected after all" in notice
    assert "Rotate your API keys</strong>" not in notice
    assert "key-…4f2" not in notice.partition("What we sent you")[0]
    assert letter.code in notice


def test_certainty_possible_is_not_put_as_fact(letter):
    AffectedAccount.objects.update(certainty=AffectedAccount.Certainty.POSSIBLE)

    assert "This may concern your account" in page(open_link(letter))


def test_the_public_page_is_linked_once_it_is_public(letter):
    assert 'href="http://localhost:8000/incidents/api-keys-2018/"' in page(open_link(letter))


def test_the_page_of_an_incident_told_only_opens_behind_the_notice_alone(wanda, anton, client):
    incident = make_story(visibility="told_only")
    version = publish(incident, by=wanda, yes=anton)
    reader = open_link(make_letter(incident))

    assert "/notice/page/" in page(reader)
    response = reader.get("/notice/page/")

    assert response.content == bytes(version.documents.get(path="incidents/api-keys-2018/index.html").body)
    assert response["Cache-Control"] == "private, no-store"
    assert client.get("/notice/page/").status_code == 403


def test_without_a_published_version_there_is_no_page_behind_the_notice(incident):
    assert open_link(make_letter(incident)).get("/notice/page/").status_code == 404


def test_what_we_did_for_them_is_shown_as_done_and_cannot_be_changed(letter, incident):
    step = incident.steps.get(title="Rotate your API keys")
    StepState.objects.create(affected_account=letter.affected_account, step=step, state="done_for_you", at=NOON)

    notice = page(open_link(letter))

    assert f'value="{step.pk}" checked disabled' in notice
    assert "Done for you" in notice


@pytest.mark.parametrize(
    ("identity", "shown"),
    [
        ("northwind", "northwind"),
        ("someone@contoso.example", "s…@contoso.example"),
        ("x1234567890123456789012345678", "x1234567…5678"),
        (None, "o…@contoso.example"),
    ],
)
def test_no_more_of_an_account_is_shown_than_its_owner_needs(incident, identity, shown):
    account = make_account(identity, "owner@contoso.example", name="")
    affected = make_affected(incident, account)
    mailing = make_mailing(incident, [affected], body="Code {{ code }}")
    mailing.recipients.update(state="accepted")

    assert f'<bdi class="concerns-account">{shown}</bdi>' in page(open_link(mailing.recipients.get()))


@pytest.mark.parametrize(
    ("fact", "shown"),
    [
        ("jane.doe@northwind.example", "j…@northwind.example"),
        ("from 203.0.113.77, twice", "from 203.0.113.…, twice"),
        ("2001:db8:85a3:8d3:1319:8a2e:370:7348", "2001:db8:85a3:…"),
        ("key-3ax6xnjp29jd6fds4gc373sgvjxteol0", "…eol0"),
        ("key-…4f2", "key-…4f2"),
        ("Whatever stands in words alone", "Whatever stands in words alone"),
    ],
)
@pytest.mark.parametrize("in_table", [False, True])
def test_no_more_of_a_fact_is_shown_than_its_owner_knows_it_by(letter, fact, shown, in_table):
    AffectedAccount.objects.update(facts={"what": [{"seen": fact}] if in_table else fact})

    notice = page(open_link(letter)).partition("What we sent you")[0]

    assert f">{shown}<" in notice
    assert fact == shown or fact not in notice


def test_facts_and_small_tables_are_words_and_never_markup(letter):
    AffectedAccount.objects.update(
        facts={
            "smtp_login": "<b>me</b>",
            "calls": [{"time": "2018-01-02T03:12:00Z", "call": "list domains"}, {"call": "read", "times": 4}],
            "keys": ["…4f2", "…9ab"],
            "empty": "",
        }
    )

    notice = page(open_link(letter))

    assert "SMTP login</dt><dd>&lt;b&gt;me&lt;/b&gt;" in notice
    assert 'data-label="Time">03:12 UTC, 2 January 2018</td>' in notice
    assert "…4f2, …9ab" in notice
    assert "Empty" not in notice


@pytest.mark.parametrize("others", [1, 500])
def test_opening_takes_six_queries_however_many_are_affected(letter, incident, others, django_assert_num_queries):
    make_many_affected(incident, others)
    for number in range(20):
        make_step(incident, f"Step {number}", segment=make_segment(incident, f"s{number}"))
    client = open_link(letter)

    with django_assert_num_queries(6):
        client.get("/notice/")


def test_the_notice_is_neither_kept_nor_indexed(letter):
    response = open_link(letter).get("/notice/", **OURS)

    assert response["Cache-Control"] == "private, no-store"
    assert response["Referrer-Policy"] == "strict-origin"
    assert "noindex" in response["X-Robots-Tag"]
