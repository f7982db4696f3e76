"""What the page says, given the rows."""

from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser

import pytest
from django.utils import timezone, translation

from incidents import casefile, documents
from incidents.documents import Edition, Telling, plain
from incidents.models import Contact, Correction, Exposure, FAQEntry, Incident, Indicator, Measure, ScopeEstimate
from tests.factories import NOON, make_event, make_incident, make_organisation, make_segment, make_step, make_update

pytestmark = pytest.mark.django_db
LATER = NOON + timedelta(hours=2)
AT_NOON = Edition(number=1, at=NOON, said_at=NOON)


@pytest.fixture(autouse=True)
def relaypost(db):
    return make_organisation()


@pytest.fixture
def incident():
    return make_incident()


def page(incident, *, telling=None, version=AT_NOON, path="index.html"):
    made = documents.render(documents.freeze(incident), telling=telling or Telling(), version=version)
    return made[f"incidents/{incident.slug}/{path}"].decode()


def lines(*args, **kwargs):
    return plain.lines(page(*args, **kwargs).encode())


class Headings(HTMLParser):
    def __init__(self):
        super().__init__()
        self.levels, self.ids, self.links = [], [], []

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        if tag in {"h1", "h2", "h3", "h4"}:
            self.levels.append(int(tag[1]))
        if "id" in given:
            self.ids.append(given["id"])
        if tag == "a" and given.get("href", "").startswith("#"):
            self.links.append(given["href"][1:])
        assert not {"style", "onclick"} & set(given)


def test_a_holding_statement_alone_makes_a_whole_page(incident):
    make_update(incident, "We are looking into it.", kind="holding")

    said, made = lines(incident), page(incident)

    assert "API keys of some customers were exposed" in said
    assert "We are looking into it." in said
    assert "If we write to you" in said and "If you have not heard from us" in said
    assert "How to recognise our notice" in said
    assert "What we do not know yet" in said
    for empty in ("questions", "exposure", "key-dates", "measures", "indicators", "scope", "events"):
        assert f'id="{empty}"' not in made


def test_every_case_file_makes_a_page_with_headings_in_order(db):
    for file in sorted(casefile.DATA.glob("*.json")):
        incident = casefile.load(casefile.json.loads(file.read_text()))
        made = Headings()

        made.feed(page(incident))

        assert made.levels.count(1) == 1, file
        assert made.levels[0] == 1, file
        assert all(after - before <= 1 for before, after in zip(made.levels, made.levels[1:], strict=False)), file
        assert len(made.ids) == len(set(made.ids)), file
        assert set(made.links) <= set(made.ids), file


def test_the_same_rows_freeze_to_the_same_hash(incident):
    make_update(incident)
    make_event(incident)

    assert documents.content_hash(documents.freeze(incident)) == documents.content_hash(documents.freeze(incident))


@pytest.mark.parametrize(
    "change",
    [
        lambda incident: Incident.objects.filter(pk=incident.pk).update(title="Another title"),
        lambda incident: make_update(incident, "One more thing."),
        lambda incident: make_step(incident),
        lambda incident: make_event(incident),
        lambda incident: make_organisation(domain="elsewhere.example"),
    ],
)
def test_whatever_the_page_says_enters_the_hash(incident, change):
    before = documents.content_hash(documents.freeze(incident))

    change(incident)

    incident.refresh_from_db()
    assert documents.content_hash(documents.freeze(incident)) != before


def test_internal_notes_never_reach_the_page(incident):
    incident.internal_notes = "canary-4711"
    make_update(incident)

    assert "canary-4711" not in str(documents.freeze(incident)) and "canary-4711" not in page(incident)


def test_what_is_held_back_stays_away(incident):
    held = make_segment(incident, "vip", name="canary segment", guidance="canary", held_back=True)
    make_update(incident, "canary update", held_back=True)
    make_update(incident, "Said.")
    make_event(incident, "canary event", held_back=True)
    make_step(incident, "canary step", held_back=True)
    make_step(incident, "canary of a segment", segment=held)
    Exposure.objects.create(incident=incident, data_class="canary class", status="confirmed", segment=held)
    FAQEntry.objects.create(incident=incident, question="canary question?", answer="yes", held_back=True)

    assert "canary" not in page(incident)


def test_a_question_without_an_answer_stays_away(incident):
    FAQEntry.objects.create(incident=incident, question="Who paid?", answer="")
    FAQEntry.objects.create(incident=incident, question="Was my card read?", answer="No. It is *elsewhere*.")

    made = page(incident)

    assert "Who paid?" not in made
    assert '<h3 id="question-was-my-card-read">Was my card read?</h3>' in made
    assert "<em>elsewhere</em>" in made


def test_two_questions_alike_have_anchors_of_their_own(incident):
    FAQEntry.objects.create(incident=incident, question="Why?", answer="So.")
    FAQEntry.objects.create(incident=incident, question="Why?!", answer="And so.", position=1)

    assert 'id="question-why"' in page(incident) and 'id="question-why-2"' in page(incident)


