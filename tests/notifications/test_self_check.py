"""What a notice is looked at for before anybody is asked to approve it."""

import pytest
from django.urls import reverse

from accounts.models import Organisation
from incidents.models import Contact, Incident
from notifications import composing, mailings, self_check
from notifications.composing.languages import NAMES
from notifications.self_check import Level, reading_level, wording
from tests.factories import NOON, make_affected, make_incident, make_notice, make_organisation, make_step

GOOD = "This concerns {{ account }}, code {{ code }}. Type {{ domain }} and open Security.\n\n{{ link }}\n\n"


@pytest.fixture
def incident(db, settings):
    settings.EMAIL_BACKEND = "notifications.smtp.PhasedBackend"
    make_organisation()
    return make_incident(first_published_at=NOON)


def found(incident, body="", subject="Security notice, {{ code }}", *, level=None, texts=None, **fields):
    """The words of what the check says, one line each."""
    notice = make_notice(incident, subject=subject, body=GOOD + body, **fields)
    for language, (said, words) in (texts or {}).items():
        notice.texts.create(language=language, subject=said, body=words)
    checks = self_check.look(mailings.draft(notice))
    return "\n".join(f"{one.words} {one.detail}" for one in checks if level in (None, one.level))


def stopped(*args, **fields):
    return found(*args, level=Level.STOPS, **fields)


def warned(*args, **fields):
    return found(*args, level=Level.WARNS, **fields)


def test_a_plain_notice_passes(incident):
    assert stopped(incident) == ""
    assert warned(incident) == ""


@pytest.mark.parametrize("language", list(NAMES))
def test_the_first_draft_of_each_language_is_stopped_by_nothing(incident, language):
    incident.language, incident.summary = language, "Keys."
    incident.save()
    make_step(incident)
    incident.exposures.create(data_class="Keys", status="confirmed")
    incident.measures.create(text="Closed.", at=NOON, precision="day")
    incident.contacts.create(role="security", value="security@relaypost.example")
    subject, body = composing.starter(incident, language)
    notice = make_notice(incident, subject=subject, body=body, language=language)

    checks = self_check.look(mailings.draft(notice))

    assert [one.words for one in checks if one.level == Level.STOPS] == []
    assert [one.words for one in checks if one.level == Level.WARNS] == []


# Links ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "link",
    [
        "[our page](https://evil.test/x)", "<https://relaypost.example.evil.test/>", "see https://evil.test now",
        "www.evil.test/page", "<mailto:help@evil.test>", "<https://notrelaypost.example/>",
        "<https://relaypost.example@evil.test/>", "<http://xn--relaypst-9wb.example/>",
    ],
)  # fmt: skip
def test_a_link_to_somebody_else_stops(incident, link):
    assert "links to nobody but us" in stopped(incident, link)


def test_a_step_does_not_make_a_host_ours(incident):
    make_step(incident, url="https://dashboard.elsewhere.example/keys")

    assert "dashboard.elsewhere.example" in stopped(incident, "{{ steps }}")


def test_our_own_links_pass_and_those_the_organisation_allows_too(incident):
    Organisation.objects.update(link_hosts=["dashboard.elsewhere.example"])
    make_step(incident, url="https://dashboard.elsewhere.example/keys")

    said = found(
        incident, "<https://status.relaypost.example/x> and <https://relaypost.example/y> and "
        "<mailto:security@relaypost.example>\n\n{{ steps }}",
    )  # fmt: skip

    assert "Every link leads to us: dashboard.elsewhere.example" in said


def test_a_link_in_a_part_that_few_get_is_seen(incident):
    body = ':::if jurisdiction "DE"\n<https://evil.test/>\n:::\n'

    assert "evil.test" in stopped(incident, body)


def test_a_link_in_one_language_is_seen_and_says_in_which(incident):
    notice = make_notice(incident, body=GOOD)
    notice.texts.create(language="de", subject="Hinweis {{ code }}", body=GOOD + "<https://evil.test/>")

    (stops,) = self_check.stops(mailings.draft(notice))

    assert stops.language == "German" and stops.detail == "https://evil.test/"


