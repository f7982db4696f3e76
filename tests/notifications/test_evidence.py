"""The bundle: whole, consistent, without people in it, and any change is found and named."""

import ast
import hashlib
import io
import json
import random
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import call_command

from accounts import audit, signing
from accounts.models import AuditEntry
from incidents.models import Incident
from notifications import evidence, verify_evidence
from notifications.evidence import writing
from tests.notifications import night

Files = dict[str, bytes]


@pytest.fixture(scope="module")
def written(django_db_setup, django_db_blocker, tmp_path_factory):
    """(zip, manifest, last entry of the chain) of one whole night; the database is empty again afterwards."""
    folder = tmp_path_factory.mktemp("evidence")
    with django_db_blocker.unblock():
        try:
            incident = night.play(folder / "site")
            with (folder / "evidence.zip").open("w+b") as file:
                manifest = evidence.write(incident, file, by=None, at=night.NOON)
            yield folder / "evidence.zip", manifest, AuditEntry.objects.get(act="evidence.exported")
        finally:
            call_command("flush", interactive=False, verbosity=0)


@pytest.fixture
def files(written) -> Files:
    with zipfile.ZipFile(written[0]) as bundle:
        return {name: bundle.read(name) for name in bundle.namelist()}


@pytest.fixture
def verify(tmp_path):
    """verify(files) packs them and lets the script judge: (exit code, what it printed)."""

    def run(files: Files | Path, *arguments: str) -> tuple[int, str]:
        path = files if isinstance(files, Path) else pack(files, tmp_path / "tampered.zip")
        ended = subprocess.run(
            [sys.executable, "-I", str(writing.VERIFIER), str(path), *arguments],
            capture_output=True, text=True, timeout=60, check=False, cwd="/", env={},
        )  # fmt: skip
        assert not ended.stderr
        return ended.returncode, ended.stdout

    return run


def pack(files: Files, path: Path) -> Path:
    with zipfile.ZipFile(path, "w") as bundle:
        for name, data in files.items():
            bundle.writestr(name, data)
    return path


def lines(files: Files, name: str) -> list[dict]:
    return [json.loads(line) for line in files[name].splitlines()]


def sealed_anew(files: Files) -> Files:
    """What a forger would do: the files changed, a manifest that fits them, the house's own signature over it.

    Whoever has not the key cannot even do that; see test_evidence_forged.py.
    """
    files = dict(files)
    manifest = json.loads(files["manifest.json"])
    for file in manifest["files"]:
        if file["name"] in files:
            data = files[file["name"]]
            file["size"], file["sha256"] = len(data), sha256(data)
    files["manifest.json"] = json.dumps(manifest).encode()
    files["manifest.sha256"] = f"{sha256(files['manifest.json'])}  manifest.json\n".encode()
    name, key = signing.secret(settings.AUDIT_KEYS[0])
    said = verify_evidence.manifest_said(sha256(files["manifest.json"]))
    signed = {"key": name, "public": signing.public_of(key), "signature": key.sign(said).hex()}
    files["manifest.sig"] = json.dumps(signed).encode()
    return files


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


# Whole and untouched --------------------------------------------------------------------------------------------


def test_an_untouched_bundle_holds(written, verify):
    code, said = verify(written[0], "--manifest", written[1].sha256)

    assert code == 0, said
    assert "Everything holds" in said
    assert "It is the one you were given" in said


def test_unpacked_into_a_folder_it_verifies_itself(written, tmp_path):
    with zipfile.ZipFile(written[0]) as bundle:
        bundle.extractall(tmp_path)

    ended = subprocess.run([sys.executable, "-I", str(tmp_path / "verify_evidence.py")], capture_output=True, text=True)

    assert ended.returncode == 0, ended.stdout


def test_it_holds_every_kind_of_record(files):
    manifest = json.loads(files["manifest.json"])
    counts = manifest["counts"]

    assert {"README.txt", "summary.txt", "verify_evidence.py", "decisions.json", "imports.json"} <= files.keys()
    assert (counts["accounts"], counts["recipients"], counts["attempts"], counts["events"]) == (6, 6, 6, 3)
    assert (counts["page_versions"], counts["notice_versions"], counts["mailings"], counts["approvals"]) == (2, 1, 1, 2)
    assert counts["states"] == {"delivered": 2, "bounced": 1, "accepted": 3}
    assert sum(counts["outcomes"].values()) == 6
    assert manifest["audit_head"]["number"] == len(lines(files, "audit.jsonl"))


def test_exporting_is_in_the_log_with_the_hash_of_the_manifest(written):
    _, manifest, entry = written
    facts = json.loads(entry.body)["facts"]

    assert facts["manifest"] == manifest.sha256
    assert facts["head"] == entry.number - 1


