"""Whatever an import took in, an export gives out, and the next import reads it as nothing new."""

import csv
import io

import pytest
from django.db import transaction
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from incidents import audience
from incidents.models import Incident
from tests.factories import make_incident, make_segment
from tests.notifications.test_exports import exported, shape

pytestmark = pytest.mark.django_db

TEXT = st.one_of(
    st.sampled_from(
        ["=1+1", "-5", "+49", "@x", "'=x", "''=x", "'", "a,b", 'say "hi"', "x;y", "00123", "NaN", "é ß", "|"]
    ),
    st.text(st.characters(exclude_categories=["C", "Zl", "Zp"]), max_size=8),
).map(str.strip)
# Whoever has no id is known by an address. Two such people at one address can be told apart by nobody.
WHO = st.one_of(
    st.fixed_dictionaries({
        "id": st.sampled_from(["a", "b", "-c", "=d"]),
        "email": st.sampled_from(["", "x@y.example", "+z@y.example", "Owner@Z.example"]),
        "phone": st.sampled_from(["", "", "+49 30 1234567"]),
        "post": st.sampled_from(["", "", "Street 1, Berlin"]),
    }),
    st.sampled_from([
        {"id": "", "email": "p@q.example", "phone": "", "post": ""},
        {"id": "", "email": "", "phone": "+49 30 7654321", "post": ""},
        {"id": "", "email": "", "phone": "", "post": "Street 2, Berlin"},
        {"id": "", "email": "q@q.example", "phone": "030 1111111", "post": "Street 3, Berlin"},
        {"id": "", "email": "", "phone": "030 2222222", "post": "Street 4, Berlin"},
    ]),
)  # fmt: skip
SAYS = st.fixed_dictionaries({
    "name": TEXT, "role": st.sampled_from(["", "owner", "billing"]), "trusted": st.sampled_from(["", "yes", "no"]),
    "language": st.sampled_from(["", "de", "pt-BR"]), "country": st.sampled_from(["", "DE", "US-CA"]),
    "segments": st.sampled_from(["", "api", "api|smtp"]), "certainty": st.sampled_from(["", "possible", "ruled out"]),
    "fact:note": TEXT, "fact:calls:number": st.sampled_from(["", "0", "-1", "12.50", "100000000000000"]),
    "fact:live:yes_no": st.sampled_from(["", "yes", "no"]), "fact:seen:date": st.sampled_from(["", "2018-01-03"]),
    "row:key": TEXT, "row:uses:number": st.sampled_from(["", "3"]),
})  # fmt: skip


@settings(
    max_examples=25,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
@given(st.lists(st.builds(lambda who, says: who | says, WHO, SAYS), min_size=1, max_size=6))
def test_whatever_was_imported_is_exported_and_read_again_as_nothing_new(ada, rows):
    out = io.StringIO()
    writer = csv.DictWriter(out, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    with transaction.atomic():
        incident = make_incident()
        make_segment(incident, "api")
        make_segment(incident, "smtp")
        first = read(incident, out.getvalue().encode())
        if first.state == "staged" and first.counts["accounts"]:
            audience.save(first, by=None, beyond_estimate=True)
            before = shape(incident)

            again = read(incident, exported(incident, ada))

            assert again.state == "staged", again.refusal
            assert list(again.rejected_rows.values_list("column", "value", "problem")) == []
            comparison = audience.compare(again)
            assert (comparison.new, comparison.changed, comparison.missing) == (0, 0, 0)
            audience.save(again, by=None, beyond_estimate=True)
            assert shape(incident) == before
        transaction.set_rollback(True)


def read(incident: Incident, content: bytes):
    return audience.read(incident, io.BytesIO(content), file_name="l.csv", by=None, source="room")
