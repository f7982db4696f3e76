"""What a reply of the mail server means for the message it is about."""

import smtplib

from notifications.outcomes import Outcome, Result, words


def no_line(error: OSError) -> Result:
    """No connection: TCP, TLS, greeting, EHLO or AUTH. Nothing has been said of any message."""
    if isinstance(error, smtplib.SMTPAuthenticationError) and error.smtp_code >= 500:
        return _refused_us(error.smtp_code, "The mail server refused our user name or password")
    if isinstance(error, smtplib.SMTPNotSupportedError):
        return _refused_us(None, "The mail server does not offer the sign-in or encryption that the settings ask for")
    code = getattr(error, "smtp_code", None)
    code = code if isinstance(code, int) and code > 0 else None
    return Result(Outcome.RETRY, code, f"No connection: {words(error)}"[:300], throttled=True, rest=Outcome.RETRY)


def refused(command: str, code: int, reply: bytes) -> Result:
    """What it means that MAIL, RCPT or DATA was not taken: surely not accepted."""
    if command == "mail" and 500 <= code < 600 and code != 552:  # 552: this message is too big
        return _refused_us(code, "The mail server refused our sender", all_of_us=False)
    return _no(code, reply) or Result(Outcome.RETRY, None, "An answer that cannot be read")


def answered(code: int, reply: bytes) -> Result:
    """What the reply to the final dot means. A code that cannot be read (smtplib says -1) is no answer at all."""
    if 200 <= code < 300:
        return Result(Outcome.ACCEPTED, code, words(reply))
    return _no(code, reply) or Result(Outcome.UNKNOWN, None, "An answer that cannot be read", rest=Outcome.RELEASED)


def _no(code: int, reply: bytes) -> Result | None:
    if code == 421:  # the server goes away: whoever waits behind this message need not hear the same
        return Result(Outcome.RETRY, code, words(reply), throttled=True, rest=Outcome.RELEASED)
    if 400 <= code < 500:
        return Result(Outcome.RETRY, code, words(reply), throttled=code == 454)
    if code == 530:
        return _refused_us(code, "The mail server wants us to sign in")
    if 500 <= code < 600:
        return Result(Outcome.FAILED, code, words(reply))
    return None


def _refused_us(code: int | None, fact: str, *, all_of_us: bool = True) -> Result:
    because = f"{fact}{f' (SMTP {code})' if code else ''}. Check the mail settings, then resume."
    return Result(Outcome.RELEASED, code, because, pause=because, refuses_us=all_of_us, rest=Outcome.RELEASED)
