"""What an import found, on the batch page, kind by kind, and as a file; and the rows to mend."""

import csv
import io

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.contrib.auth.models import Permission
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import AuditEntry
from incidents import audience
from incidents.models import Finding, ImportBatch
from tests.factories import make_affected, make_incident, make_organisation, make_user

pytestmark = pytest.mark.django_db

ROOM = "/staff/api-keys-2018/affected/imports/"


@pytest.fixture
def incident(db):
    return make_incident()


def read(incident, text: str) -> ImportBatch:
    batch = audience.read(incident, io.BytesIO(text.encode()), file_name="list.csv", by=None, source="room")
    assert batch.state == ImportBatch.State.STAGED, batch.refusal
    return batch


def download(client, address: str) -> list[list[str]]:
    response = client.get(ROOM + address)
    assert response.status_code == 200
    return list(csv.reader(io.StringIO(response.getvalue().decode("utf-8-sig"), newline="")))


def test_the_batch_page_counts_and_shows_examples(incident, as_user, wanda):
    read(incident, "id,email\na,abuse@one.com\nb,x@shared.com\nc,X@shared.com\n")

    page = as_user(wanda).get(f"{ROOM}1/").text

    assert "What to look at before saying yes" in page
    assert "An address many people read" in page
    assert "abuse@one.com" in page
    assert "One address of several accounts" in page


def test_a_batch_without_findings_says_nothing_of_them(incident, as_user, wanda):
    read(incident, "id,email\na,jane@one.com\n")

    assert "What to look at" not in as_user(wanda).get(f"{ROOM}1/").text
    assert "Nothing stood out" in as_user(wanda).get(f"{ROOM}1/findings/").text


def test_findings_are_listed_by_kind_fifty_a_page(incident, as_user, wanda):
    rows = "".join(f"a{n:02},info@a{n:02}.com\n" for n in range(60))
    read(incident, "id,email\n" + rows)

    first = as_user(wanda).get(f"{ROOM}1/findings/?kind=role_address").text
    second = as_user(wanda).get(f"{ROOM}1/findings/?kind=role_address&page=2").text

    assert "1–50 of 60" in first
    assert ("info@a00.com" in first, "info@a59.com" in first) == (True, False)
    assert "info@a59.com" in second


def test_when_only_the_first_are_kept_the_page_says_how_many_there_are(incident, as_user, wanda):
    batch = read(incident, "id,email\na,info@a.com\n")
    batch.counts["findings"]["role_address"] = 12_345
    batch.save()

    assert "The first 1 of 12,345." in as_user(wanda).get(f"{ROOM}1/findings/").text


@pytest.mark.parametrize("query", ["?kind=nonsense", "?kind=role_address&page=x", "?page=99999", "?kind=%00"])
def test_nonsense_in_the_address_bar_is_no_error(incident, as_user, wanda, query):
    read(incident, "id,email\na,info@a.com\n")

    assert as_user(wanda).get(f"{ROOM}1/findings/{query}").status_code == 200


def test_findings_can_be_downloaded_and_the_log_says_so(incident, as_user, wanda):
    read(incident, "id,email\na,+info@a.com\nb,info@b.com\n")

    rows = download(as_user(wanda), "1/findings.csv?kind=role_address")

    assert [row[:5] for row in rows[1:]] == [["role_address", "3", "b", "email", "info@b.com"]]
    entry = AuditEntry.objects.get(act="import.downloaded")
    assert "info@b.com" not in entry.body
    assert entry.by == wanda


@pytest.mark.parametrize("address", ["1/findings.csv?kind=missing", "1/findings.csv"])
def test_our_list_does_not_leave_the_house_as_what_a_file_leaves_out(incident, as_user, wanda, address):
    make_affected(incident)
    audience.compare(read(incident, "id,email\na,info@a.com\n"))

    response = as_user(wanda).get(ROOM + address)

    assert Finding.objects.filter(kind="missing").exists()
    assert response.status_code == 404 or "northwind" not in response.getvalue().decode()
    assert "findings.csv" not in as_user(wanda).get(f"{ROOM}1/findings/?kind=missing").text


def test_whoever_may_only_read_takes_nothing_along(incident, as_user):
    anna = make_user("anna@relaypost.example", role="Writer", name="Anna")
    anna.groups.clear()
    anna.user_permissions.add(Permission.objects.get(codename="read_room"))
    read(incident, "id,email\na,info@a.com\nb,nobody\n")
    client = as_user(anna)

    assert client.get(f"{ROOM}1/findings.csv").status_code == 403
    assert client.get(f"{ROOM}1/rejected.csv").status_code == 403
    assert "rejected.csv" not in client.get(f"{ROOM}1/").text


def test_the_number_of_queries_does_not_grow_with_the_findings(incident, as_user, wanda):
    read(incident, "id,email\na,info@a.com\n")
    read(incident, "id,email\n" + "".join(f"a{n},info@a{n}.com\n" for n in range(200)))
    client = as_user(wanda)
    client.get(f"{ROOM}1/")  # whatever is asked once

    def queries(address: str) -> int:
        with CaptureQueriesContext(connection) as asked:
            assert client.get(ROOM + address).status_code == 200
        return len(asked)

    for page in ("", "findings/"):
        assert queries(f"2/{page}") <= queries(f"1/{page}")


