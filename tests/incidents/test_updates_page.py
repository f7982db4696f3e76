"""Drafts, what was said, corrections."""

from datetime import UTC, datetime

import pytest
from django.db import DatabaseError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts import approvals
from accounts.models import AuditEntry
from incidents import drafting
from incidents.models import Correction, Incident, Precision, Update
from tests.factories import NOON, in_hours, make_incident, make_update

pytestmark = pytest.mark.django_db


@pytest.fixture
def incident():
    return make_incident()


def at(name, incident, *more):
    return reverse(f"incidents:{name}", args=[incident.slug, *more])


def draft(**fields):
    return {
        "started_from": "0", "kind": "update", "phase": "monitoring", "body": "We closed the way in.", "date": "",
        "time": "", "zone": "UTC", "unknown_because": "", **fields,
    }  # fmt: skip


def correction(**fields):
    return draft(
        subject="update", corrects="", what="the hour", was="10:00 UTC", now="10:15 UTC", tell_again="", **fields
    )


def make_said(incident, body="We said this."):
    """A published update."""
    return make_update(incident, body, at=NOON, precision="minute", published_at=NOON)


def queries(client, address) -> int:
    """Of a page that was opened before, so that what is remembered per session does not count."""
    client.get(address)
    with CaptureQueriesContext(connection) as captured:
        assert client.get(address).status_code == 200
    return len(captured)


def test_an_empty_room_says_how_to_begin(as_user, otto, incident):
    assert "Nothing has been said yet" in as_user(otto).get(at("updates", incident)).text


def test_a_first_update_is_proposed_as_a_holding_statement(as_user, wanda, incident):
    assert '<option value="holding" selected>' in as_user(wanda).get(at("update_new", incident)).text


def test_a_draft_is_written_and_stands_first(as_user, wanda, incident):
    make_said(incident)

    page = as_user(wanda).post(at("update_new", incident), draft(), follow=True).text

    update = Update.objects.drafts().get()
    assert (update.written_by, update.at, update.precision) == (wanda, None, Precision.UNKNOWN)
    assert page.index("We closed the way in.") < page.index("We said this.")
    assert "The draft is saved." in page
    assert AuditEntry.objects.get().act == "update.added"


def test_the_promise_of_the_next_update_is_made_with_it(as_user, wanda, incident):
    promise = in_hours(5).replace(second=0, microsecond=0)
    as_user(wanda).post(at("update_new", incident), draft(kind="holding", next_update_by=f"{promise:%Y-%m-%dT%H:%M}"))

    promised = Incident.objects.get()
    assert (promised.next_update_by, promised.edits) == (promise, 1)


def test_an_update_that_leaves_the_promise_alone_does_not_touch_it(as_user, wanda, incident):
    Incident.objects.update(next_update_by=NOON)

    as_user(wanda).post(at("update_new", incident), draft(next_update_by="2026-03-14T12:00"))

    untouched = Incident.objects.get()
    assert (untouched.next_update_by, untouched.edits) == (NOON, 0)


def test_a_promise_of_the_past_is_refused_when_it_is_made(as_user, wanda, incident):
    answer = as_user(wanda).post(at("update_new", incident), draft(next_update_by="2026-03-14T12:00"))

    assert answer.status_code == 422
    assert "14 March 2026, 12:00 UTC has passed already." in answer.text
    assert not incident.updates.exists()


def test_an_empty_draft_is_refused_in_words(as_user, wanda, incident):
    page = as_user(wanda).post(at("update_new", incident), draft(body=" "))

    assert page.status_code == 422
    assert not Update.objects.exists()


def test_preview_shows_the_prose_and_saves_nothing(as_user, wanda, incident):
    page = as_user(wanda).post(at("update_new", incident), draft(body="**Rotate** <script>x</script>", act="preview"))

    assert page.status_code == 200
    assert "<strong>Rotate</strong> &lt;script&gt;" in page.text
    assert not Update.objects.exists()


def test_an_edit_voids_the_approval(as_user, wanda, incident):
    update = make_update(incident)
    approval = approvals.ask(act="publish", thing=incident, hashes={"content": "a"}, summary="Publish", by=wanda)

    as_user(wanda).post(at("update_edit", incident, update.pk), draft(body="Other words."))

    approval.refresh_from_db()
    assert approval.state == "void"
    assert Update.objects.get().body == "Other words."


def test_the_second_of_two_writers_loses_nothing(as_user, wanda, anton, incident):
    update = make_update(incident, "First words.")
    as_user(anton).post(at("update_edit", incident, update.pk), draft(body="Anton wrote."))

    page = as_user(wanda).post(at("update_edit", incident, update.pk), draft(body="Wanda wrote."))

    assert page.status_code == 409
    assert "Anton wrote." in page.text
    assert "Wanda wrote." in page.text
    assert Update.objects.get().body == "Anton wrote."


def test_a_published_update_cannot_be_edited_and_the_page_says_how_to_correct_it(as_user, wanda, incident):
    update = make_said(incident)

    page = as_user(wanda).post(at("update_edit", incident, update.pk), draft(body="Never said."))

    assert "It stays as it was said" in page.text
    assert at("correction_new", incident) + f"?update={update.pk}" in page.text
    assert Update.objects.get().body == "We said this."


