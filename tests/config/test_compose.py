import subprocess
import sys
from pathlib import Path

from config.embedded import postgres

ROOT = Path(__file__).resolve().parents[2]


def test_the_compose_file_follows_the_compose_schema():
    told = subprocess.run(
        [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", "docker-compose.yml"],
        cwd=ROOT,
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert told.returncode == 0, told.stdout + told.stderr


def test_postgresql_writes_no_statement_into_its_log_as_in_the_embedded_one():
    """Django puts the values into the statement: an address in it would stand in the log of every refused row."""
    text = (ROOT / "docker-compose.yml").read_text()

    for name in ("log_error_verbosity", "log_min_error_statement"):
        assert f"-c {name}={postgres.SETTINGS[name]}" in text


def test_the_compose_file_starts_every_part():
    text = (ROOT / "docker-compose.yml").read_text()

    for service in ("web", "worker", "importer", "beat", "postgres", "valkey", "nginx", "mail-catcher"):
        assert f"\n  {service}:\n" in text
