"""Verifies a bundle of evidence, offline and by itself: Python 3.9 or later, nothing else.

    python3 -I verify_evidence.py [BUNDLE.zip | FOLDER] [--manifest SHA256] [--key PUBLIC] [--anchors FILE …]

Without a path the folder this script stands in is verified. Answers 0: everything holds; 1: something does not, each
place is named; 2: it could not be read at all. README.txt says what every check rests on.

The house imports this file, too, to write the summary: so the summary can be told again here, and compared.
"""

from __future__ import annotations

import argparse
import hashlib
import html
import io
import json
import sys
import zipfile
import zlib
from collections import Counter, defaultdict
from datetime import datetime, timezone
from pathlib import Path

FORMAT = 2
GENESIS = "0" * 64
MANIFEST, SEAL, SIGNATURE = "manifest.json", "manifest.sha256", "manifest.sig"
STATES = {
    "prepared", "queued", "sending", "accepted", "delivered", "bounced", "failed", "unknown", "unconfirmed",
    "letter", "cancelled",
}  # fmt: skip
OUTCOMES = {"told", "on_the_way", "unknown", "unreached", "by_decision_not_told", "ruled_out"}
NOT_A_RECORD = (ValueError, KeyError, TypeError, AttributeError, IndexError)
UNREADABLE = (OSError, zipfile.BadZipFile, zlib.error, RuntimeError, NotImplementedError, EOFError)


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def canonical(value):
    """JSON with sorted keys, no spaces, no escapes: one text for one value."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def seal(previous, body):
    return sha256(b"candor.audit.v1\n" + previous.encode() + b"\n" + body.encode())


def instant(text):
    """A moment in one form: PostgreSQL leaves out zeros at the end of the fraction, Python does not."""
    if not text:
        return ""
    head, _, rest = text.replace("Z", "+00:00").partition(".")
    if rest:
        digits = rest[: len(rest) - len(rest.lstrip("0123456789"))]
        head = head + "." + digits.ljust(6, "0")[:6] + rest[len(digits) :]
    return datetime.fromisoformat(head).astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%f")  # noqa: UP017


def attempt_row(recipient, attempt):
    """What a sealed attempt says, as it enters the tree: it was written once, and nothing of it may change."""
    names = ("number", "outcome", "sha256", "provider_id", "smtp_code")
    said = [recipient, *(attempt[name] for name in names), instant(attempt["ended_at"])]
    return canonical(said).encode()


class Tree:
    """One hash over many rows in order, after RFC 6962, section 2.1."""

    def __init__(self):
        self.count, self.full = 0, []

    def add(self, row):
        node, left = hashlib.sha256(b"\0" + row).digest(), self.count
        while left & 1:
            node, left = hashlib.sha256(b"\1" + self.full.pop() + node).digest(), left >> 1
        self.full.append(node)
        self.count += 1

    def root(self):
        if not self.full:
            return sha256(b"")
        node = self.full[-1]
        for left in reversed(self.full[:-1]):
            node = hashlib.sha256(b"\1" + left + node).digest()
        return node.hex()


# Ed25519 signatures, checked as RFC 8032 says (5.1.7): points as (X, Y, Z, T) with x = X/Z, y = Y/Z, xy = T/Z ---------

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT_OF_MINUS_ONE = pow(2, (P - 1) // 4, P)


def added(one, other):
    a, b = (one[1] - one[0]) * (other[1] - other[0]) % P, (one[1] + one[0]) * (other[1] + other[0]) % P
    c, d = 2 * one[3] * other[3] * D % P, 2 * one[2] * other[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def times(factor, point):
    total = (0, 1, 1, 0)
    while factor:
        if factor & 1:
            total = added(total, point)
        point, factor = added(point, point), factor >> 1
    return total


def point_of(data):
    """The point that 32 bytes name; None where they name none."""
    number = int.from_bytes(data, "little")
    sign, y = number >> 255, number & (1 << 255) - 1
    if y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * ROOT_OF_MINUS_ONE % P
    if (x * x - square) % P or (x == 0 and sign):
        return None
    x = P - x if x & 1 != sign else x
    return x, y, 1, x * y % P


BASE = point_of((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))


def signature_holds(public, signature, said):
    """public, signature: hexadecimal."""
    try:
        key, signed = bytes.fromhex(public), bytes.fromhex(signature)
    except (ValueError, TypeError):
        return False
    if len(key) != 32 or len(signed) != 64:
        return False
    a, r, s = point_of(key), point_of(signed[:32]), int.from_bytes(signed[32:], "little")
    if a is None or r is None or s >= ORDER:
        return False
    h = int.from_bytes(hashlib.sha512(signed[:32] + key + said).digest(), "little") % ORDER
    left, right = times(s, BASE), added(r, times(h, a))
    return not ((left[0] * right[2] - right[0] * left[2]) % P or (left[1] * right[2] - right[1] * left[2]) % P)


def head_said(record):
    names = ("number", "hash", "at", "key")
    return b"candor.head.v1\n" + canonical({name: record[name] for name in names}).encode()


def manifest_said(made):
    return b"candor.manifest.v1\n" + made.encode()


# Where the bytes are --------------------------------------------------------------------------------------------


class Zip:
    def __init__(self, path):
        self.file = zipfile.ZipFile(path)

    def names(self):
        return [info.filename for info in self.file.infolist()]

    def open(self, name):
        return self.file.open(name)


class Folder:
    def __init__(self, path):
        self.path = Path(path)

    def names(self):
        return sorted(path.relative_to(self.path).as_posix() for path in self.path.rglob("*") if not path.is_dir())

    def open(self, name):
        return (self.path / name).open("rb")


class Bundle:
    """What is looked at, and what was found: `wrong` holds (place, words), `held` a sentence for each check."""

    def __init__(self, source):
        self.source, self.wrong, self.held = source, [], []
        self.present = set(source.names())
        self.manifest, self.entries, self.approvals, self.notices, self.mailings = {}, {}, {}, {}, {}
        self.kept: defaultdict[str, set[int]] = defaultdict(set)  # ids of the records found, by where they stand
        self.silence_was_decided = False
        self.keys, self.trusted, self.given = {}, set(), None  # public keys by id; whom to believe; what you were given
        self.heads, self.compared = {}, 0  # signed heads by number
        self.seals, self.frozen, self.pages, self.told = [], defaultdict(list), [], []
        self.counted: Counter[str] = Counter()
        self.outcomes: Counter[str] = Counter()
        self.states: Counter[str] = Counter()
        self.ways: Counter[str] = Counter()  # letters, calls and meetings on record; next addresses tried
        self.brought, self.made = [], ""

    def say(self, place, words):
        self.wrong.append((place, words))

    def read(self, name):
        with self.source.open(name) as file:
            return file.read()

    def json(self, name):
        return json.loads(self.read(name).decode("utf-8"))

    def lines(self, name):
        """(number, record) of every line that is a record; the others are named."""
        with self.source.open(name) as file:
            for number, line in enumerate(file, 1):
                try:
                    record = json.loads(line.decode("utf-8"))
                    if not isinstance(record, dict):
                        raise ValueError("no record")
                except ValueError:
                    self.say(f"{name}, line {number}", "this is not a record")
                    continue
                yield number, record

    def entry(self, act, thing):
        """The newest entry of the chain about this act and thing; None where there is none."""
        found = self.entries.get((act, thing))
        return found[-1] if found else None


# The summary, told from the records --------------------------------------------------------------------------------

TOLD_FROM = ("decisions", "imports", "approvals", "mailings", "exports", "announcements", "inquiries", "obligations")
CAUSES = {
    "telling": "by the system: only how far telling had come changed",
    "time": "by the system: a promised update was overdue",
    "look": "by the system: the same words in a new look, after an upgrade",
    "redacted": "made to take words out that should not have been public",
}
MEANINGS = {
    "told": "told: a message was delivered, or accepted and not returned, or they said they read it, or a letter or "
    "call is on record",
    "on_the_way": "on the way: handed over or waiting, not known to have arrived",
    "unknown": "unknown: handed over, and nobody answered",
    "unreached": "not reached by any way, or not written to",
    "by_decision_not_told": "not told, by a decision that stands in decisions.json",
    "ruled_out": "ruled out: found not to be affected",
}
WAYS = {
    "next_address": "messages went to another address of an account whose first one could not be reached",
    "post": "letters are on record as posted", "phone": "calls are on record", "in_person": "meetings are on record",
}  # fmt: skip


def page_of(version):
    """What the summary needs of a page version."""
    names = ("number", "cause", "made_at", "by", "approval", "content_hash")
    content = version["content"]
    said = {name: content.get(name) for name in ("title", "phase", "summary")}
    return {**{name: version[name] for name in names}, **said}


def notice_of(version):
    return {name: version[name] for name in ("notice", "number", "name", "kind", "subject", "sha256")}


def sections(manifest, *, pages, notices, decisions, imports, approvals, mailings, exports, announcements, inquiries,
             obligations):  # fmt: skip
    """(heading, lines) of each part; the first heading is that of the whole."""
    given = {approval["id"]: approval for approval in approvals}
    counts = manifest["counts"]
    return [
        head_of(manifest),
        ("Who was told what, when, by whose approval", list(sent(mailings, notices, pages, given))),
        ("What became of each affected account", list(outcomes_of(counts))),
        ("Who was not reached, and what was done", list(not_reached(counts, decisions))),
        ("What the page said", list(published(pages, given))),
        ("What was decided", list(decided(decisions))),
        ("Deadlines", list(deadlines(obligations))),
        ("Where the list of affected accounts came from", list(imported(imports, given))),
        ("What else went out", list(went_out(exports, announcements, inquiries))),
    ]


def as_text(told):
    (title, lines), *parts = told
    said = [f"{title}\n{'=' * len(title)}\n" + "\n".join(lines)]
    said += [f"{heading}\n{'-' * len(heading)}\n" + "\n".join(lines or ["Nothing."]) for heading, lines in parts]
    return "\n\n".join(said) + "\n"


LOOK = (
    "body{font:15px/1.5 system-ui,sans-serif;max-width:46em;margin:2em auto;padding:0 1em;color:#111;background:#fff}"
    "h1{font-size:1.5em}h2{font-size:1.1em;margin:1.6em 0 .3em;border-top:1px solid #ccc;padding-top:.8em}"
    "p{margin:.2em 0;overflow-wrap:anywhere}p.more{margin-left:1.5em;color:#444}"
    "@media print{body{margin:0;font-size:11px}}"
)


def as_html(told):
    (title, lines), *parts = told
    body = [f"<h1>{html.escape(title)}</h1>", *map(paragraph, lines)]
    for heading, said in parts:
        body += [f"<h2>{html.escape(heading)}</h2>", *map(paragraph, said or ["Nothing."])]
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width"><meta name="robots" content="noindex">'
        f"<title>{html.escape(title)}</title><style>{LOOK}</style></head>\n<body>\n"
        + "\n".join(body)
        + "\n</body>\n</html>\n"
    )


def paragraph(line):
    more = ' class="more"' if line.startswith("    ") else ""
    return f"<p{more}>{html.escape(line.strip())}</p>" if line.strip() else ""


def head_of(manifest):
    incident, head = manifest["incident"], manifest["audit_head"]
    drill = ["A DRILL. Nothing in this bundle happened."] if incident["drill"] else []
    return "{}: {}".format(manifest["organisation"], incident["title"]), [
        *drill,
        "This tells what the other files hold, as of {}. All times are UTC.".format(when(manifest["made_at"])),
        "The log ended with entry {}, seal {}.".format(head["number"], head["hash"]),
    ]


def sent(mailings, notices, pages, given):
    names = {notice["sha256"]: notice for notice in notices}
    for one in mailings:
        notice = names[one["text"]]
        text = "({}, text {}…)".format(words(notice["kind"]), notice["sha256"][:12])
        what = "“{}” {} to {:,}".format(notice["subject"], text, one["recipients_count"])
        number = "mailing {}".format(one["number"])
        if one.get("again"):
            yield "{}  {}: “{}” {} once more, to single people who asked.".format(
                when(one["prepared_at"]), number, notice["subject"], text
            )  # fmt: skip
            continue
        if not one["started_at"]:
            yield "{}  {}, never started ({}): {}.".format(when(one["prepared_at"]), number, one["state"], what)
            continue
        yield "{}  {}, started by {}{}: {}. It is {}.".format(
            when(one["started_at"]), number, who(one["started_by"]), approved(given.get(one["approval"])), what,
            one["state"],
        )  # fmt: skip
        stood = [page for page in pages if instant(page["made_at"]) <= instant(one["started_at"])]
        if stood:
            yield "    The page then showed version {}.".format(stood[-1]["number"])


def outcomes_of(counts):
    yield "{:>9,}  affected accounts, of these".format(sum(counts["outcomes"].values()))
    for outcome, meaning in MEANINGS.items():
        yield "{:>9,}  {}".format(counts["outcomes"].get(outcome, 0), meaning)
    states = ", ".join(f"{count:,} {state}" for state, count in sorted(counts["states"].items()))
    if states:
        yield f"Messages, letters and calls by state: {states}."


def not_reached(counts, decisions):
    left = {name: counts["outcomes"].get(name, 0) for name in ("unreached", "unknown", "by_decision_not_told")}
    yield "{:,} affected accounts were not reached, of {:,} it is unknown; {:,} were not told by decision.".format(
        left["unreached"], left["unknown"], left["by_decision_not_told"]
    )  # fmt: skip
    yield "Each of them is a line of accounts.jsonl with this outcome, under a keyed hash that the house can open."
    for way, meaning in WAYS.items():
        if counts["ways"].get(way):
            yield "{:>9,}  {}".format(counts["ways"][way], meaning)
    for one in decisions:
        if one["means"]:
            yield "{}  {}: {}".format(when(one["recorded_at"]), words(one["kind"]), one["means"])


def published(pages, given):
    for one in pages:
        how = CAUSES.get(one["cause"]) or "published by {}{}".format(
            who(one["by"]), approved(given.get(one["approval"]))
        )
        yield "{}  page version {}, {}.".format(when(one["made_at"]), one["number"], how)
        if one["cause"] not in MADE_BY_THE_SYSTEM and one["title"]:
            yield "    “{}”, {}. {}".format(
                one["title"], one["phase"], " ".join((one["summary"] or "").split())
            ).rstrip()
        yield "    Byte by byte: page_versions/{:05}/documents/".format(one["number"])


def decided(decisions):
    for one in decisions:
        of_whom = ", for {}".format(one["segment"]) if one["segment"] else ""
        yield "{}  {}: {}{}.".format(when(one["recorded_at"]), who(one["by"]), words(one["kind"]), of_whom)
        yield "    {}".format(" ".join(one["reasons"].split()))
        for name in ("ground", "means"):
            if one[name]:
                yield "    {}: {}".format(name, " ".join(one[name].split()))


def deadlines(obligations):
    for one in obligations["obligations"]:
        said = [str(one[name]) for name in ("regime", "title", "citation", "state") if one.get(name)]
        due = ", due {}".format(when(one["due_at"])) if one.get("due_at") else ""
        undecided = " at the earliest: sources contradict each other, and nobody chose" if one["is_undecided"] else ""
        yield ", ".join(said) + due + undecided + "."
        for entry in one["entries"]:
            at = " {}".format(when(entry["at"])) if entry["at"] else ""
            more = ". ".join(part for part in (entry["reference"], " ".join(entry["reasons"].split())) if part)
            yield "    {}  {}: {}{}. {}".format(
                when(entry["recorded_at"]), who(entry["by"]), words(entry["kind"]), at, more
            ).rstrip()  # fmt: skip
    for one in obligations["substitute_notices"]:
        yield "{}  {}: substitute notice for {:,} accounts that nobody reached: {}".format(
            when(one["recorded_at"]), who(one["by"]), one["unreached"], " ".join(one["means"].split())
        )  # fmt: skip
        if one["page"]:
            numbers = ", ".join(str(version["number"]) for version in one["page"]["versions"])
            yield "    The page stood for {} of {} days, from {}, in versions {}.".format(
                one["page"]["days"], one["page"]["wanted"], when(one["page"]["since"]), numbers
            )  # fmt: skip
        if one["phone"]:
            yield "    Telephone {}, active from {} to {}.".format(one["phone"], one["phone_from"], one["phone_to"])


def imported(imports, given):
    for one in imports:
        confirmed = ""
        if one["confirmed_at"]:
            yes = approved(given.get(one["approval"]))
            confirmed = " by {} at {}{}".format(who(one["confirmed_by"]), when(one["confirmed_at"]), yes)
        read = "import {}, read for {}".format(one["number"], who(one["uploaded_by"]))
        yield "{}  {}: {}{}.".format(when(one["uploaded_at"]), read, one["state"], confirmed)


def went_out(exports, announcements, inquiries):
    for one in exports:
        left = "{:,} lines left the house".format(one["lines"]) if one["ended_at"] else "asked for, not ended"
        yield "{}  list of {:,} people for {}: {}. {}".format(
            when(one["asked_at"]), one["people"], who(one["asked_by"]), left, one["because"]
        )  # fmt: skip
    for one in announcements:
        states = ", ".join(f"{count:,} {state}" for state, count in sorted(one["states"].items())) or "nobody"
        yield "{}  update {} by mail to those who follow: {}.".format(when(one["made_at"]), one["number"], states)
    if inquiries.get("asked"):
        yield "“Was I affected?” was asked {:,} times, and {:,} were answered.".format(
            inquiries["asked"], inquiries["answered"]
        )  # fmt: skip


def approved(approval):
    if approval is None:
        return ""
    said_yes = ["{} at {}".format(who(sign["by"]), when(sign["at"])) for sign in approval["sign_offs"] if sign["yes"]]
    if not said_yes:
        return ", without a second person, because the organisation asks for none"
    return ", approved by {}".format(" and ".join(said_yes))


def when(moment):
    return f"{instant(moment)[:16].replace('T', ' ')}"


def who(person):
    return person["name"] if person else "the system"


def words(choice):
    return choice.replace("_", " ")


# The checks, in the order in which they rest on each other ------------------------------------------------------


def check_manifest(bundle, expected):
    data = bundle.read(MANIFEST)
    made = sha256(data)
    if SEAL not in bundle.present:
        bundle.say(SEAL, "is missing")
    elif bundle.read(SEAL) != (f"{made}  {MANIFEST}\n").encode():
        bundle.say(MANIFEST, f"is not the one that {SEAL} names: one of the two was changed")
    if expected and expected.strip().lower() != made:
        bundle.say(MANIFEST, f"its SHA-256 is {made} and not the one you were given")
    bundle.manifest = json.loads(data.decode("utf-8"))
    if bundle.manifest["format"] != FORMAT:
        bundle.say(MANIFEST, f"has format {bundle.manifest['format']!r}; this script knows {FORMAT}")
    return made


def check_files(bundle):
    listed = {}
    for file in bundle.manifest["files"]:
        if file["name"] in listed:
            bundle.say(MANIFEST, "lists {} twice".format(file["name"]))
        listed[file["name"]] = file
    for name, times in Counter(bundle.source.names()).items():
        if times > 1:
            bundle.say(name, f"is there {times} times")
        if name not in listed and name not in (MANIFEST, SEAL, SIGNATURE):
            bundle.say(name, "was added: the manifest does not list it")
    for name, file in listed.items():
        if name not in bundle.present:
            bundle.say(name, "is missing")
            continue
        try:
            size, found = measure(bundle, name, file["size"])
        except UNREADABLE as problem:
            bundle.say(name, f"cannot be read: {problem}")
            continue
        if size != file["size"]:
            bundle.say(name, "has another length than the manifest says")
        elif found != file["sha256"]:
            bundle.say(name, "was changed: its SHA-256 is not the one in the manifest")
    bundle.held.append(f"{len(listed)} files against the manifest")


def measure(bundle, name, limit):
    """Length and SHA-256; reads no further than just beyond what the manifest promises."""
    digest, size = hashlib.sha256(), 0
    with bundle.source.open(name) as file:
        while size <= limit:
            block = file.read(1 << 20)
            if not block:
                break
            size += len(block)
            digest.update(block)
    return size, digest.hexdigest()


def check_heads_are_signed(bundle):
    """Heads in the bundle, and those you brought: each carries a signature that fits. check_chain compares them."""
    records = [(f"anchors.jsonl, line {line}", record) for line, record in bundle.lines("anchors.jsonl")]
    for place, record in records + bundle.brought:
        try:
            if not signature_holds(record["public"], record["signature"], head_said(record)):
                bundle.say(place, "its signature does not fit")
            number = record["number"]
            if bundle.heads.setdefault(number, (place, record))[1]["hash"] != record["hash"]:
                bundle.say(place, f"names entry {number} with another seal than {bundle.heads[number][0]}")
        except NOT_A_RECORD:
            bundle.say(place, "this is not a signed head")
    bundle.counted["anchors"] = len(records)


def check_keys(bundle):
    """Each key was introduced in the log, signed by itself and by the one before it."""
    bundle.trusted = {bundle.given} if bundle.given else set()
    for key in bundle.json("keys.json"):
        place, name, public = "keys.json, key {}".format(key["id"]), key["id"], key["public"]
        bundle.keys[name] = public
        lost = bundle.entry("signing_key.introduced_without_the_old", f"accounts.signingkey:{name}")
        entry = bundle.entry("signing_key.introduced", f"accounts.signingkey:{name}") or lost
        facts = entry["facts"] if entry else {}
        before = facts.get("before")
        said = b"candor.key.v1\n" + canonical({"key": name, "public": public, "before": before}).encode()
        if facts.get("public") != public or not signature_holds(public, facts.get("by_itself", ""), said):
            bundle.say(place, "the audit chain does not say that it was introduced like this")
            continue
        follows = before in bundle.keys and signature_holds(
            bundle.keys[before], facts.get("by_the_one_before", ""), said
        )
        if before and not follows and not lost:
            bundle.say(place, "the key before it has not signed for it")
        if not bundle.given or (follows and bundle.keys[before] in bundle.trusted):
            bundle.trusted.add(public)
    for place, record in bundle.heads.values():
        if record["public"] != bundle.keys.get(record["key"]):
            bundle.say(place, "is signed by a key that the audit chain does not know under this name")
        elif record["public"] not in bundle.trusted:
            bundle.say(place, "is signed by a key that the one you were given does not lead to")
    bundle.held.append(f"{len(bundle.keys)} keys of the house: introduced in the chain, each signed for by the last")


def check_signature(bundle):
    if SIGNATURE not in bundle.present:
        bundle.say(SIGNATURE, "is missing: this bundle is not signed")
        return
    signed = bundle.json(SIGNATURE)
    if signed["public"] != bundle.keys.get(signed["key"]):
        bundle.say(SIGNATURE, "is by a key that the audit chain does not know under this name")
    elif signed["public"] not in bundle.trusted:
        bundle.say(SIGNATURE, "is by a key that the one you were given does not lead to")
    if not signature_holds(signed["public"], signed["signature"], manifest_said(bundle.made)):
        bundle.say(SIGNATURE, "the signature does not fit the manifest")
    bundle.held.append("the signature of the manifest, and so of every file: by key {}, {}".format(
        signed["key"], signed["public"]
    ))  # fmt: skip


def check_chain(bundle):
    """Numbers without gaps, each seal over the one before; entries of other incidents show their seal alone."""
    name, previous, number = "audit.jsonl", GENESIS, 0
    incident = bundle.manifest["incident"]["id"]
    for line, entry in bundle.lines(name):
        place = f"{name}, line {line}"
        try:
            if entry["number"] != number + 1:
                bundle.say(place, f"entry {entry['number']} follows {number}: one is missing, added or moved")
            number = entry["number"]
            place = f"{name}, entry {number}"
            if entry["previous"] != previous:
                bundle.say(place, "does not follow from the entry before it")
            previous = entry["hash"]
            bundle.counted["audit_entries"] += 1
            if number in bundle.heads:
                bundle.compared += 1
                if bundle.heads[number][1]["hash"] != entry["hash"]:
                    bundle.say(place, "is not the entry whose seal was signed: see " + bundle.heads[number][0])
            if entry.get("withheld"):
                bundle.counted["audit_entries_withheld"] += 1
                continue
            if entry["hash"] != seal(entry["previous"], entry["body"]):
                bundle.say(place, "its seal does not fit what it says")
            body = json.loads(entry["body"])
            if body["number"] != number or canonical(body) != entry["body"]:
                bundle.say(place, "what it says is not in the form that is sealed")
            if body["incident"] not in (incident, None):
                bundle.say(place, "belongs to another incident")
            bundle.entries.setdefault((body["act"], body["thing"]), []).append(body)
            if body["act"] == "attempts.sealed" and body["incident"] == incident:
                bundle.seals.append((place, body["facts"], Tree()))
        except NOT_A_RECORD:
            bundle.say(place, "this is not an entry")
    head = bundle.manifest["audit_head"]
    if (number, previous) != (head["number"], head["hash"]):
        last = f"entry {head['number']}, seal {head['hash']}"
        bundle.say(name, f"ends with entry {number}, seal {previous}; the manifest says {last}: the end was replaced")
    late = sum(1 for place, record in bundle.heads.values() if record["number"] > number and "anchors" in place)
    if late:
        bundle.say("anchors.jsonl", f"{late} signed heads name entries beyond the end of the chain: it was cut off")
    signed = f"; {bundle.compared} of its seals were signed when it ended there" if bundle.compared else ""
    bundle.held.append(f"the audit chain from its first entry to entry {number}{signed}")


def check_approvals(bundle):
    name = "approvals.json"
    for approval in bundle.json(name):
        place = "{}, approval {}".format(name, approval["id"])
        bundle.approvals[approval["id"]] = approval
        bundle.kept[name].add(approval["id"])
        bundle.counted["approvals"] += 1
        yes = {sign["by"]["id"] for sign in approval["sign_offs"] if sign["yes"]}
        bundle.counted["sign_offs"] += len(approval["sign_offs"])
        if any(sign["by"]["id"] == approval["asked_by"]["id"] for sign in approval["sign_offs"]):
            bundle.say(place, "whoever asked has answered too")
        if approval["given_at"] and len(yes) < approval["needs"]:
            bundle.say(place, f"counts as given with {len(yes)} of {approval['needs']} sign-offs")
        if approval["used_at"] and not approval["given_at"]:
            bundle.say(place, "was used and never given")
        thing = "accounts.approval:{}".format(approval["id"])
        asked = bundle.entry("approval.asked", thing)
        said = (approval["hashes"], approval["asked_by"]["id"], approval["needs"])
        if asked is None or said != (asked["facts"]["hashes"], asked["by"], asked["facts"]["needs"]):
            bundle.say(place, "the audit chain does not say that it was asked for like this")
        no = {sign["by"]["id"] for sign in approval["sign_offs"] if not sign["yes"]}
        for act, answers in (("approval.given", yes), ("approval.refused", no)):
            if {body["by"] for body in bundle.entries.get((act, thing), [])} != answers:
                bundle.say(place, "the audit chain names other people who answered")
        check_alone(bundle, approval, thing, place)
    glass = [approval for approval in bundle.approvals.values() if approval.get("alone_because")]
    alone = sum(approval["needs"] == 0 for approval in bundle.approvals.values()) - len(glass)
    without = f" ({alone} without a second person, because the organisation asked for none)" if alone else ""
    if glass:
        agreed = sum(approval["review_agrees"] is True for approval in glass)
        without += f" ({len(glass)} by one person alone in an emergency; another person agreed afterwards to {agreed})"
    bundle.held.append(f"{len(bundle.approvals)} approvals: nobody answered for themselves{without}")


def check_alone(bundle, approval, thing, place):
    """What one person did where two had to says so, and in the chain, too; and who looked at it afterwards."""
    said = bundle.entry("approval.alone", thing)
    because = approval.get("alone_because") or ""
    if because != (said["facts"]["because"] if said else ""):
        bundle.say(place, "the audit chain says otherwise about whether one person did it alone")
    looked = bundle.entry("approval.reviewed", thing)
    review = (approval["reviewed_by"]["id"], approval["review_agrees"]) if approval.get("reviewed_by") else None
    if review != ((looked["by"], looked["facts"]["agrees"]) if looked else None):
        bundle.say(place, "the audit chain says otherwise about who looked at it afterwards")
    if review and review[0] == approval["asked_by"]["id"]:
        bundle.say(place, "whoever did it alone looked at it, too")


def check_page_versions(bundle):
    published: set[str] = set()
    number = 0
    names = sorted(
        name for name in bundle.present if name.startswith("page_versions/") and name.endswith("/version.json")
    )
    for name in names:
        version = bundle.json(name)
        place = "{} (page version {})".format(name, version["number"])
        bundle.kept["page_versions"].add(version["id"])
        number += 1
        if version["number"] != number:
            bundle.say(place, f"is not number {number}: a version is missing or added")
            number = version["number"]
        if version.get("redacted_at"):
            if bundle.entry("page.redacted", "incidents.pageversion:{}".format(version["id"])) is None:
                bundle.say(place, "counts as redacted, and the audit chain does not say so")
        elif version["content_hash"] != sha256(b"candor.content.v1\n" + canonical(version["content"]).encode()):
            bundle.say(place, "its content is not what its content_hash covers")
        check_documents(bundle, name, version, place)
        check_publication(bundle, version, published, place)
        bundle.pages.append(page_of(version))
        if version["cause"] in {*PUBLISHED, "redacted"}:
            published.add(version["content_hash"])
    bundle.counted["page_versions"] = len(names)
    bundle.held.append(f"{len(names)} page versions: content, documents, and the approval of just that content")


def check_documents(bundle, name, version, place):
    folder = name[: -len("version.json")] + "documents/"
    hashes = {document["path"]: document["sha256"] for document in version["documents"]}
    bundle.counted["documents"] += len(hashes)
    if version["hash"] != sha256(canonical(hashes).encode()):
        bundle.say(place, "its hash does not fit its list of documents")
    there = {path[len(folder) :] for path in bundle.present if path.startswith(folder)}
    for document in version["documents"]:
        if document["redacted"]:
            continue
        if document["path"] not in there:
            bundle.say(place, "its document {} is missing".format(document["path"]))
        elif sha256(bundle.read(folder + document["path"])) != document["sha256"]:
            bundle.say(place, "its document {} was changed".format(document["path"]))
    for path in sorted(there - hashes.keys()):
        bundle.say(place, f"has a document it does not list: {path}")


PUBLISHED = {"published", "edited", "translated"}  # by a person, as approved; in the log as page.<cause>
MADE_BY_THE_SYSTEM = {  # cause -> act in the log
    "telling": "page.telling_changed", "time": "page.overdue", "look": "page.look",
}  # fmt: skip


def check_publication(bundle, version, published, place):
    thing = "incidents.pageversion:{}".format(version["id"])
    if version["cause"] == "redacted":
        approval = bundle.approvals.get(version["approval"])
        if not approval or not approval["used_at"] or "redaction" not in approval["hashes"]:
            bundle.say(place, "had words taken out without an approval that was given and used")
        entry = bundle.entry("page.published_without", thing)
        if entry is None or entry["facts"]["documents"] != version["hash"]:
            bundle.say(place, "the audit chain does not say that it was made like this")
        return
    if version["cause"] not in PUBLISHED:
        if version["content_hash"] not in published:
            bundle.say(place, "was made by the system with content that no person had published")
        entry = bundle.entry(MADE_BY_THE_SYSTEM.get(version["cause"], "page.published"), thing)
        if entry is None or entry["facts"]["documents"] != version["hash"]:
            bundle.say(place, "the audit chain does not say that it was made like this")
        return
    approval = bundle.approvals.get(version["approval"])
    if not approval or not approval["used_at"] or approval["act"] != "publish":
        bundle.say(place, "was published without an approval that was given and used")
    elif set(approval["hashes"].values()) != {version["content_hash"]}:
        bundle.say(place, "is not what approval {} was given for".format(approval["id"]))
    entry = bundle.entry("page." + version["cause"], thing)
    said = (version["content_hash"], version["hash"], version["number"])
    if entry is None or said != tuple(entry["facts"].get(key) for key in ("content", "documents", "number")):
        bundle.say(place, "the audit chain does not say that it was published like this")


def check_notices(bundle):
    for name in sorted(name for name in bundle.present if name.startswith("notices/")):
        version = bundle.json(name)
        said = {key: version[key] for key in ("subject", "body", "guidance")}
        said["language"] = version["guidance"]["language"]
        if version.get("texts"):
            said["texts"] = version["texts"]
        bundle.notices[version["sha256"]] = version
        bundle.told.append(notice_of(version))
        bundle.kept["notices"].add(version["id"])
        if version["sha256"] != sha256(canonical(said).encode()):
            bundle.say(name, "its text is not what its SHA-256 covers")
        entry = bundle.entry("notice.frozen", "notifications.noticeversion:{}".format(version["id"]))
        if entry is None or entry["facts"]["sha256"] != version["sha256"]:
            bundle.say(name, "the audit chain does not say that this text was frozen")
    bundle.counted["notice_versions"] = len(bundle.notices)
    bundle.held.append(f"{len(bundle.notices)} versions of notices: their text is the one that was sealed")


def check_sent_again(bundle, place, mailing, approval):
    """What single people were sent once more: the text approved for them before, and nothing that was not."""
    if not approval or not approval["used_at"] or approval["hashes"].get("text") != mailing["text"]:
        bundle.say(place, "sends again what no approval that was used was given for")


def is_of_before(mailing, approval):
    """Approved when how a mailing goes out was no part of it yet; its entry in the chain has to lack it as well."""
    return bool(approval) and "how" not in approval["hashes"] and mailing["recipients_hash_version"] < 2


def check_mailings(bundle):
    name, older = "mailings.json", 0
    for mailing in bundle.json(name):
        place = "{}, mailing {}".format(name, mailing["number"])
        bundle.mailings[mailing["number"]] = mailing
        bundle.kept[name].add(mailing["id"])
        if mailing["text"] not in bundle.notices:
            bundle.say(place, "sends a text that is not among the notices")
        how = sha256(canonical(mailing["how"]).encode())
        hashes = {"text": mailing["text"], "recipients": mailing["recipients_hash"], "how": how}
        thing = "notifications.mailing:{}".format(mailing["id"])
        if mailing["recipients_hash"]:
            entry = bundle.entry("mailing.prepared", thing)
            if entry is None or (entry["facts"]["text"], entry["facts"]["recipients"], entry["facts"]["count"]) != (
                mailing["text"], mailing["recipients_hash"], mailing["recipients_count"],
            ):  # fmt: skip
                bundle.say(place, "the audit chain does not say that it was prepared like this")
        if not mailing["started_at"]:
            if mailing["state"] in ("running", "paused", "finished"):
                bundle.say(place, "is {} and never started".format(mailing["state"]))
            continue
        approval = bundle.approvals.get(mailing["approval"])
        if mailing.get("again"):
            check_sent_again(bundle, place, mailing, approval)
            continue
        if is_of_before(mailing, approval):
            del hashes["how"]
            older += 1
        if not approval or not approval["used_at"] or (approval["act"], approval["thing"]) != ("mail", thing):
            bundle.say(place, "was started without an approval that was given and used")
        elif approval["hashes"] != hashes:
            bundle.say(place, "is not the text and the people that approval {} was given for".format(approval["id"]))
        entry = bundle.entry("mailing.started", thing)
        if entry is None or entry["facts"]["hashes"] != hashes:
            bundle.say(place, "the audit chain does not say that it was started like this")
    bundle.counted["mailings"] = len(bundle.mailings)
    bundle.held.append(f"{len(bundle.mailings)} mailings: the approval of just that text to just those people")
    if older:
        bundle.held.append(f"{older} of them were approved before how a mailing goes out was part of it")


def check_imports(bundle):
    for batch in bundle.json("imports.json"):
        bundle.counted["imports"] += 1
        bundle.kept["imports.json"].add(batch["id"])
        entry = bundle.entry("import.confirmed", "incidents.importbatch:{}".format(batch["id"]))
        if batch["state"] in ("confirmed", "undone") and (
            entry is None or (entry["facts"]["sha256"], entry["facts"]["counts"]) != (batch["sha256"], batch["counts"])
        ):
            place = "imports.json, import {}".format(batch["number"])
            bundle.say(place, "the audit chain does not say that it was confirmed like this")
        if entry and batch["state"] in ("confirmed", "undone"):
            check_import_approval(bundle, batch, entry["facts"])
        undone = bundle.entry("import.undone", "incidents.importbatch:{}".format(batch["id"]))
        if (batch["state"] == "undone") != (undone is not None):
            place = "imports.json, import {}".format(batch["number"])
            bundle.say(place, "bundle and audit chain do not agree on whether it was undone")
    bundle.held.append(f"{bundle.counted['imports']} imports: hash and counts of each that was confirmed")


def check_import_approval(bundle, batch, facts):
    """Above the limit of one person, or where it rules out many, the chain names the approval it spent."""
    place = "imports.json, import {}".format(batch["number"])
    if batch["approval"] != facts.get("approval"):
        bundle.say(place, "names another approval than the audit chain")
        return
    if batch["approval"] is None:
        return
    approval = bundle.approvals.get(batch["approval"])
    thing = "incidents.importbatch:{}".format(batch["id"])
    if not approval or not approval["used_at"] or (approval["act"], approval["thing"]) != ("import", thing):
        bundle.say(place, "was imported without the approval that it names")
    elif approval["hashes"]["file"] != batch["sha256"]:
        bundle.say(place, "is not the file that approval {} was given for".format(approval["id"]))


def check_exports(bundle):
    for export in bundle.json("exports.json"):
        bundle.counted["exports"] += 1
        bundle.kept["exports.json"].add(export["id"])
        place, thing = "exports.json, export {}".format(export["id"]), "notifications.export:{}".format(export["id"])
        begun, ended = bundle.entry("export.begun", thing), bundle.entry("export.ended", thing)
        said = (export["people"], export["because"], export["asked_by"]["id"])
        if export["begun_at"] and (
            begun is None or said != (begun["facts"]["people"], begun["facts"]["because"], begun["by"])
        ):
            bundle.say(place, "the audit chain does not say that it left the house like this")
        if export["ended_at"] and (
            ended is None or (export["lines"], export["sha256"]) != (ended["facts"]["lines"], ended["facts"]["sha256"])
        ):
            bundle.say(place, "the audit chain does not say that it ended like this")
    bundle.held.append(f"{bundle.counted['exports']} lists of people that left the house")


def check_decisions(bundle):
    for decision in bundle.json("decisions.json"):
        bundle.counted["decisions"] += 1
        bundle.kept["decisions.json"].add(decision["id"])
        bundle.silence_was_decided |= decision["kind"] == "do_not_contact"
        entry = bundle.entry("decision.recorded", "incidents.decision:{}".format(decision["id"]))
        by = decision["by"]["id"] if decision["by"] else None
        # Those that came with a case file have no entry of their own.
        if entry and (entry["facts"]["kind"], entry["facts"]["supersedes"], entry["by"]) != (
            decision["kind"], decision["supersedes"], by,
        ):  # fmt: skip
            place = "decisions.json, decision {}".format(decision["id"])
            bundle.say(place, "the audit chain does not say that it was decided like this")
    bundle.held.append(f"{bundle.counted['decisions']} decisions")


# Whatever the chain says of this incident must be in the bundle: act in the log -> (its thing, where it has to stand).
TOLD_OF = {
    "approval.asked": ("accounts.approval", "approvals.json"),
    "page.published": ("incidents.pageversion", "page_versions"),
    "page.telling_changed": ("incidents.pageversion", "page_versions"),
    "page.overdue": ("incidents.pageversion", "page_versions"),
    "page.published_without": ("incidents.pageversion", "page_versions"),
    "notice.frozen": ("notifications.noticeversion", "notices"),
    "mailing.prepared": ("notifications.mailing", "mailings.json"),
    "import.confirmed": ("incidents.importbatch", "imports.json"),
    "import.undone": ("incidents.importbatch", "imports.json"),
    "decision.recorded": ("incidents.decision", "decisions.json"),
    "export.begun": ("notifications.export", "exports.json"),
}


def check_nothing_left_out(bundle):
    incident = bundle.manifest["incident"]["id"]
    for (act, thing), bodies in bundle.entries.items():
        if act not in TOLD_OF or bodies[-1]["incident"] != incident:
            continue
        kind, place = TOLD_OF[act]
        if thing not in {f"{kind}:{key}" for key in bundle.kept[place]}:
            bundle.say(place, f"{thing} was left out: entry {bodies[-1]['number']} of the audit chain tells of it")
    bundle.held.append("nothing is left out that the audit chain tells of")


def check_people(bundle):
    """Every account in one outcome, every recipient in one state, and no claim without what it rests on."""
    outcomes, acknowledged, last = {}, set(), 0
    for line, account in bundle.lines("accounts.jsonl"):
        place = f"accounts.jsonl, line {line}"
        try:
            last = in_order(bundle, place, account["id"], last)
            if account["outcome"] not in OUTCOMES:
                bundle.say(place, "has the unknown outcome {!r}".format(account["outcome"]))
            outcomes[account["id"]] = account["outcome"]
            bundle.outcomes[account["outcome"]] += 1
            if (account["outcome"] == "ruled_out") != (account["certainty"] == "ruled_out"):
                bundle.say(place, "is ruled out in one place and not in the other")
            if account["outcome"] == "by_decision_not_told" and not bundle.silence_was_decided:
                bundle.say(place, "counts as not told by decision, and there is no such decision")
            if account["acknowledged_at"]:
                acknowledged.add(account["id"])
        except NOT_A_RECORD:
            bundle.say(place, "this is not an account")
    reached = check_recipients(bundle, outcomes)
    for account, outcome in outcomes.items():
        if outcome == "told" and account not in reached and account not in acknowledged:
            place = f"accounts.jsonl, account {account}"
            bundle.say(place, "counts as told, and nothing shows that anything reached them")
    bundle.counted["accounts"] = len(outcomes)
    bundle.held.append(f"{len(outcomes)} affected accounts, each in one outcome")
    recipients = bundle.counted["recipients"]
    bundle.held.append(f"{recipients} recipients, each in one state that its attempts and events bear out")


def check_recipients(bundle, outcomes):
    """The accounts that something reached."""
    reached, codes, last = set(), set(), 0
    of_mailing: Counter[int] = Counter()
    for line, one in bundle.lines("recipients.jsonl"):
        place = f"recipients.jsonl, line {line}"
        try:
            last = in_order(bundle, place, one["id"], last)
            place = "recipients.jsonl, recipient {}".format(one["id"])
            bundle.counted["recipients"] += 1
            bundle.counted["attempts"] += len(one["attempts"])
            bundle.counted["events"] += len(one["events"])
            bundle.states[one["state"]] += 1
            if one["channel"] != "email" and one["recorded_proof"]:
                bundle.ways[one["channel"]] += 1
            if one["follows"] is not None:
                bundle.ways["next_address"] += 1
            for attempt in one["attempts"]:
                for _, seal, tree in bundle.seals:
                    if seal["since"] < instant(attempt["ended_at"]) <= seal["until"]:
                        tree.add(attempt_row(one["id"], attempt))
            if one["code"] in codes:
                bundle.say(place, "its reference code stands there twice")
            codes.add(one["code"])
            if one["affected_account"] not in outcomes:
                bundle.say(place, "is of an account that is not on the list")
            if one["mailing"] not in bundle.mailings:
                bundle.say(place, "is of a mailing that is not on the list")
            again = one.get("sent_again")
            if bool(again) != bool(bundle.mailings.get(one["mailing"], {}).get("again")):
                bundle.say(place, "does not say why it stands in the mailing it stands in")
            if again and not again["original"] < one["id"]:
                bundle.say(place, "was sent again before it was sent")
            numbers = [attempt["number"] for attempt in one["attempts"]]
            if numbers != sorted(set(numbers)):
                bundle.say(place, "its attempts are out of order")
            if not bears_out(one):
                bundle.say(place, "is {}, and its attempts and events do not bear that out".format(one["state"]))
            if one["state"] in ("accepted", "delivered") or (one["channel"] != "email" and one["recorded_proof"]):
                reached.add(one["affected_account"])
            channel = bundle.mailings.get(one["mailing"], {}).get("channel")
            taken_over = one["follows"] is None or one["follows_mailing"] != one["mailing"]
            if one["channel"] == channel and taken_over and one["address"]:  # not what was only recorded
                of_mailing[one["mailing"]] += 1
                bundle.frozen[one["mailing"]].append(set_row(one))
        except NOT_A_RECORD:
            bundle.say(place, "this is not a recipient")
    for number, mailing in bundle.mailings.items():
        # A later mailing takes over whom a cancelled one did not write to.
        if mailing["state"] != "cancelled" and of_mailing[number] != mailing["recipients_count"]:
            words = f"has {of_mailing[number]} recipients of mailing {number}, which was frozen with "
            bundle.say("recipients.jsonl", words + str(mailing["recipients_count"]))
    check_sets(bundle, of_mailing)
    for place, seal, tree in bundle.seals:
        if (tree.count, tree.root()) != (seal["count"], seal["root"]):
            words = "sealed {} attempts up to {}; those in recipients.jsonl are {} and not the same".format(
                seal["count"], seal["until"], tree.count
            )
            bundle.say(place, words)
    sealed = sum(seal["count"] for _, seal, _ in bundle.seals)
    if bundle.seals:
        bundle.held.append(f"{sealed} attempts to send that were sealed soon after they were made: none has changed")
    return reached


def set_row(one):
    """What the hash of a mailing's people needs of one of them, small, and sorted as it has to be."""
    numbers = one["affected_account"].to_bytes(8, "big") + one["id"].to_bytes(8, "big")
    return numbers + bytes.fromhex(one["address"]) + bytes.fromhex(one["merge"] or "")


