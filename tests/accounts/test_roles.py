"""The table in docs/roles.md says what the code does."""

import re
from pathlib import Path

import pytest
from django.apps import apps
from django.contrib.auth.models import Group, Permission

from accounts.management.commands import staff_pages
from accounts.models import User
from accounts.roles import ROLES, make_groups
from tests.accounts.test_access import STAFF
from tests.factories import make_incident, make_user

PAGE = Path(__file__).parents[2] / "docs" / "roles.md"


def table() -> dict[str, set[str]]:
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in PAGE.read_text().splitlines()
        if line.startswith("| ")
    ]
    roles = rows[0][2:]
    said: dict[str, set[str]] = {role: set() for role in roles}
    for permission, _, *cells in rows[2:]:
        for role, cell in zip(roles, cells, strict=True):
            if cell == "yes":
                said[role].add(permission.strip("`"))
    return said


def test_the_table_in_the_docs_is_the_table_in_the_code():
    assert table() == {role: set(permissions) for role, permissions in ROLES.items()}


def test_the_groups_in_the_database_hold_exactly_their_roles_permissions(db):
    held = {group.name: set(group.permissions.values_list("codename", flat=True)) for group in Group.objects.all()}

    assert held == {role: set(permissions) for role, permissions in ROLES.items()}


def test_a_permission_given_to_a_group_by_hand_is_taken_back_by_the_next_migrate(db):
    Group.objects.get(name="Auditor").permissions.add(Permission.objects.get(codename="administer"))

    make_groups(sender=apps.get_app_config("accounts"))

    assert not Group.objects.get(name="Auditor").permissions.filter(codename="administer").exists()


def test_the_page_names_every_permission_a_person_can_have():
    named = set(re.findall(r"^\| `(\w+)`", PAGE.read_text(), re.MULTILINE))

    assert named == {codename for codename, _ in User._meta.permissions}


def test_the_docs_list_every_staff_page_with_who_may_open_it():
    """Written anew by: manage.py staff_pages > docs/staff-pages.md"""
    assert (PAGE.parent / "staff-pages.md").read_text() == staff_pages.table()


@pytest.mark.parametrize("role", ROLES)
def test_each_role_opens_its_pages_and_no_other(db, role, as_user):
    make_incident()
    client = as_user(make_user(f"{role.lower()}@relaypost.example", role=role))

    for address, pattern in STAFF:
        may = bool(set(pattern.callback.permissions) & set(ROLES[role]))
        response = client.get(address)
        refused = response.status_code == 403 and b"This page is not open to you" in response.content
        assert refused is (not may and response.status_code != 405), address
