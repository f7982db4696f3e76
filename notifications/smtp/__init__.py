"""SMTP that knows how far a conversation got.

smtplib raises the same SMTPServerDisconnected whether the connection broke before the message left or after its
final dot; the first is surely not accepted, the second is unknown (RFC 1047). `backend` is what EMAIL_BACKEND names,
`window` speaks and notes how far it came, `replies` says what an answer means, `mime` makes the bytes.
"""

from notifications.smtp.backend import PhasedBackend

__all__ = ["PhasedBackend"]
