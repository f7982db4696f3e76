"""The room of deadlines: choosing clocks, the countdown, saying what became of each, drafts, calendars, the story."""

import json
from datetime import timedelta

import icalendar
import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import AuditEntry
from accounts.redaction import redact
from incidents import obligations
from incidents.models import CalendarFeed, LawRule, ObligationEntry, SubstituteNotice
from incidents.obligations import substitute
from notifications import story, verify_evidence
from notifications.views.authority import list_hash
from tests.factories import (
    make_account,
    make_affected,
    make_decision,
    make_incident,
    make_organisation,
    make_step,
    make_user,
)

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)


@pytest.fixture
def incident():
    make_organisation()
    return make_incident()


@pytest.fixture
def cara(db):
    """Counsel."""
    return make_user("cara@relaypost.example", role="Counsel", name="Cara Counsel")


@pytest.fixture
def clock(incident, ada):
    """The British seventy-two hours, two of them gone."""
    make_decision(incident, "aware", at=timezone.now() - 2 * HOUR, reasons="A customer wrote.")
    (made,) = obligations.choose(incident, [LawRule.objects.newest().get(key="uk-gdpr-33")], by=ada)
    return made


def at(name, incident, *more):
    return reverse(f"notifications:{name}", args=[incident.slug, *more])


def entry(**fields):
    now = timezone.now() - HOUR
    return {
        "date": f"{now:%Y-%m-%d}", "time": f"{now:%H:%M}", "zone": "UTC", "proof": "upload", "reference": "ICO-1",
        "reasons": "", **fields,
    }  # fmt: skip


def test_an_empty_room_says_how_to_begin(as_user, cara, incident):
    assert "choosing which clocks run" in as_user(cara).get(at("deadlines", incident)).text


def test_counsel_chooses_and_the_room_counts_down(as_user, cara, incident):
    make_decision(incident, "aware", at=timezone.now() - 2 * HOUR)
    make_affected(incident, make_account(jurisdiction="GB"))
    choices = as_user(cara).get(at("deadlines_choose", incident)).text
    assert "1 affected account is there" in choices

    page = as_user(cara).post(at("deadlines_choose", incident), {"rule": ["uk-gdpr-33"]}, follow=True).text

    assert "1 clock runs from now on." in page
    assert "2 days 21 hours left</time>" in page
    assert obligations.CHECK_WITH_COUNSEL in page
    assert "not checked against its source" in page


def test_what_is_overdue_is_said_in_words(as_user, otto, incident, ada):
    make_decision(incident, "aware", at=timezone.now() - 75 * HOUR)
    obligations.choose(incident, LawRule.objects.newest().filter(key="uk-gdpr-33"), by=ada)
    assert "3 hours over" in as_user(otto).get(at("deadlines", incident)).text


def test_it_is_met_with_its_proof_and_stays(as_user, cara, incident, clock):
    page = as_user(cara).post(at("deadline_say", incident, clock.pk, "met"), entry(), follow=True).text
    assert "ICO-1" in page
    assert "Open it again" in page
    assert ObligationEntry.objects.get().by == cara


@pytest.mark.parametrize("missing", ["proof", "reference", "date"])
def test_without_when_and_proof_nothing_is_met(as_user, cara, incident, clock, missing):
    answer = as_user(cara).post(at("deadline_say", incident, clock.pk, "met"), entry(**{missing: ""}))
    assert answer.status_code == 422
    assert not ObligationEntry.objects.exists()


def test_met_too_late_asks_why(as_user, cara, incident, ada):
    make_decision(incident, "aware", at=timezone.now() - 75 * HOUR)
    (clock,) = obligations.choose(incident, LawRule.objects.newest().filter(key="uk-gdpr-33"), by=ada)
    address = at("deadline_say", incident, clock.pk, "met")
    assert "Say why it was late" in as_user(cara).post(address, entry()).text
    assert "Late" in as_user(cara).post(address, entry(reasons="Portal down."), follow=True).text


def test_not_required_needs_its_reason(as_user, cara, incident, clock):
    address = at("deadline_say", incident, clock.pk, "not_required")
    assert as_user(cara).post(address, {"reasons": " "}).status_code == 422
    assert "No risk to people." in as_user(cara).post(address, {"reasons": "No risk to people."}, follow=True).text


def test_a_person_chooses_where_sources_contradict_each_other(as_user, cara, incident, ada):
    make_decision(incident, "aware", at=timezone.now() - HOUR)
    (clock,) = obligations.choose(incident, LawRule.objects.newest().filter(key="gdpr-33"), by=ada)
    assert "nobody chose" in as_user(cara).get(at("deadlines", incident)).text
    address = at("deadline_say", incident, clock.pk, "reading")
    page = as_user(cara).post(address, {"reading": "0", "reasons": "Our authority says so."}, follow=True).text
    assert "<strong>chosen</strong>" in page
    assert "nobody chose" not in page


