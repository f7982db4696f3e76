"""Who people are: staff, the organisation, the accounts owed a notice and the addresses they are reached at."""

from accounts.models.accounts import Account, Address
from accounts.models.anchors import Anchor, SigningKey
from accounts.models.approvals import Approval, SignOff
from accounts.models.audit import AuditEntry
from accounts.models.organisation import Organisation, OrganisationChange
from accounts.models.people import User
from accounts.models.tokens import ApiToken, Scope

__all__ = [
    "Account", "Address", "Anchor", "ApiToken", "Approval", "AuditEntry", "Organisation",
    "OrganisationChange", "Scope", "SignOff", "SigningKey", "User",
]  # fmt: skip
