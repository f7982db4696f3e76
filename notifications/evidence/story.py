"""summary.txt: the bundle told in plain words, for somebody who opens one file only."""

from collections.abc import Iterator
from datetime import datetime

CAUSES = {
    "telling": "by the system: only how far telling had come changed",
    "time": "by the system: a promised update was overdue",
    "redacted": "made to take words out that should not have been public",
}
OUTCOMES = {
    "told": "told: a message was delivered, or accepted and not returned, or they said they read it, or a letter or "
    "call is on record",
    "on_the_way": "on the way: handed over or waiting, not known to have arrived",
    "unknown": "unknown: handed over, and nobody answered",
    "unreached": "not reached by any way, or not written to",
    "by_decision_not_told": "not told, by a decision that stands in decisions.json",
    "ruled_out": "ruled out: found not to be affected",
}


def tell(manifest: dict, *, pages: list[dict], notices: list[dict], decisions: list[dict], imports: list[dict],
         approvals: list[dict], mailings: list[dict]) -> str:  # fmt: skip
    given = {approval["id"]: approval for approval in approvals}
    parts = [
        _head(manifest),
        _part("What was decided", _decisions(decisions)),
        _part("What was said in public", _pages(pages, given)),
        _part("Where the list of affected accounts came from", _imports(imports)),
        _part("What was sent", _mailings(mailings, notices, given)),
        _part("What became of each affected account", _outcomes(manifest["counts"])),
    ]
    return "\n\n".join(parts) + "\n"


def _head(manifest: dict) -> str:
    incident, head = manifest["incident"], manifest["audit_head"]
    title = f"{manifest['organisation']}: {incident['title']}"
    drill = "\nA DRILL. Nothing in this bundle happened.\n" if incident["drill"] else ""
    return (
        f"{title}\n{'=' * len(title)}\n{drill}\n"
        f"This tells what the other files hold, as of {when(manifest['made_at'])}. All times are UTC.\n"
        f"The log ended with entry {head['number']}, seal {head['hash']}."
    )


def _part(title: str, sentences: Iterator[str]) -> str:
    said = list(sentences) or ["Nothing."]
    return f"{title}\n{'-' * len(title)}\n" + "\n".join(said)


def _decisions(decisions: list[dict]) -> Iterator[str]:
    for one in decisions:
        of_whom = f", for {one['segment']}" if one["segment"] else ""
        rests = "".join(f"\n    {name}: {one[name]}" for name in ("ground", "means") if one[name])
        yield f"{when(one['recorded_at'])}  {who(one['by'])}: {words(one['kind'])}{of_whom}."
        yield f"    {one['reasons']}{rests}"


def _pages(pages: list[dict], given: dict[int, dict]) -> Iterator[str]:
    for one in pages:
        how = CAUSES.get(one["cause"]) or f"published by {who(one['by'])}{_approved(given.get(one['approval']))}"
        yield f"{when(one['made_at'])}  page version {one['number']}, {how}."


def _imports(imports: list[dict]) -> Iterator[str]:
    for one in imports:
        confirmed = ""
        if one["confirmed_at"]:
            confirmed = f" by {who(one['confirmed_by'])} at {when(one['confirmed_at'])}"
        read = f"import {one['number']}, read for {who(one['uploaded_by'])}"
        yield f"{when(one['uploaded_at'])}  {read}: {one['state']}{confirmed}."


def _mailings(mailings: list[dict], notices: list[dict], given: dict[int, dict]) -> Iterator[str]:
    names = {notice["sha256"]: notice for notice in notices}
    for one in mailings:
        notice = names[one["text"]]
        text = f"({words(notice['kind'])}, text {one['text'][:12]}…)"
        what = f"“{notice['subject']}” {text} to {one['recipients_count']:,}"
        if not one["started_at"]:
            yield f"{when(one['prepared_at'])}  mailing {one['number']}, never started ({one['state']}): {what}."
            continue
        yield (
            f"{when(one['started_at'])}  mailing {one['number']}, started by {who(one['started_by'])}"
            f"{_approved(given.get(one['approval']))}: {what}. It is {one['state']}."
        )


def _approved(approval: dict | None) -> str:
    if approval is None:
        return ""
    said_yes = [f"{who(sign['by'])} at {when(sign['at'])}" for sign in approval["sign_offs"] if sign["yes"]]
    if not said_yes:
        return ", without a second person, because the organisation asks for none"
    return f", approved by {' and '.join(said_yes)}"


def _outcomes(counts: dict) -> Iterator[str]:
    everyone = sum(counts["outcomes"].values())
    yield f"{everyone:>9,}  affected accounts, of these"
    for outcome, meaning in OUTCOMES.items():
        yield f"{counts['outcomes'].get(outcome, 0):>9,}  {meaning}"
    states = ", ".join(f"{count:,} {state}" for state, count in sorted(counts["states"].items()))
    if states:
        yield f"\nMessages, letters and calls by state: {states}."


def when(moment: str) -> str:
    return f"{datetime.fromisoformat(moment):%Y-%m-%d %H:%M}"


def who(person: dict | None) -> str:
    return person["name"] if person else "the system"


def words(choice: str) -> str:
    return choice.replace("_", " ")
