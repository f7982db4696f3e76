from notifications.models.mailings import Mailing
from notifications.models.notices import Notice, NoticeVersion
from notifications.models.readers import ReaderLink
from notifications.models.recipients import Attempt, DeliveryEvent, Outbox, Recipient, SendBatch

__all__ = [
    "Attempt", "DeliveryEvent", "Mailing", "Notice", "NoticeVersion", "Outbox", "ReaderLink", "Recipient", "SendBatch",
]  # fmt: skip