@pytest.mark.parametrize("address", ["1/findings/", "1/findings.csv", "1/rejected.csv"])
def test_a_stranger_sees_nothing(incident, as_user, stranger, address):
    read(incident, "id,email\na,info@a.com\n")

    assert as_user(stranger).get(ROOM + address).status_code == 403


def test_markup_in_a_finding_stays_text(incident, as_user, wanda):
    batch = read(incident, "id,email\na,info@a.com\n")
    Finding.objects.create(batch=batch, kind="role_address", account="<script>alert(1)</script>", value="<b>")

    page = as_user(wanda).get(f"{ROOM}1/findings/?kind=role_address").text

    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page


# Rows to mend ---------------------------------------------------------------------------------------------------


def test_the_rejected_rows_come_with_all_their_columns_in_order_and_what_to_do(incident, as_user, wanda):
    read(incident, "email,id,odd one,country\nnobody,a,=1+1,Germany\ngood@one.com,b,x,DE\n")

    header, *rows = download(as_user(wanda), "1/rejected.csv")

    assert header == ["email", "id", "odd one", "country", "what is wrong", "what to do"]
    (row,) = rows
    assert row[:4] == ["nobody", "a", "'=1+1", "Germany"]
    assert row[4].startswith("Line 2. email: This is no email address")
    assert "country: This is no country code." in row[4]
    assert "ISO 3166" in row[5]


def test_mended_and_uploaded_again_the_rows_are_accepted_as_they_were_meant(incident, as_user, wanda):
    read(incident, "id,email,key\na,nobody,=1+1\nb,fine@one.com,k\n")
    response = as_user(wanda).get(f"{ROOM}1/rejected.csv").getvalue().decode("utf-8-sig")

    mended = read(incident, response.replace("nobody", "mended@one.com"))

    row = mended.rows.get()
    assert (row.external_id, row.normal, row.facts) == ("a", "mended@one.com", {"key": "=1+1"})
    assert mended.counts["rejected"] == 0


def test_rows_mended_badly_carry_no_older_complaints(incident, as_user, wanda):
    read(incident, "id,email\na,nobody\n")
    once = as_user(wanda).get(f"{ROOM}1/rejected.csv").getvalue().decode("utf-8-sig")
    read(incident, once)

    header, row = download(as_user(wanda), "2/rejected.csv")

    assert header == ["id", "email", "what is wrong", "what to do"]
    assert row[:2] == ["a", "nobody"]


def test_a_row_with_too_many_cells_is_refused_until_somebody_has_mended_it(incident, as_user, wanda):
    read(incident, "id,email\na,x@one.com,over\nb,y@one.com\n")
    response = as_user(wanda).get(f"{ROOM}1/rejected.csv").getvalue().decode("utf-8-sig")

    again = read(incident, response + "c,z@one.com,,\n")

    assert again.counts["rejected"] == 1
    assert again.rejected_rows.get().cells[:2] == ["a", "x@one.com"]


def test_of_a_row_too_long_to_be_kept_stands_what_was_wrong_with_it(incident, as_user, wanda):
    read(incident, f"id,email,note\na,nobody,{'x' * 101_000}\nb,y@one.com,\n")

    _, row = download(as_user(wanda), "1/rejected.csv")

    assert row[:2] == ["", "nobody"]
    assert row[2] == "x" * 300
    assert "Line 2." in row[3]


def test_a_contradiction_comes_as_it_was_understood(incident, as_user, wanda):
    read(incident, "id,email,name,key\na,x@one.com,Ann,k1\na,y@one.com,Bob,k1\n")

    header, row = download(as_user(wanda), "1/rejected.csv")

    assert row[:4] == ["a", "y@one.com", "Bob", "k1"]
    assert "Line 2 is about the same account" in row[4]


# In the browser -------------------------------------------------------------------------------------------------

LONG = (
    "id,email,phone,post,name,key\n"
    "northwind-traders-of-the-far-north-0001,postmaster@a-rather-long-domain-name-of-a-customer.com,,,Northwind,k\n"
    "contoso,jane+shop@gmial.com,,,Contoso,k\nfabrikam,x@shared.com,,,Fabrikam,k\nadventure,X@shared.com,,,Works,k\n"
    "bad,nobody,12,,Nobody,k\n,,+44 20 7946 0000,,Kim,k\n"
)


@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_pages_are_accessible_and_fit(transactional_db, new_context, live_server, as_user, settings, width, scheme):
    make_organisation()
    read(make_incident(), LONG)
    context = new_context(base_url=live_server.url, viewport={"width": width, "height": 800}, color_scheme=scheme)
    user = make_user("wanda@relaypost.example", role="Writer", name="Wanda Writer")
    session = as_user(user).cookies[settings.SESSION_COOKIE_NAME]
    context.add_cookies([{"name": session.key, "value": session.value, "url": live_server.url}])
    page = context.new_page()

    for path in (f"{ROOM}1/", f"{ROOM}1/findings/", f"{ROOM}1/findings/?kind=doubtful_address"):
        page.goto(path)
        found = Axe().run(page)
        assert found.violations_count == 0, f"{path}: {found.generate_report()}"
        assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"), path
