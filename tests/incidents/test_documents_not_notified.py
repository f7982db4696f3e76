"""The sentence for those who were not written to: it cannot lie."""

from datetime import UTC, datetime

import pytest

from incidents.documents import Telling, not_notified_words
from incidents.documents.telling import SENTENCES, STATES
from incidents.models import Incident

AS_OF = datetime(2018, 1, 5, 18, 40, tzinfo=UTC)
WHEN = "As of 18:40 UTC on 5 January 2018, "
MEANINGS = list(Incident.NotNotified.values)


def words(meaning, state):
    return not_notified_words(
        meaning=meaning, state=state, as_of=AS_OF, words="Trial accounts, since we hold no address"
    )


def test_every_meaning_has_words_in_every_state():
    assert set(SENTENCES) == set(MEANINGS)
    assert all(set(states) == set(STATES) for states in SENTENCES.values())


@pytest.mark.parametrize("meaning", MEANINGS)
@pytest.mark.parametrize("state", STATES)
def test_the_sentence_always_begins_with_as_of(meaning, state):
    assert words(meaning, state).startswith(WHEN)


@pytest.mark.parametrize("meaning", MEANINGS)
@pytest.mark.parametrize("state", ["none", "under_way"])
def test_nothing_is_finished_before_telling_is(meaning, state):
    said = words(meaning, state)

    for finished in ("we have told", "not among them", "no evidence about yours", "is not affected"):
        assert finished not in said


@pytest.mark.parametrize("state", STATES)
def test_not_yet_known_never_calms_anybody(state):
    assert "does not mean that your account is safe" in words("not_yet_known", state)


@pytest.mark.parametrize(
    ("meaning", "state", "part"),
    [
        ("not_yet_known", "none", "we do not know yet who is affected"),
        ("not_yet_known", "under_way", "whether there are more"),
        ("not_yet_known", "done", "every account we know to be affected. We do not know yet"),
        ("not_affected", "none", "we have not begun to write"),
        ("not_affected", "under_way", "we are still writing"),
        ("not_affected", "done", "If nothing came (look in spam, too), yours is not among them"),
        ("no_evidence", "none", "tells you nothing yet"),
        ("no_evidence", "under_way", "tells you nothing yet"),
        ("no_evidence", "done", "we have no evidence about yours"),
        ("not_contacted", "none", "Trial accounts, since we hold no address."),
        ("not_contacted", "under_way", "Trial accounts, since we hold no address."),
        ("not_contacted", "done", "except some that we do not write to: Trial accounts"),
        ("everyone_acts", "none", "everyone has to act"),
        ("everyone_acts", "under_way", "we are still writing"),
        ("everyone_acts", "done", "whether we wrote to them or not"),
        ("nobody_affected", "none", "we have found nobody who is affected"),
        ("nobody_affected", "under_way", "writing to some of our customers to say so"),
        ("nobody_affected", "done", "have written to some of our customers to say so"),
    ],
)
def test_each_meaning_says_its_own_thing(meaning, state, part):
    assert part in words(meaning, state)


def test_as_of_is_said_in_utc():
    berlin = datetime.fromisoformat("2018-01-06T00:10:00+01:00")

    said = not_notified_words(meaning="not_affected", state="done", as_of=berlin)

    assert said.startswith("As of 23:10 UTC on 5 January 2018")


def test_telling_knows_three_states_and_says_as_of_when():
    with pytest.raises(ValueError, match="not 'finished'"):
        Telling(state="finished")
    with pytest.raises(ValueError, match="as of when"):
        Telling(state="done")


def test_telling_survives_json():
    telling = Telling(state="done", as_of=AS_OF.isoformat(), subjects=["Security notice"], code_form="XXXX-XXXX")

    assert Telling.of(telling.as_dict()) == telling
