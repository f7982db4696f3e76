"""Who of staff signed in, and with what, is in the audit chain; strangers are not."""

import json
import logging

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import AuditEntry
from config.demo import totp
from tests.factories import PASSWORD, TOTP_SECRET, make_user

pytestmark = pytest.mark.django_db


def sign_in(email: str, password: str = PASSWORD) -> Client:
    client = Client()
    client.post(reverse("account_login"), {"login": email, "password": password})
    return client


def acts() -> list[str]:
    return list(AuditEntry.objects.order_by("number").values_list("act", flat=True))


def test_signing_in_with_both_factors_and_out_again_is_noted(wanda):
    client = sign_in(wanda.email)
    assert acts() == []  # half-way is not in

    client.post(reverse("mfa_authenticate"), {"code": totp.code(TOTP_SECRET)})
    client.post(reverse("account_logout"))

    assert acts() == ["staff.signed_in", "staff.signed_out"]
    assert AuditEntry.objects.filter(by=wanda).count() == 2


def test_a_failed_try_is_a_line_in_the_log_without_the_address(wanda, caplog):
    with caplog.at_level(logging.WARNING, "django.security.sign_in"):
        sign_in(wanda.email, "a wrong passphrase")

    assert acts() == []
    assert [record.getMessage() for record in caplog.records] == ["A sign-in failed"]
    assert "wanda" not in caplog.text


def test_somebody_who_is_not_of_staff_leaves_no_entry(stranger):
    sign_in(stranger.email)

    assert acts() == []


@pytest.mark.django_db(transaction=True)  # allauth speaks after the commit
def test_a_second_factor_that_is_added_is_noted_with_its_kind():
    novice = make_user("nora@relaypost.example", role="Writer", mfa=False)
    client = sign_in(novice.email)
    client.post(reverse("account_reauthenticate"), {"password": PASSWORD})
    secret = client.get(reverse("mfa_activate_totp")).context["form"].secret

    client.post(reverse("mfa_activate_totp"), {"code": totp.code(secret)})

    kinds = {json.loads(entry.body)["facts"]["factor"] for entry in AuditEntry.objects.filter(act="staff.factor_added")}
    assert kinds == {"totp", "recovery_codes"}
