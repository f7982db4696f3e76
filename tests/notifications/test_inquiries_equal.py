"""Equal answers: six thousand interleaved requests, and any way of typing an address, tell a stranger nothing."""

import random
import unicodedata
from collections import Counter

import pytest
from django.test import Client
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from accounts.addresses import lookup_hash, normalise
from accounts.models import Account, Address
from notifications import limits
from notifications.inquiries import keys
from notifications.models import Inquiry
from tests.factories import make_account, make_many_affected, make_organisation
from tests.notifications.following import make_public
from tests.notifications.inquiring import approve_answers

pytestmark = pytest.mark.django_db

EACH = 2000


def test_six_thousand_interleaved_requests_are_answered_alike(settings, tmp_path, wanda, anton, monkeypatch):
    settings.SITE_FOLDER = tmp_path
    settings.TRUSTED_PROXY_COUNT = 1
    for item in (limits.INQUIRY.per_network, limits.INQUIRY.in_total):
        monkeypatch.setattr(item, "amount", 10_000_000)
    make_organisation()
    incident = make_public("api-keys", by=wanda, yes=anton)
    approve_answers(incident, by=wanda, yes=anton)
    make_many_affected(incident, EACH)
    others = Account.objects.bulk_create(Account(external_id=f"other-{n:04}") for n in range(1, EACH + 1))
    values = [f"owner@diff-{n:04}.example" for n in range(1, EACH + 1)]
    Address.objects.bulk_create(
        Address(account=account, value=value, normal=value, lookup=lookup_hash(value))
        for account, value in zip(others, values, strict=True)
    )
    kinds = {"affected": "acme", "unaffected": "diff", "unknown": "none"}
    asked = [
        (kind, f"owner@{word}-{n:04}.example", wants) for kind, word in kinds.items() for n in range(1, EACH + 1)
        for wants in [n % 2]
    ]  # fmt: skip
    random.Random(7).shuffle(asked)  # noqa: S311

    seen: dict[str, Counter] = {kind: Counter() for kind in kinds}
    for number, (kind, address, wants) in enumerate(asked):
        network = {"HTTP_X_FORWARDED_FOR": f"203.0.{number // 250}.{number % 250}"}
        said = {"address": address} | ({"wants_news": "on"} if wants else {})
        answer = Client().post("/inquiry/api-keys/", said, HTTP_SEC_FETCH_SITE="same-origin", **network)
        seen[kind][answer.status_code, str(sorted(answer.headers.items())), answer.content] += 1

    assert seen["affected"] == seen["unaffected"] == seen["unknown"]
    assert len(seen["affected"]) == 1
    assert Inquiry.objects.count() == 3 * EACH
    assert len({len(bytes(sealed)) for sealed in Inquiry.objects.values_list("sealed", flat=True)}) == 1


LOCALS = st.text(alphabet="abcdefgh.+-_XYZÄöé", min_size=1, max_size=20)


@given(local=LOCALS, shape=st.sampled_from(["NFC", "NFD"]), upper=st.booleans(), space=st.sampled_from(["", " ", "\t"]))
@hypothesis_settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_however_an_address_is_typed_it_is_one_mailbox(local, shape, upper, space):
    address = f"{local}@northwind.example"
    typed = unicodedata.normalize(shape, address)
    typed = space + (typed.upper() if upper else typed) + space

    assert lookup_hash(normalise(typed)) == lookup_hash(normalise(address))


@given(address=st.text(min_size=1, max_size=keys.LONGEST).filter(lambda text: text.isprintable()))
@hypothesis_settings(max_examples=200)
def test_whatever_is_sealed_comes_back_and_is_as_long(address):
    key_id, sealed = keys.seal(address, incident=7, lookup=b"l" * 32)

    assert keys.unseal(sealed, key_id=key_id, incident=7, lookup=b"l" * 32) == address
    assert len(sealed) == 12 + keys.ROOM + 16


def test_redis_away_is_a_503_for_every_address(settings, tmp_path, wanda, anton, monkeypatch):
    import redis

    settings.SITE_FOLDER = tmp_path
    make_organisation()
    incident = make_public("api-keys", by=wanda, yes=anton)
    make_many_affected(incident, 1)
    make_account()

    def away(*args, **kwargs):
        raise redis.ConnectionError

    monkeypatch.setattr(limits, "check", away)
    answers = {
        (answer.status_code, str(sorted(answer.headers.items())), answer.content)
        for address in ("owner@acme-0001.example", "owner@northwind.example", "nobody@nowhere.example")
        for answer in [Client().post("/inquiry/api-keys/", {"address": address}, HTTP_SEC_FETCH_SITE="same-origin")]
    }

    assert len(answers) == 1
    assert answers.pop()[0] == 503
    assert not Inquiry.objects.exists()
