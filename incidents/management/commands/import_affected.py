"""Read a list of affected accounts from a file, show what it would change, and import it with --confirm.

CSV, TSV or XLSX, also packed with gzip. Columns whose headers are known are read without asking; --map says what
others are (id, email, post, phone, name, role, locale, jurisdiction, segments, certainty, trusted, ignore,
fact:<name>[:<type>], row:<name>[:<type>]) and is remembered for the next file with the same headers.

Exit codes: 0 all rows are good; 1 some rows were left out (the others were read, and imported with --confirm);
2 nothing was or will be imported: the file was refused, or it says more than the page and --beyond-estimate is missing.
"""

import codecs
import json
import sys
from argparse import ArgumentTypeError
from contextlib import suppress
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from tqdm import tqdm

from accounts.models import User
from incidents import audience
from incidents.audience import columns, formats, mapping
from incidents.audience.delimited import DELIMITERS
from incidents.audience.encodings import ENCODINGS
from incidents.audience.saving import STOPS
from incidents.audience.source import Source
from incidents.models import ImportBatch, Incident

REJECTED_SHOWN = 20
GOOD, SOME_LEFT_OUT, REFUSED = 0, 1, 2


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser) -> None:
        parser.add_argument("slug", help="the incident, as in its address")
        parser.add_argument("file", type=Path, help="CSV, TSV or XLSX, also gzipped")
        parser.add_argument("--map", metavar="HEADER=MEANING", type=_header_and_meaning, action="append", default=[],
                            help="what a column is; may be repeated")  # fmt: skip
        parser.add_argument("--encoding", type=_encoding, help="otherwise it is detected")
        parser.add_argument("--delimiter", type=_delimiter, help="comma, semicolon, tab or bar")
        parser.add_argument("--sheet", default="", help="of a workbook, by its name; otherwise the first visible one")
        parser.add_argument("--no-header", action="store_true", help="the first line is data; columns are “column 1” …")
        parser.add_argument("--mode", choices=ImportBatch.Mode.values, default=ImportBatch.Mode.ADD,
                            help="add, replace (it is the whole list), rule_out (everyone in it)")  # fmt: skip
        parser.add_argument("--evidence", default="", help="what shows that those it rules out were not affected")
        parser.add_argument("--confirm", action="store_true", help="import what was read")
        parser.add_argument("--by", metavar="EMAIL", help="the member of staff in whose name; otherwise the system")
        parser.add_argument("--beyond-estimate", action="store_true", help="even if it is more than the page says")
        parser.add_argument("--show-values", action="store_true", help="print what stands in rejected cells")
        parser.add_argument("--json", action="store_true", help="one JSON object on standard output, nothing else")

    def handle(self, *, slug: str, file: Path, confirm: bool, by: str | None, beyond_estimate: bool,
               show_values: bool, **options) -> None:  # fmt: skip
        self.quiet = options["json"]
        incident, person = _incident(slug), _person(by)
        meanings = dict(options["map"])
        batch = self._read(
            incident, file, person, meanings=meanings, format=_format(options), mode=options["mode"],
            evidence=options["evidence"],
        )  # fmt: skip
        comparison, stopped = None, ""
        if batch.state == ImportBatch.State.STAGED:
            self._say_how_it_was_read(batch, meanings, person)
            comparison = audience.compared(batch)
            assert comparison  # reading has just made it
            self._preview(batch, comparison, show_values=show_values)
            if not confirm:
                audience.put_away(batch, by=person, at=timezone.now())
            else:
                stopped = self._save(batch, person, beyond_estimate=beyond_estimate)
        if self.quiet:
            self.stdout.write(json.dumps(_as_json(batch, comparison, stopped)))
        else:
            self._conclude(batch, stopped)
        sys.exit(_exit_code(batch, stopped))

    def _read(self, incident: Incident, path: Path, person: User | None, *, format: dict[str, Any],
              **said: Any) -> ImportBatch:  # fmt: skip
        try:
            with (
                path.open("rb") as file,
                tqdm(total=path.stat().st_size, unit="B", unit_scale=True, desc="Reading", disable=self.quiet) as bar,
            ):
                if "encoding" not in format and file.seekable():
                    # One letter in the last line may decide it; here we can look before we read.
                    with suppress(audience.Refused):
                        format["encoding"] = formats.encoding_of(Source(file, hashed=False).pieces())
                    file.seek(0)
                return audience.read(
                    incident, file, file_name=path.name, by=person, source=ImportBatch.Source.COMMAND,
                    progress=bar.update, format=format, **said,
                )  # fmt: skip
        except OSError as problem:
            raise CommandError(f"{path} cannot be opened: {problem.strerror}.", returncode=REFUSED) from None

    def _say_how_it_was_read(self, batch: ImportBatch, meanings: dict[str, str], person: User | None) -> None:
        self._say(f"\nRead as {audience.Format.wanted(batch.format).in_words()}.")
        before = mapping.remembered(batch.headers)
        if before and not meanings:
            who = f"by {before.by.get_full_name()} " if before.by else ""
            self._say(f"Columns as last time, {who}on {before.at:%-d %B %Y}.")
        if meanings:
            said = columns.Columns(batch.headers, [batch.columns[header] for header in batch.headers])
            mapping.remember(said, by=person, at=timezone.now())

    def _save(self, batch: ImportBatch, person: User | None, *, beyond_estimate: bool) -> str:
        """What stopped it; empty when it is saved."""
        try:
            audience.save(
                batch, by=person, at=timezone.now(), beyond_estimate=beyond_estimate,
                waiting=lambda: self._say("Another import is being saved; waiting for it."),
            )  # fmt: skip
        except (audience.NotWaiting, *STOPS) as problem:
            return str(problem)
        return ""

    def _preview(self, batch: ImportBatch, comparison: audience.Comparison, *, show_values: bool) -> None:
        counts = batch.counts
        self._say("")
        for header, meaning in columns.in_words(batch.columns):
            self._say(f"  {header:<24} {meaning}")
        self._say("")
        for words, number in (
            ("rows read", counts["read"]),
            ("rows left out", counts["rejected"]),
            ("rows folded into an earlier one", counts["folded"]),
            ("accounts", counts["accounts"]),
            ("  new", comparison.new),
            ("  changed", comparison.changed),
            ("  already as the file says", comparison.unchanged),
            ("addresses", counts["addresses"]),
            ("accounts without an address", counts["without_address"]),
            ("addresses of several accounts", comparison.same_address),
            ("held, but missing from this file", comparison.missing),
            ("owed a notice afterwards", comparison.after),
        ):
            self._say(f"  {words:<36} {number:>12,}")
        self._say(f"\n{comparison.verdict}")
        self._rejected(batch, show_values=show_values)

    def _rejected(self, batch: ImportBatch, *, show_values: bool) -> None:
        if not batch.counts["rejected"]:
            return
        self._say("\nRows left out:")
        for row in batch.rejected_rows.all()[:REJECTED_SHOWN]:
            value = f" “{row.value}”" if show_values and row.value else ""
            self._say(f"  line {row.line}, {row.column or 'the whole row'}:{value} {row.problem} {row.remedy}")
        more = batch.rejected_rows.count() - REJECTED_SHOWN
        if more > 0:
            self._say(f"  and {more:,} more; all of them stand in the staff room under import {batch.number}")

    def _conclude(self, batch: ImportBatch, stopped: str) -> None:
        if batch.state == ImportBatch.State.REFUSED:
            self.stderr.write(f"The file could not be read, and nothing of it was stored. {batch.refusal}")
        elif stopped:
            self.stderr.write(f"Nothing was imported. {stopped}")
        elif batch.state == ImportBatch.State.STAGED:
            self._say(f"\nNothing is imported yet. Import {batch.number} waits; confirm it in the staff room,")
            self._say("or run this command again with --confirm.")
        elif not batch.counts["new"] and not batch.counts["changed"]:
            self._say("\nThis file holds nothing new. Nothing was changed.")
        else:
            self._say(f"\nImported as import {batch.number}: {batch.counts['new']:,} new, "
                      f"{batch.counts['changed']:,} changed.")  # fmt: skip

    def _say(self, words: str) -> None:
        if not self.quiet:
            self.stdout.write(words)