def test_the_summary_tells_who_approved_what(files):
    summary = files["summary.txt"].decode()

    assert "published by Wanda Writer, approved by Anton Approver" in summary
    assert "started by Anton Approver, approved by Anton Approver" in summary
    assert "Wanda Writer: aware" in summary


def test_nobody_can_be_read_out_of_it(files):
    for name, data in files.items():
        for word in (b"owner@", b"zeta-", b"Zeta", b"key-\xe2\x80\xa6"):
            assert word not in data, f"{name} holds {word!r}"


def test_other_incidents_show_nothing_but_their_place_in_the_chain(files):
    assert not any(b"ecret reasons" in data or b"something-else" in data for data in files.values())
    withheld = [entry for entry in lines(files, "audit.jsonl") if entry.get("withheld")]
    assert len(withheld) == 3
    assert all(entry.keys() == {"number", "previous", "hash", "withheld"} for entry in withheld)


def test_the_script_is_written_for_python_3_9():
    ast.parse(writing.VERIFIER.read_text(), feature_version=(3, 9))


def test_the_script_seals_as_the_house_does(files):
    for entry in lines(files, "audit.jsonl"):
        if "body" in entry:
            assert entry["hash"] == audit.seal(entry["previous"], entry["body"])


# Changed --------------------------------------------------------------------------------------------------------


def test_one_flipped_byte_in_any_file_is_found_and_the_file_is_named(files, verify):
    chance = random.Random(20180103)
    for name in (name for name in files if files[name]):
        data = bytearray(files[name])
        place = chance.randrange(len(data))
        data[place] ^= 1 << chance.randrange(7)

        code, said = verify({**files, name: bytes(data)})

        assert code in {1, 2}, f"{name}, byte {place}: not found"
        assert name in said


def test_a_manifest_that_cannot_be_read_is_said_to_be_none(files, verify):
    assert verify({**files, "manifest.json": b"{"})[0] == 2
    assert verify({"README.txt": b""})[0] == 2


def test_what_is_no_zip_cannot_be_read(tmp_path, verify):
    (tmp_path / "letter.zip").write_bytes(b"Dear reader")

    assert verify(tmp_path / "letter.zip")[0] == 2
    assert verify(tmp_path / "nothing.zip")[0] == 2


def test_another_manifest_than_the_one_told_on_the_phone_is_found(files, verify):
    code, said = verify(files, "--manifest", "0" * 64)

    assert code == 1
    assert "not the one you were given" in said


def test_a_removed_file_is_found(files, verify):
    for name in files:
        if name == "manifest.json":
            continue
        code, said = verify({other: data for other, data in files.items() if other != name})

        assert code == 1
        assert f"{name}: is missing" in said


def test_an_added_file_is_found(files, verify):
    code, said = verify({**files, "notices/00009-version-001.json": b"{}"})

    assert code == 1
    assert "was added" in said


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_file_that_is_there_twice_is_found(files, verify, tmp_path):
    path = pack(files, tmp_path / "twice.zip")
    with zipfile.ZipFile(path, "a") as bundle:
        bundle.writestr("summary.txt", "All is well.")

    code, said = verify(path)

    assert code == 1
    assert "summary.txt: is there 2 times" in said


# Changed by somebody who makes a manifest that fits -------------------------------------------------------------


@pytest.mark.parametrize("field", ["number", "previous", "hash", "body"])
def test_each_kind_of_field_of_the_log_is_sealed(files, verify, field):
    entries = files["audit.jsonl"].splitlines(keepends=True)
    at = next(number for number, line in enumerate(entries) if number > 2 and b'"body"' in line)
    entry = json.loads(entries[at])
    entry[field] = entry[field] + 1 if field == "number" else _other(entry[field])
    entries[at] = (audit.canonical(entry) + "\n").encode()

    code, said = verify(sealed_anew({**files, "audit.jsonl": b"".join(entries)}))

    assert code == 1
    assert f"audit.jsonl, line {at + 1}" in said or f"audit.jsonl, entry {at + 1}" in said


@pytest.mark.parametrize("name", ["number", "at", "by", "act", "thing", "incident", "facts"])
def test_each_kind_of_thing_an_entry_says_is_sealed(files, verify, name):
    entries = files["audit.jsonl"].splitlines(keepends=True)
    at = next(number for number, line in enumerate(entries) if b"page.published" in line)
    entry = json.loads(entries[at])
    body = json.loads(entry["body"])
    body[name] = "changed"
    entry["body"] = audit.canonical(body)
    entries[at] = (audit.canonical(entry) + "\n").encode()

    code, said = verify(sealed_anew({**files, "audit.jsonl": b"".join(entries)}))

    assert code == 1
    assert f"audit.jsonl, entry {at + 1}: its seal does not fit" in said


def _other(text: str) -> str:
    return ("1" if text[0] == "0" else "0") + text[1:]


