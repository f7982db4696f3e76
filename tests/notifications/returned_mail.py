"""Mail that comes back, in the shapes in which real mail servers write it."""

HEADERS = (
    "From: Relaypost Security <security@relaypost.example>\nTo: owner@northwind.example\nSubject: About your keys\n"
)


def original(message_id: str, return_path: str = "") -> str:
    path = f"Return-Path: <{return_path}>\n" if return_path else ""
    return f"{path}{HEADERS}Message-ID: <{message_id}>\nAuto-Submitted: auto-generated\n"


def postfix(to: str, message_id: str = "elsewhere@other.example", *, action: str = "failed", status: str = "5.1.1",
            diagnostic: str = "smtp; 550 5.1.1 <owner@northwind.example>: no such user", own_id: str = "b1@mx.example",
            returned: str = "message/rfc822") -> bytes:  # fmt: skip
    """As Postfix 3 writes it: it calls its bounces auto-replied."""
    return f"""Return-Path: <>
X-Original-To: {to}
Delivered-To: bounce@bounces.relaypost.example
Received: by mx.relaypost.example (Postfix) id 4Z1; Sat, 14 Mar 2026 12:00:00 +0000 (UTC)
Date: Sat, 14 Mar 2026 12:00:00 +0000 (UTC)
From: MAILER-DAEMON@mx.relaypost.example (Mail Delivery System)
Subject: Undelivered Mail Returned to Sender
To: {to}
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status;
\tboundary="4Z1.1773489600/mx.relaypost.example"
Content-Transfer-Encoding: 8bit
Message-Id: <{own_id}>

This is a MIME-encapsulated message.

--4Z1.1773489600/mx.relaypost.example
Content-Description: Notification
Content-Type: text/plain; charset=utf-8

This is the mail system at host mx.relaypost.example.

I'm sorry to have to inform you that your message could not be delivered.

<owner@northwind.example>: host mx.northwind.example[192.0.2.7] said: 550 5.1.1
    <owner@northwind.example>: no such user (in reply to RCPT TO command)

--4Z1.1773489600/mx.relaypost.example
Content-Description: Delivery report
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.relaypost.example
X-Postfix-Queue-ID: 4Z1
X-Postfix-Sender: rfc822; {to}
Arrival-Date: Sat, 14 Mar 2026 11:59:00 +0000 (UTC)

Final-Recipient: rfc822; owner@northwind.example
Original-Recipient: rfc822;owner@northwind.example
Action: {action}
Status: {status}
Remote-MTA: dns; mx.northwind.example
Diagnostic-Code: {diagnostic}

--4Z1.1773489600/mx.relaypost.example
Content-Description: Undelivered Message
Content-Type: {returned}

{original(message_id)}
Hello Northwind

--4Z1.1773489600/mx.relaypost.example--
""".encode()


def exchange(to: str) -> bytes:
    """As Microsoft 365: HTML first, one part within another, its own words in Diagnostic-Code."""
    return f"""From: "Microsoft Outlook" <MicrosoftExchange329e71ec88ae4615bbc36ab6ce41109e@northwind.example>
To: {to}
Date: Sat, 14 Mar 2026 12:00:00 +0000
Content-Type: multipart/report; report-type=delivery-status;
\tboundary="_e5a6_"
Content-Language: en-GB
Message-ID: <e5a6@AM0PR.prod.outlook.example>
In-Reply-To: <x@relaypost.example>
Subject: Undeliverable: About your keys
Auto-Submitted: auto-replied
MIME-Version: 1.0

--_e5a6_
Content-Type: multipart/alternative; boundary="_inner_"

--_inner_
Content-Type: text/plain; charset="us-ascii"

Your message to owner@northwind.example couldn't be delivered.

--_inner_
Content-Type: text/html; charset="us-ascii"

<html><body>Your message couldn't be delivered.</body></html>

--_inner_--

--_e5a6_
Content-Type: message/delivery-status

Reporting-MTA: dns;AM0PR.prod.outlook.example
Received-From-MTA: dns;mx.relaypost.example
Arrival-Date: Sat, 14 Mar 2026 11:59:59 +0000

Final-Recipient: rfc822;owner@northwind.example
Action: failed
Status: 5.7.124
Diagnostic-Code: smtp;550 5.7.124 RESOLVER.RST.SenderNotInAllowedSendersList; not in allowed-senders list

--_e5a6_
Content-Type: message/rfc822

{original("x@relaypost.example")}
Hello

--_e5a6_--
""".encode()


