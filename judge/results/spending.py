"""What the calls of a run cost: in all, by measure, and by what became of the records."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from judge.results.outcome import Fate, FateCode, Outcome, Score
from judge.stats.money import Money

SCORED = "score"
"""What calls about a record that has a score are counted under."""


@dataclass(slots=True, kw_only=True)
class Attempt:
    """One row of an attempt ledger: a call that was sent, or was about to be.

    Attributes:
        opened: when, as ISO 8601 in UTC.
        closed: likewise; empty as long as nobody knows what came of it.
        error: the words that say why there is no answer; empty where there is one.
        possibly_paid: whether the endpoint may charge for it although it gave no answer.
        cost: US dollars; None where that is not known.
    """

    call_id: str
    opened: str
    closed: str = ""
    error: str = ""
    possibly_paid: bool = False
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost: float | None = None

    @property
    def answered(self) -> bool:
        return bool(self.closed) and not self.error

    @property
    def may_be_charged(self) -> bool:
        """Whether it may cost something although there is no answer to it."""
        return not self.closed or self.possibly_paid


@dataclass(frozen=True, slots=True, kw_only=True)
class PossiblyPaid:
    """A call that may be charged for although there is no answer to it.

    Attributes:
        opened: when it was sent, as ISO 8601 in UTC.
        error: why there is no answer; empty where nobody knows what came of it.
    """

    call_id: str
    opened: str
    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """What some calls cost.

    Attributes:
        calls: all that were sent, with those that failed.
        input_tokens: as far as the endpoint counted them.
        output_tokens: likewise.
        cost: of the calls that were answered.
        possibly_paid: calls without an answer that may be charged for, nobody knows how much.
    """

    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost: Money = field(default_factory=Money)
    possibly_paid: int = 0

    def __add__(self, other: "Spent") -> "Spent":
        return Spent(
            calls=self.calls + other.calls,
            input_tokens=self.input_tokens + other.input_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
            cost=self.cost + other.cost,
            possibly_paid=self.possibly_paid + other.possibly_paid,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Spending:
    """What the calls of a run cost.

    Attributes:
        by_measure: metric, for example ``equivalence.reference``, to what its calls cost.
        by_fate: fate code, or ``score``, to what the calls about such records cost. A record
            without an outcome counts as `sent_unknown` where nobody knows what came of the call,
            else as `not_yet_scored`.
    """

    total: Spent
    by_measure: Mapping[str, Spent]
    by_fate: Mapping[str, Spent]


def name_of(outcome: Outcome) -> str:
    """Return what the calls about a record with an outcome are counted under."""
    if isinstance(outcome, Score):
        return SCORED
    return outcome.code.value if isinstance(outcome, Fate) else "not_applicable"


def spending(attempts: Iterable[Attempt], names: Mapping[str, str]) -> Spending:
    """Add up what calls cost.

    Args:
        attempts: all of a run.
        names: case id to what its calls are counted under, for each record with an outcome.
    """
    tallies: dict[tuple[str, str], _Tally] = {}
    for attempt in attempts:
        without = FateCode.NOT_YET_SCORED if attempt.closed else FateCode.SENT_UNKNOWN
        name = names.get(attempt.call_id.rpartition("#")[0], without.value)
        place = (attempt.call_id.partition("/")[0], name)
        tallies.setdefault(place, _Tally()).add(attempt)
    by_measure: dict[str, Spent] = {}
    by_fate: dict[str, Spent] = {}
    for (metric, name), tally in tallies.items():
        by_measure[metric] = by_measure.get(metric, Spent()) + tally.spent
        by_fate[name] = by_fate.get(name, Spent()) + tally.spent
    return Spending(
        total=sum(by_measure.values(), start=Spent()), by_measure=by_measure, by_fate=by_fate
    )


@dataclass(slots=True)
class _Tally:
    """A sum that grows."""

    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    dollars: float = 0.0
    known: int = 0
    unknown: int = 0
    possibly_paid: int = 0

    def add(self, attempt: Attempt) -> None:
        self.calls += 1
        self.input_tokens += attempt.input_tokens or 0
        self.output_tokens += attempt.output_tokens or 0
        self.possibly_paid += attempt.may_be_charged
        if attempt.cost is not None:
            self.dollars += attempt.cost
            self.known += 1
        elif attempt.answered:
            self.unknown += 1

    @property
    def spent(self) -> Spent:
        return Spent(
            calls=self.calls,
            input_tokens=self.input_tokens,
            output_tokens=self.output_tokens,
            cost=Money(dollars=self.dollars, known=self.known, unknown=self.unknown),
            possibly_paid=self.possibly_paid,
        )
