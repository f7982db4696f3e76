"""Tokens for machines: shown once, kept as a hash, and never stronger than whoever made them."""

import logging
import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import Group
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import people, tokens
from accounts.models import ApiToken, AuditEntry, Scope
from accounts.redaction import redact
from accounts.roles import ROLES, SCOPES
from tests.factories import make_incident, make_user

LIST = "/staff/tokens/"


def make_token(by, *scopes: str, name: str = "key service", **fields) -> str:
    fields.setdefault("expires_at", timezone.now() + timedelta(days=90))
    return tokens.make(name=name, scopes=scopes or ("read:incidents",), by=by, **fields)[1]


def get(token: str, path: str = "/api/incidents", client: Client | None = None):
    return (client or Client()).get(path, headers={"Authorization": f"Bearer {token}"})


# The pages ------------------------------------------------------------------------------------------------------


def test_an_administrator_makes_a_token_and_sees_it_once(ada, as_user):
    client = as_user(ada)

    page = client.post(f"{LIST}new/", {"name": "key service", "scopes": ["read:incidents"], "lives": "90"})

    token = re.search(r"inc_[0-9a-z]{8}_[0-9A-Za-z]{43}", page.text)[0]
    assert page.status_code == 200
    assert "no-store" in page["Cache-Control"]
    assert token not in client.get(LIST).text
    assert token not in "".join(str(dict(client.session.items())))
    assert get(token).status_code == 200


def test_the_same_form_sent_twice_makes_one_token(ada, as_user):
    client = as_user(ada)
    form = {"name": "key service", "scopes": ["read:incidents"], "lives": "90"}
    client.post(f"{LIST}new/", form)

    again = client.post(f"{LIST}new/", form)

    assert again.status_code == 422
    assert "A token of this name stands already" in again.text
    assert ApiToken.objects.count() == 1


@pytest.mark.parametrize(
    "wrong", [{"scopes": []}, {"scopes": ["write:everything"]}, {"lives": "4000"}, {"name": ""}, {"incident": "a b"}]
)
def test_a_wrong_form_makes_nothing(ada, as_user, wrong):
    form = {"name": "key service", "scopes": ["read:incidents"], "lives": "90"} | wrong

    assert as_user(ada).post(f"{LIST}new/", form).status_code == 422
    assert not ApiToken.objects.exists()


@pytest.mark.parametrize("who", ["wanda", "anton", "otto"])
def test_nobody_else_makes_sees_or_revokes_tokens(ada, as_user, who, request):
    make_token(ada)
    client = as_user(request.getfixturevalue(who))

    for path in (LIST, f"{LIST}new/", f"{LIST}{ApiToken.objects.get().pk}/revoke/"):
        assert client.get(path).status_code == 403
        assert client.post(path).status_code in {403, 405}
    assert ApiToken.objects.get().revoked_at is None


def test_revoking_asks_first_and_holds_from_the_next_call(ada, as_user):
    client, token = as_user(ada), make_token(ada)
    page = f"{LIST}{ApiToken.objects.get().pk}/revoke/"

    assert "This cannot be taken back" in client.get(page).text
    assert get(token).status_code == 200
    said = client.post(page, follow=True).text

    assert "It opens nothing from now on" in said
    assert get(token).status_code == 401
    assert client.post(page).status_code == 404


def test_the_list_says_of_each_token_what_became_of_it(ada, as_user):
    make_token(ada, name="warehouse", incident="march-2026")
    make_token(ada, name="old", expires_at=timezone.now() - timedelta(days=1))
    boss = make_user("boss@relaypost.example", role="Administrator", name="Bo Boss")
    make_token(boss, "write:affected", name="demoted")
    boss.groups.set([Group.objects.get(name="Auditor")])

    page = " ".join(as_user(ada).get(LIST).text.split())

    assert "march-2026 only" in page
    assert "it has expired" in page
    assert "Refused now:</strong> write:affected; Bo Boss may not do it any more" in page


def test_the_list_asks_no_more_questions_for_more_tokens(ada, as_user):
    client = as_user(ada)

    def questions() -> int:
        with CaptureQueriesContext(connection) as asked:
            client.get(LIST)
        return len(asked)

    make_token(ada)
    questions()  # the first visit writes the organisation's row
    few = questions()
    for number in range(20):
        make_token(ada, name=f"token {number}")

    assert questions() == few


def test_the_log_tells_of_making_revoking_and_the_first_use_of_a_day(ada, as_user):
    token = make_token(ada)
    get(token)
    get(token)
    tokens.revoke(ApiToken.objects.get(), by=ada)

    acts = list(AuditEntry.objects.filter(act__startswith="token.").order_by("number").values_list("act", flat=True))
    assert acts == ["token.made", "token.used", "token.revoked"]
    secret = token.rpartition("_")[2]
    assert not any(secret in entry.body for entry in AuditEntry.objects.all())
    assert "revoked a token of the API" in as_user(ada).get("/staff/log/").text


# The token ------------------------------------------------------------------------------------------------------


