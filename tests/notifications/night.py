"""One whole night, played by the functions that the room calls: what evidence is made of."""

import io
from datetime import timedelta
from pathlib import Path

from django.db import transaction
from django.test import override_settings
from django.utils import timezone

from accounts import anchoring, approvals
from accounts.models import Account
from incidents import audience, deciding, publishing
from incidents.audience import undoing
from incidents.models import Decision, ImportBatch, Incident
from notifications import dispatch, mailings, telling, tracking
from notifications.evidence import sealed
from notifications.models import DeliveryEvent, Recipient
from tests.factories import NOON, make_incident, make_notice, make_organisation, make_step, make_update, make_user
from tests.notifications.smtp_server import SmtpServer

LIST = "id,email,name,api_key\n" + "".join(f"zeta-{n},owner@zeta-{n}.example,Zeta {n},key-…{n}\n" for n in range(1, 7))
SUBJECT = "Security notice, reference {{ code }}"


def play(folder: Path) -> Incident:
    """An incident with six accounts: one message delivered, one returned, one complained about, three taken."""
    make_organisation()
    wanda = make_user("wanda@relaypost.example", role="Writer", name="Wanda Writer")
    anton = make_user("anton@relaypost.example", role="Approver", name="Anton Approver")
    incident, other = make_incident(), make_incident("something-else", title="Nobody may know of this one")
    decide(other, wanda, "Secret reasons of another incident.")
    decide(incident, wanda, "The key was found in a log.")
    make_step(incident)
    make_update(incident)
    with override_settings(SITE_FOLDER=str(folder)):
        approvals.answer(publishing.ask(incident, by=wanda), yes=True, by=anton, words="Read it twice.")
        publishing.publish(incident, by=wanda)
        _import(incident, LIST, by=wanda)
        undoing.undo(_import(incident, "id\nomega-1\n", by=wanda), by=wanda, because="It was of another incident.")
        decide(other, wanda, "More secret reasons.")
        incident.refresh_from_db()
        mailing = mailings.prepare(make_notice(incident, wanda, subject=SUBJECT), by=wanda)
        approvals.answer(mailings.ask(mailing, by=wanda), yes=True, by=anton)
        mailings.start(mailing, by=anton)
        _send()
        for number, said in ((1, "delivered"), (2, "bounced"), (3, "complained")):
            _hear(number, said)
        sealed.seal(incident, at=timezone.now() + timedelta(minutes=10))
        anchoring.sign(at=timezone.now())
        telling.push(incident)
        publishing.catch_up(at=timezone.now() + timedelta(minutes=2))
    decide(other, wanda, "And the last word is about another one, too.")
    return incident


def decide(incident: Incident, by, reasons: str) -> None:
    deciding.decide(
        Decision(incident=incident, kind="aware", at=NOON, precision="minute", reasons=reasons), by=by, at=NOON
    )


def _import(incident: Incident, text: str, *, by) -> ImportBatch:
    batch = audience.read(incident, io.BytesIO(text.encode()), file_name="list.csv", by=by, source="room")
    return audience.save(batch, by=by)


def _send() -> None:
    with (
        SmtpServer() as server,
        override_settings(
            EMAIL_BACKEND="notifications.smtp.PhasedBackend", EMAIL_HOST="127.0.0.1", EMAIL_PORT=server.port
        ),
    ):
        assert dispatch.run_lane() == Account.objects.filter(external_id__startswith="zeta-").count()


@transaction.atomic
def _hear(number: int, said: str) -> None:
    recipient = Recipient.objects.get(account__external_id=f"zeta-{number}")
    DeliveryEvent.objects.create(provider="Test", key=f"event-{number}", recipient=recipient, type=said, at=NOON)
    tracking.settle(recipient.pk)
