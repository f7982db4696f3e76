"""Attacks on a bundle by somebody who knows how it is made: with a key of their own, or without any."""

import json
import random
import zipfile

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from accounts import audit, signing
from notifications import verify_evidence
from tests.notifications.test_evidence import (  # noqa: F401  (fixtures)
    Files,
    change,
    files,
    lines,
    pack,
    recounted,
    sealed_anew,
    sha256,
    verify,
    written,
)

FORGER = Ed25519PrivateKey.from_private_bytes(b"f" * 32)


def house_key() -> str:
    return signing.public_of(signing.secret(settings.AUDIT_KEYS[0])[1])


def unsigned(files: Files) -> Files:  # noqa: F811
    """A manifest that fits what was changed, and the signature left as it was."""
    return sealed_anew(files) | {"manifest.sig": files["manifest.sig"]}


def signed_by_the_forger(files: Files, *, named: str = "laptop") -> Files:  # noqa: F811
    made = sealed_anew(files)
    said = verify_evidence.manifest_said(sha256(made["manifest.json"]))
    public = signing.public_of(FORGER)
    return made | {
        "manifest.sig": json.dumps({"key": named, "public": public, "signature": FORGER.sign(said).hex()}).encode()
    }


def as_lines(records: list[dict]) -> bytes:
    return b"".join(f"{audit.canonical(record)}\n".encode() for record in records)


# The signature --------------------------------------------------------------------------------------------------


@given(st.binary(max_size=200), st.binary(min_size=32, max_size=32))
@hypothesis_settings(max_examples=25, deadline=None)
def test_signatures_are_judged_as_the_library_judges_them(said, seed):
    key = Ed25519PrivateKey.from_private_bytes(seed)
    public, signature = key.public_key().public_bytes_raw().hex(), key.sign(said)

    assert verify_evidence.signature_holds(public, signature.hex(), said)
    assert not verify_evidence.signature_holds(public, signature.hex(), said + b" ")
    flipped = bytearray(signature)
    flipped[random.Random(said).randrange(64)] ^= 1
    assert not verify_evidence.signature_holds(public, flipped.hex(), said)


def test_the_vectors_of_rfc_8032_hold():
    public = "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"
    signature = (
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
    )
    assert verify_evidence.signature_holds(public, signature, b"\x72")
    s_plus_order = int.from_bytes(bytes.fromhex(signature)[32:], "little") + verify_evidence.ORDER
    malleable = signature[:64] + s_plus_order.to_bytes(32, "little").hex()
    assert not verify_evidence.signature_holds(public, malleable, b"\x72")
    assert not verify_evidence.signature_holds("zz", "", b"")


def test_whoever_has_no_key_cannot_change_a_file(files, verify):  # noqa: F811
    changed = files["README.txt"].replace(b"security", b"secrecy!")

    code, said = verify(unsigned({**files, "README.txt": changed}))

    assert code == 1
    assert "manifest.sig: the signature does not fit the manifest" in said


def test_a_bundle_without_signature_does_not_hold(files, verify):  # noqa: F811
    code, said = verify({name: data for name, data in files.items() if name != "manifest.sig"})

    assert code == 1
    assert "manifest.sig: is missing: this bundle is not signed" in said


def test_another_key_under_the_house_s_name_is_found(files, verify):  # noqa: F811
    code, said = verify(signed_by_the_forger(files))

    assert code == 1
    assert "is by a key that the audit chain does not know" in said


