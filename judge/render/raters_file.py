"""The file that raters fill in: texts to compare, and nothing that gives a system away."""

import csv
import io
from collections.abc import Iterator, Mapping

import msgspec

from judge.errors import ConfigError
from judge.records.record import Record, RecordKey
from judge.trust.planning import LabelPlan

_COLUMNS = ("task", "input", "against", "output", "label", "rater")
_STARTS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_LONGEST_CELL = 32_767  # characters that a spreadsheet keeps


def raters_jsonl(plan: LabelPlan, records: Mapping[RecordKey, Record]) -> bytes:
    """Return one line for each row a rater is asked about; its label is null."""
    lines = (
        msgspec.json.encode(dict(zip(_COLUMNS, cells, strict=True)))
        for cells in _rows(plan, records)
    )
    return b"".join(line + b"\n" for line in lines)


def raters_csv(plan: LabelPlan, records: Mapping[RecordKey, Record]) -> bytes:
    """Return the same for a spreadsheet; a text that looks like a formula gets a quote before it.

    The texts are shown and never read back, so what stands before one changes nothing.

    Raises:
        ConfigError: a text is longer than a cell, or a rater's name looks like a formula.
    """
    for rater in plan.raters:
        if rater.startswith(_STARTS_A_FORMULA):
            raise ConfigError(f"--rater {rater!r} looks like a formula; give the name otherwise")
    file = io.StringIO(newline="")
    writer = csv.writer(file)
    writer.writerow(_COLUMNS)
    for cells in _rows(plan, records):
        if max(len(cell or "") for cell in cells) >= _LONGEST_CELL:
            raise ConfigError(
                f"a text is longer than the {_LONGEST_CELL} characters that a spreadsheet keeps in "
                "a cell; give a name that ends in .jsonl"
            )
        writer.writerow([_harmless(cell or "") for cell in cells])
    return file.getvalue().encode("utf-8-sig")  # the mark tells a spreadsheet that it is UTF-8


def _rows(plan: LabelPlan, records: Mapping[RecordKey, Record]) -> Iterator[tuple[str | None, ...]]:
    for rater, row in plan.asked:
        record = records[row.key]
        against = _either(record.answers(row.target))
        yield row.task, record.input, against, record.output or "", None, rater


def _either(answers: tuple[str, ...]) -> str:
    return "\n\nor:\n\n".join(answers)


def _harmless(cell: str) -> str:
    return f"'{cell}" if cell.startswith(_STARTS_A_FORMULA) else cell