def test_hostile_words_are_only_words(incident):
    incident.title = "<script>alert(1)</script>"
    make_update(incident, "<script>alert(2)</script>")
    Exposure.objects.create(incident=incident, data_class='"><img src=x>', status="confirmed")

    made = page(incident)

    assert "<script>" not in made and "<img" not in made


def test_exposure_has_three_lists(incident):
    for status, name in (("confirmed", "API keys"), ("possible", "Email text"), ("ruled_out", "Card data")):
        Exposure.objects.create(incident=incident, data_class=name, status=status)

    said = lines(incident)

    assert said.index("Was exposed") < said.index("API keys") < said.index("May have been exposed")
    assert said.index("May have been exposed") < said.index("Email text") < said.index("Was not exposed")
    assert said.index("Was not exposed") < said.index("Card data")


def test_an_estimate_says_how_sure_and_as_of_when_and_what_it_revises(incident):
    first = ScopeEstimate.objects.create(incident=incident, of_what="customers", bound="less_than", value=1,
                                         unit="percent", at=NOON, precision="day")  # fmt: skip
    ScopeEstimate.objects.create(incident=incident, of_what="customers", bound="about", value=1840, unit="customers",
                                 certainty="confirmed", at=LATER, precision="minute", revises=first)  # fmt: skip

    said = lines(incident)

    assert "About 1,840 customers, confirmed, as of 14:00 UTC, 14 March 2026." in said
    assert ("This revises what we said before: Less than 1 % of customers, potentially, as of 14 March 2026.") in said
    assert not any(line.startswith("Less than") for line in said)


def test_indicators_are_defanged_and_can_be_copied(incident):
    for kind, value in (("ipv4", "192.0.2.7"), ("domain", "evil.example"), ("url", "https://evil.example/a.b"),
                        ("email", "a@evil.example"), ("sha256", "0" * 64)):  # fmt: skip
        Indicator.objects.create(incident=incident, kind=kind, value=value)

    made = page(incident)

    for shown in ("192.0.2[.]7", "evil[.]example", "hxxps://evil[.]example/a.b", "a[@]evil[.]example", "0" * 64):
        assert f">{shown}</code>" in made
    assert "192.0.2.7" not in made and 'data-copies="indicator-1"' in made


def test_a_promise_is_not_said_as_a_deed(incident):
    Measure.objects.create(incident=incident, text="We closed the account.", at=NOON, precision="day")
    Measure.objects.create(incident=incident, text="An audit.", promised=True, due_at=LATER, at=None,
                           precision="unknown")  # fmt: skip

    said = lines(incident)

    assert said.index("What we did") < said.index("We closed the account. 14 March 2026")
    assert said.index("What we promise") < said.index("An audit. by 14:00 UTC, 14 March 2026; not done yet")


def test_a_correction_says_from_and_to_in_both_places(incident):
    wrong = make_update(incident, "It began on 2 January.", at=NOON, precision="minute", published_at=NOON)
    right = make_update(incident, "We had the day wrong.", kind="correction")
    Correction.objects.create(update=right, subject="update", corrects=wrong, what="the first day",
                              was="It began on 2 January.", now="It began on 1 January.", tell_again=False)  # fmt: skip

    made = page(incident, version=Edition(number=2, at=LATER, said_at=LATER))

    assert made.count("<del><p>It began on 2 January.</p>") == 2
    assert made.count("<ins><p>It began on 1 January.</p>") == 2
    assert '<a href="#update-2">Corrected</a>' in made and '<a href="#update-1">before</a>' in made


def test_a_correction_of_an_exposure_stands_by_the_exposures(incident):
    Exposure.objects.create(incident=incident, data_class="Card data", status="confirmed")
    right = make_update(incident, "We were wrong about cards.", kind="correction")
    Correction.objects.create(update=right, subject="exposure", what="card data", was="not exposed", now="exposed",
                              tell_again=True)  # fmt: skip

    said = lines(incident)

    assert said.index("What was exposed") < said.index("not exposed") < said.index("Updates")


def test_updates_stand_newest_first_and_keep_their_anchors(incident):
    make_update(incident, "Old.", at=NOON, precision="minute", published_at=NOON)
    make_update(incident, "New.", phase="monitoring")

    made = page(incident, version=Edition(number=2, at=LATER, said_at=LATER))

    assert made.index('id="update-2"') < made.index("New.") < made.index('id="update-1"') < made.index("Old.")


def test_a_draft_gets_the_moment_it_is_said_at(incident):
    make_update(incident, "New.")

    made = page(incident, version=Edition(number=7, at=LATER, said_at=NOON))

    assert '<time class="moment" datetime="2026-03-14T12:00:00Z">12:00 UTC, 14 March 2026</time>' in made


def test_the_phase_is_that_of_the_newest_update(incident):
    make_update(incident, "Old.", phase="identified", at=NOON, precision="minute", published_at=NOON)
    make_update(incident, "Closed.", phase="resolved")

    assert documents.freeze(incident)["phase"] == "resolved"
    assert documents.freeze(incident, drafts=False)["phase"] == "identified"


