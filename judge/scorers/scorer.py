"""What a scorer is, and the outcomes that are known before anything is spent."""

from collections.abc import Sequence
from types import MappingProxyType
from typing import Protocol

from judge.records.record import Record, Target
from judge.results.outcome import Fate, FateCode, NotApplicable, Outcome
from judge.results.run import Measure

_NOTHING_TO_COMPARE = MappingProxyType(
    {
        Target.REFERENCE: "the item has no reference",
        Target.TEACHER: "the teacher's own answer, or the teacher gave none",
        Target.OPPONENT: "the item has no other output",
        Target.SOURCE: "the item has no input",
        Target.SCHEMA: "the item has no schema",
    }
)


class Scorer(Protocol):
    """Scores records against one target."""

    @property
    def measure(self) -> Measure:
        """What is measured, and with what exactly."""
        ...

    async def score(self, batch: Sequence[Record]) -> Sequence[Outcome]:
        """Return one outcome for each record, in order.

        Raises:
            ScoringError: the batch cannot be scored; of a single record, its fate.
        """
        ...


def known_outcome(record: Record, measure: Measure) -> Fate | NotApplicable | None:
    """Return the outcome of comparing a record's output with its target, if no scorer is needed.

    There is none to be asked where there is nothing to compare with, and where the output is
    empty or missing.
    """
    if all(map(_is_blank, record.answers(measure.target))):
        return NotApplicable(
            scorer=measure.scorer, target=measure.target, reason=_NOTHING_TO_COMPARE[measure.target]
        )
    if record.output is None:
        return _absent(measure, FateCode.OUTPUT_MISSING, "the system gave no answer to this item")
    if _is_blank(record.output):
        return _absent(measure, FateCode.OUTPUT_EMPTY, "the answer is empty")
    return None


def _is_blank(text: str) -> bool:
    # Does not copy a text, as `strip` may: every record is asked.
    return not text or text.isspace()


def _absent(measure: Measure, code: FateCode, message: str) -> Fate:
    return Fate(scorer=measure.scorer, target=measure.target, code=code, message=message)