def check_sets(bundle, of_mailing):
    """The people of each mailing that was started are those the approval was given for."""
    again = 0
    for number, mailing in bundle.mailings.items():
        rows = bundle.frozen.pop(number, [])
        whole = mailing["state"] != "cancelled" and of_mailing[number] == mailing["recipients_count"]
        if mailing["recipients_hash_version"] < 2 or mailing.get("again") or not (whole and mailing["started_at"]):
            continue
        digest = hashlib.sha256()
        said = {
            "whom": mailing["whom"], "channel": mailing["channel"], "evidence": mailing["evidence"],
            "version": mailing["recipients_hash_version"],
        }  # fmt: skip
        digest.update((canonical(said) + "\n").encode())
        for row in sorted(rows):
            one = {
                "affected_account": int.from_bytes(row[:8], "big"), "address": row[16:48].hex(),
                "merge": row[48:].hex(),
            }  # fmt: skip
            digest.update((canonical(one) + "\n").encode())
        again += 1
        if digest.hexdigest() != mailing["recipients_hash"]:
            words = f"the people of mailing {number} are not those that were approved"
            bundle.say("recipients.jsonl", words)
    if again:
        bundle.held.append(f"the people of {again} mailings, from the rows themselves: those that were approved")


def in_order(bundle, place, number, last):
    if number <= last:
        bundle.say(place, "is out of order or stands there twice")
    return number