def test_the_boxes_name_the_steps_and_the_sentence(incident):
    incident.not_notified = "not_affected"
    make_step(incident, "Rotate your API keys")
    telling = Telling(state="done", as_of=NOON.isoformat())

    said = lines(incident, telling=telling)

    assert said.index("If we wrote to you") < said.index("Rotate your API keys") < said.index("If we did not")
    assert any("yours is not among them" in line for line in said)


def test_a_step_for_everyone_stands_in_the_box_of_those_not_written_to(incident):
    incident.not_notified = "everyone_acts"
    make_step(incident, "Sign in again", for_affected_only=False)

    said = lines(incident)

    assert said.index("If you have not heard from us") < said.index("Sign in again")


def test_each_link_to_do_a_step_says_what_and_where(incident):
    make_step(incident, url="https://relaypost.example/keys")
    make_step(incident, "Change your password", url="https://relaypost.example/password")

    said = lines(incident)

    assert "Do it here: Rotate your API keys (leads to relaypost.example)" in said
    assert "Do it here: Change your password (leads to relaypost.example)" in said


def test_an_exposure_of_one_segment_reads_as_words(incident):
    segment = make_segment(incident)
    Exposure.objects.create(
        incident=incident, segment=segment, data_class="API keys", status="confirmed", note="A key can send mail."
    )

    assert "API keys API customers: A key can send mail." in lines(incident)


def test_the_genuine_sender_comes_from_telling_where_it_is_known(incident):
    telling = Telling(state="under_way", as_of=NOON.isoformat(), sender="Relaypost <n@mail.relaypost.example>",
                      subjects=["Security notice"], code_form="XXXX-XXXX-XXXX")  # fmt: skip

    assert "Relaypost Security <security@relaypost.example>" in lines(incident)
    said = lines(incident, telling=telling)

    assert {"Relaypost <n@mail.relaypost.example>", "Security notice", "of the form XXXX-XXXX-XXXX"} <= set(said)
    assert "Relaypost Security <security@relaypost.example>" not in said


def test_contacts_lead_somewhere(incident):
    Contact.objects.create(incident=incident, role="security", value="sec@relaypost.example")
    Contact.objects.create(incident=incident, role="press", value="+1 (555) 010-9999", position=1)

    made = page(incident)

    assert '<a href="mailto:sec@relaypost.example">' in made and '<a href="tel:+15550109999">' in made


def test_the_head_says_what_machines_want(incident, settings):
    made = page(incident)

    assert f'<link rel="canonical" href="{settings.PUBLIC_BASE_URL}/incidents/api-keys-2018/">' in made
    assert '<meta name="description" content="Somebody used' in made
    assert '<html lang="en" dir="ltr">' in made
    assert "<title>API keys of some customers were exposed · Relaypost</title>" in made


def test_a_page_in_arabic_runs_from_right_to_left(incident):
    incident.language = "ar"

    assert '<html lang="ar" dir="rtl">' in page(incident)


def test_nothing_of_a_third_party_is_asked_for(incident):
    made = page(incident)

    assert 'src="http' not in made and "Candor" not in made and "candor" not in made


def test_the_page_does_not_depend_on_who_presses_the_button(incident):
    make_update(incident)
    expected = page(incident)

    with translation.override("de"), timezone.override("Asia/Tokyo"):
        assert page(incident) == expected


def test_each_version_has_a_page_of_its_own_that_says_so(incident):
    edition = Edition(number=3, at=LATER, said_at=LATER, earlier=((2, NOON), (1, NOON)))

    own = page(incident, version=edition, path="versions/3/index.html")
    every = page(incident, version=edition, path="versions/index.html")

    assert "This is version 3 of this page" in own and "This is version" not in page(incident, version=edition)
    assert '<meta name="robots" content="noindex">' in own
    assert [f'href="/incidents/api-keys-2018/versions/{number}/"' in every for number in (1, 2, 3)] == [True] * 3


def test_a_page_of_resolved_days_promises_nothing(incident):
    incident.next_update_by = datetime(2026, 3, 15, tzinfo=UTC)
    make_update(incident, phase="resolved")

    assert "next update by" not in page(incident)


def test_code_blocks_keep_their_empty_lines(incident):
    make_update(incident, "```\na\n\n\nb\n```")

    assert "a\n\n\nb" in page(incident)


def test_a_withdrawn_incident_says_so_and_tells_nobody_what_to_do(incident):
    make_step(incident, "Rotate your API keys")
    Exposure.objects.create(incident=incident, data_class="API keys", status="confirmed")
    make_update(incident, "Nothing was exposed: the alarm was false.", phase="withdrawn")

    said = lines(incident)

    assert any(line.startswith("We have withdrawn what we said here.") for line in said)
    assert "Nothing was exposed: the alarm was false." in said
    assert "How to recognise our notice" in said
    for gone in ("What to do", "Rotate your API keys", "API keys", "If you have not heard from us"):
        assert gone not in said
