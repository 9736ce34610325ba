"""F1 by class and by field of each system in a run, and how format and content go together."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from judge.records.record import Unit
from judge.records.strict_json import read_strict_json
from judge.reports.figures import (
    ClassificationFigures,
    FieldFigures,
    Rates,
    classification_figures,
    field_figures,
)
from judge.reports.groups import OVERALL, cluster_codes, record_groups
from judge.reports.summary import MIN_RECORDS
from judge.results.outcome import Score
from judge.results.run import ACCURACY, ADHERENCE, FIELD_F1, Measure
from judge.stats.estimate import Estimate, Undefined
from judge.trust.admission import AdmittedMeasure, AdmittedResults

_RIGHT = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassRow:
    """How well one system tells the classes.

    Attributes:
        n: scored items.
        figures: those with too few items for a number are undefined.
        expected: items by the class they have.
    """

    metric: str
    system: str
    n: int
    figures: ClassificationFigures
    expected: Mapping[str, int]

    @property
    def rare(self) -> tuple[str, ...]:
        """Classes that some items have, and too few of them for numbers of their own."""
        return tuple(label for label, n in self.expected.items() if 0 < n < MIN_RECORDS)


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidByRight:
    """Items by whether the format is strictly valid and whether every field is right."""

    valid_right: int
    valid_wrong: int
    invalid_right: int
    invalid_wrong: int

    @property
    def n(self) -> int:
        """Items for which both are known."""
        return self.valid_right + self.valid_wrong + self.invalid_right + self.invalid_wrong


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldRow:
    """How well one system extracts the fields.

    Attributes:
        n: scored items.
        figures: those with too few items for a number are undefined.
        valid_by_right: None where no format was measured.
    """

    metric: str
    system: str
    n: int
    figures: FieldFigures
    valid_by_right: ValidByRight | None


def class_rows(admitted: AdmittedResults, *, level: float = 0.95) -> list[ClassRow]:
    """Return the figures of the classes of each system, where a run classified."""
    return [
        _class_row(measure, system, records, level=level)
        for measure, system, records in _scored(admitted, ACCURACY)
    ]


def field_rows(admitted: AdmittedResults, *, level: float = 0.95) -> list[FieldRow]:
    """Return the figures of the fields of each system, where a run extracted."""
    strict = next((m for m in admitted.measures if m.measure.scorer == ADHERENCE), None)
    return [
        _field_row(measure, system, records, strict=strict, level=level)
        for measure, system, records in _scored(admitted, FIELD_F1)
    ]


def _scored(
    admitted: AdmittedResults, scorer: str
) -> Iterator[tuple[AdmittedMeasure, str, Sequence[Unit]]]:
    groups = record_groups(admitted)
    for measure in admitted.measures:
        if measure.measure.scorer != scorer:
            continue
        for system in admitted.manifest.systems:
            records = [
                record
                for record in groups[system.name, OVERALL]
                if isinstance(measure.facts[record.key], Score)
            ]
            if records:
                yield measure, system.name, records


def _class_row(
    admitted: AdmittedMeasure, system: str, records: Sequence[Unit], *, level: float
) -> ClassRow:
    found = classification_figures(
        (admitted.outcomes[record.key] for record in records),
        labels=_labels(admitted.measure),
        clusters=cluster_codes(records),
        level=level,
    )
    expected = {label: sum(found.confusion.get(label, {}).values()) for label in found.classes}
    classes = {
        label: _sure(rates, n=expected[label] if expected[label] < MIN_RECORDS else None)
        for label, rates in found.classes.items()
    }
    return ClassRow(
        metric=admitted.measure.metric,
        system=system,
        n=len(records),
        figures=replace(found, macro_f1=_enough(found.macro_f1), classes=classes),
        expected=expected,
    )


def _field_row(
    admitted: AdmittedMeasure,
    system: str,
    records: Sequence[Unit],
    *,
    strict: AdmittedMeasure | None,
    level: float,
) -> FieldRow:
    found = field_figures(
        (admitted.outcomes[record.key] for record in records),
        clusters=cluster_codes(records),
        level=level,
    )
    return FieldRow(
        metric=admitted.measure.metric,
        system=system,
        n=len(records),
        figures=replace(
            found,
            micro=_sure(found.micro),
            macro_f1=_enough(found.macro_f1),
            fields={name: _sure(rates) for name, rates in found.fields.items()},
        ),
        valid_by_right=None if strict is None else _valid_by_right(admitted, strict, records),
    )


def _labels(measure: Measure) -> list[str]:
    labels = read_strict_json(measure.identity["labels"])
    if not isinstance(labels, list):
        raise TypeError(f"the labels of a measure are a list, not {labels!r}")
    return [str(label) for label in labels]


def _valid_by_right(
    admitted: AdmittedMeasure, strict: AdmittedMeasure, records: Sequence[Unit]
) -> ValidByRight | None:
    counts = {(valid, right): 0 for valid in (True, False) for right in (True, False)}
    for record in records:
        form, content = strict.facts[record.key], admitted.facts[record.key]
        if isinstance(form, Score) and isinstance(content, Score):
            counts[form.value == _RIGHT, content.value == _RIGHT] += 1
    found = ValidByRight(
        valid_right=counts[True, True],
        valid_wrong=counts[True, False],
        invalid_right=counts[False, True],
        invalid_wrong=counts[False, False],
    )
    return found if found.n else None


def _sure(rates: Rates, *, n: int | None = None) -> Rates:
    """Leave the rates out that rest on too few items, or all of them where `n` is too few."""
    return Rates(
        precision=_enough(rates.precision, n=n),
        recall=_enough(rates.recall, n=n),
        f1=_enough(rates.f1, n=n),
    )


def _enough(found: Estimate | Undefined, *, n: int | None = None) -> Estimate | Undefined:
    if isinstance(found, Undefined):
        return found
    count = found.n if n is None else n
    if count < MIN_RECORDS:
        return Undefined(reason=f"{count} items, {MIN_RECORDS} are needed", n=count)
    return found