def global_status(to: str, *, encoded: bool = False) -> bytes:
    """RFC 6533: addresses beyond ASCII, as a part that Python's parser takes for a message."""
    import base64

    status = """Reporting-MTA: dns; mx.example
Arrival-Date: Sat, 14 Mar 2026 11:59:00 +0000

Final-Recipient: utf-8; besitzerin@müller.example
Action: failed
Status: 5.1.2
Diagnostic-Code: smtp; 550 5.1.2 müller.example gibt es nicht
"""
    transfer = "base64" if encoded else "8bit"
    body = base64.encodebytes(status.encode()).decode() if encoded else status
    return f"""From: Mail Delivery Subsystem <mailer-daemon@mx.example>
To: {to}
Date: Sat, 14 Mar 2026 12:00:00 +0000
Message-ID: <g1@mx.example>
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="g"

--g
Content-Type: text/plain; charset=utf-8

Konnte nicht zugestellt werden.

--g
Content-Type: message/global-delivery-status
Content-Transfer-Encoding: {transfer}

{body}
--g
Content-Type: message/global-headers

{original("elsewhere@other.example")}
--g--
""".encode()


def complaint(message_id: str, *, mail_from: str = "", kind: str = "abuse", to: str = "fbl@relaypost.example") -> bytes:
    """RFC 5965, as feedback loops write it: to an address of its own, the reader's own address struck out."""
    said = f"Original-Mail-From: <{mail_from}>\n" if mail_from else ""
    return f"""From: <feedback@arf.mail.example>
To: {to}
Date: Sat, 14 Mar 2026 12:00:00 +0000
Subject: FW: About your keys
Message-ID: <arf-1@arf.mail.example>
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report; boundary="a"

--a
Content-Type: text/plain; charset="US-ASCII"

This is an email abuse report for an email message received from IP 192.0.2.1.

--a
Content-Type: message/feedback-report

Feedback-Type: {kind}
User-Agent: SomeGenerator/1.0
Version: 1
{said}Arrival-Date: Sat, 14 Mar 2026 11:30:00 +0000
Source-IP: 192.0.2.1

--a
Content-Type: message/rfc822
Content-Disposition: inline

{original(message_id, mail_from)}
Hello

--a--
""".encode()


def plain(to: str, text: str, *, sender: str = "MAILER-DAEMON@mx.example", subject: str = "failure notice",
          **headers: str) -> bytes:  # fmt: skip
    more = "".join(f"{name.replace('_', '-')}: {value}\n" for name, value in headers.items())
    return (
        f"From: {sender}\nTo: {to}\nSubject: {subject}\nDate: Sat, 14 Mar 2026 12:00:00 +0000\n{more}\n{text}".encode()
    )


QMAIL = """Hi. This is the qmail-send program at mx.example.
I'm afraid I wasn't able to deliver your message to the following addresses.
This is a permanent error; I've given up. Sorry it didn't work out.

<owner@northwind.example>:
Sorry, no mailbox here by that name. (#5.1.1)

--- Below this line is a copy of the message.

Return-Path: <x@relaypost.example>
450 4.7.1 these are our own words
"""
EXIM = """This message was created automatically by mail delivery software.

A message that you sent could not be delivered to one or more of its recipients.
This is a permanent error. The following address(es) failed:

  owner@northwind.example
    host mx.northwind.example [192.0.2.7]
    SMTP error from remote mail server after RCPT TO:<owner@northwind.example>:
    550 5.1.1 User unknown

------ This is a copy of the message, including all the headers. ------
"""
EXIM_WARNING = """This message was created automatically by mail delivery software.
A message that you sent has not yet been delivered to one or more of its recipients after more than 24 hours.

No action is required on your part. Delivery attempts will continue for some time.
"""
FULL = "The mail system could not deliver your message.\n\n452 4.2.2 The mailbox is over quota\n"
OLD_WORDS = "Your message could not be delivered.\n\n550 No such user here\n"
UNCLEAR = "Your mail could not be delivered, or maybe it could. Ask your administrator.\n"
BOTH = "First it was 450 4.2.0 try later, then 550 5.1.1 unknown.\n"
AWAY = "I am away until Monday. In urgent cases call 555 1234.\n"
