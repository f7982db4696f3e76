"""A mailing on its way: each file prepares its own, the steps after that are the same everywhere."""

import pytest

from accounts import approvals
from notifications import mailings
from notifications.models import Mailing


@pytest.fixture
def approved(prepared: Mailing, wanda, anton) -> Mailing:
    approvals.answer(mailings.ask(prepared, by=wanda), yes=True, by=anton)
    return prepared


@pytest.fixture
def running(approved: Mailing, anton) -> Mailing:
    return mailings.start(approved, by=anton)
