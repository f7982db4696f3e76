"""A secret that was published goes from everything that was published; hashes and a trace stay."""

from datetime import timedelta

import pytest

from accounts import approvals
from accounts.models import AuditEntry
from incidents import publishing
from incidents.models import FAQEntry, PageDocument, PageVersion, Redaction, Update
from incidents.publishing import redacting
from tests.factories import NOON, make_incident, make_update

pytestmark = pytest.mark.django_db
SECRET = 'sk-"live"-93f1'
LATER = NOON + timedelta(hours=2)


@pytest.fixture
def incident(publish):
    """Version 1 is clean, 2 and 3 hold the secret."""
    incident = make_incident(next_update_by=None)
    make_update(incident, "We are looking into it.")
    publish(incident)
    make_update(incident, f"The key was {SECRET}, since revoked.")
    publish(incident, at=NOON + timedelta(hours=1))
    FAQEntry.objects.create(incident=incident, question="Which key?", answer=f"It was `{SECRET}`.")
    publish(incident, at=NOON + timedelta(minutes=90))
    return incident


@pytest.fixture
def redacted(incident, wanda, anton, django_capture_on_commit_callbacks):
    asked = redacting.ask(incident, words=SECRET, because="an API key", by=wanda, at=LATER)
    approvals.answer(approvals.living("publish", asked), yes=True, by=anton, at=LATER)
    with django_capture_on_commit_callbacks(execute=True):
        redacting.carry_out(asked, by=anton, at=LATER)
    return incident


def everything_public(site):
    return {path: path.read_bytes() for path in site.rglob("*") if path.is_file() and path.suffix not in {".gz", ".br"}}


def test_it_is_gone_from_every_file(redacted, site):
    assert not [path for path, body in everything_public(site).items() if b"-93f1" in body]


def test_it_is_gone_from_every_row(redacted):
    assert "-93f1" not in str(list(PageVersion.objects.values_list("content", flat=True)))
    assert not [one for one in PageDocument.objects.exclude(body=None) if b"-93f1" in bytes(one.body)]
    assert "-93f1" not in str([*Update.objects.values_list("body"), *FAQEntry.objects.values_list("answer")])
    assert "-93f1" not in str(list(AuditEntry.objects.values_list("body")))
    assert Redaction.objects.get().words == ""


def test_the_page_goes_on_and_says_that_something_was_removed(redacted, site):
    page = (site / "incidents/api-keys-2018/index.html").read_text()

    assert "The key was [removed], since revoked." in page
    assert publishing.latest(redacted).number == 4


def test_old_addresses_say_what_became_of_them(redacted, site):
    old = (site / "incidents/api-keys-2018/versions/2/index.html").read_text()
    first = (site / "incidents/api-keys-2018/versions/1/index.html").read_text()

    assert "was removed" in old
    assert PageVersion.objects.get(incident=redacted, number=2).hash in old
    assert "We are looking into it." in first


def test_hashes_stay(redacted):
    version = PageVersion.objects.get(incident=redacted, number=2)

    assert version.redacted_at == LATER
    assert all(document.sha256 and document.body is None for document in version.documents.all())


def test_each_version_has_its_line_in_the_log(redacted):
    assert AuditEntry.objects.filter(act="page.redacted").count() == 2


def test_nothing_goes_without_a_second_person(incident, wanda):
    asked = redacting.ask(incident, words=SECRET, because="an API key", by=wanda, at=LATER)

    with pytest.raises(approvals.NotApproved):
        redacting.carry_out(asked, by=wanda, at=LATER)

    assert PageVersion.objects.filter(redacted_at=None, incident=incident).count() == 3


@pytest.mark.parametrize(("words", "problem"), [("abc", "at least"), ("never written anywhere", "No version")])
def test_words_that_hit_nothing_or_too_much_are_refused(incident, wanda, words, problem):
    with pytest.raises(redacting.NothingToRemove, match=problem):
        redacting.ask(incident, words=words, because="a slip", by=wanda)


def test_after_it_the_next_publication_starts_from_the_clean_page(redacted, publish, site):
    make_update(redacted, "It is over.", phase="resolved")

    publish(redacted, at=LATER + timedelta(hours=1))

    page = (site / "incidents/api-keys-2018/index.html").read_text()
    assert "It is over." in page and "[removed]" in page


def test_an_emptied_folder_comes_back_without_it(redacted, site):
    for path in everything_public(site):
        path.unlink()

    publishing.finish()

    assert (site / "incidents/api-keys-2018/index.html").exists()
    assert not [path for path, body in everything_public(site).items() if b"-93f1" in body]


def test_the_room_leads_through_it(incident, wanda, anton, as_user, django_capture_on_commit_callbacks):
    page = f"/staff/{incident.slug}/redact/"
    writer, approver = as_user(wanda), as_user(anton)
    response = writer.post(page, {"words": SECRET, "because": "an API key"}, follow=True)
    assert "2 versions of the page: 2, 3" in response.content.decode()
    approval = approvals.living("publish", Redaction.objects.get())
    approver.post(f"/staff/approvals/{approval.pk}/answer/", {"answer": "yes"})
    assert approvals.newest("publish", Redaction.objects.get()).given_at

    with django_capture_on_commit_callbacks(execute=True):
        done = approver.post(f"{page}now/", follow=True)

    assert "gone from every version" in done.content.decode()
    assert "nothing to compare" in approver.get("/compare/api-keys-2018/", {"from": 2, "to": 4}).content.decode()
