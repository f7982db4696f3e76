"""How fast we speak to a provider: what it teaches us is kept in Redis, and Redis may be away."""

from datetime import timedelta

import pytest

from notifications import dispatch, pace
from notifications.models import Mailing
from notifications.outcomes import Outcome, Result
from tests.factories import make_incident, make_many_affected
from tests.notifications.arrange import make_mailing


@pytest.fixture(autouse=True)
def _nothing_learnt(monkeypatch):
    monkeypatch.setattr(pace._Away, "until", 0.0)
    pace._failing.clear()
    pace._resting.clear()


@pytest.fixture
def no_redis(settings, monkeypatch):
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    monkeypatch.setattr(pace, "_redis", pace._redis.__wrapped__)


def granted(provider: str = "smtp", *, times: int = 10) -> int:
    return sum(pace.take(provider, wanted=25) for _ in range(times))


def test_the_bucket_gives_no_more_than_its_rate(settings):
    settings.SENDING_PER_SECOND = 30

    assert granted() in range(30, 36)


def test_a_throttled_provider_gets_half_the_pace_and_the_others_all_of_theirs(settings, broker):
    settings.SENDING_PER_SECOND = 40
    pace.slow_down("smtp")
    broker.hset("candor:pace:smtp", "at", float(broker.hget("candor:pace:smtp", "at") or broker.time()[0]) - 1)

    assert granted() in range(18, 26)
    assert pace.take("mailgun", wanted=25) == 25


def test_each_throttling_halves_again_and_time_gives_it_back(settings, broker):
    settings.SENDING_PER_SECOND = 1000
    for _ in range(3):
        pace.slow_down("smtp")
    pace.take("smtp", wanted=1)
    assert float(broker.hget("candor:pace:smtp", "factor")) == pytest.approx(0.125, abs=0.01)

    broker.hset("candor:pace:smtp", "at", broker.time()[0] - 100)
    pace.take("smtp", wanted=1)
    assert float(broker.hget("candor:pace:smtp", "factor")) == pytest.approx(0.625, abs=0.02)

    broker.hset("candor:pace:smtp", "at", broker.time()[0] - 1000)
    pace.take("smtp", wanted=1)
    assert float(broker.hget("candor:pace:smtp", "factor")) == 1


def test_it_never_slows_down_to_nothing():
    for _ in range(50):
        pace.slow_down("smtp")

    assert pace.LEAST > 0
    assert pace.take("smtp", wanted=25) == 0  # the bucket is empty for the moment


def test_retry_after_is_a_rest(settings):
    pace.slow_down("smtp", seconds=60)

    assert granted() == 0
    assert granted("mailgun") > 0


def test_a_provider_that_failed_rests_longer_each_time(broker):
    rests = []
    for _ in range(7):
        pace.failed("smtp")
        rests.append(round(broker.pttl("candor:pace:smtp:rest") / 1000))
        assert granted() == 0

    assert rests == [2, 4, 8, 16, 32, 60, 60]


def test_after_its_rest_one_message_goes_to_see(broker):
    pace.failed("smtp")
    broker.delete("candor:pace:smtp:rest")

    assert pace.take("smtp", wanted=25) == 1
    assert pace.take("smtp", wanted=25) == 0  # nobody else until it is known

    pace.worked("smtp")
    assert pace.take("smtp", wanted=25) == 25


def test_while_redis_is_away_the_pace_is_careful_and_said_once(no_redis, caplog):
    assert 1 <= granted(times=20) <= pace.CAREFUL_PER_SECOND
    assert len([line for line in caplog.records if "Redis is away" in line.message]) == 1


def test_while_redis_is_away_a_rest_is_kept_by_each_process(no_redis):
    pace.slow_down("smtp", seconds=60)

    assert granted() == 0


# What a window teaches -------------------------------------------------------------------------------------------


@pytest.fixture
def learnt(monkeypatch) -> list:
    said: list = []
    for name in ("failed", "worked", "slow_down"):
        monkeypatch.setattr(pace, name, lambda provider, _name=name, **given: said.append((_name, provider, given)))
    return said


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("result", "taught"),
    [
        (Result(Outcome.ACCEPTED, 250), ("worked", {})),
        (
            Result(Outcome.RETRY, 429, throttled=True, retry_after=timedelta(seconds=90)),
            ("slow_down", {"seconds": 90.0}),
        ),
        (Result(Outcome.RETRY, 421, throttled=True), ("slow_down", {"seconds": 0.0})),
        (Result(Outcome.RETRY, throttled=True, rest=Outcome.RETRY), ("failed", {})),
        (Result(Outcome.UNKNOWN, 500, rest=Outcome.RELEASED), ("failed", {})),
        (Result(Outcome.FAILED, 550), None),
    ],
)
def test_how_a_window_ended_teaches_the_pace(learnt, result, taught):
    incident = make_incident()
    make_mailing(incident, make_many_affected(incident, 1))
    batch = dispatch.claim(1)

    dispatch.record(batch, dict.fromkeys(batch.numbers, result))

    assert learnt == ([(taught[0], batch.provider, taught[1])] if taught else [])


@pytest.mark.django_db
def test_a_refused_account_pauses_every_mailing_of_that_provider_and_no_other():
    incident = make_incident()
    affected = make_many_affected(incident, 3)
    kinds = ("first", "follow_up", "reminder")
    first, second, other = (make_mailing(incident, [one], kind=kind) for one, kind in zip(affected, kinds, strict=True))
    batch = dispatch.claim(1)
    Mailing.objects.filter(pk__in=[first.pk, second.pk]).update(provider=batch.provider)
    Mailing.objects.filter(pk=other.pk).update(provider="mailgun")

    dispatch.record(
        batch, dict.fromkeys(batch.numbers, Result(Outcome.RELEASED, 401, pause="They refuse us.", refuses_us=True))
    )

    states = dict(Mailing.objects.values_list("pk", "state"))
    assert states == {first.pk: "paused", second.pk: "paused", other.pk: "running"}
