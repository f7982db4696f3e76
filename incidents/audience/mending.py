"""The rows an import left out, as a file to mend and upload again: as they came, and behind them what to do."""

from collections.abc import Iterator
from itertools import groupby
from operator import attrgetter

from incidents.models import ImportBatch, RejectedRow

SAYS = ("what is wrong", "what to do")  # columns that reading leaves out


def header(batch: ImportBatch) -> list[str]:
    """All columns of the file in their order, without what an earlier file of this kind said."""
    return [*(batch.headers[index] for index in _kept(batch)), *SAYS]


def rows(batch: ImportBatch) -> Iterator[list[str]]:
    """Row by row as `header` has it.

    A row that had too few cells ends early. What was too much of another stands behind all columns: so it is refused
    again until somebody has put it where it belongs.
    """
    kept = _kept(batch)
    problems = batch.rejected_rows.order_by("line", "pk").iterator(chunk_size=2000)
    for line, group in groupby(problems, key=attrgetter("line")):
        found = list(group)
        cells = next((problem.cells for problem in found if problem.cells is not None), None)
        if cells is None:  # too long to be kept
            cells = [next((one.value for one in found if one.column == name), "") for name in batch.headers]
        cells += [""] * (len(batch.headers) - len(cells))
        yield [*(cells[index] for index in kept), *_says(line, found), *cells[len(batch.headers) :]]


def _kept(batch: ImportBatch) -> list[int]:
    return [index for index, name in enumerate(batch.headers) if name.strip().casefold() not in SAYS]


def _says(line: int, problems: list[RejectedRow]) -> tuple[str, str]:
    wrong = [f"{problem.column}: {problem.problem}" if problem.column else problem.problem for problem in problems]
    remedies = dict.fromkeys(problem.remedy for problem in problems)
    return f"Line {line:,}. {' '.join(wrong)}", " ".join(remedies)
