"""What a run is: its manifest, what it measures with, and one result per record and measure."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import msgspec

from judge.records.record import Record, RecordKey, System, Target
from judge.records.strict_json import JsonValue, dump_json
from judge.results.outcome import Outcome
from judge.results.terms import DecisionTerms

EQUIVALENCE = "equivalence"
SIMILARITY = "similarity"
ADHERENCE = "adherence"
ACCURACY = "accuracy"
FIELD_F1 = "field_f1"
ALIGNMENT = "alignment"
TOKEN_MATCHING = "token_matching"  # noqa: S105 - no password
NUMBERS_AND_NAMES = "numbers_and_names"

SIMILARITIES = (SIMILARITY, ALIGNMENT, TOKEN_MATCHING, NUMBERS_AND_NAMES)
"""Scorers that say without a judge how much a text has in common with another."""

TRUNCATED = "truncated"
"""The flag of a similarity of a text that the model read the beginning of only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """One scorer held against one target: what is measured, and with what exactly.

    Attributes:
        judged: whether a judge decides, so that its numbers need a certificate.
        criterion: what is asked of the output, for example ``equivalence``.
        lower: worst value the scale allows.
        upper: best value the scale allows.
        categories: of a judged scale, worst first; empty where values are not categories.
        category_values: the score of each of them; empty for equal steps from 0 to 1.
        identity: everything requested that could change a score, by name.
        empty_value: what an empty or missing output counts as, by the policy declared before
            the run; None counts it as a missing score.
        question: the scorer under whose name a judge is asked, where several read their criterion
            out of one reply; empty where it is this one.
        continuous: whether scores also lie between those of the categories.
    """

    scorer: str
    target: Target
    judged: bool
    criterion: str
    lower: float
    upper: float
    categories: tuple[str, ...] = ()
    category_values: tuple[float, ...] = ()
    identity: Mapping[str, str]
    empty_value: float | None = None
    question: str = ""
    continuous: bool = False

    @property
    def signature(self) -> str:
        """Hash of the identity: two scores compare only where it is the same."""
        identity: dict[str, JsonValue] = dict(self.identity)
        return hashlib.sha256(dump_json(identity).encode()).hexdigest()

    @property
    def metric(self) -> str:
        """The name of the number in reports and gates, for example ``equivalence.reference``."""
        return metric_of(self.scorer, self.target)

    @property
    def values(self) -> tuple[float, ...]:
        """The score of each category."""
        last = len(self.categories) - 1
        return self.category_values or tuple(place / last for place in range(last + 1))

    @property
    def passes_or_fails(self) -> bool:
        """Whether a score is 0 or 1 and nothing between."""
        if self.continuous:
            return False
        if self.judged:
            return set(self.values) <= {0.0, 1.0}
        return (self.lower, self.upper) == (0.0, 1.0)

    def case_id(self, key: RecordKey) -> str:
        """Name the question this measure asks about a record, the same across crashes."""
        return case_id_of(self.question or self.scorer, self.target, key)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunManifest:
    """What a run set out to do, fixed when it began.

    Attributes:
        purpose: ``score`` for a run of the whole set, ``validation`` for the records people rated.
        dataset: fingerprint of the items that are scored.
        population: fingerprint of the whole evaluation set those were selected from.
        outputs: per system, the fingerprint of its answers.
        slices: each dimension with its values.
        rated: whether the config names ratings, so that its judge can be validated.
        versions: of this package and of what its numbers depend on.
        config: the config file's text, and where it lay, so that the run can be resumed.
        terms: what decides whether a student may ship.
    """

    run_id: str
    name: str
    purpose: str
    started: datetime
    dataset: str
    population: str
    outputs: Mapping[str, str]
    n_items: int
    systems: tuple[System, ...]
    slices: Mapping[str, tuple[str, ...]]
    measures: tuple[Measure, ...]
    seed: int
    rated: bool
    versions: Mapping[str, str]
    config: str
    config_path: str
    terms: DecisionTerms = field(default_factory=DecisionTerms)

    def measure(self, scorer: str, target: Target) -> Measure:
        """Return the measure of a scorer and target.

        Raises:
            KeyError: the run has none.
        """
        for measure in self.measures:
            if (measure.scorer, measure.target) == (scorer, target):
                return measure
        raise KeyError(f"{scorer}.{target}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What came of one record, one scorer and one target in one run.

    Attributes:
        content: hash of all the texts that were looked at, see `content_of`.
        revision: 0 for the first outcome; a resume adds one, history stays.
        duration_s: wall-clock seconds the batch took, divided by its records.
    """

    run_id: str
    key: RecordKey
    outcome: Outcome
    content: str
    revision: int = 0
    duration_s: float


def metric_of(scorer: str, target: Target) -> str:
    """Name the number that a scorer measures against a target."""
    return f"{scorer}.{'strict' if target is Target.SCHEMA else target.value}"


def case_id_of(scorer: str, target: Target, key: RecordKey) -> str:
    """Name the question that a scorer asks about a record, the same across crashes."""
    # A system may be called `org/model`, and an item `document/7`: two may not share a name.
    system = key.system.replace("%", "%25").replace("/", "%2F")
    return f"{metric_of(scorer, target)}/{system}/{key.item_id}"


def content_of(record: Record, target: Target) -> str:
    """Hash the texts that scoring a record against a target looks at."""
    texts = [record.input, record.output, *record.answers(target), record.schema]
    # Of texts it is what `dump_json` writes, in a quarter of the time.
    return hashlib.sha256(msgspec.json.encode(texts)).hexdigest()
