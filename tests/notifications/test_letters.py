"""Letters by post: a file to print, the addresses for the envelopes, and a record of each."""

import csv
import io
import zipfile
from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone

from accounts import approvals
from accounts.models import Account, Address, Approval, AuditEntry
from incidents.models import AffectedAccount
from notifications import dispatch, letters, mailings, person, recording, telling
from notifications.mailings import To, sums
from notifications.models import Export, Mailing, Recipient
from tests.factories import (
    NOON,
    make_account,
    make_address,
    make_affected,
    make_incident,
    make_notice,
    make_organisation,
)
from tests.notifications.test_mailing_settings_page import text

LETTER = {"channel": "post", "person": "Wanda Writer", "proof": "Registered letter RR 1234 5678"}
STREET = "Müllerstraße 7\n10115 Berlin\nGermany"


@pytest.fixture
def mailing(wanda, anton) -> Mailing:
    """Letters to three people without any email address, started."""
    make_organisation()
    incident = make_incident(first_published_at=NOON)
    for name in ("Ärzte ohne Mail", "Łukasz Żółć", "Ελένη"):
        account = make_account(f"lost-{len(name)}", None, name=name)
        make_address(account, STREET, kind="post")
        make_affected(incident, account)
    notice = make_notice(
        incident, wanda, body="This concerns {{ account }}.\n\nYour notice: {{ link }}\n\n" + "Words. " * 600
    )
    mailing = mailings.prepare(notice, by=wanda, to=To(channel="post"))
    approvals.answer(mailings.ask(mailing, by=wanda), yes=True, by=anton)
    mailings.start(mailing, by=anton)
    Mailing.objects.update(started_at=NOON)
    return Mailing.objects.get()


def bundle(mailing, by, **given) -> zipfile.ZipFile:
    file = io.BytesIO()
    letters.write(mailing, file, by=by, at=NOON, **{"part": 1, **given})
    return zipfile.ZipFile(file)


def rows(files, name="addresses.csv") -> list[list[str]]:
    return list(csv.reader(io.StringIO(files.read(name).decode(), newline="")))


def test_pages_to_print_come_with_their_addresses_in_the_same_order(mailing, ada):
    files = bundle(mailing, ada)

    header, *people = rows(files)
    assert files.read("letters.pdf").startswith(b"%PDF-")
    assert header == letters.HEADER
    assert [row[4] for row in people] == ["Ärzte ohne Mail", "Łukasz Żółć", "Ελένη"]
    assert all(row[5].replace("\r\n", "\n") == STREET for row in people)
    assert [row[2] for row in people] == list(mailing.recipients.order_by("pk").values_list("code", flat=True))
    first = [int(row[1]) for row in people]
    assert first[0] == 1 and first[1] - first[0] == first[2] - first[1] > 1  # each letter begins on a page of its own


def test_what_the_font_cannot_print_is_listed_with_the_reason(mailing, ada):
    Account.objects.filter(name="Ελένη").update(name="李雷")

    files = bundle(mailing, ada)

    assert len(rows(files)) == 3
    (_, missing) = rows(files, "not-printed.csv")
    assert missing[2] == "李雷" and "The font has no" in missing[4]


def test_names_that_are_formulas_stay_text(mailing, ada):
    Account.objects.filter(name="Ελένη").update(name="=HYPERLINK()")

    assert "'=HYPERLINK()" in bundle(mailing, ada).read("addresses.csv").decode()


def test_a_stack_at_a_time(mailing, ada, monkeypatch):
    monkeypatch.setattr(letters, "PART", 2)

    assert letters.parts(mailing) == 2
    assert [len(rows(bundle(mailing, ada, part=part))) - 1 for part in (1, 2)] == [2, 1]


def test_the_log_says_how_many_left_the_house(mailing, ada):
    bundle(mailing, ada)

    entry = AuditEntry.objects.get(act="mailing.letters_taken")
    assert '"count":3' in entry.body and entry.by == ada and "Berlin" not in entry.body


