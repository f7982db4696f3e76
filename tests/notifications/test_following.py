"""Following by mail: nobody learns who follows, nobody is made to follow, nobody ends it for somebody else."""

import re
from datetime import timedelta
from email.header import decode_header, make_header

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Organisation
from notifications.models import FollowRefusal, FollowRequest, Subscriber, UpdateMail, UpdateOutbox
from notifications.subscriptions import asking, sending, tokens
from notifications.subscriptions.tokens import Purpose
from tests.factories import make_incident, make_organisation
from tests.notifications.following import OURS, make_follower, make_public, parts, through
from tests.notifications.smtp_server import SmtpServer

pytestmark = pytest.mark.django_db(transaction=True)
READER = "reader@northwind.example"


@pytest.fixture(autouse=True)
def site(settings, tmp_path):
    settings.SITE_FOLDER = tmp_path
    make_organisation()


@pytest.fixture
def incident(wanda, anton):
    return make_public("api-keys", by=wanda, yes=anton)


@pytest.fixture
def server(settings):
    with SmtpServer() as server:
        yield through(server, settings)


def ask(slug="api-keys", address=READER, client=None, **data):
    said = {"address": address, "what": "this", "language": "en", **data}
    return (client or Client()).post(f"/follow/{slug}/" if slug else "/follow/", said, **OURS)


def link_in(message, purpose: Purpose) -> str:
    return re.search(rf"https?://[^/\s]+(/follow/{purpose}/\S+/)", parts(message)[0])[1]


# The form ---------------------------------------------------------------------------------------------------------


def test_the_answer_is_the_same_for_every_address(incident):
    make_follower("follower@northwind.example", incident)
    make_follower("all@northwind.example")
    FollowRefusal.objects.create(lookup=b"0" * 32, until=timezone.now() + timedelta(days=1), because="bounced")
    answers = set()

    for address in ["follower@northwind.example", "all@northwind.example", "nobody@northwind.example"]:
        client = Client()
        answer = ask(address=address, client=client)
        shown = client.get(answer.url)
        headers = (sorted(answer.headers.items()), sorted(shown.headers.items()))
        answers.add((answer.status_code, answer.content, str(headers), shown.content))

    assert len(answers) == 1
    assert FollowRequest.objects.count() == 3


def test_nothing_is_looked_up_before_the_answer(incident, django_assert_num_queries):
    with django_assert_num_queries(3) as asked:  # the incident, whether it is switched on, the row
        ask()

    assert not any("subscriber" in query["sql"] or "refusal" in query["sql"] for query in asked)


def test_what_is_no_address_is_said_so_and_asked_for_nothing(incident):
    answer = ask(address="northwind.example")

    assert answer.status_code == 422
    assert "does not look like an email address" in answer.content.decode()
    assert not FollowRequest.objects.exists()


def test_a_form_of_another_site_cannot_ask(incident):
    answer = Client().post("/follow/api-keys/", {"address": READER}, HTTP_SEC_FETCH_SITE="cross-site")

    assert answer.status_code == 403
    assert not FollowRequest.objects.exists()


@pytest.mark.parametrize(
    "fields", [{"visibility": "private"}, {"visibility": "told_only"}, {"visibility": "private", "drill": True}, {}]
)
def test_an_incident_that_is_not_public_cannot_be_followed(fields, db):
    make_incident("quiet", **fields)

    answers = [Client().get(f"/follow/{slug}/").content for slug in ("quiet", "there-is-none")]

    assert Client().get("/follow/quiet/").status_code == 404
    assert answers[0] == answers[1]


def test_pages_are_personal_and_never_stored(incident):
    for path in ["/follow/", "/follow/api-keys/", f"/follow/confirm/{'a' * 43}/", f"/follow/end/{'a' * 43}/"]:
        answer = Client().get(path)
        assert answer.status_code == 200, path
        assert answer.headers["Cache-Control"] == "private, no-store"
        assert not answer.cookies


def test_the_public_page_leads_there(incident):
    page = incident.page_versions.first().documents.get(path="incidents/api-keys/index.html")

    assert b'href="/follow/api-keys/"' in bytes(page.body)


# The question -----------------------------------------------------------------------------------------------------


def test_somebody_follows_once_they_said_yes_from_their_mailbox(incident, server):
    ask(language="de")
    asking.take_up()
    sending.run_lane()
    (message,) = server.accepted
    client = Client()

    assert not Subscriber.objects.following().exists()
    assert "Möchten Sie" in str(make_header(decode_header(message["Subject"])))
    link = link_in(message, Purpose.CONFIRM)
    assert client.get(link).status_code == 200
    assert not Subscriber.objects.following().exists()  # a mail scanner changes nothing

    answer = client.post(link, **OURS)

    assert (answer.status_code, answer.url) == (303, "/follow/confirmed/")
    follower = Subscriber.objects.following().get()
    assert (follower.address, follower.incident, follower.language) == (READER, incident, "de")


