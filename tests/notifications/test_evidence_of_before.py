"""Mailings that were approved by an earlier release: their shape is known, said, and no way around the checks."""

from types import SimpleNamespace

import pytest

from notifications.verify_evidence import check_mailings

NOW = {"text": "t", "recipients": "r", "how": "h"}
BEFORE = {"text": "t", "recipients": "r"}


def said(*, approved: dict, started: dict, version: int) -> tuple[list, list]:
    mailing = {
        "number": 1, "id": 7, "text": "t", "how": {}, "recipients_hash": "r", "recipients_count": 3,
        "state": "finished", "recipients_hash_version": version, "started_at": "2018-01-05T12:00:00Z", "approval": 5,
    }  # fmt: skip
    approval = {"id": 5, "act": "mail", "thing": "notifications.mailing:7", "used_at": "x", "hashes": approved}
    facts = {"mailing.prepared": {"text": "t", "recipients": "r", "count": 3}, "mailing.started": {"hashes": started}}
    problems: list = []
    bundle = SimpleNamespace(
        json=lambda name: [mailing], mailings={}, kept={"mailings.json": set()}, notices={"t": {}}, counted={}, held=[],
        approvals={5: approval}, entry=lambda act, thing: {"facts": facts[act]},
        say=lambda *words: problems.append(words),
    )  # fmt: skip
    check_mailings(bundle)
    return problems, bundle.held


def test_a_mailing_of_before_verifies_and_is_said_to_be_one():
    problems, held = said(approved=BEFORE, started=BEFORE, version=1)

    assert problems == []
    assert "1 of them were approved before how a mailing goes out was part of it" in held[-1]


@pytest.mark.parametrize(
    ("approved", "started", "version"),
    [(BEFORE, BEFORE, 2), (BEFORE, NOW, 1), (NOW, BEFORE, 1), ({"text": "t"}, BEFORE, 1)],
)
def test_the_shape_of_before_is_no_way_around(approved, started, version):
    problems, _ = said(approved=approved, started=started, version=version)

    assert problems
