"""What stands in the address bar of a staff page comes from anybody who can send a link: never a 500 for it."""

import pytest

from tests.factories import make_account, make_affected, make_incident, make_notice

pytestmark = pytest.mark.django_db
DIGITS = "9" * 5000  # more than int() takes


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/staff/", "q"),
        ("/staff/api-keys-2018/log/", "who"),
        ("/staff/api-keys-2018/log/", "before"),
        ("/staff/api-keys-2018/updates/correct/", "update"),
        ("/staff/api-keys-2018/affected/", "id"),
        ("/staff/api-keys-2018/affected/", "found"),
        ("/staff/api-keys-2018/decisions/new/", "supersedes"),
        ("/staff/api-keys-2018/notices/{notice}/", "account"),
        ("/staff/log/", "act"),
        ("/staff/log/", "by"),
        ("/staff/approvals/", "page"),
    ],
)
@pytest.mark.parametrize(
    "value", ["\0", DIGITS, "9" * 25, "-1", "٣"], ids=["NUL", "long", "large", "negative", "arabic"]
)
def test_no_odd_value_in_an_address_is_an_error(ada, as_user, path, name, value):
    incident = make_incident("api-keys-2018")
    make_affected(incident, make_account())
    notice = make_notice(incident)

    response = as_user(ada).get(path.format(notice=notice.pk), {name: value})

    assert response.status_code in {200, 404}


@pytest.mark.parametrize("path", ["accounts/account/?kind__exact=%00", "incidents/incident/?phase=%00"])
def test_the_admin_refuses_what_its_filters_cannot_ask_for(ada, as_user, path):
    assert as_user(ada).get(f"/admin/{path}").status_code == 400
