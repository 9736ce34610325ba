"""Which question meets which fault, and how often: by a seed, or as told."""

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random

from judge.fault_server.faults import FAULTS, PASSABLE, Fault
from judge.results.outcome import FateCode


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """What goes wrong with one question, attempt by attempt.

    Attributes:
        faults: met by the first attempts, one each.
        forever: whether later attempts meet the last of them again; else all is well.
    """

    faults: tuple[Fault, ...] = ()
    forever: bool = False

    def met_by(self, attempt: int) -> Fault | None:
        """Return what an attempt meets, the first being 1; None where all is well."""
        if attempt <= len(self.faults):
            return self.faults[attempt - 1]
        return self.faults[-1] if self.forever and self.faults else None

    @property
    def end(self) -> tuple[FateCode | None, int]:
        """What the record must end in, None being a score, and after how many attempts."""
        met: Counter[FateCode] = Counter()
        attempt = 0
        while True:
            attempt += 1
            found = self.met_by(attempt)
            if found is None or found.fate is None:
                return None, attempt
            met[found.fate] += 1
            if met[found.fate] >= found.asked:
                return found.fate, attempt


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultPlan:
    """Which questions meet which faults.

    What is drawn depends on the seed and the question alone: whatever the order in which questions
    arrive, the same seed gives the same faults.

    Attributes:
        share: of all questions that meet a fault, in [0, 1].
        seed: of the draws.
        kinds: names of the faults that are drawn from, each as often as the others.
        permanent: share of the faulty questions whose fault never passes, in [0, 1].
        most: a fault that passes is met by at most so many attempts.
        told: question to what it meets, whatever the draw says.
    """

    share: float = 0.0
    seed: int = 0
    kinds: tuple[str, ...] = PASSABLE
    permanent: float = 0.3
    most: int = 2
    told: Mapping[str, Course] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if unknown := sorted(set(self.kinds) - set(FAULTS)):
            raise ValueError(
                f"there is no fault {', '.join(unknown)}; there are: {', '.join(FAULTS)}"
            )
        if not self.kinds:
            raise ValueError("a plan needs kinds of faults to draw from")

    def course(self, question: str) -> Course:
        """Return what goes wrong with a question."""
        if question in self.told:
            return self.told[question]
        named = f"{self.seed}/{question}".encode()
        draw = Random(int.from_bytes(hashlib.blake2b(named, digest_size=8).digest()))  # noqa: S311 - no secret
        if draw.random() >= self.share:
            return Course()
        fault = FAULTS[draw.choice(self.kinds)]
        if draw.random() < self.permanent:
            return Course(faults=(fault,), forever=True)
        return Course(faults=(fault,) * draw.randint(1, self.most))