def _header_and_meaning(text: str) -> tuple[str, str]:
    header, sign, meaning = text.rpartition("=")
    if not sign:
        raise ArgumentTypeError(f"“{text}” is no HEADER=MEANING")
    return header.strip(), meaning.strip()


def _encoding(text: str) -> str:
    """By any of the names Python knows it by: cp1252, latin9, UTF8."""
    with suppress(LookupError):
        wanted = codecs.lookup(text).name
        for name in ENCODINGS:
            if codecs.lookup(name).name == wanted:
                return name
    raise ArgumentTypeError(f"“{text}” is none of {', '.join(ENCODINGS)}")


def _delimiter(text: str) -> str:
    by_name = {name: delimiter for delimiter, name in DELIMITERS.items()} | {"\\t": "\t"}
    delimiter = by_name.get(text, text)
    if delimiter not in DELIMITERS:
        raise ArgumentTypeError(f"“{text}” is none of {', '.join(DELIMITERS.values())}")
    return delimiter


def _format(options: dict[str, Any]) -> dict[str, Any]:
    """What was said of it; the rest is detected."""
    said = {name: options[name] for name in ("encoding", "delimiter", "sheet") if options[name]}
    return said | ({"header": False} if options["no_header"] else {})


def _incident(slug: str) -> Incident:
    incident = Incident.objects.filter(slug=slug).first()
    if incident is None:
        raise CommandError(f"There is no incident “{slug}”.", returncode=REFUSED)
    return incident


def _person(email: str | None) -> User | None:
    if email is None:
        return None
    person = User.objects.filter(email__iexact=email, is_active=True, is_staff=True).first()
    if person is None or not person.has_perm("accounts.write"):
        raise CommandError("Nobody on the staff with this address may import accounts.", returncode=REFUSED)
    return person


def _as_json(batch: ImportBatch, comparison: audience.Comparison | None, stopped: str) -> dict:
    return {
        "import": batch.number, "state": batch.state, "sha256": batch.sha256, "size": batch.size,
        "format": batch.format, "columns": batch.columns, "mode": batch.mode,
        "refusal": batch.refusal, "stopped": stopped, "counts": batch.counts,
        "comparison": comparison.as_json() if comparison else None,
    }  # fmt: skip


def _exit_code(batch: ImportBatch, stopped: str) -> int:
    if stopped or batch.state == ImportBatch.State.REFUSED:
        return REFUSED
    return SOME_LEFT_OUT if batch.counts["rejected"] else GOOD
