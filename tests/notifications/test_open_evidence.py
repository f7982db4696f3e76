"""Who holds the key finds one person in a bundle; who holds another finds nobody."""

import json

import pytest
from django.core.management import CommandError, call_command

from tests.notifications.test_evidence import written  # noqa: F401  (a fixture)


def opened(capsys, *arguments: str) -> list[dict]:
    call_command("open_evidence", *arguments)
    return json.loads("[" + capsys.readouterr().out.replace("}\n{", "},{") + "]")


@pytest.mark.parametrize("whom", [("--account", "zeta-2"), ("--address", "Owner@Zeta-2.example")])
def test_one_person_is_found_in_the_zip(written, db, capsys, whom):  # noqa: F811
    account, message = opened(capsys, str(written[0]), *whom)

    assert account["outcome"] == "unreached"
    assert message["state"] == "bounced"


def test_with_another_key_nobody_is_found(written, db, settings):  # noqa: F811
    settings.LOOKUP_KEY = "another key than the one the house had then"

    with pytest.raises(CommandError, match="says nothing about them"):
        call_command("open_evidence", str(written[0]), "--account", "zeta-2")


def test_what_is_no_bundle_is_said_to_be_none(tmp_path, db):
    (tmp_path / "letter.zip").write_bytes(b"Dear reader")

    with pytest.raises(CommandError, match="cannot be read"):
        call_command("open_evidence", str(tmp_path / "letter.zip"), "--account", "zeta-2")
    with pytest.raises(CommandError, match="Say whom"):
        call_command("open_evidence", str(tmp_path / "letter.zip"))
