"""Verifies a bundle of evidence, offline and by itself: Python 3.9 or later, nothing else.

    python3 -I verify_evidence.py [BUNDLE.zip | FOLDER] [--manifest SHA256]

Without a path the folder this script stands in is verified. Answers 0: everything holds; 1: something does not, each
place is named; 2: it could not be read at all. README.txt says what every check rests on.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import sys
import zipfile
import zlib
from collections import Counter, defaultdict
from pathlib import Path

FORMAT = 1
GENESIS = "0" * 64
MANIFEST, SEAL = "manifest.json", "manifest.sha256"
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
        self.counted: Counter[str] = Counter()
        self.outcomes: Counter[str] = Counter()
        self.states: Counter[str] = Counter()

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
        if name not in listed and name not in (MANIFEST, SEAL):
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
        except NOT_A_RECORD:
            bundle.say(place, "this is not an entry")
    head = bundle.manifest["audit_head"]
    if (number, previous) != (head["number"], head["hash"]):
        last = f"entry {head['number']}, seal {head['hash']}"
        bundle.say(name, f"ends with entry {number}, seal {previous}; the manifest says {last}: the end was replaced")
    bundle.held.append(f"the audit chain from its first entry to entry {number}")


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
    alone = sum(approval["needs"] == 0 for approval in bundle.approvals.values())
    without = f" ({alone} without a second person, because the organisation asked for none)" if alone else ""
    bundle.held.append(f"{len(bundle.approvals)} approvals: nobody answered for themselves{without}")


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
MADE_BY_THE_SYSTEM = {"telling": "page.telling_changed", "time": "page.overdue"}  # cause -> act in the log


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


def check_mailings(bundle):
    name = "mailings.json"
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
        if not approval or not approval["used_at"] or (approval["act"], approval["thing"]) != ("mail", thing):
            bundle.say(place, "was started without an approval that was given and used")
        elif approval["hashes"] != hashes:
            bundle.say(place, "is not the text and the people that approval {} was given for".format(approval["id"]))
        entry = bundle.entry("mailing.started", thing)
        if entry is None or entry["facts"]["hashes"] != hashes:
            bundle.say(place, "the audit chain does not say that it was started like this")
    bundle.counted["mailings"] = len(bundle.mailings)
    bundle.held.append(f"{len(bundle.mailings)} mailings: the approval of just that text to just those people")


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
        undone = bundle.entry("import.undone", "incidents.importbatch:{}".format(batch["id"]))
        if (batch["state"] == "undone") != (undone is not None):
            place = "imports.json, import {}".format(batch["number"])
            bundle.say(place, "bundle and audit chain do not agree on whether it was undone")
    bundle.held.append(f"{bundle.counted['imports']} imports: hash and counts of each that was confirmed")


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
            if one["channel"] == channel and one["follows"] is None and one["address"]:  # not what was only recorded
                of_mailing[one["mailing"]] += 1
        except NOT_A_RECORD:
            bundle.say(place, "this is not a recipient")
    for number, mailing in bundle.mailings.items():
        # A later mailing takes over whom a cancelled one did not write to.
        if mailing["state"] != "cancelled" and of_mailing[number] != mailing["recipients_count"]:
            words = f"has {of_mailing[number]} recipients of mailing {number}, which was frozen with "
            bundle.say("recipients.jsonl", words + str(mailing["recipients_count"]))
    return reached


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
        found = {"outcomes": dict(bundle.outcomes), "states": dict(bundle.states)}.get(key, bundle.counted[key])
        told = {k: v for k, v in said[key].items() if v} if isinstance(said.get(key), dict) else said.get(key, 0)
        if found != told:
            bundle.say(MANIFEST, f"says {key}: {told}; counted were {found}")
    if sum(bundle.outcomes.values()) != bundle.counted["accounts"]:
        bundle.say("accounts.jsonl", "the outcomes do not add up to the accounts")
    if sum(bundle.states.values()) != bundle.counted["recipients"]:
        bundle.say("recipients.jsonl", "the states do not add up to the recipients")
    bundle.held.append("the sums: outcomes add up to accounts, states to recipients")


CHECKS = (
    ("audit.jsonl", check_chain),
    ("approvals.json", check_approvals),
    ("page_versions", check_page_versions),
    ("notices", check_notices),
    ("mailings.json", check_mailings),
    ("imports.json", check_imports),
    ("decisions.json", check_decisions),
    ("audit.jsonl", check_nothing_left_out),
    ("accounts.jsonl", check_people),
    (MANIFEST, check_counts),
)


def verify(source, expected, write):
    """0 or 1; every sentence goes to `write`. Raises UNREADABLE or NOT_A_RECORD where there is no manifest."""
    bundle = Bundle(source)
    made = check_manifest(bundle, expected)
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
    else:
        write("Compare it with the one in the staff room's log, or have it read to you on the phone: whoever makes a")
        write("whole new bundle can make all of the above hold, but not that number.")
    return 0


def main(arguments):
    parser = argparse.ArgumentParser(description="Verifies a bundle of evidence, offline and by itself.")
    parser.add_argument("path", nargs="?", default=str(Path(__file__).resolve().parent), help="the zip, or its folder")
    parser.add_argument("--manifest", metavar="SHA256", help="the SHA-256 of the manifest that you were given")
    options = parser.parse_args(arguments)
    write = lambda words: sys.stdout.write(words + "\n")  # noqa: E731
    try:
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(errors="backslashreplace")
        source = Folder(options.path) if Path(options.path).is_dir() else Zip(options.path)
        return verify(source, options.manifest, write)
    except UNREADABLE + NOT_A_RECORD as problem:
        write(f"This cannot be read as a bundle of evidence: {type(problem).__name__}: {problem}")
        return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
