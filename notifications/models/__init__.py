from notifications.models.exports import Export
from notifications.models.mailings import Mailing, MailingTally, SendingPulse, SendingStop
from notifications.models.notices import Notice, NoticeText, NoticeVersion
from notifications.models.readers import ReaderLink
from notifications.models.recipients import (
    Attempt,
    DeliveryEvent,
    Outbox,
    Recipient,
    RecordUpload,
    RecordWithdrawal,
    SendBatch,
)

__all__ = [
    "Attempt", "DeliveryEvent", "Export", "Mailing", "MailingTally", "Notice", "NoticeText", "NoticeVersion", "Outbox",
    "ReaderLink", "Recipient", "RecordUpload", "RecordWithdrawal", "SendBatch", "SendingPulse", "SendingStop",
]  # fmt: skip
