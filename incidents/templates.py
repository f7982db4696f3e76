"""Words to begin from: templates of incidents, updates, notices, questions and steps.

Variables are names between braces and nothing more: no expression, no filter, no way to anything but VARIABLES. They
are filled once, when something is begun; those of a notice stay, for `notifications` fills them for each reader.
"""

import re
import tomllib
from datetime import datetime
from functools import reduce
from operator import or_
from pathlib import Path

from django.db import connection, models, transaction
from django.db.models import F, Q
from django.utils import timezone

from accounts import audit
from accounts.models import Organisation, User
from incidents.models import Incident, Template

STARTER = Path(__file__).parent / "data" / "templates" / "starter.toml"
Kind = Template.Kind

FIELDS: dict[str, dict[str, str]] = {
    Kind.INCIDENT: {"title": "Title", "summary": "One or two sentences"},
    Kind.UPDATE: {"body": "What we say"},
    Kind.NOTICE: {"subject": "Subject", "body": "Text"},
    Kind.QUESTION: {"question": "Question", "answer": "Answer"},
    Kind.STEP: {"title": "Step", "how": "How", "why": "Why", "if_not": "If it is not done"},
}
MAY_STAY_EMPTY = frozenset({"answer", "how", "why", "if_not"})
ONE_LINE = frozenset({"title", "subject", "question"})

VARIABLES = {
    "organisation": "Our name",
    "domain": "What people type to reach us",
    "security_email": "Where people can write to us",
    "today": "The day on which it is begun",
    "incident": "The incident's title",
}
VARIABLE = re.compile(r"\{\{\s*(\w+)\s*\}\}")
BRACES = re.compile(r"\{\{|\}\}|\{%|%\}")
BLANK = "[Say here"
"""What only the writer can know stands so, up to the closing bracket. A page or message that still has one is held."""


class UnknownVariable(Exception):
    """The text has a variable that nobody fills; the message says which there are."""


class EditedMeanwhile(Exception):
    """Somebody saved the template after the form was opened."""


class OwnWords(Exception):
    """Nobody says yes for counsel to words that they wrote themselves."""


def check(text: str) -> None:
    """Raises UnknownVariable. Not for a notice: its variables are those of `composing`."""
    unknown = sorted(set(VARIABLE.findall(text)) - VARIABLES.keys())
    if unknown or BRACES.search(VARIABLE.sub("", text)):
        what = f"Nothing is known as {', '.join(unknown)}" if unknown else "These braces are no variable"
        raise UnknownVariable(f"{what}. There are {', '.join(VARIABLES)}, each between double braces.")


def begun_from(template: Template, *, incident: Incident | None = None, at: datetime) -> dict[str, str]:
    """What the fields of a form begin with, by field; variables are filled except in a notice."""
    if template.kind == Kind.NOTICE:
        return dict(template.words)
    ours = Organisation.get()
    said = {
        "organisation": ours.name, "domain": ours.domain, "security_email": ours.security_email,
        "today": f"{at:%-d %B %Y}", "incident": incident.title if incident else "",
    }  # fmt: skip
    return {field: filled(text, said) for field, text in template.words.items()}


def filled(text: str, said: dict[str, str]) -> str:
    """One pass: a value is never read for variables again. What is not known asks its writer."""
    return VARIABLE.sub(lambda found: said.get(found[1]) or f"{BLANK}: {found[1].replace('_', ' ')}]", text)


def still_asked(incident: Incident) -> list[tuple[str, str]]:
    """Where a [Say here …] was left standing on what would be published: a page of the room, and words."""
    left, found = "{} still says “[Say here …]”: put in what only you know, or take it out.", []
    if BLANK in incident.title or BLANK in incident.summary:
        found.append(("edit/#id_summary", left.format("The title or the summary")))
    drafts = incident.updates.drafts().filter(held_back=False, body__contains=BLANK)
    found += [(f"updates/{pk}/edit/", left.format("A draft update")) for pk in drafts.values_list("pk", flat=True)]
    for section, rows, fields, what in (
        ("faq", incident.faq, ("question", "answer"), "A question or its answer"),
        ("steps", incident.steps, ("title", "how", "why", "if_not"), "A step"),
    ):
        blank = [Q(**{f"{field}__contains": BLANK}) for field in fields]
        if rows.filter(reduce(or_, blank), held_back=False).exists():
            found.append((f"guidance/{section}/", left.format(what)))
    return found


@transaction.atomic
def save(template: Template, *, started_from: int, by: User, at: datetime | None = None) -> None:
    """New or changed. A change ends what counsel said of the words before. Raises EditedMeanwhile."""
    template.changed_by, template.changed_at = by, at or timezone.now()
    template.counsel_at = template.counsel_by = None
    done = "added" if template._state.adding else "changed"
    if done == "added":
        template.save(force_insert=True)
    else:
        fields = ("case", "name", "words", "changed_by", "changed_at", "counsel_at", "counsel_by")
        changes = {name: getattr(template, name) for name in fields}
        if not _claimed(template, started_from).update(edits=F("edits") + 1, **changes):
            raise EditedMeanwhile
    audit.record(act=f"template.{done}", thing=template, by=by, at=at, kind=template.kind)


@transaction.atomic
def approve(template: Template, *, started_from: int, by: User, at: datetime | None = None) -> None:
    """Counsel's yes to exactly the words that were shown. Raises EditedMeanwhile, OwnWords."""
    if template.changed_by_id == by.pk and Organisation.get().sign_offs:
        raise OwnWords
    if not _claimed(template, started_from).update(counsel_at=at or timezone.now(), counsel_by=by):
        raise EditedMeanwhile
    audit.record(act="template.approved", thing=template, by=by, at=at, edit=started_from)


@transaction.atomic
def put_away(template: Template, *, away: bool, by: User, at: datetime | None = None) -> bool:
    """Nobody begins from it any more; or they do again. False where it stood that way already."""
    rows = Template.objects.filter(pk=template.pk, put_away_at__isnull=away)
    if not rows.update(put_away_at=(at or timezone.now()) if away else None):
        return False
    audit.record(act=f"template.{'put_away' if away else 'taken_up'}", thing=template, by=by, at=at)
    return True


def load_starter(sender: object = None, **kwargs: object) -> int:
    """Bring the starter set in (post_migrate); how many are new. What is there stays as the house has made it."""
    if Template._meta.db_table not in connection.introspection.table_names():
        return 0  # somebody migrated back to before there were templates
    there = set(Template.objects.exclude(starter="").values_list("starter", flat=True))
    new = [Template(**one) for one in starters() if one["starter"] not in there]
    return len(Template.objects.bulk_create(new, ignore_conflicts=True))


def starters() -> list[dict]:
    """Kind, case, name, words and key of each, in the order of the file."""
    found = []
    for case, kinds in tomllib.loads(STARTER.read_text()).items():
        for kind, rows in kinds.items():
            for number, words in enumerate(rows, start=1):
                name = words.pop("name")
                words = {field: text.strip() for field, text in words.items()}
                found.append({
                    "starter": f"{case}.{kind}.{number}", "case": case, "kind": kind, "name": name, "words": words,
                })  # fmt: skip
    return found


def _claimed(template: Template, started_from: int) -> models.QuerySet[Template]:
    return Template.objects.filter(pk=template.pk, edits=started_from)
