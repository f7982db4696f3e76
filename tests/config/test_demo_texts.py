"""The German text of the rehearsal: whole, without a mistake, and stopped by nothing."""

from pathlib import Path

import pytest

import config.demo
from incidents import casefile
from notifications import composing, mailings, self_check
from notifications.self_check import Level
from tests.factories import make_account, make_affected, make_organisation


@pytest.fixture
def notice(db, wanda, settings):
    settings.EMAIL_BACKEND = "notifications.smtp.PhasedBackend"
    make_organisation()
    incident = casefile.load(casefile.named("mailgun-2018-01"), by=wanda)
    subject, body = composing.starter(incident)
    notice = mailings.create(incident, by=wanda, name="First notice", subject=subject, body=body)
    german = (Path(config.demo.__file__).parent / "first.de.md").read_text(encoding="utf-8")
    mailings.edit_in(notice, "de", subject=composing.starter(incident, "de")[0], body=german, by=wanda, edits=0)
    return notice


def test_whoever_reads_german_gets_german_and_their_own_parts(notice):
    smtp = notice.incident.segments.get(key="smtp")
    in_it = make_affected(notice.incident, make_account(locale="de-AT"), segments=[smtp])
    not_in_it = make_affected(notice.incident, make_account("b", "b@b.example", locale="de"))

    first, second = (mailings.preview(notice, affected=one, address=None).text for one in (in_it, not_in_it))

    assert "Was geschehen ist" in first and "What happened" not in first
    assert "SMTP" in first and "SMTP" not in second


def test_the_self_check_stops_neither_language(notice):
    stops = [one.words for one in self_check.look(mailings.draft(notice)) if one.level == Level.STOPS]

    assert stops == []
