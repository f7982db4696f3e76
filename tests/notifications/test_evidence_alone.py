"""What one person published alone stands in the evidence, and the script that judges it says so."""

import json
import zipfile

import pytest
from django.utils import timezone

from accounts import emergencies
from accounts.models import Approval
from incidents.publishing.emergency import publish_alone
from notifications import evidence
from tests.factories import make_incident, make_organisation, make_update
from tests.notifications.test_evidence import sealed_anew, verify  # noqa: F401  (fixtures)

BECAUSE = "Keys are being used now and nobody answers the phone."


@pytest.mark.django_db(transaction=True)
def test_the_bundle_says_who_published_alone_why_and_who_looked_at_it(settings, tmp_path, anton, ada, verify):  # noqa: F811
    settings.SITE_FOLDER = tmp_path / "site"
    make_organisation()
    incident = make_incident()
    make_update(incident, "Stop using your keys now.")
    publish_alone(incident, because=BECAUSE, by=anton)
    emergencies.review(Approval.objects.get(), agrees=True, by=ada)
    with (tmp_path / "evidence.zip").open("w+b") as file:
        evidence.write(incident, file, by=None, at=timezone.now())
    with zipfile.ZipFile(tmp_path / "evidence.zip") as bundle:
        files = {name: bundle.read(name) for name in bundle.namelist()}

    code, said = verify(files)

    assert code == 0, said
    assert "1 by one person alone in an emergency; another person agreed afterwards to 1" in said
    [approval] = json.loads(files["approvals.json"])
    assert (approval["alone_because"], approval["reviewed_by"]["id"]) == (BECAUSE, ada.pk)

    for forged in ({"alone_because": ""}, {"review_agrees": False}, {"reviewed_by": None}):
        changed = json.dumps([approval | forged]).encode()
        code, said = verify(sealed_anew({**files, "approvals.json": changed}))
        assert code == 1 and "the audit chain says otherwise" in said