def test_long_lines_are_broken_between_words_and_long_words_anywhere(mailing, ada):
    letters.register_font()

    lines = letters._fitting("word " * 40 + "https://example.test/" + "x" * 200)

    assert all(letters._width(line.rstrip()) <= letters.A4[0] - letters.LEFT - letters.RIGHT for line in lines)
    assert "".join(lines).replace(" ", "") == "word" * 40 + "https://example.test/" + "x" * 200


# On record ------------------------------------------------------------------------------------------------------


def record(recipient, by, **given):
    said = {"channel": "post", "at": NOON, "person": "Wanda", "proof": "Registered letter RR 1"}
    return recording.record(recipient.affected_account, by=by, **said | given)


def test_a_letter_counts_once_it_is_on_record(mailing, anton):
    letter = mailing.recipients.first()
    assert telling.outcome_of(letter.affected_account) == "unreached"

    recorded = record(letter, anton)

    assert recorded == letter and recorded.state == "delivered"
    assert telling.outcome_of(letter.affected_account) == "told"
    assert {line.name: line.count for line in sums.lines(mailing)} == {"told": 1, "letter": 2}
    assert letters.to_post(mailing).count() == 2


def test_a_record_that_was_wrong_is_taken_back_and_the_letter_waits_again(mailing, anton):
    letter = record(mailing.recipients.first(), anton)

    withdrawal = recording.take_back(letter, because="It was another one's letter", by=anton)

    letter.refresh_from_db()
    assert (letter.state, letter.recorded_proof) == ("letter", "")
    assert (withdrawal.was_proof, withdrawal.was_at) == ("Wanda: Registered letter RR 1", NOON)
    assert telling.outcome_of(letter.affected_account) == "unreached"
    with pytest.raises(recording.CannotRecord, match="no record here"):
        recording.take_back(letter, because="Again", by=anton)


def test_a_call_that_was_wrongly_recorded_counts_no_more(mailing, anton):
    call = record(mailing.recipients.first(), anton, channel="phone")
    assert telling.outcome_of(call.affected_account) == "told"

    recording.take_back(call, because="Nobody answered", by=anton)

    assert telling.outcome_of(call.affected_account) == "unreached"
    assert Recipient.objects.get(pk=call.pk).state == "cancelled"


def test_how_a_record_stood_is_never_changed(mailing, anton):
    withdrawal = recording.take_back(record(mailing.recipients.first(), anton), because="Wrong", by=anton)

    with pytest.raises(IntegrityError), transaction.atomic():
        type(withdrawal).objects.update(because="Right")


# The pages ------------------------------------------------------------------------------------------------------


def to(name, mailing, *args):
    return reverse(f"notifications:{name}", args=[mailing.incident.slug, *args])


def to_export(mailing, part=1):
    return to("export_new", mailing) + f"?mailing={mailing.number}&part={part}"


def test_the_page_offers_the_file_and_says_what_to_do(mailing, ada, anton, as_user):
    Mailing.objects.update(state="finished", finished_at=timezone.now())
    client = as_user(ada)

    assert "3 letters are to be posted" in text(client.get(to("mailing", mailing, mailing.number)))
    client.post(to_export(mailing), {"because": "To print them"})
    export = Export.objects.get()
    assert client.post(to("export_download", mailing, export.pk)).status_code == 302
    approvals.answer(Approval.objects.open().get(act="export"), yes=True, by=anton)
    answer = client.post(to("export_download", mailing, export.pk))

    assert answer["Content-Disposition"] == f'attachment; filename="mailing-1-api-keys-2018-{export.pk}.zip"'
    assert zipfile.ZipFile(io.BytesIO(b"".join(answer.streaming_content))).namelist() == [
        "letters.pdf",
        "addresses.csv",
    ]


def test_whoever_may_not_export_gets_no_letters(mailing, anton, as_user):
    assert as_user(anton).post(to_export(mailing), {"because": "To print them"}).status_code == 403


def test_a_part_that_is_not_there_is_said(mailing, ada, as_user):
    assert "has been removed since" in text(as_user(ada).get(to_export(mailing, part=9), follow=True))