def all_anew(files: Files) -> Files:  # noqa: F811
    """Everything the house signs, signed by the forger instead, chain and heads and all."""
    public = signing.public_of(FORGER)
    entries, previous, hashes = [], audit.GENESIS, {}
    for entry in lines(files, "audit.jsonl"):
        if "body" in entry:
            body = json.loads(entry["body"])
            if body["act"] == "signing_key.introduced":
                said = signing.statement("laptop", public, None)
                body["facts"] |= {"public": public, "by_itself": FORGER.sign(said).hex()}
            entry["body"] = audit.canonical(body)
            entry["hash"] = audit.seal(previous, entry["body"])
        entry["previous"], previous = previous, entry["hash"]
        hashes[entry["number"]] = entry["hash"]
        entries.append(entry)
    anchors = []
    for head in lines(files, "anchors.jsonl"):
        head |= {"hash": hashes[head["number"]], "public": public}
        anchors.append(head | {"signature": FORGER.sign(verify_evidence.head_said(head)).hex()})
    manifest = json.loads(files["manifest.json"])
    manifest["audit_head"]["hash"] = previous
    keys = [key | {"public": public} for key in json.loads(files["keys.json"])]
    told = {
        **files, "audit.jsonl": as_lines(entries), "anchors.jsonl": as_lines(anchors),
        "keys.json": json.dumps(keys).encode(), "manifest.json": json.dumps(manifest).encode(),
    }  # fmt: skip
    for name in ("summary.txt", "summary.html"):
        told[name] = told[name].replace(
            json.loads(files["manifest.json"])["audit_head"]["hash"].encode(), previous.encode()
        )
    return signed_by_the_forger(told)


def test_a_whole_new_bundle_is_found_by_the_house_s_key(files, verify):  # noqa: F811
    assert verify(files, "--key", house_key())[0] == 0
    forged = all_anew(files)
    assert "is by a key that the one you were given does not lead to" in verify(forged, "--key", house_key())[1]
    assert verify(forged, "--key", house_key())[0] == 1


def test_a_whole_new_bundle_is_found_by_heads_that_officers_kept(files, verify, tmp_path):  # noqa: F811
    (tmp_path / "kept.eml").write_bytes(b"Subject: Log\r\n\r\n" + files["anchors.jsonl"])

    assert verify(files, "--anchors", str(tmp_path / "kept.eml"))[0] == 0
    code, said = verify(all_anew(files), "--anchors", str(tmp_path / "kept.eml"))

    assert code == 1
    assert "with another seal than" in said or "is not the entry whose seal was signed" in said


def test_even_a_whole_new_bundle_says_what_it_cannot_prove_by_itself(files, verify):  # noqa: F811
    assert "One thing has to reach you another way" in verify(files)[1]


# Heads ----------------------------------------------------------------------------------------------------------


def test_a_head_that_was_changed_is_found(files, verify):  # noqa: F811
    heads = lines(files, "anchors.jsonl")
    heads[0]["at"] = "2020-01-01T00:00:00+00:00"

    code, said = verify(sealed_anew({**files, "anchors.jsonl": as_lines(heads)}))

    assert code == 1
    assert "anchors.jsonl, line 1: its signature does not fit" in said


def test_a_chain_cut_before_a_signed_head_is_found(files, verify):  # noqa: F811
    number = lines(files, "anchors.jsonl")[-1]["number"]
    entries = lines(files, "audit.jsonl")[: number - 1]
    manifest = json.loads(files["manifest.json"])
    manifest["audit_head"] = {"number": entries[-1]["number"], "hash": entries[-1]["hash"]}

    code, said = verify(
        sealed_anew({**files, "audit.jsonl": as_lines(entries), "manifest.json": json.dumps(manifest).encode()})
    )

    assert code == 1
    assert "1 signed heads name entries beyond the end of the chain: it was cut off" in said


def test_every_flipped_byte_of_the_chain_is_found_and_the_place_is_named(files, tmp_path):  # noqa: F811
    """Each byte in turn, judged in this process: a script started thirty thousand times would take a night."""
    log = files["audit.jsonl"]
    numbers = [log.count(b"\n", 0, place) + 1 for place in range(len(log))]
    chance = random.Random(8)
    for place in range(0, len(log), 7):
        flipped = log[:place] + bytes([log[place] ^ 1 << chance.randrange(7)]) + log[place + 1 :]
        bundle = verify_evidence.Bundle(Kept({**files, "audit.jsonl": flipped}))
        bundle.manifest = json.loads(files["manifest.json"])
        verify_evidence.check_heads_are_signed(bundle)
        verify_evidence.check_chain(bundle)

        named = [where for where, _ in bundle.wrong]
        assert named, f"byte {place}: not found"
        at = numbers[place]
        assert (
            any(f"line {n}" in named[0] or f"entry {n}" in named[0] for n in (at, at + 1)) or named[0] == "audit.jsonl"
        )