def test_what_is_kept_does_not_open_anything(ada):
    token = make_token(ada)

    row = ApiToken.objects.values().get()
    kept = " ".join(str(value) for value in row.values())
    assert token not in kept
    assert bytes(row["sha256"]).hex() != token
    assert get(bytes(row["sha256"]).hex()).status_code == 401


def test_two_tokens_have_nothing_in_common_but_their_beginning(ada):
    one, other = make_token(ada, name="one"), make_token(ada, name="other")

    assert one[:4] == other[:4] == "inc_"
    assert one[4:] != other[4:]


@pytest.mark.parametrize(
    "token", ["", "inc_", "x", "inc_aaaaaaaa_" + "A" * 43, "inc_\u0660aaaaaaa_" + "A" * 43, "é" * 56]
)
def test_whatever_is_no_token_of_ours_is_refused(db, token):
    response = Client().get("/api/incidents", headers={"Authorization": f"Bearer {token}"})

    assert response.status_code == 401
    assert response["WWW-Authenticate"] == "Bearer"
    assert set(response.json()) == {"detail"}


def test_an_expired_token_is_refused_in_words(ada):
    response = get(make_token(ada, expires_at=timezone.now() - timedelta(seconds=1)))

    assert response.status_code == 401
    assert "expired" in response.json()["detail"]


def test_a_token_ends_the_moment_its_maker_is_shut_out(ada):
    boss = make_user("boss@relaypost.example", role="Administrator")
    token = make_token(boss)
    assert get(token).status_code == 200

    people.close(boss, by=ada)

    assert get(token).status_code == 401


def test_a_token_may_no_more_than_its_maker_may_now(ada):
    boss = make_user("boss@relaypost.example", role="Administrator")
    token = make_token(boss)

    boss.groups.set([Group.objects.get(name="Support")])

    refused = get(token)
    assert refused.status_code == 403
    assert "may not do this any more" in refused.json()["detail"]


def test_a_token_for_one_incident_opens_no_other(ada):
    make_incident("mine"), make_incident("other")
    token = make_token(ada, incident="mine")

    assert get(token, "/api/incidents/mine").status_code == 200
    for path in ("/api/incidents/other", "/api/incidents", "/api/incidents/none"):
        assert get(token, path).status_code == 403


def test_the_moment_of_use_is_kept_to_the_minute(ada):
    token, noon = make_token(ada), timezone.now()
    row = ApiToken.objects.get()

    for seconds in (0, 30, 59, 61):
        tokens.note_use(tokens.find(token), at=noon + timedelta(seconds=seconds))

    row.refresh_from_db()
    assert row.last_used_at == noon + timedelta(seconds=61)


def test_the_database_refuses_a_token_without_scope_or_without_end(ada):
    for wrong in ({"scopes": []}, {"expires_at": timezone.now() + timedelta(days=400)}):
        with pytest.raises(IntegrityError), transaction.atomic():
            tokens.make(**{"name": "x", "scopes": ["read:incidents"], "by": ada,
                           "expires_at": timezone.now() + timedelta(days=1), **wrong})  # fmt: skip


def test_every_scope_stands_on_a_permission():
    assert set(SCOPES) == set(Scope.values)
    assert set(SCOPES.values()) <= set(ROLES["Administrator"])


# Sessions and tokens --------------------------------------------------------------------------------------------


def test_staff_without_a_second_factor_do_not_slip_past_with_a_wrong_token(db, as_user):
    novice = make_user("new@relaypost.example", role="Administrator", mfa=False)
    client = as_user(novice)

    assert client.get("/api/incidents").headers["Location"] == "/account/2fa/"
    for header in ("Bearer x", "Basic eDp5", ""):
        assert client.get("/api/incidents", headers={"Authorization": header}).status_code == 401
        assert client.get("/api/docs", headers={"Authorization": header}).status_code == 302


def test_a_token_is_not_stopped_at_the_door_for_second_factors(ada, as_user):
    novice = make_user("new@relaypost.example", role="Writer", mfa=False)

    assert get(make_token(ada), client=as_user(novice)).status_code == 200


def test_a_session_adds_nothing_to_a_token(ada, as_user):
    make_incident()
    token = make_token(ada, "read:incidents")

    response = get(token, "/api/incidents/api-keys-2018/outcomes", client=as_user(ada))

    assert response.status_code == 403
    assert response.json()["detail"] == "This token lacks the scope read:outcomes."


def test_the_staff_room_takes_no_token(ada):
    assert get(make_token(ada), "/staff/").status_code == 302


# Logs -----------------------------------------------------------------------------------------------------------


def test_a_refused_token_is_in_the_log_by_its_short_name_alone(ada, caplog):
    token = make_token(ada)
    tokens.revoke(ApiToken.objects.get(), by=ada)

    with caplog.at_level(logging.INFO):
        get(token)
        get("garbage-that-somebody-sent")

    public_id, secret = token.split("_")[1:]
    assert public_id in caplog.text
    assert secret not in caplog.text
    assert "garbage" not in caplog.text


def test_a_token_that_gets_into_a_log_line_is_taken_out(ada):
    token = make_token(ada)

    line = redact(f"Authorization: Bearer {token}")

    assert token not in line
    assert line.endswith("_[token]")
