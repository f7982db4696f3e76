"""The ledger, to look at: nothing in it is written by hand."""

from accounts.admin import LookAtPeople, look_only
from notifications import models

look_only([models.Notice, models.NoticeVersion, models.Mailing, models.SendBatch, models.Outbox])
look_only([models.Recipient, models.Attempt, models.DeliveryEvent, models.ReaderLink], base=LookAtPeople)
