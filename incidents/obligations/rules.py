"""Rules of law as data: the starter set, and the next version of a rule that somebody edited.

A version never changes. A starter set that changed with an upgrade adds its versions where nobody in the house has
written one since; what the house wrote stays the newest.
"""

import json
from datetime import date, time
from pathlib import Path
from typing import Any

from django.db import connection, transaction

from accounts import audit
from accounts.models import User
from incidents.models import LawRule

STARTER = Path(__file__).with_name("starter.json")
CHECK_WITH_COUNSEL = "Check with counsel: a starting point, not legal advice."


class EditedMeanwhile(Exception):
    """Somebody else wrote a newer version of the rule."""


def starter() -> list[LawRule]:
    """As the file has them, unsaved."""
    return [_rule(given) for given in json.loads(STARTER.read_text())]


def load_starter(sender: object = None, **kwargs: object) -> int:
    """Bring the starter set in (post_migrate); how many versions are new."""
    if LawRule._meta.db_table not in connection.introspection.table_names():
        return 0  # somebody migrated back to before there were rules
    newest = {rule.key: rule for rule in LawRule.objects.newest()}
    made = 0
    for rule in starter():
        known = newest.get(rule.key)
        if known and (known.made_by_id or _same(known, rule)):
            continue
        rule.number = known.number + 1 if known else 1
        rule.save(force_insert=True)
        made += 1
    return made


@transaction.atomic
def write_version(rule: LawRule, *, by: User, started_from: int) -> LawRule:
    """The next version of this key. started_from: the version that was read; 0: a new rule. Raises EditedMeanwhile."""
    newest = LawRule.objects.select_for_update().filter(key=rule.key).order_by("-number").first()
    number = newest.number if newest else 0
    if number != started_from:
        raise EditedMeanwhile(f"Somebody wrote version {number} of this rule meanwhile. Read it first.")
    if newest and _same(newest, rule):
        return newest
    rule.pk, rule.number, rule.made_by = None, number + 1, by
    rule.save(force_insert=True)
    audit.record(act="law_rule.written", thing=rule, by=by, rule=rule.key, number=rule.number)
    return rule


def _rule(given: dict[str, Any]) -> LawRule:
    given = dict(given)
    for name, read in (("checked_on", date.fromisoformat), ("ends_clock", time.fromisoformat)):
        if given.get(name):
            given[name] = read(given[name])
    if "amount" not in given:
        given["unit"] = ""
    return LawRule(**given)


def _same(one: LawRule, other: LawRule) -> bool:
    return one.as_record() | {"number": 0} == other.as_record() | {"number": 0}
