"""What a person should see before saying yes, although it is no error: found by the database, counted in full.

Nothing is merged here. Two addresses that are probably one mailbox may be two accounts, and each is owed its notice.
"""

import json

from django.db import connection

from incidents.audience import doubts
from incidents.audience.differences import MOST
from incidents.audience.doubts import Doubt
from incidents.audience.planning import expect_many_rows
from incidents.models import Finding, ImportBatch

KINDS = (
    Finding.Kind.SAME_ADDRESS.value, Finding.Kind.POSSIBLE_DUPLICATE.value, Finding.Kind.ROLE_ADDRESS.value,
    Finding.Kind.DOUBTFUL_ADDRESS.value,
)  # fmt: skip

# Whoever has an address: the file's accounts, and those we hold with one of its addresses or in this incident.
HELD = """
SELECT address.normal, coalesce(known.mailbox, address.normal) AS mailbox,
       coalesce(account.external_id, '@' || address.normal) AS who, NULL::integer AS line,
       coalesce(account.external_id, address.value) AS account, address.value AS address
  FROM accounts_address address
  JOIN accounts_account account ON account.id = address.account_id
  LEFT JOIN known_mailbox known ON known.normal = address.normal
 WHERE address.kind = 'email' AND address.account_id IN (
    SELECT account_id FROM incidents_affectedaccount WHERE incident_id = %(incident)s
    UNION
    SELECT other.account_id FROM accounts_address other
      JOIN incidents_stagedrow staged ON staged.lookup = other.lookup
     WHERE staged.batch_id = %(batch)s AND staged.kind = 'email' AND other.kind = 'email'
 )
"""
SAID = """
SELECT normal, coalesce(nullif(mailbox, ''), normal) AS mailbox, account_key AS who, line,
       coalesce(nullif(external_id, ''), address) AS account, address
  FROM incidents_stagedrow
 WHERE batch_id = %(batch)s AND kind = 'email' AND normal <> ''
"""

# Of addresses we hold, those that are not their mailbox's own: few, so they are looked at one by one.
HELD_ELSEWHERE = """
SELECT DISTINCT address.normal
  FROM accounts_address address
  JOIN incidents_affectedaccount affected ON affected.account_id = address.account_id
 WHERE affected.incident_id = %(incident)s AND address.kind = 'email'
   AND (address.normal LIKE '%%+%%' OR address.normal LIKE '%%xn--%%'
        OR split_part(address.normal, '@', -1) IN ('gmail.com', 'googlemail.com'))
"""

# Hashes of eight bytes fit a million mailboxes into memory; what they find is looked at exactly afterwards.
SUSPECTS = """
CREATE TEMPORARY TABLE suspect ON COMMIT DROP AS
SELECT hashtextextended(mailbox, 0) AS mailbox FROM {holders}
 GROUP BY 1 HAVING min(hashtextextended(who, 0)) <> max(hashtextextended(who, 0))
"""
SHARED = """
CREATE TEMPORARY TABLE shared ON COMMIT DROP AS
SELECT * FROM {holders} WHERE hashtextextended(mailbox, 0) IN (SELECT mailbox FROM suspect)
"""

INSERT = 'INSERT INTO incidents_finding (batch_id, kind, line, account, "column", value, other, words)'

SAME = f"""
WITH same AS (
    SELECT min(line) AS line, (array_agg(account ORDER BY line NULLS LAST))[1] AS account,
           (array_agg(address ORDER BY line NULLS LAST))[1] AS value, array_agg(DISTINCT account) AS accounts,
           bool_or(line IS NULL) AS held
      FROM shared GROUP BY normal HAVING count(DISTINCT who) > 1 AND min(line) IS NOT NULL
), numbered AS (SELECT *, count(*) OVER () AS found FROM same ORDER BY line LIMIT {MOST}
), kept AS (
    {INSERT}
    SELECT %(batch)s, 'same_address', line, account, %(email)s, value,
           array_to_string((array_remove(accounts, account))[1:5], ', ')
               || CASE WHEN cardinality(accounts) > 6 THEN ' and others' ELSE '' END,
           cardinality(accounts) || ' accounts have this address' || CASE WHEN held THEN ', some on our list or in the'
               || ' house already' ELSE '' END || '. They stay separate.'
      FROM numbered ORDER BY line
)
SELECT coalesce(max(found), 0) FROM numbered
"""  # noqa: S608
ALIKE = f"""
WITH alike AS (
    SELECT min(line) AS line, (array_agg(account ORDER BY line NULLS LAST))[1] AS account,
           (array_agg(address ORDER BY line NULLS LAST))[1] AS value,
           (array_agg(normal ORDER BY line NULLS LAST))[1] AS first, array_agg(DISTINCT normal) AS spellings
      FROM shared GROUP BY mailbox
    HAVING min(normal) <> max(normal) AND count(DISTINCT who) > 1 AND min(line) IS NOT NULL
), numbered AS (SELECT *, count(*) OVER () AS found FROM alike ORDER BY line LIMIT {MOST}
), kept AS (
    {INSERT}
    SELECT %(batch)s, 'possible_duplicate', line, account, %(email)s, value,
           array_to_string((array_remove(spellings, first))[1:5], ', ')
               || CASE WHEN cardinality(spellings) > 6 THEN ' and others' ELSE '' END,
           'Perhaps one mailbox: they differ only in a tag, in points or in letters that look alike.'
      FROM numbered ORDER BY line
)
SELECT coalesce(max(found), 0) FROM numbered
"""  # noqa: S608

