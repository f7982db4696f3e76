"""Saying who was affected: a file is read into a staging table, compared with what we hold, then saved or discarded.

Nothing else is touched until somebody confirms. A file adds and changes; it never takes away: an account that
is missing from a later file stays, an empty cell means "not said".
"""

from incidents.audience.comparing import Comparison, compare
from incidents.audience.counts import DoesNotAddUp
from incidents.audience.leftovers import NothingLeftOut, deal_with, left_out
from incidents.audience.reading import read
from incidents.audience.saving import BeyondEstimate, NotWaiting, SegmentGone, discard, put_away, save

__all__ = [
    "BeyondEstimate", "Comparison", "DoesNotAddUp", "NotWaiting", "NothingLeftOut", "SegmentGone", "compare",
    "deal_with", "discard", "left_out", "put_away", "read", "save",
]  # fmt: skip
