"""Whether the size of a list fits what the page says."""

from decimal import Decimal

from django.db.models import F

from accounts.models import Organisation
from incidents.models import Incident, ScopeEstimate

ABOUT = Decimal("1.2")  # "about 5" is no longer true above 6


def judge(incident: Incident, after: int) -> tuple[Decimal | None, bool, str]:
    """(share of all customers in percent, whether the list says more than the page, the sentence that says so).

    after: how many are owed a notice. The share is None where the organisation has not said how many customers it has.
    """
    total = Organisation.get().customers_total
    share = Decimal(after) * 100 / total if total else None
    return share, *_judge(newest_estimate(incident), after, share)


def newest_estimate(incident: Incident) -> ScopeEstimate | None:
    """The one the page states now: not held back, not revised."""
    return (
        incident.estimates.filter(held_back=False, revised_by=None)
        .order_by(F("at").desc(nulls_last=True), "-position", "-pk")
        .first()
    )


def _judge(estimate: ScopeEstimate | None, after: int, share: Decimal | None) -> tuple[bool, str]:
    """(whether the file says more than the page, the sentence that says so)."""
    if estimate is None:
        return False, "The page gives no estimate to compare with."
    if estimate.value is None:
        return False, f"The page says “{estimate.get_bound_display()}”: there is no number to compare with."
    percent = estimate.unit == "percent"
    measured = share if percent else Decimal(after)
    if measured is None:
        return False, (
            "The page states a share of customers; how many customers there are in all is not set, so it cannot be"
            " compared. An administrator can set it under Organisation."
        )
    unit = " %" if percent else f" {estimate.unit}".rstrip()
    said = f"“{estimate.get_bound_display()} {estimate.value.normalize():,f}{unit}”"
    ours = f"{_readable(measured)}{unit}" if percent else f"{after:,}{unit}"
    if _more(estimate, measured):
        return True, f"This is more than the page says: {ours} against {said}. Correct the page, or check the file."
    if estimate.bound in {"exactly", "at_least"} and measured < estimate.value:
        return False, f"This is fewer than the page says: {ours} against {said}. Is this the whole list?"
    return False, f"This fits what the page says: {ours} against {said}."


def _more(estimate: ScopeEstimate, measured: Decimal) -> bool:
    value = estimate.value
    assert value is not None
    match estimate.bound:
        case ScopeEstimate.Bound.LESS_THAN:
            return measured >= value
        case ScopeEstimate.Bound.AT_MOST:
            return measured > value
        case ScopeEstimate.Bound.EXACTLY:
            # Ours is a fraction, the page's a rounded number: one more in the last digit is no contradiction.
            return measured > value + (Decimal("0.5").scaleb(_exponent(value)) if estimate.unit == "percent" else 0)
        case ScopeEstimate.Bound.ABOUT:
            return measured > value * ABOUT
        case _:
            return False


def _exponent(value: Decimal) -> int:
    exponent = value.normalize().as_tuple().exponent
    return min(0, exponent) if isinstance(exponent, int) else 0


def _readable(share: Decimal) -> str:
    """Two digits that mean something: 0.79, 12, 0.0042."""
    if share >= 10 or share == 0:
        return f"{share:.0f}"
    return f"{share:.{max(0, 1 - share.adjusted())}f}"