ANY_CAPITALS = """
SELECT EXISTS (SELECT FROM incidents_stagedrow
                WHERE batch_id = %(batch)s AND external_id <> lower(external_id COLLATE "C"))
"""
IDS_ALIKE = f"""
WITH alike AS (
    SELECT min(line) AS line, (array_agg(external_id ORDER BY line))[1] AS account,
           array_agg(DISTINCT external_id) AS spellings
      FROM incidents_stagedrow
     WHERE batch_id = %(batch)s AND hashtextextended(lower(external_id), 0) IN (
        SELECT hashtextextended(lower(external_id), 0) FROM incidents_stagedrow
         WHERE batch_id = %(batch)s AND external_id <> ''
         GROUP BY 1 HAVING min(hashtextextended(external_id, 0)) <> max(hashtextextended(external_id, 0))
     )
     GROUP BY lower(external_id) HAVING count(DISTINCT external_id) > 1
), numbered AS (SELECT *, count(*) OVER () AS found FROM alike ORDER BY line LIMIT {MOST}
), kept AS (
    {INSERT}
    SELECT %(batch)s, 'possible_duplicate', line, account, %(id)s, account,
           array_to_string((array_remove(spellings, account))[1:5], ', '),
           'Perhaps one account: the ids differ only in capital and small letters.'
      FROM numbered ORDER BY line
)
SELECT coalesce(max(found), 0) FROM numbered
"""  # noqa: S608

ODD = "SELECT doubt, count(*) FROM incidents_stagedrow WHERE batch_id = %(batch)s AND doubt <> '' GROUP BY doubt"
ODD_KEPT = f"""
{INSERT}
SELECT %(batch)s, %(kind)s, line, coalesce(nullif(external_id, ''), address), %(email)s, address,
       CASE doubt WHEN 'typo' THEN %(meant)s::jsonb ->> split_part(normal, '@', -1) ELSE '' END,
       %(words)s::jsonb ->> doubt
  FROM (SELECT * FROM incidents_stagedrow WHERE batch_id = %(batch)s AND doubt = ANY(%(doubts)s)
         ORDER BY line LIMIT {MOST}) AS odd
 ORDER BY line
"""  # noqa: S608
DOUBTS = {
    Finding.Kind.ROLE_ADDRESS.value: (Doubt.LIST, Doubt.ROLE),
    Finding.Kind.DOUBTFUL_ADDRESS.value: (Doubt.TYPO, Doubt.NOWHERE, Doubt.NOBODY),
}
WORDS = {
    Doubt.LIST: "This looks like a mailing list: the notice would go to everybody on it.",
    Doubt.ROLE: "Mailboxes of this name are often read by several people.",
    Doubt.TYPO: "The domain looks like a slip of the keyboard.",
    Doubt.NOWHERE: "This domain is kept for examples, or lies inside a house: no mail arrives there.",
    Doubt.NOBODY: "The name says that nobody reads this mailbox.",
}


def find(batch: ImportBatch) -> dict[str, int]:
    """How many there are of each kind; the first of each, up to MOST, are kept. Call it inside a transaction."""
    Finding.objects.filter(batch=batch, kind__in=KINDS).delete()
    header = {meaning: header for header, meaning in batch.columns.items()}
    given = {
        "batch": batch.pk, "incident": batch.incident_id, "email": header.get("email", ""), "id": header.get("id", ""),
    }  # fmt: skip
    expect_many_rows()
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS known_mailbox, suspect, shared")
        same, alike = _shared_mailboxes(cursor, given)
        alike += _ids_alike(cursor, given)
        roles, doubtful = _odd_addresses(cursor, given)
    return dict(zip(KINDS, (same, alike, roles, doubtful), strict=True))


def _shared_mailboxes(cursor, given: dict) -> tuple[int, int]:
    cursor.execute("SELECT EXISTS (SELECT FROM accounts_address)")
    holders = f"({SAID}) AS holder"
    if cursor.fetchone()[0]:
        _know_mailboxes(cursor, given)
        holders = f"({SAID} UNION ALL {HELD}) AS holder"
    cursor.execute(SUSPECTS.format(holders=holders), given)
    cursor.execute("ANALYZE suspect")
    cursor.execute("SELECT EXISTS (SELECT FROM suspect)")
    if not cursor.fetchone()[0]:
        return 0, 0
    cursor.execute(SHARED.format(holders=holders), given)
    return _number(cursor, SAME, given), _number(cursor, ALIKE, given)


def _ids_alike(cursor, given: dict) -> int:
    return _number(cursor, IDS_ALIKE, given) if _number(cursor, ANY_CAPITALS, given) else 0


def _know_mailboxes(cursor, given: dict) -> None:
    cursor.execute("CREATE TEMPORARY TABLE known_mailbox (normal text, mailbox text) ON COMMIT DROP")
    cursor.execute(HELD_ELSEWHERE, given)
    held = [normal for (normal,) in cursor.fetchall()]
    with cursor.copy("COPY known_mailbox FROM STDIN") as copy:
        for normal in held:
            if behind := doubts.mailbox(normal):
                copy.write_row((normal, behind))
    cursor.execute("ANALYZE known_mailbox")


def _odd_addresses(cursor, given: dict) -> list[int]:
    cursor.execute(ODD, given)
    counts = dict(cursor.fetchall())
    numbers = []
    for kind, why in DOUBTS.items():
        numbers.append(sum(counts.get(doubt, 0) for doubt in why))
        if numbers[-1]:
            cursor.execute(ODD_KEPT, given | {
                "kind": kind, "doubts": list(why), "meant": json.dumps(doubts.MEANT), "words": json.dumps(WORDS),
            })  # fmt: skip
    return numbers


def _number(cursor, statement: str, given: dict) -> int:
    cursor.execute(statement, given)
    return cursor.fetchone()[0]