def test_a_withheld_entry_cannot_be_replaced(files, verify):
    entries = files["audit.jsonl"].splitlines(keepends=True)
    at = next(number for number, line in enumerate(entries) if b"withheld" in line)
    entry = json.loads(entries[at])
    entry["hash"] = _other(entry["hash"])
    entries[at] = (audit.canonical(entry) + "\n").encode()

    code, said = verify(sealed_anew({**files, "audit.jsonl": b"".join(entries)}))

    assert code == 1
    assert f"audit.jsonl, entry {at + 2}: does not follow" in said


def test_a_log_whose_end_was_cut_off_is_found(files, verify):
    entries = files["audit.jsonl"].splitlines(keepends=True)

    code, said = verify(sealed_anew({**files, "audit.jsonl": b"".join(entries[:-2])}))

    assert code == 1
    assert "audit.jsonl: ends with entry" in said


def test_entries_in_another_order_are_found(files, verify):
    entries = files["audit.jsonl"].splitlines(keepends=True)
    entries[2], entries[3] = entries[3], entries[2]

    code, said = verify(sealed_anew({**files, "audit.jsonl": b"".join(entries)}))

    assert code == 1
    assert "audit.jsonl, line 3: entry 4 follows 2" in said


@pytest.mark.parametrize("name", ["accounts.jsonl", "recipients.jsonl"])
def test_lines_about_people_in_another_order_or_missing_are_found(files, verify, name):
    people = files[name].splitlines(keepends=True)

    for tampered, place in (
        (people[::-1], f"{name}, line 2"),
        (people[:-1], "manifest.json: says"),
        (people[:1] * 6, name),
    ):
        code, said = verify(sealed_anew({**files, name: b"".join(tampered)}))

        assert code == 1
        assert place in said


def change(files: Files, name: str, **fields) -> Files:
    """The first record of a file with other values."""
    if name.endswith(".jsonl"):
        first, *rest = files[name].splitlines(keepends=True)
        data = (audit.canonical({**json.loads(first), **fields}) + "\n").encode() + b"".join(rest)
    else:
        value = json.loads(files[name])
        if isinstance(value, list):
            value[0] |= fields
        else:
            value |= fields
        data = json.dumps(value).encode()
    return sealed_anew({**files, name: data})


PAGE = "page_versions/00001/version.json"


@pytest.mark.parametrize(
    ("name", "fields", "said"),
    [
        ("notices", {"body": "Nothing happened."}, "its text is not what its SHA-256 covers"),
        ("notices", {"sha256": "0" * 64}, "its text is not what its SHA-256 covers"),
        (PAGE, {"content": {}}, "its content is not what its content_hash covers"),
        (PAGE, {"hash": "0" * 64}, "its hash does not fit its list of documents"),
        (PAGE, {"approval": None}, "without an approval"),
        (PAGE, {"number": 3}, "a version is missing or added"),
        (PAGE, {"cause": "telling"}, "content that no person had published"),
        ("approvals.json", {"hashes": {"content": "0" * 64}}, "the audit chain does not say that it was asked for"),
        ("approvals.json", {"hashes": {"content": "0" * 64}}, "(page version 1): is not what approval"),
        ("approvals.json", {"sign_offs": []}, "counts as given with 0 of 1"),
        ("approvals.json", {"given_at": None}, "was used and never given"),
        ("mailings.json", {"recipients_hash": "0" * 64}, "is not the text and the people that approval"),
        ("mailings.json", {"text": "0" * 64}, "sends a text that is not among the notices"),
        ("mailings.json", {"approval": None}, "was started without an approval"),
        ("mailings.json", {"recipients_count": 5}, "was frozen with 5"),
        ("imports.json", {"sha256": "0" * 64}, "the audit chain does not say that it was confirmed"),
        ("imports.json", {"state": "undone"}, "do not agree on whether it was undone"),
        ("decisions.json", {"kind": "material"}, "the audit chain does not say that it was decided"),
        ("accounts.jsonl", {"outcome": "ruled_out"}, "manifest.json: says outcomes"),
        ("accounts.jsonl", {"outcome": "fine"}, "has the unknown outcome 'fine'"),
        ("recipients.jsonl", {"events": []}, "do not bear that out"),
        ("recipients.jsonl", {"state": "bounced"}, "do not bear that out"),
        ("recipients.jsonl", {"state": "fine"}, "do not bear that out"),
        ("recipients.jsonl", {"affected_account": 0}, "is of an account that is not on the list"),
        ("recipients.jsonl", {"mailing": 9}, "is of a mailing that is not on the list"),
    ],
)
def test_what_does_not_fit_the_rest_is_found_even_with_a_manifest_that_fits(files, verify, name, fields, said):
    name = next(file for file in files if file.startswith("notices/")) if name == "notices" else name

    code, words = verify(change(files, name, **fields))

    assert code == 1
    assert said in words


