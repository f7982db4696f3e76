"""Takes addresses and link tokens out of a text that is about to be kept or shown: log lines, replies of servers."""

import re

ADDRESS = re.compile(r"[^\s<>\"'=:,;()\[\]{}|/\\]{1,64}@[^\s<>\"',;()\[\]{}|/\\]{1,255}")
# Paths that open something for whoever holds them: a notice, a new password, an address to confirm.
TOKEN = re.compile(r"(/notice/|/calendar/|/password/reset/key/|/confirm-email/)[A-Za-z0-9_:=-]{16,}")
API_TOKEN = re.compile(r"(inc_[0-9a-z]{8}_)[0-9A-Za-z]{16,}")  # what stands before says which one

# What PostgreSQL quotes of a row it refuses: names and ids of people stand in them.
REFUSED_KEY = re.compile(r"(Key \([^)\n]*\)=\().*(\) (?:already|is|conflicts))")
REFUSED_ROW = re.compile(r"(Failing row contains \().*")


def redact(text: str) -> str:
    text = REFUSED_ROW.sub(r"\1[values]).", REFUSED_KEY.sub(r"\1[value]\2", text))
    return API_TOKEN.sub(r"\1[token]", TOKEN.sub(r"\1[token]", ADDRESS.sub("[address]", text)))