def test_a_draft_published_while_somebody_edits_it_stays_as_it_was_said(wanda, incident):
    update = make_update(incident, "Approved words.")
    Update.objects.filter(pk=update.pk).update(published_at=NOON, at=NOON, precision="minute")
    update.body = "Never approved."

    with pytest.raises(drafting.AlreadyPublished):
        drafting.write(update, changed=["body"], started_from=0, by=wanda)

    assert Update.objects.get().body == "Approved words."


def test_the_database_itself_refuses_to_change_what_was_said(incident):
    update = make_said(incident)

    with pytest.raises(DatabaseError, match="never edited"), transaction.atomic():
        Update.objects.filter(pk=update.pk).update(body="Never said.")
    with pytest.raises(DatabaseError, match="never edited"), transaction.atomic():
        update.delete()


def test_deleting_a_draft_asks_first(as_user, wanda, incident):
    update = make_update(incident)

    assert "Delete this draft?" in as_user(wanda).get(at("update_delete", incident, update.pk)).text
    assert Update.objects.exists()

    as_user(wanda).post(at("update_delete", incident, update.pk))
    assert not Update.objects.exists()
    assert AuditEntry.objects.latest("number").act == "update.deleted"


def test_a_published_update_is_not_deleted(as_user, wanda, incident):
    update = make_said(incident)

    page = as_user(wanda).post(at("update_delete", incident, update.pk), follow=True)

    assert "stays as it was said" in page.text
    assert Update.objects.exists()


def test_correct_this_begins_with_the_update_that_was_wrong(as_user, wanda, incident):
    update = make_said(incident)

    page = as_user(wanda).get(at("correction_new", incident), {"update": update.pk})

    assert f'<option value="{update.pk}" selected>We said this.' in page.text


def test_a_correction_keeps_from_and_to_and_leaves_telling_undecided(as_user, wanda, incident):
    wrong = make_said(incident)

    page = as_user(wanda).post(at("correction_new", incident), correction() | {"corrects": wrong.pk}, follow=True).text

    made = Correction.objects.get()
    assert (made.update.kind, made.corrects, made.was, made.now) == ("correction", wrong, "10:00 UTC", "10:15 UTC")
    assert made.tell_again is None
    assert "Not decided yet" in page
    assert "<del>10:00 UTC</del>" in page


def test_whether_to_tell_again_can_be_decided_later(as_user, wanda, incident):
    as_user(wanda).post(at("correction_new", incident), correction())
    update = Update.objects.get()

    as_user(wanda).post(at("update_edit", incident, update.pk), correction() | {"tell_again": "no"})

    assert Correction.objects.get().tell_again is False


def test_a_correction_that_corrects_nothing_is_refused(as_user, wanda, incident):
    page = as_user(wanda).post(at("correction_new", incident), correction() | {"now": "10:00 UTC"})

    assert "so nothing is corrected" in page.text
    assert not Update.objects.exists()


def test_what_was_said_elsewhere_carries_its_own_day(as_user, wanda, incident):
    as_user(wanda).post(at("update_new", incident), draft(said_elsewhere="on", date="2018-01-05"))

    update = Update.objects.get()
    assert (update.at, update.precision) == (datetime(2018, 1, 5, tzinfo=UTC), "day")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"date": "2018-01-05"}, "A moment only for what was said elsewhere before"),
        ({"said_elsewhere": "on"}, "Say when it was"),
        ({"said_elsewhere": "on", "date": "last week"}, "Write the date as 2018-01-03"),
    ],
)
def test_a_wrong_moment_is_refused_in_words(as_user, wanda, incident, fields, words):
    page = as_user(wanda).post(at("update_new", incident), draft(**fields))

    assert words in page.text
    assert not Update.objects.exists()


def test_whoever_may_only_look_reads_and_writes_nothing(as_user, otto, incident):
    update = make_update(incident)

    assert "Write an update" not in as_user(otto).get(at("updates", incident)).text
    for address in (
        at("update_new", incident),
        at("correction_new", incident),
        at("update_edit", incident, update.pk),
        at("update_delete", incident, update.pk),
    ):
        assert as_user(otto).post(address, draft()).status_code == 403
    assert Update.objects.get().body == update.body


def test_an_update_of_another_incident_is_not_found(as_user, wanda, incident):
    foreign = make_update(make_incident("another"))

    assert as_user(wanda).get(at("update_edit", incident, foreign.pk)).status_code == 404


def test_forty_updates_cost_no_more_queries_than_one(as_user, otto, wanda, incident):
    make_update(incident, written_by=wanda)
    one = queries(as_user(otto), at("updates", incident))

    for number in range(39):
        make_update(incident, f"Update {number}", written_by=wanda)

    assert queries(as_user(otto), at("updates", incident)) == one


def test_nothing_is_published_by_writing(as_user, wanda, incident):
    as_user(wanda).post(at("update_new", incident), draft())

    assert Incident.objects.get().first_published_at is None
    assert not Update.objects.published().exists()