def test_a_contact_elsewhere_is_to_be_weighed(incident):
    Contact.objects.create(incident=incident, role="privacy", value="https://regulator.example/complain")

    assert "regulator.example, which is not our domain" in warned(incident, "{{ contacts }}")
    assert stopped(incident, "{{ contacts }}") == ""


@pytest.mark.parametrize("name", ["utm_source", "UTM_Campaign", "fbclid", "mc_eid", "gclid", "recipient_id"])
def test_a_link_that_counts_who_follows_it_stops(incident, name):
    assert "counts who follows it" in stopped(incident, f"<https://relaypost.example/?{name}=1>")


def test_a_provider_whose_tracking_cannot_be_told_is_to_be_weighed(incident, settings):
    assert "count no clicks" in found(incident)

    settings.EMAIL_BACKEND = "anymail.backends.brevo.EmailBackend"

    assert "rewrites links to count clicks cannot be told" in warned(incident)


# Words ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", "URGENT: your keys"), ("en", "Act now"), ("de", "Dringende Nachricht"), ("de", "Bitte umgehend"),
        ("fr", "Avis urgent"), ("es", "Aviso urgente"), ("ar", "إشعار عاجل"),
    ],
)  # fmt: skip
def test_pressure_stops_in_a_subject_and_warns_in_a_text(incident, language, words):
    assert "The subject presses" in stopped(incident, subject=f"{words} {{{{ code }}}}", language=language)
    assert "Words of pressure" in warned(incident, f"{words}.", language=language)


@pytest.mark.parametrize("words", ["the surgent", "insurgency", "Resurgently", "an exact nowhere"])
def test_parts_of_words_are_no_pressure(words):
    assert wording.pressure_in(words, "en") == []


@pytest.mark.parametrize(
    ("language", "asks"),
    [
        ("en", "Please reply with your password."), ("en", "Send us your API key."),
        ("en", "Give us the one-time code from your phone."), ("de", "Bitte senden Sie uns Ihr Passwort."),
        ("fr", "Envoyez-nous votre mot de passe."), ("es", "Envíenos su contraseña."),
        ("ar", "أرسل لنا كلمة المرور."),
    ],
)  # fmt: skip
def test_asking_to_be_told_a_secret_stops(incident, language, asks):
    assert "asks for a secret" in stopped(incident, asks, language=language)


@pytest.mark.parametrize(
    "words",
    [
        "We will never ask you to send us your password.",
        "Change your password.",
        "Do not tell us your API key.",
        "Your API keys were read. Rotate them.",
        "Change the user name and every password, then enter the new ones wherever your servers sign in.",
        "Rotate your API keys and confirm that your services still work.",
    ],
)
def test_talking_of_a_secret_does_not(incident, words):
    assert "secret" not in stopped(incident, words) + warned(incident, words)


@pytest.mark.parametrize("asks", ["Enter your password to go on.", "To change your name, enter your password."])
def test_asking_to_type_one_in_is_to_be_weighed(incident, asks):
    assert "as if we asked for a secret" in warned(incident, asks)


def test_advice_to_change_one_excuses_no_wish_to_be_sent_it(incident):
    assert "asks for a secret" in stopped(incident, "Change every password, then send us the old password.")


def test_a_long_subject_and_a_long_text_are_to_be_weighed(incident):
    assert "characters beside the code" in warned(incident, subject="A subject of many words " * 3 + "{{ code }}")
    assert "few people read more" in warned(incident, "Word after word. " * 400)


def test_code_link_and_the_advice_without_link_are_looked_for(incident):
    notice = make_notice(incident, subject="Notice", body="Hello {{ account }}.")

    said = {one.level: one.words for one in self_check.look(mailings.draft(notice))
            if "missing" in one.words or "without a link" in one.words}  # fmt: skip
    stops = self_check.stops(mailings.draft(notice))

    assert [one.words.split(":")[0] for one in stops] == ["The reference code is missing"]
    assert "without a link" in said[Level.WARNS]


# Languages ------------------------------------------------------------------------------------------------------


def test_a_language_that_still_asks_its_writer_stops(incident):
    _, unfinished = composing.starter(Incident(summary=""), "de")

    assert "still asks its writer" in stopped(incident, texts={"de": ("Hinweis {{ code }}", unfinished)})


