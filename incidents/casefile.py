"""An incident as one JSON document: our own form, close to the models, for demo, drills and what came before Candor.

It holds what happened and what is said about it. What Candor itself adds stays out: who wrote and published which row
when, approvals, page versions, affected accounts. Fields that have their model's default are left out. A row points at
a segment by its key and at an update, estimate or decision by its number in the file, from 1.
"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.utils.dateparse import parse_datetime

from accounts import audit
from accounts.models import User
from incidents.models import (
    Contact,
    Correction,
    Decision,
    Exposure,
    FAQEntry,
    Incident,
    Indicator,
    Measure,
    Moment,
    Precision,
    Reference,
    ScopeEstimate,
    Segment,
    Step,
    TimelineEvent,
    Update,
)

DATA = Path(__file__).parent / "data"

INCIDENT = (
    "slug", "title", "summary", "language", "phase", "impact", "drill", "not_notified", "not_contacted_words",
    "next_update_by", "originally_posted_on", "exposed_channels", "told_through", "internal_notes",
)  # fmt: skip
MOMENT = ("at", "zone", "utc_offset", "unknown_because")

# In the order in which they are loaded: what is pointed at comes first.
SECTIONS: dict[str, tuple[type[models.Model], tuple[str, ...]]] = {
    "events": (TimelineEvent, ("kind", "marks", *MOMENT, "until", "text", "uncertain", "note", "held_back")),
    "segments": (Segment, ("key", "name", "guidance", "receives_notice", "held_back")),
    "exposures": (Exposure, ("data_class", "segment", "status", "veris", "note", "held_back")),
    "steps": (
        Step,
        (
            "title", "segment", "how", "why", "if_not", "cut_off", "due_at", "url", "ends_exposure",
            "for_affected_only", "held_back",
        ),
    ),
    "measures": (Measure, ("text", *MOMENT, "promised", "due_at", "held_back")),
    "indicators": (Indicator, ("kind", "value", "note", "held_back")),
    "estimates": (
        ScopeEstimate,
        ("of_what", "bound", "value", "unit", "certainty", "words", "basis", *MOMENT, "revises", "held_back"),
    ),
    "faq": (FAQEntry, ("question", "answer", "held_back")),
    "contacts": (Contact, ("role", "value", "label", "held_back")),
    "references": (Reference, ("url", "label", "held_back")),
    "updates": (Update, ("kind", "phase", *MOMENT, "said_elsewhere", "body", "held_back")),
    "decisions": (Decision, ("kind", "segment", *MOMENT, "reasons", "ground", "means", "supersedes")),
}  # fmt: skip
CORRECTION = ("subject", "corrects", "what", "was", "now", "tell_again")
POINTERS = {"segment": "segments", "revises": "estimates", "corrects": "updates", "supersedes": "decisions"}

WRITTEN = {
    Precision.YEAR: "%Y",
    Precision.MONTH: "%Y-%m",
    Precision.DAY: "%Y-%m-%d",
    Precision.MINUTE: "%Y-%m-%dT%H:%M",
    Precision.SECOND: "%Y-%m-%dT%H:%M:%S",
}

Rows = dict[str, dict[Any, models.Model]]  # section → what a pointer says → row


class BadCase(Exception):
    """The document is not a case; the message names the row and what is wrong with it."""


def named(name: str) -> dict:
    """One of the cases Candor ships: mailgun-2018-01, circleci-2023-01, dropbox-sign-2024-04, pypi-2023-11."""
    return json.loads((DATA / f"{name}.json").read_text(encoding="utf-8"))


@transaction.atomic
def load(data: dict, *, by: User | None = None) -> Incident:
    """The case as a private incident; all its updates are drafts. Raises BadCase and keeps nothing."""
    if unknown := data.keys() - set(INCIDENT) - SECTIONS.keys():
        raise BadCase(f"Nothing here is called {', '.join(sorted(unknown))}.")
    fields = {name: _python(Incident, name, data[name]) for name in INCIDENT if name in data}
    incident = _saved(Incident(created_by=by, **fields), "the incident")
    rows: Rows = {}
    for section, (model, _) in SECTIONS.items():
        rows[section] = {}
        for number, row in enumerate(data.get(section, []), start=1):
            made = _load_row(model, section, number, row, incident=incident, rows=rows, by=by)
            rows[section][row["key"] if section == "segments" else number] = made
    audit.record(act="incident.loaded", thing=incident, by=by, incident=incident.pk,
                 rows={section: len(made) for section, made in rows.items() if made})  # fmt: skip
    return incident


def read(incident: Incident) -> dict:
    """The exact inverse of load."""
    data = _written(incident, INCIDENT, {})
    names: dict[str, dict[int, Any]] = {}
    for section, (model, fields) in SECTIONS.items():
        manager: models.QuerySet = model._default_manager.filter(incident=incident)
        order = ("pk",) if model is Decision else ("position", "pk")
        found = list(manager.order_by(*order).select_related(*(["correction"] if model is Update else [])))
        names[section] = {
            row.pk: row.key if isinstance(row, Segment) else number for number, row in enumerate(found, start=1)
        }
        if found:
            data[section] = [_read_row(row, fields, names) for row in found]
    return data


def _load_row(model: type[models.Model], section: str, number: int, row: dict, *, incident: Incident, rows: Rows,
              by: User | None) -> models.Model:  # fmt: skip
    where = f"{section} {number}"
    fields = dict(_loaded(model, SECTIONS[section][1], row, rows, where))
    if model is not Decision:
        fields["position"] = number
    if issubclass(model, Moment):
        fields |= _moment(row, where)
    if model is Update:
        fields["written_by"] = by
    if model is Decision:
        fields["by"] = by
    made = _saved(model(incident=incident, **fields), where)
    if "correction" in row:
        correction = dict(_loaded(Correction, CORRECTION, row["correction"], rows, f"{where}, correction"))
        _saved(Correction(update=made, **correction), f"{where}, correction")
    return made


def _loaded(model: type[models.Model], allowed: tuple[str, ...], row: dict, rows: Rows, where: str) -> Iterator:
    """Field and value of everything in a row except its moment and its correction."""
    beside = {"correction"} if model is Update else set()
    if unknown := row.keys() - set(allowed) - beside:
        raise BadCase(f"{where}: nothing here is called {', '.join(sorted(unknown))}.")
    for name, value in row.items():
        if name in POINTERS:
            if value not in rows[POINTERS[name]]:
                raise BadCase(f"{where}: {name} points at {value!r}, which does not stand before it.")
            yield name, rows[POINTERS[name]][value]
        elif name not in beside and name != "at":
            yield name, _python(model, name, value)


def _moment(row: dict, where: str) -> dict:
    written = row.get("at")
    if written is None:
        return {"at": None, "precision": Precision.UNKNOWN}
    for precision, form in WRITTEN.items():
        try:
            at = datetime.strptime(written, form)  # noqa: DTZ007  (its zone follows)
        except ValueError:
            continue
        return {"at": at.replace(tzinfo=_offset(row.get("utc_offset", 0))), "precision": precision}
    raise BadCase(
        f"{where}: {written!r} is not a moment. Write 2018, 2018-01, 2018-01-03, 2018-01-03T14:05 or with :00."
    )


def _read_row(row: models.Model, fields: tuple[str, ...], names: dict[str, dict[int, Any]]) -> dict:
    data = _written(row, fields, names)
    if isinstance(row, Update) and hasattr(row, "correction"):
        data["correction"] = _written(row.correction, CORRECTION, names)
    return data


def _written(row: models.Model, fields: tuple[str, ...], names: dict[str, dict[int, Any]]) -> dict:
    """The fields that differ from their default, as JSON has them."""
    data: dict[str, Any] = {}
    for name in fields:
        if name in POINTERS:
            pk = getattr(row, f"{name}_id")
            value = None if pk is None else names[POINTERS[name]][pk]
        elif name == "at" and isinstance(row, Moment):
            at = row.as_written()
            value = None if at is None else at.strftime(WRITTEN[Precision(row.precision)])
        else:
            value = getattr(row, name)
            if value == _default(type(row), name):
                continue
            value = _json(value)
        if value is not None:
            data[name] = value
    return data


def _default(model: type[models.Model], name: str) -> Any:
    field = model._meta.get_field(name)
    assert isinstance(field, models.Field)
    return field.get_default()


def _json(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    if isinstance(value, Decimal):
        return int(value) if value == int(value) else str(value.normalize())
    return value.isoformat() if hasattr(value, "isoformat") else value


def _python(model: type[models.Model], name: str, value: Any) -> Any:
    field = model._meta.get_field(name)
    if isinstance(field, models.DateTimeField) and value is not None:
        return parse_datetime(value)
    return field.to_python(value) if isinstance(field, models.DecimalField | models.DateField) else value


def _saved(row: models.Model, where: str) -> Any:
    not_said = {field.name for field in row._meta.fields if field.null and getattr(row, field.attname) is None}
    try:
        row.full_clean(exclude=not_said)
    except ValidationError as problem:
        words = "; ".join(f"{name}: {' '.join(said)}" for name, said in problem.message_dict.items())
        raise BadCase(f"{where}: {words}") from problem
    row.save(force_insert=True)
    return row


def _offset(minutes: int) -> timezone:
    return timezone(timedelta(minutes=minutes))
