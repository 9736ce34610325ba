"""The file that a rater fills in, made so that a page can fill it in, each label kept at once."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from judge.errors import ConfigError, DataError
from judge.records.rows import Row, read_rows
from judge.records.strict_json import JsonValue


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetTask:
    """One row as a rater sees it: nothing in it gives system or verdict away.

    Attributes:
        number: its place, from 0.
        label: a category; empty where there is none yet.
        comment: what the rater said of it; the reason, where it was skipped.
        skipped: whether the rater left it out on purpose.
    """

    number: int
    input: str
    against: str
    output: str
    label: str
    comment: str
    skipped: bool


class LabelSheet:
    """The rows of one rater in a file that `judge plan` wrote.

    Args:
        path: the file, JSONL.
        categories: of the scale, worst first.
        rater: whose rows, where the file names raters; rows without one become this rater's.

    Raises:
        DataError: the file cannot be read, or holds no row of the rater.
        ConfigError: it is of another kind than JSONL.
    """

    def __init__(self, path: Path, *, categories: Sequence[str], rater: str) -> None:
        if path.suffix.lower() != ".jsonl":
            raise ConfigError(f"{path} is filled in as a spreadsheet; a page fills in .jsonl")
        self._path = path
        self._categories = tuple(categories)
        self._rater = rater
        rows = list(read_rows(path, {}))
        self._rows: list[dict[str, JsonValue]] = [dict(row.values) for row in rows]
        self._mine = [place for place, row in enumerate(rows) if self._is_mine(row)]
        if not self._mine:
            named = sorted({str(row.values.get("rater")) for row in rows})
            raise DataError(
                f"{path.name} holds no rows for {rater!r}, only for: {', '.join(named)}; say who "
                "labels with --rater"
            )

    def __len__(self) -> int:
        return len(self._mine)

    @property
    def done(self) -> int:
        """How many rows have a label or were skipped."""
        return sum(bool(task.label or task.skipped) for task in map(self.task, range(len(self))))

    @property
    def skipped(self) -> int:
        """How many were skipped: what is left is no random part where that was for their texts."""
        return sum(self.task(number).skipped for number in range(len(self)))

    @property
    def first_open(self) -> int:
        """The first row without a label that was not skipped; the last row where all are done."""
        tasks = map(self.task, range(len(self)))
        open_ones = (task.number for task in tasks if not (task.label or task.skipped))
        return next(open_ones, len(self) - 1)

    def task(self, number: int) -> SheetTask:
        """Return a row.

        Raises:
            IndexError: there is none.
        """
        row = self._row(number)
        return SheetTask(
            number=number,
            input=str(row.get("input") or ""),
            against=str(row.get("against") or ""),
            output=str(row.get("output") or ""),
            label=str(row.get("label") or ""),
            comment=str(row.get("comment") or ""),
            skipped=row.get("skipped") is True,
        )

    def fill_in(
        self, number: int, *, label: str, comment: str, skipped: bool, seconds: float
    ) -> None:
        """Write what a rater said of a row; it is on the disk when this returns.

        Args:
            number: which row.
            label: a category; empty takes an earlier one back.
            comment: in the rater's words.
            skipped: whether it is left out on purpose, for the reason in the comment.
            seconds: that the rater took.

        Raises:
            DataError: the label is not on the scale, or a row is skipped without a reason.
            IndexError: there is no such row.
        """
        if label and label not in self._categories:
            raise DataError(f"{label!r} is not on the scale: {', '.join(self._categories)}")
        if skipped and (label or not comment.strip()):
            raise DataError("a row is skipped without a label and for a reason")
        self._row(number).update(
            {
                "label": label or None,
                "rater": self._rater,
                "comment": comment,
                "skipped": skipped,
                "seconds": round(seconds, 1),
            }
        )
        self._write()

    def _row(self, number: int) -> dict[str, JsonValue]:
        if not 0 <= number < len(self._mine):
            raise IndexError(number)
        return self._rows[self._mine[number]]

    def _is_mine(self, row: Row) -> bool:
        return row.values.get("rater") in {None, "", self._rater}

    def _write(self) -> None:
        body = b"".join(msgspec.json.encode(row) + b"\n" for row in self._rows)
        unfinished = self._path.with_name(f".{self._path.name}.{os.getpid()}")
        with unfinished.open("wb") as file:
            file.write(body)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(self._path)
