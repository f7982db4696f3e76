from notifications.models.bundles import EvidenceBundle, EvidencePiece
from notifications.models.exports import Export
from notifications.models.hooks import Hook, HookAttempt, HookCall
from notifications.models.inquiries import (
    AnswerNotice,
    Inquiry,
    InquiryAnswer,
    InquiryAttempt,
    InquiryMail,
    InquiryOutbox,
    InquirySwitch,
)
from notifications.models.mailings import Mailing, MailingTally, SendingPulse, SendingStop
from notifications.models.notices import Notice, NoticeText, NoticeVersion
from notifications.models.readers import FreshLinkRequest, HandOver, LinkRevocation, MailboxCode, ReaderLink
from notifications.models.recipients import (
    Attempt,
    DeliveryEvent,
    Outbox,
    Recipient,
    RecordUpload,
    RecordWithdrawal,
    SendBatch,
    SentAgain,
)
from notifications.models.rights import AddressCorrection, FakeReport, PersonRequest, Retention
from notifications.models.subscribers import (
    Announcement,
    FollowRefusal,
    FollowRequest,
    Subscriber,
    UpdateAttempt,
    UpdateMail,
    UpdateOutbox,
)

__all__ = [
    "AddressCorrection", "Announcement", "AnswerNotice", "Attempt", "DeliveryEvent", "EvidenceBundle", "EvidencePiece",
    "Export", "FakeReport", "FollowRefusal", "FollowRequest", "FreshLinkRequest", "HandOver", "Hook", "HookAttempt",
    "HookCall", "Inquiry", "InquiryAnswer", "InquiryAttempt", "InquiryMail", "InquiryOutbox", "InquirySwitch",
    "LinkRevocation", "MailboxCode", "Mailing", "MailingTally", "Notice", "NoticeText", "NoticeVersion", "Outbox",
    "PersonRequest", "ReaderLink", "Recipient", "RecordUpload", "RecordWithdrawal", "Retention", "SendBatch",
    "SendingPulse", "SendingStop", "SentAgain", "Subscriber", "UpdateAttempt", "UpdateMail", "UpdateOutbox",
]  # fmt: skip
