"""Legal clocks: which run for an incident, until when, in which state, and what an authority is told.

Starter rules are data (starter.json), each to be checked with counsel; where sources contradict each other the rule
says so, every reading is counted, and a person chooses.
"""

from incidents.obligations.choosing import (
    AlreadyRuns,
    NotYet,
    ReasonsMissing,
    Suggestion,
    choose,
    say,
    suggestions,
    take_newer,
)
from incidents.obligations.proof import obligations_for_evidence
from incidents.obligations.rules import CHECK_WITH_COUNSEL, EditedMeanwhile, load_starter, write_version
from incidents.obligations.standing import Clock, Reading, State, span, standing, unsettled

__all__ = [
    "CHECK_WITH_COUNSEL", "AlreadyRuns", "Clock", "EditedMeanwhile", "NotYet", "Reading", "ReasonsMissing", "State",
    "Suggestion", "choose", "load_starter", "obligations_for_evidence", "say", "span", "standing", "suggestions",
    "take_newer", "unsettled", "write_version",
]  # fmt: skip
