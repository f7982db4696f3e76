"""What the house refuses to start with."""

import pytest

from accounts.checks import settings_are_safe


def ids() -> list[str]:
    return [problem.id for problem in settings_are_safe()]


def test_safe_settings_are_no_problem():
    assert ids() == []


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("ALLOWED_HOSTS", ["status.example.com", "*"], "candor.E001"),
        ("LINK_KEYS", {}, "candor.E002"),
        ("EMAIL_TIMEOUT", None, "candor.E003"),
        ("EMAIL_TIMEOUT", 0, "candor.E003"),
    ],
)
def test_an_unsafe_setting_stops_the_start(settings, name, value, problem):
    setattr(settings, name, value)

    assert ids() == [problem]
