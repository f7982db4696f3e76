"""Kinds of data after VERIS: its codes, our words."""

import pytest

from incidents import casefile, veris
from incidents.models import Exposure
from tests.factories import make_incident

# attribute.confidentiality.data.variety in VERIS 1.4.1's verisc-enum.json.
CODES = {
    "Bank", "Classified", "Copyrighted", "Credentials", "Digital certificate", "Internal", "Medical",
    "Multi-factor credential", "Payment", "Personal", "Sensitive Personal", "Secrets", "Session key", "Source code",
    "System", "Virtual currency", "Other", "Unknown",
}  # fmt: skip


@pytest.fixture
def incident(db):
    return make_incident()


def add(client, incident, **fields):
    address = f"/staff/{incident.slug}/guidance/exposures/new/"
    return client.post(address, {"data_class": "API keys", "segment": "", "status": "confirmed", "note": "", **fields})


def test_every_code_of_the_vocabulary_has_words_of_ours():
    assert veris.VARIETIES.keys() == CODES
    assert all(veris.VARIETIES.values())


def test_words_lead_back_to_their_code():
    assert {veris.code_of(veris.label_of(code)) for code in CODES} == CODES
    assert veris.code_of("Recordings of calls") == "", "somebody's own words have none"
    assert veris.label_of("Recordings") == ""


def test_our_words_for_a_kind_of_data_bring_their_code(wanda, as_user, incident):
    add(as_user(wanda), incident, data_class="Session cookies and session tokens")

    assert Exposure.objects.get().veris == "Session key"


def test_own_words_may_be_counted_as_any_kind(wanda, as_user, incident):
    add(as_user(wanda), incident, data_class="Phone call recordings", veris="Personal")

    row = Exposure.objects.get()
    assert (row.data_class, row.veris) == ("Phone call recordings", "Personal")


def test_a_code_that_veris_does_not_have_is_refused(wanda, as_user, incident):
    page = add(as_user(wanda), incident, veris="Fingerprints")

    assert page.status_code == 422
    assert Exposure.objects.count() == 0


def test_the_form_offers_our_words(wanda, as_user, incident):
    page = as_user(wanda).get(f"/staff/{incident.slug}/guidance/exposures/new/").content.decode()

    assert '<option value="Passwords, API keys and other credentials">' in page
    assert 'list="id_data_class_words"' in page
    assert '<option value="Credentials">Passwords, API keys and other credentials (Credentials)</option>' in page


def test_a_case_with_a_code_that_does_not_exist_is_not_loaded(db):
    facts = casefile.named("mailgun-2018-01")
    facts["exposures"][0]["veris"] = "Keys"

    with pytest.raises(casefile.BadCase, match="Keys"):
        casefile.load(facts, by=None)
