"""What a judge is asked and what it decides."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

from judge.records.record import RecordKey, Target
from judge.results.outcome import Vote


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedCase:
    """One question to a judge.

    Attributes:
        key: the record that is judged.
        case_id: names the record, scorer and target across crashes.
        candidate: the output under judgement; hostile text.
        against: the texts it is held against; any one of them will do.
        part: which of several questions about the record this is, for example ``ba`` or
            ``gpt/r2``; empty where it is the only one. Holds no ``#``.
        repeat: 0 for the first time the question is asked, 1 for an independent second time.
    """

    key: RecordKey
    case_id: str
    target: Target
    input: str
    candidate: str
    against: tuple[str, ...]
    part: str = ""
    repeat: int = 0

    def asked_as(self, part: str) -> "JudgedCase":
        """Return the case as one of several questions about its record."""
        return replace(self, part=f"{self.part}/{part}" if self.part else part)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What a judge decided, and why.

    Attributes:
        label: a category of the judge's scale.
        rationale: its reason in its own words.
        served: the model that answered, as the endpoint named it; empty where there is none.
        flags: what in the candidate or the reply deserves doubt.
        votes: every verdict it gave, this one first; empty where it gave one. Where none of them
            is its own, the label is what a rule made of them.
        value: what the verdict counts as, in [0, 1]; None where that is the label's value.
        details: evidence for a reader, as JSON values.
    """

    label: str
    rationale: str
    served: str = ""
    flags: tuple[str, ...] = ()
    votes: tuple[Vote, ...] = ()
    value: float | None = None
    details: Mapping[str, object] = field(default_factory=dict)


class Judge(Protocol):
    """Decides one case at a time."""

    @property
    def identity(self) -> Mapping[str, str]:
        """Everything requested that could change a verdict, by name."""
        ...

    async def judge(self, case: JudgedCase) -> Judgement:
        """Decide.

        Raises:
            ScoringError: there is no verdict; the class says why.
        """
        ...