def bears_out(one):
    """Whether a recipient's state rests on something that happened."""
    state, channel = one["state"], one["channel"]
    outcomes = [attempt["outcome"] for attempt in one["attempts"]]
    events = {event["type"] for event in one["events"]}
    if state not in STATES:
        return False
    if channel != "email":
        return state != "delivered" or bool(one["recorded_proof"])
    return {
        "delivered": bool(events & {"delivered", "complained"}),
        "accepted": "accepted" in outcomes or bool(events),
        "bounced": "bounced" in events,
        "failed": "failed" in outcomes or bool(events & {"failed", "rejected"}),
        "unknown": bool(outcomes) and outcomes[-1] in ("unknown", ""),
        "unconfirmed": "unknown" in outcomes or "" in outcomes,
        "sending": bool(outcomes) and outcomes[-1] == "",
    }.get(state, "accepted" not in outcomes)


def check_counts(bundle):
    said = bundle.manifest["counts"]
    for key in sorted(set(said) | set(bundle.counted)):
        parts = {"outcomes": bundle.outcomes, "states": bundle.states, "ways": bundle.ways}
        found = dict(parts[key]) if key in parts else bundle.counted[key]
        told = {k: v for k, v in said[key].items() if v} if isinstance(said.get(key), dict) else said.get(key, 0)
        if found != told:
            bundle.say(MANIFEST, f"says {key}: {told}; counted were {found}")
    if sum(bundle.outcomes.values()) != bundle.counted["accounts"]:
        bundle.say("accounts.jsonl", "the outcomes do not add up to the accounts")
    if sum(bundle.states.values()) != bundle.counted["recipients"]:
        bundle.say("recipients.jsonl", "the states do not add up to the recipients")
    bundle.held.append("the sums: outcomes add up to accounts, states to recipients")


