"""`manage.py ready`: what is still missing for a real incident."""

from io import StringIO

import pytest
from django.core import mail
from django.core.management import call_command

from accounts.models import AuditEntry
from config import readiness
from tests.factories import make_incident, make_notice, make_organisation, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def site_folder(settings, tmp_path):
    settings.SITE_FOLDER = tmp_path / "site"


def missing() -> set[str]:
    return {finding.what for finding in readiness.findings() if not finding.good}


def run(*arguments: str) -> tuple[str, int]:
    out = StringIO()
    with pytest.raises(SystemExit) as end:
        call_command("ready", *arguments, stdout=out, no_color=True)
    return out.getvalue(), end.value.code


def test_a_new_house_is_told_everything_that_is_missing_and_how_to_mend_it():
    told, code = run()

    assert code == 1
    assert "missing  The organisation is set up\n         Fill in /staff/organisation/." in told
    assert "missing  Two people of staff have a second factor" in told
    assert "ok       PostgreSQL answers" in told


def test_what_has_been_set_up_is_no_longer_missing():
    make_organisation()
    make_user("anton@relaypost.example", role="Approver")
    make_user("wanda@relaypost.example", role="Writer")
    make_notice(make_incident())

    assert not missing() & {
        "The organisation is set up",
        "Messages have a sender of your own",
        "Two people of staff have a second factor",
        "Somebody with a second factor may approve",
        "A notice has been written before it is needed",
    }


def test_one_person_without_a_second_factor_is_enough_to_be_missing():
    make_user("anton@relaypost.example", role="Approver")
    make_user("wanda@relaypost.example", role="Writer", mfa=False)

    assert "Everybody of staff has a second factor" in missing()
    assert "Two people of staff have a second factor" in missing()


def test_a_test_message_leaves_through_the_provider_and_is_recorded_without_its_address():
    told, _ = run("--send-test", "ada@relaypost.example")

    assert "The provider took the test message." in told
    assert mail.outbox[0].to == ["ada@relaypost.example"]
    assert "ada@" not in AuditEntry.objects.get(act=readiness.TEST_MESSAGE).body
    assert "The provider took a test message within 90 days" not in missing()


def test_a_mail_backend_that_only_keeps_messages_is_missing(settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"

    assert "Messages leave through a real provider" in missing()
