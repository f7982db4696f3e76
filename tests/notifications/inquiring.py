"""Arranging for tests of inquiries: a public incident whose answers two people approved, and readers who ask."""

from django.test import Client

from accounts import approvals
from accounts.models import User
from incidents.models import Incident
from notifications.inquiries import texts
from tests.notifications.following import OURS

AFFECTED, UNAFFECTED, UNKNOWN = "owner@northwind.example", "owner@contoso.example", "nobody@nowhere.example"


def approve_answers(incident: Incident, *, by: User, yes: User) -> None:
    texts.draft_all(incident, by=by)
    approvals.answer(texts.ask(incident, by=by), yes=True, by=yes)
    texts.put_to_use(incident, by=yes)


def ask(address: str, slug: str = "api-keys", *, language: str = "", client: Client | None = None, **data):
    path = f"/inquiry/{slug}/{language}/" if language else f"/inquiry/{slug}/"
    return (client or Client()).post(path, {"address": address, **data}, **OURS)