def test_what_one_language_has_and_the_other_lacks_is_to_be_weighed(incident):
    make_step(incident)
    german = "{{ code }} {{ link }} {{ account }} {{ domain }}"

    said = warned(
        incident, '{{ steps }}\n\n:::if jurisdiction "DE"\nX\n:::', texts={"de": ("Hinweis {{ code }}", german)}
    )

    assert "The text in English has steps, this one has not." in said
    assert "The parts for DE stand in one of the two and not in the other." in said


def test_lists_in_another_language_are_to_be_weighed(incident):
    make_step(incident)

    said = warned(incident, "{{ steps }}", texts={"de": ("Hinweis {{ code }}", GOOD + "{{ steps }}")})

    assert "Its lists (steps) stand in English" in said


# How hard it is to read -----------------------------------------------------------------------------------------

EASY = "We found the key. We closed the way in. You can do this now. Log in to your account. Make a new key. " * 3
HARD = (
    "Notwithstanding comprehensive organisational precautions, unauthorised individuals subsequently accomplished "
    "indiscriminate exfiltration of authentication credentials administratively associated with communications "
    "infrastructure, necessitating instantaneous reconsideration of interoperability configurations."
)


def test_easy_words_are_told_from_hard_ones():
    easy, hard = reading_level.measured(EASY, "en"), reading_level.measured(HARD * 2, "en")

    assert easy and easy.value < 4 and not easy.hard
    assert hard and hard.hard


@pytest.mark.parametrize(
    ("word", "count"), [("the", 1), ("cake", 1), ("table", 2), ("security", 4), ("closed", 1), ("rotated", 3)]
)
def test_syllables_are_counted(word, count):
    assert reading_level.syllables_of(word, "en") == count


@pytest.mark.parametrize(
    ("language", "text", "hard"),
    [
        ("de", "Wir haben den Weg zu. Sie tun jetzt dies: Geben Sie den Code ein. Dann ist es gut. " * 3, False),
        ("de", "Bedauerlicherweise ermöglichten unzureichende Sicherheitsvorkehrungen Unbefugten die Einsichtnahme in "
         "personenbezogene Vertragsdaten sowie Zugangsberechtigungen verschiedenster Geschäftskunden, weswegen "
         "unterschiedliche Wiederherstellungsmaßnahmen organisatorischer Natur Berücksichtigung finden müssen, "
         "insbesondere hinsichtlich nachgelagerter Verarbeitungstätigkeiten.", True),
        ("es", "La clave se vio. Ya no vale. Haga una clave nueva. Es fácil y se hace en dos pasos. " * 3, False),
        ("fr", "La clé a été vue. Elle ne vaut plus. Faites une clé neuve. Il y a deux pas à faire. " * 3, False),
    ],
)  # fmt: skip
def test_each_language_has_its_formula(language, text, hard):
    level = reading_level.measured(text * 2, language)

    assert level and level.hard is hard


def test_where_there_is_no_formula_it_is_said(incident):
    assert reading_level.measured("كلمة " * 100, "ar") is None
    assert "was not measured" in found(incident, language="ar")
    assert reading_level.measured("Too short.", "en") is None


# Where it stops, and where it is shown --------------------------------------------------------------------------


def test_what_stops_keeps_anybody_from_being_asked(incident, wanda):
    make_affected(incident)
    notice = make_notice(incident, wanda, body=GOOD + "<https://evil.test/>")
    mailing = mailings.prepare(notice, by=wanda)

    with pytest.raises(mailings.NotNow, match="The self-check stops it: It links to evil.test"):
        mailings.ask(mailing, by=wanda)


def test_the_panel_stands_beside_the_notice_and_beside_what_is_approved(incident, wanda, anton, as_user):
    make_affected(incident)
    notice = make_notice(incident, wanda, body=GOOD + "Act now.")
    mailing = mailings.prepare(notice, by=wanda)
    for url in (
        reverse("notifications:notice_preview", args=[incident.slug, notice.pk]),
        reverse("notifications:mailing", args=[incident.slug, mailing.number]),
    ):
        page = as_user(anton).get(url).content.decode()

        assert "Nothing stops it. Weigh what is said below." in page
        assert "Words of pressure: “Act now”" in page
        assert "have not been looked up in the last half hour" in page
