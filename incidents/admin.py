"""Tables to look at. What staff do about an incident, they do in the staff room."""

from accounts.admin import LookAtPeople, look_only
from incidents import models

look_only([
    models.Incident, models.TimelineEvent, models.ScopeEstimate, models.Reference, models.Update, models.Correction,
    models.Segment, models.Exposure, models.Step, models.Measure, models.Indicator, models.FAQEntry, models.Contact,
    models.Decision, models.PageVersion, models.PageDocument, models.PlannedPublication, models.ImportBatch,
    models.ColumnMapping, models.AddressRule, models.Redaction, models.LawRule, models.Obligation,
    models.ObligationEntry, models.ObligationReminder, models.CalendarFeed, models.SubstituteNotice, models.Template,
    models.Translation, models.Rewording,
])  # fmt: skip
look_only([
    models.AffectedAccount, models.AccountChange, models.StepState, models.StagedRow, models.RejectedRow,
    models.Finding, models.UploadPiece,
], base=LookAtPeople)  # fmt: skip
