"""The code an authenticator would show now (RFC 6238, SHA-1, 30 s, 6 digits), for the rehearsal's people only."""

import base64
import hmac
import struct
import time


def code(secret: str, at: float | None = None) -> str:
    counter = struct.pack(">Q", int((time.time() if at is None else at) // 30))
    digest = hmac.digest(base64.b32decode(secret), counter, "sha1")
    start = digest[-1] & 0xF
    return f"{(struct.unpack('>I', digest[start : start + 4])[0] & 0x7FFFFFFF) % 1_000_000:06}"
