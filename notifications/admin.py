"""The ledger, to look at: nothing in it is written by hand."""

from accounts.admin import LookAtPeople, look_only
from notifications import models

look_only([
    models.Notice, models.NoticeText, models.NoticeVersion, models.Mailing, models.MailingTally, models.SendBatch,
    models.Outbox, models.SendingStop, models.SendingPulse, models.Export, models.Announcement, models.UpdateOutbox,
    models.EvidenceBundle, models.EvidencePiece, models.Hook, models.HookCall, models.HookAttempt,
    models.LinkRevocation, models.InquirySwitch, models.AnswerNotice, models.InquiryOutbox, models.Retention,
])  # fmt: skip
look_only([
    models.Recipient, models.Attempt, models.DeliveryEvent, models.ReaderLink, models.RecordUpload,
    models.RecordWithdrawal, models.Subscriber, models.FollowRequest, models.FollowRefusal, models.UpdateMail,
    models.UpdateAttempt, models.FreshLinkRequest, models.HandOver, models.MailboxCode, models.SentAgain,
    models.Inquiry, models.InquiryAnswer, models.InquiryMail, models.InquiryAttempt, models.AddressCorrection,
    models.FakeReport, models.PersonRequest,
], base=LookAtPeople)  # fmt: skip
