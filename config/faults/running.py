"""One fault from a fresh house to the verdict."""

import logging
import time
from pathlib import Path

import redis
from django.conf import settings
from django.db import connection
from django.test import override_settings
from django.utils import timezone

from config.faults import CannotInject, Ended, Fault, invariants
from config.faults.house import House, Waited
from notifications.models import Mailing, SendingPulse, SendingStop

logger = logging.getLogger(__name__)


def run(chosen: Fault, folder: Path, *, quick: bool) -> Ended:
    ended = Ended(chosen.number, chosen.injected)
    _quiet_before()
    # The bell and the site of this house hold for what we do ourselves, too.
    with House(folder, quick=quick) as house, override_settings(
        SITE_FOLDER=folder / "site", PUBLIC_BASE_URL=house.base_url, REDIS_URL=house.bell.url,
        CELERY_BROKER_URL=house.bell.url,
    ):  # fmt: skip
        try:
            chosen.inject(house)
        except CannotInject as why:
            ended.skipped = str(why)
            return ended
        except Waited as error:
            house.broken.append(str(error))
        except Exception as error:
            logger.exception("%s itself broke", chosen.number)
            house.broken.append(f"the fault itself broke: {type(error).__name__}: {error}"[:300])
        _judge(house, ended)
    return ended


def _quiet_before() -> None:
    """Nothing of the fault before goes on in this one."""
    connection.close()
    living = [Mailing.State.RUNNING, Mailing.State.PAUSED, Mailing.State.PREPARED]
    Mailing.objects.filter(state__in=living).update(state=Mailing.State.CANCELLED, finished_at=timezone.now())
    SendingStop.objects.all().delete()
    SendingPulse.objects.all().delete()


def _judge(house: House, ended: Ended) -> None:
    time.sleep(0.5)  # what a dying worker still says
    connection.close()
    verdict = invariants.judge(house.mailings, house.arrived, by_events=house.by_events)
    ended.lost, ended.doubled, ended.unknown = verdict.lost, verdict.doubled, verdict.unknown
    ended.recovery_s = house.recovery_s
    ended.broken = [*house.broken, *verdict.broken, *invariants.spilt(house.arrived, _logs(house), _bell(house))]


def _logs(house: House) -> list[Path]:
    return [*house.folder.glob("*.log"), Path(settings.VAR) / "postgres" / "data" / "server.log"]


def _bell(house: House) -> redis.Redis | None:
    client = house.bell.client()
    try:
        client.ping()
    except redis.RedisError:
        return None
    return client