def check_summary(bundle):
    """Told again from the records: a summary that says something else was written by somebody else."""
    facts = {name: bundle.json(f"{name}.json") for name in TOLD_FROM}
    told = sections(bundle.manifest, pages=bundle.pages, notices=bundle.told, **facts)
    for name, data in (("summary.txt", as_text(told)), ("summary.html", as_html(told))):
        if bundle.read(name) != data.encode():
            bundle.say(name, "does not tell what the records of this bundle say")
    bundle.held.append("the summary: told again from the records, it says the same (summary.pdf is signed only)")


CHECKS = (
    ("anchors.jsonl", check_heads_are_signed),
    ("audit.jsonl", check_chain),
    ("keys.json", check_keys),
    (SIGNATURE, check_signature),
    ("approvals.json", check_approvals),
    ("page_versions", check_page_versions),
    ("notices", check_notices),
    ("mailings.json", check_mailings),
    ("imports.json", check_imports),
    ("decisions.json", check_decisions),
    ("exports.json", check_exports),
    ("audit.jsonl", check_nothing_left_out),
    ("accounts.jsonl", check_people),
    (MANIFEST, check_counts),
    ("summary.txt", check_summary),
)


def verify(source, expected, write, *, key=None, heads=()):
    """0 or 1; every sentence goes to `write`. Raises UNREADABLE or NOT_A_RECORD where there is no manifest."""
    bundle = Bundle(source)
    bundle.given = key.strip().lower() if key else None
    bundle.brought = [(f"the head you brought, {record.get('number')}", record) for record in heads]
    made = bundle.made = check_manifest(bundle, expected)
    check_files(bundle)
    for place, check in CHECKS:
        try:
            check(bundle)
        except UNREADABLE + NOT_A_RECORD as problem:
            bundle.say(place, f"cannot be checked ({type(problem).__name__}: {problem})")
    manifest = bundle.manifest
    write("Evidence of “{}”, made {}".format(manifest["incident"]["title"], manifest["made_at"]))
    write("Checked:")
    for words in bundle.held:
        write("  - " + words)
    if bundle.wrong:
        write("")
        write(f"THIS DOES NOT HOLD ({len(bundle.wrong)}):")
        for place, words in bundle.wrong:
            write(f"  - {place}: {words}")
        return 1
    write("")
    write(f"Everything holds. SHA-256 of the manifest: {made}")
    if expected:
        write("It is the one you were given.")
    if key:
        write("It is signed by the key you were given, or by one that it leads to.")
    if heads:
        write(f"{len(heads)} signed heads that were kept outside agree with it, as far as it goes.")
    if not (expected or key or heads):
        write(
            "One thing has to reach you another way, or a forger with a key of their own could have made all of this:"
        )
        write("the number above, the house's public key (--key), or heads of the log that officers keep (--anchors).")
    return 0


