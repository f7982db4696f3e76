"""Prose that names a path is held to it."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PROSE = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
TOP = {path.name for path in ROOT.iterdir()}
MADE_LATER = ("var/",)


def named_paths(text: str) -> set[str]:
    """Links to files, and what stands in backticks and begins with a name of the top level."""
    links = set(re.findall(r"\]\((?!https?:|#|mailto:)([^)#]+)", text))
    quoted = {word for word in re.findall(r"`([A-Za-z0-9_./-]+)`", text) if word.split("/")[0] in TOP and "/" in word}
    return {path for path in links | quoted if not path.startswith(MADE_LATER)}


@pytest.mark.parametrize("prose", PROSE, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_path_that_prose_names_exists(prose):
    missing = [
        path
        for path in sorted(named_paths(prose.read_text()))
        if not (ROOT / path).exists()
        and not (prose.parent / path).exists()
        and not (ROOT / path).with_suffix(".py").exists()
    ]

    assert missing == []


def test_the_readme_names_the_commands_that_exist():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))

    assert set(re.findall(r"`?make ([a-z-]+)", (ROOT / "README.md").read_text())) <= targets
