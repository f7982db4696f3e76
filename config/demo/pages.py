"""The mailbox's few pages: plain HTML, no scripts, in the portal's own styles."""

import email.policy
from datetime import datetime
from email import message_from_bytes
from html import escape
from pathlib import Path
from urllib.parse import quote

from config.demo import totp
from config.demo.people import PEOPLE

STYLES = Path(__file__).resolve().parents[2] / "static" / "css"

TRAY = """
body { max-width: 60rem; margin: 0 auto; padding: 1rem; }
td { overflow-wrap: anywhere; vertical-align: top; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; border: 1px solid; padding: 1rem; }
iframe { width: 100%; height: 42rem; border: 1px solid; background: #fff; }
@media (max-width: 40rem) { table, tbody, tr, td { display: block; } th { display: none; } td { padding: 0; border: 0; }
tr { padding-block: .5rem; border-block-end: 1px solid; } }
.code { font-size: 1.5rem; font-variant-numeric: tabular-nums; letter-spacing: .08em; }
"""


def styles() -> str:
    return "".join((STYLES / name).read_text() for name in ("tokens.css", "base.css")) + TRAY


def _page(title: str, body: str, *, refresh: int = 0) -> str:
    again = f'<meta http-equiv="refresh" content="{refresh}">' if refresh else ""
    return f"""<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>{title}</title>{again}
<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="stylesheet" href="/styles.css"></head>
<body><nav><a href="/">Mailbox</a> · <a href="/authenticator">Authenticator</a></nav><h1>{title}</h1>{body}</body>
</html>"""


def mail_list(rows: list[tuple], total: int, wanted: str, page: int) -> str:
    search = (
        f'<form><label>Address or subject <input name="q" value="{escape(wanted)}"></label>'
        f" <button>Search</button></form>"
    )
    if not rows:
        return _page("Caught messages", f"{search}<p>Nothing here yet. What the rehearsal sends will stand here.</p>")
    lines = "".join(
        f"<tr><td>{escape(at[11:19])}</td><td>{escape(to)}</td>"
        f'<td><a href="/message/{number}">{escape(subject)}</a></td></tr>'
        for number, at, to, subject in rows
    )
    here = f"/?q={quote(wanted)}&amp;page="
    older = f'<a href="{here}{page + 1}">Older</a>' if total > 50 * page else ""
    newer = f'<a href="{here}{page - 1}">Newer</a>' if page > 1 else ""
    return _page(
        "Caught messages",
        f"{search}<p>{total:,} messages, newest first. None of them left this machine.</p>"
        f"<table><tr><th>Time (UTC)</th><th>To</th><th>Subject</th></tr>{lines}</table><p>{newer} {older}</p>",
    )


def message(number: str, at: str, recipient: str, raw: bytes, *, source: bool) -> str:
    if source:
        return _page("Source", f"<pre>{escape(raw.decode('utf-8', 'replace'))}</pre>")
    parsed = message_from_bytes(raw, policy=email.policy.default)
    text, html = parsed.get_body(("plain",)), parsed.get_body(("html",))
    return _page(
        escape(str(parsed["Subject"])),
        f"<p>From {escape(str(parsed['From']))}<br>To {escape(recipient)}<br>"
        f"{datetime.fromisoformat(at):%d %B %Y, %H:%M} UTC · "
        f'<a href="/message/{number}?source=1">Source</a></p>'
        f"<h2>As text</h2><pre>{_linked(escape(text.get_content())) if text else ''}</pre>"
        f"{_frame(html.get_content()) if html else ''}",
    )


def _frame(html: str) -> str:
    """In a sandbox: the tray shows what it caught and trusts none of it."""
    return f'<h2>As HTML</h2><iframe sandbox="allow-popups" title="HTML part" srcdoc="{escape(html)}"></iframe>'


def _linked(text: str) -> str:
    """http addresses as links: the tray is where a rehearsing reader opens a notice from."""
    head, *rest = text.split("http")
    for piece in rest:
        end = next((place for place, sign in enumerate(piece) if sign.isspace() or sign in ")&<"), len(piece))
        address = f"http{piece[:end]}"
        head += f'<a href="{address}">{address}</a>{piece[end:]}'
    return head


def authenticator() -> str:
    rows = "".join(
        f"<tr><td>{escape(person.name)}<br>{escape(person.email)}</td><td>{person.role}</td>"
        f'<td class="code">{totp.code(person.totp_secret)}</td></tr>'
        for person in PEOPLE
    )
    return _page(
        "Authenticator",
        "<p>In a rehearsal this page stands in for the telephone of each person. A code holds for half a minute.</p>"
        f"<table><tr><th>Person</th><th>Role</th><th>Code now</th></tr>{rows}</table>",
        refresh=10,
    )


def not_found() -> str:
    return _page("No such message", "<p>It may have been forgotten by <code>make demo-clean</code>.</p>")