class Kept:
    """A bundle at hand."""

    def __init__(self, files: Files) -> None:  # noqa: F811
        self.files = files

    def names(self) -> list[str]:
        return list(self.files)

    def open(self, name: str):
        import io

        return io.BytesIO(self.files[name])


# People ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "value"), [("address", "0" * 64), ("merge", "0" * 64)])
def test_somebody_else_s_address_or_other_facts_are_not_those_that_were_approved(files, verify, name, value):  # noqa: F811
    code, said = verify(change(files, "recipients.jsonl", **{name: value}))

    assert code == 1
    assert "recipients.jsonl: the people of mailing 1 are not those that were approved" in said


def test_two_people_who_change_places_are_found(files, verify):  # noqa: F811
    people = lines(files, "recipients.jsonl")
    people[0]["address"], people[1]["address"] = people[1]["address"], people[0]["address"]

    code, said = verify(sealed_anew({**files, "recipients.jsonl": as_lines(people)}))

    assert code == 1
    assert "are not those that were approved" in said


@pytest.mark.parametrize(
    ("name", "value"), [("sha256", "0" * 64), ("ended_at", "2020-01-01T00:00:00+00:00"), ("provider_id", "other")]
)
def test_an_attempt_that_was_changed_after_it_was_sealed_is_found(files, verify, name, value):  # noqa: F811
    people = lines(files, "recipients.jsonl")
    people[0]["attempts"][0][name] = value

    code, said = verify(sealed_anew({**files, "recipients.jsonl": as_lines(people)}))

    assert code == 1
    assert "audit.jsonl, entry" in said
    assert "not the same" in said


def test_a_row_that_was_dropped_is_found_whatever_the_counts_say(files, verify):  # noqa: F811
    people = lines(files, "recipients.jsonl")
    gone = people.pop()
    counts = json.loads(files["manifest.json"])["counts"]
    counts["states"][gone["state"]] -= 1

    code, said = verify(
        recounted(
            {**files, "recipients.jsonl": as_lines(people)}, recipients=len(people), states=counts["states"],
            attempts=counts["attempts"] - 1, events=counts["events"] - len(gone["events"]),
        )
    )  # fmt: skip

    assert code == 1
    assert "which was frozen with" in said


# The page and the summary ---------------------------------------------------------------------------------------


def test_page_versions_that_change_places_are_found(files, verify):  # noqa: F811
    first, second = "page_versions/00001/version.json", "page_versions/00002/version.json"

    code, said = verify(sealed_anew({**files, first: files[second], second: files[first]}))

    assert code == 1
    assert "is not number 1" in said


@pytest.mark.parametrize("name", ["summary.txt", "summary.html"])
def test_a_summary_that_tells_another_story_is_found(files, verify, name):  # noqa: F811
    forged = files[name].replace(b"Anton Approver", b"Nobody Atall")
    assert forged != files[name]

    code, said = verify(sealed_anew({**files, name: forged}))

    assert code == 1
    assert f"{name}: does not tell what the records of this bundle say" in said


def test_the_summary_answers_a_stranger_s_questions(files):  # noqa: F811
    page = files["summary.html"].decode()

    for words in (
        "Who was told what, when, by whose approval",
        "started by Anton Approver, approved by Anton Approver",
        "The page then showed version 1.",
        "Who was not reached, and what was done",
        "“API keys of some customers were exposed”",
    ):
        assert words in page
    assert files["summary.pdf"].startswith(b"%PDF")
    assert not [word for word in ("<script", "src=", "href=") if word in page]


def test_the_zip_of_a_stranger_needs_nothing_else(written, tmp_path):  # noqa: F811
    with zipfile.ZipFile(written[0]) as bundle:
        assert {"summary.html", "summary.pdf", "keys.json", "anchors.jsonl", "manifest.sig"} <= set(bundle.namelist())
