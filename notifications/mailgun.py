"""Anymail's backend for Mailgun, quick with a call for many.

Anymail parses each address of a call, and Requests percent-encodes its form letter by letter: with a thousand readers
that took longer than everything else about them. Here Anymail makes the call for the first reader, with all that its
settings ask for, and the others join it in a form that needs no encoding (multipart, the same fields).
"""

import hashlib
from collections.abc import Iterator
from copy import copy
from typing import Any

from anymail.backends import mailgun
from django.core.mail import EmailMessage

from notifications.smtp.mime import PLAIN_ADDRESS


class Backend(mailgun.EmailBackend):
    def build_message_payload(self, message: EmailMessage, defaults: dict) -> mailgun.MailgunPayload:
        variables = getattr(message, "variables", "")
        if not variables or message.attachments or not all(map(PLAIN_ADDRESS.fullmatch, message.to)):
            return super().build_message_payload(message, defaults)
        return Call(message, defaults, self, variables)


class Call(mailgun.MailgunPayload):
    """One text for many readers. variables: the merge data of all of them, as JSON."""

    def __init__(self, message: EmailMessage, defaults: dict, backend: Backend, variables: str) -> None:
        self.readers, self.variables = message.to, variables
        first: Any = copy(message)
        first.to, first.merge_data = message.to[:1], {}
        super().__init__(first, defaults, backend)

    def get_request_params(self, api_url: str) -> dict:
        params = super().get_request_params(api_url)
        fields = params["data"] | {"to": self.readers, "recipient-variables": self.variables}
        body, content_type = as_form(fields, boundary=hashlib.sha256(self.variables.encode()).hexdigest())
        return params | {"data": body, "files": None, "headers": self.headers | {"Content-Type": content_type}}


def as_form(fields: dict[str, Any], *, boundary: str) -> tuple[bytes, str]:
    """multipart/form-data (RFC 7578), and its content type."""
    parts = [f"--{boundary}\r\nContent-Disposition: form-data; name={_quoted(name)}\r\n\r\n{value}\r\n"
             for name, value in _each(fields)]  # fmt: skip
    return "".join([*parts, f"--{boundary}--\r\n"]).encode(), f"multipart/form-data; boundary={boundary}"


def _each(fields: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, said in fields.items():
        for value in said if isinstance(said, list | tuple) else [said]:
            yield name, value


def _quoted(name: str) -> str:
    """As browsers write it (WHATWG HTML, multipart/form-data)."""
    return '"' + name.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A") + '"'
