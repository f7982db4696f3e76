from incidents.models.affected import AffectedAccount, ImportBatch, RejectedRow, StagedRow, StepState
from incidents.models.decisions import Decision
from incidents.models.guidance import Contact, Exposure, FAQEntry, Indicator, Measure, Segment, Step
from incidents.models.incident import Incident, Reference, ScopeEstimate, TimelineEvent
from incidents.models.moments import Moment, Precision
from incidents.models.page_versions import PageDocument, PageVersion
from incidents.models.updates import Correction, Update

__all__ = [
    "AffectedAccount", "Contact", "Correction", "Decision", "Exposure", "FAQEntry", "ImportBatch", "Incident",
    "Indicator", "Measure", "Moment", "PageDocument", "PageVersion", "Precision", "Reference", "RejectedRow",
    "ScopeEstimate", "Segment", "StagedRow", "Step", "StepState", "TimelineEvent", "Update",
]  # fmt: skip
