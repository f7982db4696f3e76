"""Takes addresses and link tokens out of a text that is about to be kept or shown: log lines, replies of servers."""

import re

ADDRESS = re.compile(r"[^\s<>\"'=:,;()\[\]{}|/\\]{1,64}@[^\s<>\"',;()\[\]{}|/\\]{1,255}")
TOKEN = re.compile(r"(?<=/notice/)[A-Za-z0-9_-]{20,}")


def redact(text: str) -> str:
    return TOKEN.sub("[token]", ADDRESS.sub("[address]", text))