def test_writers_and_auditors_read_and_say_nothing(as_user, wanda, otto, incident, clock):
    for user in (wanda, otto):
        page = as_user(user).get(at("deadlines", incident)).text
        assert "It is met" not in page
        assert as_user(user).post(at("deadlines_choose", incident), {"rule": ["gdpr-33"]}).status_code == 403
        assert as_user(user).post(at("deadline_say", incident, clock.pk, "met"), entry()).status_code == 403


def test_the_overview_names_the_nearest_deadline(as_user, otto, incident, clock):
    page = as_user(otto).get(reverse("notifications:overview", args=[incident.slug])).text
    assert "Notify the Information Commissioner" in page
    assert "2 days 21 hours left" in page


# Rules ------------------------------------------------------------------------------------------------------------


def rule_fields(**fields):
    return {
        "key": "house-rule", "regime": "Contract", "title": "Tell our bank", "citation": "Contract, § 9",
        "source": "https://relaypost.example/contract", "trigger": "aware", "amount": "2", "unit": "business_days",
        "counts_from": "next_day", "ends": "end_of_day", "calendar": "US", "recipient": "authority",
        "threshold_of": "affected", "started_from": "0", **fields,
    }  # fmt: skip


def test_counsel_writes_a_rule_and_its_next_version(as_user, cara):
    browser = as_user(cara)
    browser.post(reverse("incidents:rule_new"), rule_fields())
    browser.post(reverse("incidents:rule_edit", args=["house-rule"]), rule_fields(amount="3", started_from="1"))
    page = browser.get(reverse("incidents:rule", args=["house-rule"])).text
    assert "Version 2: holds now" in page
    assert [rule.amount for rule in LawRule.objects.filter(key="house-rule").order_by("number")] == [2, 3]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"calendar": "Atlantis"}, "Nobody keeps holidays"),
        ({"unit": ""}, "A term needs its number and its unit"),
        ({"trigger": ""}, "Choose the decision it runs from"),
        ({"readings": '[{"words": "x"}]'}, "Each reading needs"),
        ({"zone": "Moon/Sea"}, "We do not know the zone"),
        ({"checked_on": "2026-01-01"}, "Say which text it was compared with"),
    ],
)
def test_a_rule_that_cannot_be_counted_is_refused_in_words(as_user, cara, fields, words):
    answer = as_user(cara).post(reverse("incidents:rule_new"), rule_fields(**fields))
    assert answer.status_code == 422
    assert words in answer.text


def test_writers_read_rules_and_write_none(as_user, wanda):
    assert "GDPR" in as_user(wanda).get(reverse("incidents:rules")).text
    assert as_user(wanda).post(reverse("incidents:rule_new"), rule_fields()).status_code == 403


# Drafts for authorities ---------------------------------------------------------------------------------------------


def test_what_is_missing_is_marked_and_nothing_is_made_up(as_user, otto, incident):
    page = as_user(otto).get(at("authority", incident, "gdpr-33")).text
    assert "[Missing: how many people, and of which categories]" in page
    assert incident.summary.replace("'", "&#x27;") in page


def test_californias_notice_has_its_five_headings_in_order(as_user, otto, incident):
    make_step(incident)
    draft = json.loads(as_user(otto).get(at("authority_json", incident, "california")).content)
    assert [one["heading"] for one in draft["sections"]] == [
        "What Happened", "What Information Was Involved", "What We Are Doing", "What You Can Do",
        "For More Information",
    ]  # fmt: skip
    assert draft["sections"][3]["lines"] == ["Rotate your API keys."]
    assert draft["draft"] is True


@pytest.mark.parametrize("kind", ["gdpr-33", "nis2-early", "nis2-notification", "nis2-final", "california"])
def test_every_draft_opens(as_user, otto, incident, kind):
    make_affected(incident, make_account(jurisdiction="DE"))
    make_decision(incident, "aware", at=timezone.now() - 80 * HOUR)
    assert "Draft." in as_user(otto).get(at("authority", incident, kind)).text
    assert as_user(otto).get(at("authority", incident, "nothing")).status_code == 404


# Calendars --------------------------------------------------------------------------------------------------------


def test_a_calendar_reads_the_clocks_under_a_secret_address(as_user, cara, incident, clock):
    page = as_user(cara).post(at("feed_make", incident))
    address = page.context["address"]
    token = address.rpartition("/")[2].removesuffix(".ics")

    answer = Client().get(reverse("notifications:calendar", args=[token]))

    calendar = icalendar.Calendar.from_ical(answer.content)
    (event,) = calendar.walk("VEVENT")
    assert event["SUMMARY"] == "UK GDPR: Notify the Information Commissioner"
    assert incident.title not in answer.text
    assert answer["Content-Type"].startswith("text/calendar")
    assert token not in CalendarFeed.objects.get().sha256
    assert token not in "".join(AuditEntry.objects.values_list("body", flat=True))
    assert token not in redact(f"GET /calendar/{token}.ics")

    as_user(cara).post(at("feed_revoke", incident, CalendarFeed.objects.get().pk))
    assert Client().get(reverse("notifications:calendar", args=[token])).status_code == 404


