from notifications.models.bundles import EvidenceBundle, EvidencePiece
from notifications.models.exports import Export
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
    "AnswerNotice", "Inquiry", "InquiryAnswer", "InquiryAttempt", "InquiryMail", "InquiryOutbox", "InquirySwitch",
    "Announcement", "Attempt", "DeliveryEvent", "EvidenceBundle", "EvidencePiece", "Export", "FollowRefusal", "FollowRequest",
    "FreshLinkRequest", "HandOver", "LinkRevocation", "MailboxCode", "Mailing", "MailingTally", "Notice", "NoticeText", "NoticeVersion", "Outbox", "ReaderLink", "Recipient", "RecordUpload", "RecordWithdrawal",
    "SendBatch", "SendingPulse", "SendingStop", "SentAgain", "Subscriber", "UpdateAttempt", "UpdateMail",
    "UpdateOutbox",
]  # fmt: skip