def heads_in(path):
    """Signed heads of a file, a folder of files, or a mail that was saved: lines of JSON."""
    found = []
    for file in sorted(one for one in path.rglob("*") if one.is_file()) if path.is_dir() else [path]:
        text = file.read_text(encoding="utf-8", errors="replace")
        text = text.replace("=\r\n", "").replace("=\n", "").replace("=3D", "=")  # as mails travel
        found += [json.loads(line) for line in text.splitlines() if line.startswith('{"at":')]
    return found


def main(arguments):
    parser = argparse.ArgumentParser(description="Verifies a bundle of evidence, offline and by itself.")
    parser.add_argument("path", nargs="?", default=str(Path(__file__).resolve().parent), help="the zip, or its folder")
    parser.add_argument("--manifest", metavar="SHA256", help="the SHA-256 of the manifest that you were given")
    parser.add_argument("--key", metavar="PUBLIC", help="the house's public key that you were given, new or old")
    parser.add_argument("--anchors", metavar="FILE", nargs="+", default=[], help="signed heads, or mails with them")
    options = parser.parse_args(arguments)
    write = lambda words: sys.stdout.write(words + "\n")  # noqa: E731
    try:
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(errors="backslashreplace")
        source = Folder(options.path) if Path(options.path).is_dir() else Zip(options.path)
        heads = [record for name in options.anchors for record in heads_in(Path(name))]
        return verify(source, options.manifest, write, key=options.key, heads=heads)
    except UNREADABLE + NOT_A_RECORD as problem:
        write(f"This cannot be read as a bundle of evidence: {type(problem).__name__}: {problem}")
        return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
