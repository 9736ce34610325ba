"""F1 by class and by field, as sections of a page."""

from collections.abc import Iterator, Sequence
from typing import TypeVar

from judge.render.page import Section, Table
from judge.render.text import NO_NUMBER, interval
from judge.reports.figures import Rates
from judge.reports.task_figures import ClassRow, FieldRow
from judge.stats.estimate import Estimate, Undefined

_MOST_CLASSES, _MOST_FIELDS, _MOST_MISTAKES = 30, 10, 3
_INSUFFICIENT = "insufficient"
_ORDER = "fields that most often are not right come first; all of them are in the JSON"
_Row = TypeVar("_Row", ClassRow, FieldRow)


def class_sections(rows: Sequence[ClassRow]) -> list[Section]:
    """Return a section for each metric that tells classes."""
    return [
        Section(
            title=f"{metric}: classes",
            lines=[line for row in some for line in _class_lines(row)],
            tables=[_class_table(row) for row in some],
        )
        for metric, some in _by_metric(rows)
    ]


def field_sections(rows: Sequence[FieldRow]) -> list[Section]:
    """Return a section for each metric that tells fields."""
    return [
        Section(
            title=f"{metric}: fields",
            lines=[_ORDER, *(line for row in some for line in _field_lines(row))],
            tables=[*(_field_table(row) for row in some), *_valid_by_right(some)],
        )
        for metric, some in _by_metric(rows)
    ]


def _by_metric(rows: Sequence[_Row]) -> Iterator[tuple[str, list[_Row]]]:
    for metric in dict.fromkeys(row.metric for row in rows):
        yield metric, [row for row in rows if row.metric == metric]


def _class_lines(row: ClassRow) -> Iterator[str]:
    if row.rare:
        yield (
            f"{row.system}: too few items for numbers of their own, and as much in the macro F1 as "
            f"any: {', '.join(f'{label} ({row.expected[label]})' for label in row.rare)}"
        )
    mistakes = [
        (n, expected, found)
        for expected, counts in row.figures.confusion.items()
        for found, n in counts.items()
        if found != expected
    ]
    if mistakes:
        worst = sorted(mistakes, key=lambda one: -one[0])[:_MOST_MISTAKES]
        told = (f"{wanted} read as {found or 'no label'} {n}" for n, wanted, found in worst)
        yield f"{row.system}: most often {', '.join(told)}"


def _class_table(row: ClassRow) -> Table:
    macro = ["all (macro)", str(row.n), NO_NUMBER, NO_NUMBER, _figure(row.figures.macro_f1)]
    classes = [
        [label, str(row.expected[label]), *_rates(rates)]
        for label, rates in list(row.figures.classes.items())[:_MOST_CLASSES]
    ]
    return Table(
        columns=[f"class, {row.system}", "N", "precision", "recall", "F1"], rows=[macro, *classes]
    )


def _field_table(row: FieldRow) -> Table:
    whole = ["all fields", str(row.n), *_rates(row.figures.micro)]
    macro = ["mean of items", str(row.n), NO_NUMBER, NO_NUMBER, _figure(row.figures.macro_f1)]
    fields = [
        [_shown(name), str(row.figures.counts[name].wanted), *_rates(rates)]
        for name, rates in _worst(row)
        if _has_number(rates)
    ]
    return Table(
        columns=[f"field, {row.system}", "N", "precision", "recall", "F1"],
        rows=[whole, macro, *fields],
    )


def _field_lines(row: FieldRow) -> Iterator[str]:
    counts = row.figures.counts
    few = [name for name, rates in _worst(row) if not _has_number(rates)]
    if few:
        told = (f"{_shown(name)} {counts[name].right}/{counts[name].wanted}" for name in few)
        yield f"{row.system}: right of wanted, too few for rates: {', '.join(told)}"


def _worst(row: FieldRow) -> list[tuple[str, Rates]]:
    return list(row.figures.fields.items())[:_MOST_FIELDS]


def _shown(field: str) -> str:
    return field or "(the value)"


def _has_number(rates: Rates) -> bool:
    return any(isinstance(one, Estimate) for one in (rates.precision, rates.recall, rates.f1))


def _valid_by_right(rows: Sequence[FieldRow]) -> list[Table]:
    found = [(row.system, row.valid_by_right) for row in rows if row.valid_by_right]
    if not found:
        return []
    columns = ["format, content", "valid, right", "valid, wrong", "invalid, right"]
    return [
        Table(
            columns=[*columns, "invalid, wrong"],
            rows=[
                [
                    system,
                    str(one.valid_right),
                    str(one.valid_wrong),
                    str(one.invalid_right),
                    str(one.invalid_wrong),
                ]
                for system, one in found
            ],
        )
    ]


def _rates(rates: Rates) -> list[str]:
    return [_figure(rates.precision), _figure(rates.recall), _figure(rates.f1)]


def _figure(found: Estimate | Undefined) -> str:
    if isinstance(found, Undefined):
        return _INSUFFICIENT if found.n else NO_NUMBER
    return interval(found)
