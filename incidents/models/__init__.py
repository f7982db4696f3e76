from incidents.models.affected import (
    AccountChange,
    AffectedAccount,
    ColumnMapping,
    Finding,
    ImportBatch,
    RejectedRow,
    StagedRow,
    StepState,
    UploadPiece,
)
from incidents.models.decisions import Decision
from incidents.models.guidance import Contact, Exposure, FAQEntry, Indicator, Measure, Segment, Step
from incidents.models.incident import Incident, Reference, ScopeEstimate, TimelineEvent
from incidents.models.moments import Moment, Precision
from incidents.models.obligations import (
    CalendarFeed,
    LawRule,
    Obligation,
    ObligationEntry,
    ObligationReminder,
    SubstituteNotice,
)
from incidents.models.page_versions import PageDocument, PageVersion, PlannedPublication, Redaction
from incidents.models.templates import Template
from incidents.models.translations import Translation
from incidents.models.trust import AddressRule
from incidents.models.updates import Correction, Rewording, Update

__all__ = [
    "AccountChange", "AddressRule", "AffectedAccount", "CalendarFeed", "ColumnMapping", "Contact", "Correction",
    "Decision", "Exposure", "FAQEntry", "Finding", "ImportBatch", "Incident", "Indicator", "LawRule", "Measure",
    "Moment", "Obligation", "ObligationEntry", "ObligationReminder", "PageDocument", "PageVersion",
    "PlannedPublication", "Precision", "Redaction", "Reference", "RejectedRow", "Rewording", "ScopeEstimate",
    "Segment", "StagedRow", "Step", "StepState", "SubstituteNotice", "Template", "TimelineEvent", "Translation",
    "Update", "UploadPiece",
]  # fmt: skip
