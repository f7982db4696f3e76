"""Over which tables the window's statements run: one protocol, however many kinds of messages there are."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from notifications.models import Attempt, Mailing, Outbox, Recipient


@dataclass(frozen=True)
class Ledger:
    """Models whose tables have the columns of Mailing, Recipient, Outbox and Attempt that the statements name."""

    mailing: Any
    recipient: Any
    outbox: Any
    attempt: Any
    comes_last: str = "m.id IS NULL"
    """Of a mailing `m`, in SQL: served once no other has anything due. None is; a bare FALSE orders nothing."""

    def over(self, statement: str) -> str:
        """The statement, which names the tables of notices, over the tables of this ledger."""
        return _over(statement, self)

    @property
    def tables(self) -> Mapping[str, str]:
        models = {Mailing: self.mailing, Recipient: self.recipient, Outbox: self.outbox, Attempt: self.attempt}
        return {usual._meta.db_table: own._meta.db_table for usual, own in models.items()}


@lru_cache(maxsize=64)
def _over(statement: str, ledger: Ledger) -> str:
    for usual, own in ledger.tables.items():
        statement = statement.replace(f"{usual} ", f"{own} ")
    return statement.replace("comes_last(m)", ledger.comes_last)


NOTICES = Ledger(Mailing, Recipient, Outbox, Attempt, comes_last="m.whom = 'again'")
