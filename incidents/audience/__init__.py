"""Saying who was affected: a file is read into a staging table, compared with what we hold, then saved or discarded.

Nothing else is touched until somebody confirms. A file adds and changes, unless it is said to be the whole list or to
name those to be ruled out; nobody is ever taken away, and an empty cell means "not said".
"""

from incidents.audience.claiming import worked_on
from incidents.audience.comparing import Comparison, compare, compared
from incidents.audience.counts import DoesNotAddUp
from incidents.audience.formats import Format
from incidents.audience.leftovers import NothingLeftOut, deal_with, growing, left_out, waiting
from incidents.audience.reading import read
from incidents.audience.receiving import (
    ColumnsPreview,
    NotReceived,
    begin,
    preview_columns,
    read_as,
    receive,
    waits_for_columns,
)
from incidents.audience.saving import (
    BeyondEstimate,
    NotWaiting,
    RowsLost,
    SegmentGone,
    ask_to_save,
    discard,
    put_away,
    save,
    told_counts,
)
from incidents.audience.source import Refused
from incidents.audience.turns import waits as waits_for_another
from incidents.audience.working import compare_again, work

__all__ = [
    "BeyondEstimate", "ColumnsPreview", "Comparison", "DoesNotAddUp", "Format", "NotReceived", "NotWaiting",
    "NothingLeftOut", "Refused", "RowsLost", "SegmentGone", "ask_to_save", "begin", "compare", "compare_again",
    "compared", "deal_with", "discard", "growing", "left_out", "preview_columns", "put_away", "read", "read_as",
    "receive", "save", "told_counts", "waiting", "waits_for_another", "waits_for_columns", "work", "worked_on",
]  # fmt: skip
