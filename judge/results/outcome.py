"""What came of scoring one record: a score, the fate that says why there is none, or neither."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from math import isfinite
from types import MappingProxyType
from typing import TypeAlias

from judge.records.record import Target


class FateClass(StrEnum):
    """Whose doing it is that a record has no score."""

    OUTPUT = "output"
    JUDGE = "judge"
    INFRASTRUCTURE = "infrastructure"
    CONFIGURATION = "configuration"
    OPERATOR = "operator"
    BUG = "bug"


class FateCode(StrEnum):
    """Why a record has no score."""

    OUTPUT_EMPTY = "output_empty"
    OUTPUT_MISSING = "output_missing"
    INPUT_TOO_LONG = "input_too_long"
    JUDGE_REFUSED = "judge_refused"
    JUDGE_UNPARSEABLE = "judge_unparseable"
    JUDGE_TRUNCATED = "judge_truncated"
    JUDGE_IDENTITY_CHANGED = "judge_identity_changed"
    PANEL_NO_MAJORITY = "panel_no_majority"
    VERDICT_NOT_RECORDED = "verdict_not_recorded"
    """Of verdicts made elsewhere, or of stored replies, none is on this record."""
    JUDGE_UNAVAILABLE = "judge_unavailable"
    JUDGE_REJECTED = "judge_rejected"
    QUOTA_EXHAUSTED = "quota_exhausted"
    BUDGET_EXHAUSTED = "budget_exhausted"
    EMBEDDING_INVALID = "embedding_invalid"
    SCHEMA_REJECTED = "schema_rejected"
    """The schema cannot even be prepared within its time and memory."""
    SCHEMA_TIMEOUT = "schema_timeout"
    """Holding this output against its schema takes more time or memory than one output gets."""
    NOT_YET_SCORED = "not_yet_scored"
    """The run stopped before this record's turn; never stored, seen only in a report."""
    SENT_UNKNOWN = "sent_unknown"
    """The run died between sending and storing; never stored, seen only in a report."""
    INTERNAL_ERROR = "internal_error"

    @property
    def fate_class(self) -> FateClass:
        return _CLASSES[self]

    @property
    def resumable(self) -> bool:
        """Whether a plain resume tries again."""
        return self.fate_class in {FateClass.INFRASTRUCTURE, FateClass.BUG}


_CLASSES: Mapping[FateCode, FateClass] = MappingProxyType(
    {
        FateCode.OUTPUT_EMPTY: FateClass.OUTPUT,
        FateCode.OUTPUT_MISSING: FateClass.OUTPUT,
        FateCode.INPUT_TOO_LONG: FateClass.JUDGE,
        FateCode.JUDGE_REFUSED: FateClass.JUDGE,
        FateCode.JUDGE_UNPARSEABLE: FateClass.JUDGE,
        FateCode.JUDGE_TRUNCATED: FateClass.JUDGE,
        FateCode.JUDGE_IDENTITY_CHANGED: FateClass.JUDGE,
        FateCode.PANEL_NO_MAJORITY: FateClass.JUDGE,
        FateCode.VERDICT_NOT_RECORDED: FateClass.JUDGE,
        FateCode.JUDGE_UNAVAILABLE: FateClass.INFRASTRUCTURE,
        FateCode.JUDGE_REJECTED: FateClass.INFRASTRUCTURE,
        FateCode.QUOTA_EXHAUSTED: FateClass.INFRASTRUCTURE,
        FateCode.BUDGET_EXHAUSTED: FateClass.INFRASTRUCTURE,
        FateCode.EMBEDDING_INVALID: FateClass.INFRASTRUCTURE,
        FateCode.SCHEMA_REJECTED: FateClass.CONFIGURATION,
        FateCode.SCHEMA_TIMEOUT: FateClass.CONFIGURATION,
        FateCode.NOT_YET_SCORED: FateClass.INFRASTRUCTURE,
        FateCode.SENT_UNKNOWN: FateClass.INFRASTRUCTURE,
        FateCode.INTERNAL_ERROR: FateClass.BUG,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Vote:
    """One verdict of several on the same record: another order of a pair, or asked once more.

    Attributes:
        label: a category of the judged scale.
        judge: which member of a panel gave it; empty where one judge gave all.
        order: which output of a pair stood first, for example ``ab``; empty where that is not
            said or there is no pair.
        repeat: 0 for the first time the question was asked.
        confidence: the judge's own probability of its label, in [0, 1]; None where it gave none.
        own: whether it is the judge's own verdict; False for one of several that a rule makes the
            judge's verdict from, such as that of a member of a panel.
    """

    label: str
    judge: str = ""
    order: str = ""
    repeat: int = 0
    confidence: float | None = None
    own: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """A measured fact about one output.

    Attributes:
        value: on the scorer's declared scale; always finite.
        signature: of the scorer that measured it.
        label: the category on a judged scale; empty for other scorers.
        rationale: the judge's reason in its own words; hostile text, like the output itself.
        served: the model that answered, as the endpoint named it; empty for other scorers.
        flags: why the value deserves doubt, or which fact made it what it is.
        votes: every verdict the judge gave, the one that counts first; empty where it gave one.
            Where none of them is the judge's own, the label is what a rule made of them.
        details: evidence for a reader as JSON values. No statistic uses it but the figures of
            classes and of fields, which are made of the labels and the counts in it.
    """

    scorer: str
    target: Target
    value: float
    signature: str
    label: str = ""
    rationale: str = ""
    served: str = ""
    flags: tuple[str, ...] = ()
    votes: tuple[Vote, ...] = ()
    details: Mapping[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not isfinite(self.value):
            raise ValueError(f"a score must be finite, not {self.value}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fate:
    """Why a record has no score. It is counted and reported, never averaged.

    Attributes:
        attempts: how often the judge was asked.
        votes: the verdicts there are although they decide nothing, as where a panel is tied.
    """

    scorer: str
    target: Target
    code: FateCode
    message: str
    attempts: int = 0
    votes: tuple[Vote, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NotApplicable:
    """The scorer has nothing to say about this record, which is not part of its N."""

    scorer: str
    target: Target
    reason: str


Outcome: TypeAlias = Score | Fate | NotApplicable
