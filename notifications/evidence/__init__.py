"""Proof of what was said and who was told: one zip that a stand-alone script verifies without us."""

from notifications.evidence.bundle import Manifest
from notifications.evidence.rows import account_hash
from notifications.evidence.writing import write

__all__ = ["Manifest", "account_hash", "write"]