def test_a_made_up_address_opens_nothing(incident):
    assert Client().get(reverse("notifications:calendar", args=["x" * 43])).status_code == 404


# Substitute notice --------------------------------------------------------------------------------------------------


def test_a_substitute_notice_keeps_the_count_the_list_and_the_telephone(as_user, cara, incident):
    ids = [make_affected(incident, make_account(f"a-{number}", None)).pk for number in range(11)]
    answer = as_user(cara).post(at("substitute_record", incident), {
        "means": "The page", "page_from": "2026-03-14T12:00", "page_days": "90", "phone": "+1 800 555 0100",
        "phone_from": "2026-03-14", "phone_to": "2026-06-14", "reasons": "No address left.",
    }, follow=True)  # fmt: skip
    notice = SubstituteNotice.objects.get()
    assert (notice.unreached, notice.unreached_sha256) == (11, list_hash(ids))
    assert "for 11 accounts that nobody reaches" in answer.text
    assert "+1 800 555 0100" in answer.text


def test_a_number_without_its_days_is_refused(as_user, cara, incident):
    answer = as_user(cara).post(at("substitute_record", incident), {
        "means": "The page", "page_days": "90", "phone": "+1 800 555 0100", "reasons": "No address left.",
    })  # fmt: skip
    assert answer.status_code == 422
    assert "Say from when to when" in answer.text


def test_the_page_is_proven_by_its_versions(incident, ada):
    now = timezone.now()
    for number, days in ((1, 100), (2, 50), (3, 2)):
        incident.page_versions.create(
            number=number, cause="time", content={"visibility": "public"}, content_hash="0" * 64, hash="0" * 64,
            made_at=now - timedelta(days=days),
        )  # fmt: skip
    notice = SubstituteNotice(
        incident=incident, means="page", reasons="why", unreached=11, unreached_sha256="0" * 64,
        page_from=now - timedelta(days=95),
    )  # fmt: skip
    shown = substitute.shown(incident, notice, at=now)
    assert (shown.days, shown.is_enough, [one.number for one in shown.versions]) == (90, True, [1, 2])
    notice.page_from = now - timedelta(days=20)
    shown = substitute.shown(incident, notice, at=now)
    assert (shown.days, shown.is_enough, [one.number for one in shown.versions]) == (20, False, [2, 3])


# The story --------------------------------------------------------------------------------------------------------


def test_the_story_is_one_line_of_time_and_every_entry_leads_to_its_thing(as_user, otto, incident, clock):
    page = as_user(otto).get(at("story", incident)).text
    decided, chosen, due = (
        page.index(words) for words in ("Decided: We became aware", "Clock chosen: UK GDPR", "Due: UK GDPR")
    )
    assert decided < chosen < due
    assert "still to come" in page
    decision = incident.decisions.get()
    assert f"#decision-{decision.pk}" in page
    for sort in story.SORTS:
        assert as_user(otto).get(at("story", incident), {"show": sort}).status_code == 200


def test_the_story_shows_only_what_is_asked_for(as_user, otto, incident, clock):
    page = as_user(otto).get(at("story", incident), {"show": "decisions"}).text
    assert "Decided:" in page
    assert "Clock chosen" not in page


def test_the_summary_of_the_evidence_tells_deadlines_and_the_substitute_notice(incident, clock, cara):
    (found,) = obligations.standing(incident, at=timezone.now())
    met = ObligationEntry(
        kind="met", at=timezone.now() - HOUR, precision="minute", proof="upload", reference="ICO-1", obligation=clock
    )
    obligations.say(met, clock=found, by=cara)
    substitute.record(SubstituteNotice(
        incident=incident, means="A notice in the newspaper", reasons="No address.", unreached=11,
        unreached_sha256="0" * 64, phone="+1 800 555 0100", phone_from="2026-03-14", phone_to="2026-06-14",
    ), by=cara)  # fmt: skip

    told = json.loads(json.dumps(obligations.obligations_for_evidence(incident), default=str))
    lines = "\n".join(verify_evidence.deadlines(told))

    assert "Notify the Information Commissioner, UK GDPR, Article 33(1), met" in lines
    assert "ICO-1" in lines
    assert "substitute notice for 11 accounts that nobody reached: A notice in the newspaper" in lines
    assert "+1 800 555 0100, active from 2026-03-14 to 2026-06-14" in lines
