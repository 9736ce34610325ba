"""What still needs scoring: pure, so that every run can be resumed."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from judge.records.record import Record, RecordKey
from judge.results.outcome import Fate, FateClass
from judge.results.run import Measure, Result


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One record to score.

    Attributes:
        revision: of the outcome it will get; 0 for the first.
    """

    record: Record
    revision: int = 0


def unscored(records: Iterable[Record], measure: Measure, results: Sequence[Result]) -> list[Task]:
    """Return what a resume scores.

    Those are the records without an outcome, and those whose fate was the infrastructure's
    doing. A score is final, and so is a fate that is a fact about the output.
    """
    known = _of(measure, results)
    return [
        Task(record=record, revision=_next_revision(known.get(record.key)))
        for record in records
        if (result := known.get(record.key)) is None
        or (isinstance(result.outcome, Fate) and result.outcome.code.resumable)
    ]


def failed_by_the_judge(
    records: Iterable[Record], measure: Measure, results: Sequence[Result]
) -> list[Task]:
    """Return the records whose fate is the judge's doing: scored again only when asked for."""
    known = _of(measure, results)
    return [
        Task(record=record, revision=_next_revision(result))
        for record in records
        if (result := known.get(record.key)) is not None
        and isinstance(result.outcome, Fate)
        and result.outcome.code.fate_class is FateClass.JUDGE
    ]


def _of(measure: Measure, results: Sequence[Result]) -> Mapping[RecordKey, Result]:
    wanted = (measure.scorer, measure.target)
    return {
        result.key: result
        for result in results
        if (result.outcome.scorer, result.outcome.target) == wanted
    }


def _next_revision(result: Result | None) -> int:
    return 0 if result is None else result.revision + 1