def recounted(files: Files, **counts) -> Files:
    manifest = json.loads(files["manifest.json"])
    manifest["counts"] |= counts
    manifest["files"] = [file for file in manifest["files"] if file["name"] in files]
    return sealed_anew({**files, "manifest.json": json.dumps(manifest).encode()})


@pytest.mark.parametrize("name", ["decisions", "imports"])
def test_a_record_the_log_tells_of_cannot_be_left_out(files, verify, name):
    code, said = verify(recounted({**files, f"{name}.json": b"[]"}, **{name: 0}))

    assert code == 1
    assert f"{name}.json: incidents." in said
    assert "was left out: entry" in said


def test_the_last_page_version_cannot_be_left_out(files, verify):
    numbers = [name.split("/")[1] for name in files if name.startswith("page_versions/")]
    kept = {name: data for name, data in files.items() if f"/{max(numbers)}/" not in name}
    documents = json.loads(files[f"page_versions/{max(numbers)}/version.json"])["documents"]
    counts = json.loads(files["manifest.json"])["counts"]

    code, said = verify(recounted(
        kept, page_versions=counts["page_versions"] - 1, documents=counts["documents"] - len(documents)
    ))  # fmt: skip

    assert code == 1
    assert "page_versions: incidents.pageversion:" in said


def test_a_mailing_with_everyone_it_went_to_cannot_be_left_out(files, verify):
    accounts = [{**account, "outcome": "unreached"} for account in lines(files, "accounts.jsonl")]
    without = {
        "mailings.json": b"[]", "recipients.jsonl": b"",
        "accounts.jsonl": b"".join(json.dumps(account).encode() + b"\n" for account in accounts),
    }  # fmt: skip

    code, said = verify(recounted(
        {**files, **without}, mailings=0, recipients=0, attempts=0, events=0, states={},
        outcomes={"unreached": len(accounts)},
    ))  # fmt: skip

    assert code == 1
    assert "mailings.json: notifications.mailing:" in said


def test_nobody_is_left_untold_by_a_decision_that_is_not_there(files, verify):
    accounts = [{**account, "outcome": "by_decision_not_told"} for account in lines(files, "accounts.jsonl")]
    changed = b"".join(json.dumps(account).encode() + b"\n" for account in accounts)

    code, said = verify(recounted(
        {**files, "accounts.jsonl": changed}, outcomes={"by_decision_not_told": len(accounts)}
    ))  # fmt: skip

    assert code == 1
    assert "counts as not told by decision, and there is no such decision" in said


def test_an_approver_who_asked_herself_is_found(files, verify):
    approvals = json.loads(files["approvals.json"])
    approvals[0]["sign_offs"][0]["by"] = approvals[0]["asked_by"]

    code, said = verify(sealed_anew({**files, "approvals.json": json.dumps(approvals).encode()}))

    assert code == 1
    assert "whoever asked has answered too" in said


def test_a_document_changed_together_with_its_version_is_found(files, verify):
    name = next(file for file in files if file.startswith("page_versions/00001/documents/"))
    changed = files[name].replace(b"exposed", b"hidden")
    assert changed != files[name]

    code, said = verify(sealed_anew({**files, name: changed}))

    assert code == 1
    assert "was changed" in said


# The command ----------------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_the_command_writes_a_bundle_that_holds(tmp_path, verify, capsys):
    night.play(tmp_path / "site")

    call_command("evidence", "api-keys-2018", str(tmp_path / "out.zip"))

    assert verify(tmp_path / "out.zip")[0] == 0
    assert "SHA-256 of its manifest" in capsys.readouterr().out
    assert AuditEntry.objects.get(act="evidence.exported").by is None
    assert not list(tmp_path.glob("*.part"))


@pytest.mark.django_db(transaction=True)
def test_a_quiet_incident_has_evidence_too(verify):
    incident = Incident.objects.create(slug="quiet", title="Nothing yet")
    file = io.BytesIO()

    evidence.write(incident, file)

    assert verify_bytes(file, verify)[0] == 0


@pytest.mark.django_db(transaction=True)
def test_the_same_moment_gives_the_same_bytes():
    incident = Incident.objects.create(slug="quiet", title="Nothing yet")
    first, second = io.BytesIO(), io.BytesIO()

    for file in (first, second):
        with writing.one_moment():
            writing._bundle(incident, file, by=None, at=night.NOON, sign=lambda said: {})

    assert first.getvalue() == second.getvalue()


def verify_bytes(file: io.BytesIO, verify) -> tuple[int, str]:
    with zipfile.ZipFile(file) as bundle:
        return verify({name: bundle.read(name) for name in bundle.namelist()})