def test_an_address_is_asked_once_a_day_whatever_was_asked(incident, wanda, anton):
    make_public("other", by=wanda, yes=anton)
    for slug in ["api-keys", "api-keys", "other", ""]:
        ask(slug)
    ask(address="READER@Northwind.example")

    asking.take_up()
    assert UpdateMail.objects.count() == 1

    ask()
    asking.take_up(at=timezone.now() + timedelta(days=1, minutes=1))
    assert UpdateMail.objects.count() == 2


def test_the_worker_keeps_nothing_of_the_request(incident):
    ask()
    asking.take_up()

    assert not FollowRequest.objects.exists()


def test_a_request_that_cannot_be_answered_holds_up_nobody(incident, monkeypatch, caplog):
    answer = asking._answer
    broken = lambda request, at: int("x") if request.address == READER else answer(request, at)  # noqa: E731
    monkeypatch.setattr(asking, "_answer", broken)
    ask()
    ask(address="other@northwind.example")

    assert asking.take_up() == 2
    assert Subscriber.objects.get().address == "other@northwind.example"
    assert READER not in caplog.text


def test_whoever_never_says_yes_is_forgotten_after_a_week(incident):
    ask()
    asking.take_up()
    token = tokens.token(Subscriber.objects.get(), Purpose.CONFIRM)
    later = timezone.now() + timedelta(days=7, minutes=1)

    with pytest.raises(tokens.NoSuchSubscriber):
        asking.confirm(token, at=later)
    assert asking.forget(at=later) == 1
    assert not Subscriber.objects.exists()
    assert not UpdateOutbox.objects.exists()


def test_whoever_follows_already_is_told_so_and_a_stranger_changes_nothing(incident, server):
    make_follower(READER, incident, language="de")

    ask(language="fr")
    asking.take_up()
    sending.run_lane()

    (message,) = server.accepted
    assert Subscriber.objects.get().language == "de"
    text, _ = parts(message)
    assert "Das ist schon der Fall" in text
    assert "/follow/confirm/" not in text


def test_whoever_follows_all_is_asked_no_more_for_one(incident):
    make_follower(READER)

    ask()
    asking.take_up()

    assert Subscriber.objects.count() == 1


def test_saying_yes_to_all_takes_the_place_of_single_ones(incident):
    make_follower(READER, incident)
    every = make_follower(READER, confirmed_at=None, asked_at=timezone.now())

    asking.confirm(tokens.token(every, Purpose.CONFIRM))

    assert Subscriber.objects.following().get() == every


def test_following_can_be_switched_off(incident):
    Organisation.objects.update(following_by_mail=False)

    assert "no updates by email" in Client().get("/follow/api-keys/").content.decode()
    ask()
    asking.take_up()

    assert not FollowRequest.objects.exists()
    assert not Subscriber.objects.exists()


# The end ----------------------------------------------------------------------------------------------------------


def test_one_click_at_a_mail_provider_ends_it(incident):
    follower = make_follower(READER, incident)
    link = f"/follow/end/{tokens.token(follower, Purpose.END)}/"

    Client().get(link)
    assert Subscriber.objects.following().exists()
    answer = Client(enforce_csrf_checks=True).post(link, {"List-Unsubscribe": "One-Click"})

    assert answer.status_code == 200
    follower.refresh_from_db()
    assert (follower.address, follower.lookup, follower.end_sha256) == ("", None, None)
    assert follower.ended_because == "asked"
    assert not FollowRefusal.objects.exists()


def test_every_token_gets_the_same_answers(incident):
    follower = make_follower(READER, incident)
    good = tokens.token(follower, Purpose.END)

    for method in ("get", "post"):
        answers = {getattr(Client(), method)(f"/follow/end/{token}/").content for token in (good, "a" * 43)}
        assert len(answers) == 1
    assert len({Client().get(f"/follow/confirm/{token}/").content for token in (good, "a" * 43)}) == 1


def test_a_token_serves_its_own_purpose_alone(incident):
    follower = make_follower(READER, incident)
    asked = make_follower("other@northwind.example", incident, confirmed_at=None, asked_at=timezone.now())

    assert not asking.end(tokens.token(follower, Purpose.CONFIRM))
    with pytest.raises(tokens.NoSuchSubscriber):
        asking.confirm(tokens.token(asked, Purpose.END))
    assert Client().post(f"/follow/confirm/{tokens.token(asked, Purpose.END)}/", **OURS).status_code == 410


def test_whoever_never_asked_can_keep_from_being_asked_again(incident):
    ask()
    asking.take_up()
    subscriber = Subscriber.objects.get()

    asking.end(tokens.token(subscriber, Purpose.END))
    ask()
    asking.take_up(at=timezone.now() + timedelta(days=3))

    assert Subscriber.objects.living().count() == 0
    assert UpdateMail.objects.get().state == "cancelled"
    assert asking.forget(at=timezone.now() + timedelta(days=400)) == 1
    assert not FollowRefusal.objects.exists()


def test_rows_name_nobody_in_logs(incident):
    follower = make_follower(READER, incident)

    assert READER not in f"{follower} {follower!r} {FollowRequest(address=READER)!r}"
