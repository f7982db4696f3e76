"""Bounces and complaints that come as mail, for houses that send through a mail server of their own.

`return_path` makes the address a bounce comes back to, and knows whose it is; `reports` reads what came (RFC 3464,
6533, 5965), `unstandardised` what has no standard; `taking` turns it into delivery events; `mailboxes` fetches it.
"""

from notifications.bounces.mailboxes import MailboxIsAway, imap, maildir, mbox
from notifications.bounces.taking import Verdict, empty, take

__all__ = ["MailboxIsAway", "Verdict", "empty", "imap", "maildir", "mbox", "take"]
