"""What still needs scoring: pure, so that every run can be resumed."""

from collections.abc import Callable, Iterable, Iterator, Mapping
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


def unscored(
    records: Iterable[Record], measure: Measure, results: Iterable[Result]
) -> Iterator[Task]:
    """Yield what a resume scores.

    Those are the records without an outcome, and those whose fate was the infrastructure's
    doing. A score is final, and so is a fate that is a fact about the output.
    """
    again = _again(measure, results, lambda fate: fate.code.resumable)
    for record in records:
        if (revision := again.get(record.key, 0)) is not None:
            yield Task(record=record, revision=revision)


def failed_by_the_judge(
    records: Iterable[Record], measure: Measure, results: Iterable[Result]
) -> Iterator[Task]:
    """Yield the records whose fate is the judge's doing: scored again only when asked for."""
    again = _again(measure, results, lambda fate: fate.code.fate_class is FateClass.JUDGE)
    for record in records:
        if (revision := again.get(record.key)) is not None:
            yield Task(record=record, revision=revision)


def _again(
    measure: Measure, results: Iterable[Result], is_wanted: Callable[[Fate], bool]
) -> Mapping[RecordKey, int | None]:
    """Return the revision that a second outcome would be; None where there shall be none."""
    return {
        result.key: result.revision + 1
        if isinstance(outcome, Fate) and is_wanted(outcome)
        else None
        for result in results
        if ((outcome := result.outcome).scorer, outcome.target) == (measure.scorer, measure.target)
    }
