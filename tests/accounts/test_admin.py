"""The Django admin shows tables, lets an administrator mend reference data, and changes nothing else."""

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.admin.models import LogEntry

from accounts import audit
from accounts.models import Account, Address, AuditEntry
from tests.factories import make_account, make_affected, make_incident, make_user

OURS = [model for model in admin.site._registry if model._meta.app_label in {"accounts", "incidents", "notifications"}]

NO_ADDRESSES = {"addresses-TOTAL_FORMS": 0, "addresses-INITIAL_FORMS": 0}


@pytest.fixture
def some_rows(db):
    make_affected(make_incident())


def test_every_model_of_ours_can_be_looked_at():
    models = {
        model
        for label in ("accounts", "incidents", "notifications")
        for model in apps.get_app_config(label).get_models()
    }

    assert models == set(OURS)


def test_an_auditor_can_look_at_every_table_but_the_sign_ins(some_rows, otto, as_user):
    client = as_user(otto)

    for model in OURS:
        response = client.get(f"/admin/{model._meta.app_label}/{model._meta.model_name}/")
        assert response.status_code == (403 if model._meta.model_name == "user" else 200), model


def test_an_auditor_can_change_nothing(some_rows, otto, as_user):
    client = as_user(otto)

    for model in OURS:
        add = client.get(f"/admin/{model._meta.app_label}/{model._meta.model_name}/add/")
        assert add.status_code == 403, model
    account = Account.objects.get()
    assert client.post(f"/admin/accounts/account/{account.pk}/change/", {"name": "X"}).status_code == 403


def test_a_writer_sees_no_table_that_names_people(some_rows, wanda, as_user):
    client = as_user(wanda)

    assert client.get("/admin/incidents/incident/").status_code == 200
    for table in ("accounts/account", "accounts/address", "incidents/affectedaccount", "notifications/recipient"):
        assert client.get(f"/admin/{table}/").status_code == 403, table


def test_support_sees_no_table_at_all(some_rows, as_user):
    client = as_user(make_user("sam@relaypost.example", role="Support"))

    for model in OURS:
        assert client.get(f"/admin/{model._meta.app_label}/{model._meta.model_name}/").status_code == 403, model


@pytest.mark.parametrize(
    "table", ["accounts/auditentry", "accounts/approval", "notifications/recipient", "accounts/user"]
)
def test_not_even_an_administrator_changes_the_ledger(some_rows, ada, as_user, table):
    assert as_user(ada).get(f"/admin/{table}/add/").status_code == 403


def test_an_administrator_mends_an_account_and_the_log_has_it_without_names(ada, as_user):
    account = make_account()
    form = {"external_id": "northwind", "kind": "customer", "name": "Northwind Ltd.", "locale": "de"}

    as_user(ada).post(f"/admin/accounts/account/{account.pk}/change/", form | NO_ADDRESSES)

    account.refresh_from_db()
    entry = AuditEntry.objects.get(act="account.changed")
    assert account.name == "Northwind Ltd."
    assert '"fields":["name","locale"]' in entry.body and "Northwind" not in entry.body
    assert audit.verify() == 1


def test_the_admin_keeps_no_log_of_its_own_with_names_in_it(ada, as_user):
    form = {"external_id": "fabrikam", "kind": "customer", "name": "Fabrikam", "locale": "", "jurisdiction": ""}

    as_user(ada).post("/admin/accounts/account/add/", form | NO_ADDRESSES)

    assert Account.objects.filter(name="Fabrikam").exists()
    assert not LogEntry.objects.exists()


def test_what_an_address_says_cannot_be_changed_under_an_approval(some_rows, ada, as_user):
    """Messages of a mailing that runs go to what stands there: the approved address, or nobody."""
    address = Address.objects.get()
    said = {"account": address.account_id, "kind": "email", "role": "security", "value": "other@elsewhere.example"}

    as_user(ada).post(f"/admin/accounts/address/{address.pk}/change/", said)

    address.refresh_from_db()
    assert (address.value, address.role, address.trusted) == ("owner@northwind.example", "security", False)


@pytest.mark.parametrize("value", ["OWNER@northwind.example", "a@b.example\nBcc: c@d.example", "nobody"])
def test_an_address_there_is_or_that_is_none_is_not_added(some_rows, ada, as_user, value):
    account = Account.objects.get()
    said = {"account": account.pk, "kind": "email", "role": "owner", "value": value, "trusted": "on"}

    response = as_user(ada).post("/admin/accounts/address/add/", said)

    assert response.status_code == 200
    assert "Please correct the error below" in response.content.decode()
    assert account.addresses.count() == 1