def test_a_record_is_taken_back_from_the_persons_page_with_a_reason(mailing, anton, as_user):
    letter = record(mailing.recipients.first(), anton)
    client, url = as_user(anton), to("record_take_back", mailing, letter.affected_account_id, letter.pk)
    assert "Take it back" in text(client.get(to("affected_account", mailing, letter.affected_account_id)))

    assert client.post(url, {"because": ""}).status_code == 422
    said = text(client.post(url, {"because": "It came back"}, follow=True))

    assert "Taken back: it counts no more." in said and "It came back" in said and "Not reached" in said


def test_whoever_may_not_send_takes_nothing_back(mailing, anton, wanda, as_user):
    letter = record(mailing.recipients.first(), anton)

    url = to("record_take_back", mailing, letter.affected_account_id, letter.pk)
    assert as_user(wanda).post(url, {"because": "no"}).status_code == 403


def test_letters_that_wait_can_be_cancelled_and_one_in_the_post_still_counts(mailing, anton, as_user):
    posted = mailing.recipients.order_by("pk").first()

    page = as_user(anton).get(to("mailing_cancel", mailing, mailing.number))
    as_user(anton).post(to("mailing_cancel", mailing, mailing.number), {"because": "Wrong paper"})

    assert "3 people have not been written to" in text(page)
    mailing.refresh_from_db()
    assert mailing.state == "cancelled" and letters.parts(mailing) == 0
    assert {line.name: line.count for line in sums.lines(mailing)} == {"cancelled": 3}
    record(posted, anton)
    assert telling.outcome_of(posted.affected_account) == "told"


def test_a_mailing_of_letters_is_not_said_to_be_finished_while_letters_wait(mailing, anton, as_user):
    client, page = as_user(anton), reverse("notifications:mailing", args=[mailing.incident.slug, mailing.number])
    at_once = client.get(page).content.decode()
    dispatch.finish_mailings()
    later = client.get(page).content.decode()

    for said in (at_once, later):
        assert "Letters wait to be posted" in said and "Cancel the rest" in said
        assert ">Pause<" not in said and "Kill switch" not in said and "Finished" not in said
    for letter in mailing.recipients.all():
        recording.put(letter.affected_account, by=anton, **LETTER | {"at": timezone.now()})
    assert "Finished" in client.get(page).content.decode()


def test_letters_are_not_paused(mailing, anton):
    with pytest.raises(mailings.NotNow, match="posted by people"):
        mailings.pause(mailing, by=anton, because="late")


def test_letters_that_wait_are_cancelled_after_the_mailing_was_handed_to_people_too(mailing, anton):
    dispatch.finish_mailings()
    mailing.refresh_from_db()

    counts = mailings.cancel(mailing, by=anton, because="The text is wrong")

    assert counts == {"cancelled": 3}
    mailing.refresh_from_db()
    assert mailing.state == "cancelled"
    with pytest.raises(mailings.NotNow):
        mailings.cancel(mailing, by=anton, because="again")


def test_whoever_is_ruled_out_gets_no_letter_any_more(mailing):
    first, second, _ = mailing.recipients.order_by("pk")
    AffectedAccount.objects.filter(pk=first.affected_account_id).update(certainty="ruled_out")
    Address.objects.filter(pk=second.address_id).update(withdrawn_at=NOON)

    assert (letters.drop(), letters.drop()) == (2, 0)

    assert list(mailing.recipients.order_by("pk").values_list("state", "reason")) == [
        ("cancelled", "Ruled out before their turn came"),
        ("cancelled", "Their address was withdrawn before their turn came"),
        ("letter", ""),
    ]
    assert letters.to_post(mailing).count() == 1


def test_a_letter_was_not_posted_before_its_mailing_began(mailing, anton):
    letter = mailing.recipients.first()

    with pytest.raises(recording.CannotRecord, match="was not posted before"):
        recording.put(letter.affected_account, by=anton, **LETTER | {"at": mailing.started_at - timedelta(days=1)})

    letter.refresh_from_db()
    assert letter.state == "letter"


def test_a_record_that_was_taken_back_shows_when_the_letter_was(mailing, anton):
    letter = mailing.recipients.first()
    recording.put(letter.affected_account, by=anton, **LETTER | {"at": mailing.started_at})
    letter.refresh_from_db()

    recording.take_back(letter, because="another person", by=anton)

    (record,) = person.read(letter.affected_account).records
    assert record.was_at == mailing.started_at
