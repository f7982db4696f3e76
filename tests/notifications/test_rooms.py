"""What the list of rooms says about each, on every page of an incident."""

from accounts import approvals
from incidents.models import Update
from notifications.templatetags.rooms import room_states
from tests.factories import make_account, make_affected, make_incident, make_organisation, make_update


def said(incident) -> dict[str, tuple[str, bool]]:
    return {room: (state["words"], state["waits"]) for room, state in room_states(incident).items()}


def test_a_new_incident_has_next_to_nothing_to_say(db):
    assert said(make_incident()) == {"publish": ("not published", False)}


def test_drafts_wait_for_somebody_and_what_is_held_back_does_not(db):
    incident = make_incident()
    make_update(incident)
    make_update(incident, held_back=True)

    assert said(incident)["updates"] == ("1 draft", True)
    Update.objects.filter(held_back=True).update(held_back=False)
    assert said(incident)["updates"] == ("2 drafts", True)


def test_accounts_that_were_ruled_out_are_not_counted(db):
    incident = make_incident()
    make_affected(incident)
    make_affected(incident, make_account("fabrikam", "o@fabrikam.example"), certainty="ruled_out")

    assert said(incident)["affected"] == ("1 account", False)


def test_a_page_that_waits_for_approval_says_so(wanda, anton):
    make_organisation()
    incident = make_incident()
    asked = approvals.ask(
        act="publish", thing=incident, hashes={"content": "a"}, summary="Publish", by=wanda, incident=incident.pk
    )

    assert said(incident)["publish"] == ("waits for approval", True)
    approvals.answer(asked, yes=True, by=anton)
    assert said(incident)["publish"] == ("approved, not published", True)


def test_the_words_stand_on_the_pages_of_the_incident(wanda, as_user):
    make_update(make_incident())

    page = as_user(wanda).get("/staff/api-keys-2018/updates/").content.decode()

    assert '<span class="room-state room-state-waits">1 draft</span>' in page
