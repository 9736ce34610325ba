"""The outcomes of a run by record: what statistics use is in memory, the rest where it is kept."""

from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from judge.records.lazy_records import Records
from judge.records.record import RecordKey
from judge.results.outcome import Fate, Outcome, Score
from judge.results.run import Result

_NONE = -1


class Facts(Mapping[RecordKey, Outcome]):
    """The outcomes of one measure without rationale, votes and details.

    Args:
        records: of the run.
        kinds: the different outcomes there are, but for the value of a score.
        kind_of: by record, which of them came of it.
        values: by record, the value of its score.
    """

    def __init__(
        self,
        records: Records,
        kinds: Sequence[Outcome],
        kind_of: "array[int]",
        values: "array[float]",
    ) -> None:
        self._records = records
        self._starts, self._positions = records.starts, records.positions
        self._kinds = kinds
        self._kind_of = kind_of
        self._values = values

    def __getitem__(self, key: RecordKey) -> Outcome:
        # A report asks this some times of each record: calls are spared.
        place = self._starts[key.system] + self._positions[key.item_id]
        kind, value = self._kinds[self._kind_of[place]], self._values[place]
        if not isinstance(kind, Score) or kind.value == value:
            return kind
        return Score(
            scorer=kind.scorer,
            target=kind.target,
            value=value,
            signature=kind.signature,
            label=kind.label,
            served=kind.served,
            flags=kind.flags,
        )

    def __iter__(self) -> Iterator[RecordKey]:
        return (unit.key for unit in self._records.units)

    def __len__(self) -> int:
        return len(self._kind_of)

    def like(self, key: RecordKey) -> Outcome:
        """Return an outcome that differs from that of a record in the value of a score at most."""
        return self._kinds[self._kind_of[self._records.place(key)]]


class KeptOutcomes(Mapping[RecordKey, Outcome]):
    """The outcomes of one measure in full, read from the results when they are asked for.

    Made by an `OutcomeWriter`.

    Args:
        records: of the run.
        results: of the run.
        places: by record, where among the results its outcome is; below 0 where there is none.
        facts: of the same records.
    """

    def __init__(
        self, records: Records, results: Sequence[Result], places: "array[int]", facts: Facts
    ) -> None:
        self._records = records
        self._results = results
        self._places = places
        self.facts = facts

    def __getitem__(self, key: RecordKey) -> Outcome:
        place = self._places[self._records.place(key)]
        return self.facts[key] if place == _NONE else self._results[place].outcome

    def __iter__(self) -> Iterator[RecordKey]:
        return iter(self.facts)

    def __len__(self) -> int:
        return len(self.facts)


class OutcomeWriter:
    """Takes the results of one measure one after the other.

    Args:
        records: of the run.
        absent: returns the fate of a record that has no result.
    """

    def __init__(self, records: Records, absent: Callable[[RecordKey], Fate]) -> None:
        self._records = records
        self._absent = absent
        self._places = array("q", [_NONE]) * len(records)
        self._kind_of = array("q", [_NONE]) * len(records)
        self._values = array("d", [0.0]) * len(records)
        self._kinds: dict[Outcome | tuple[object, ...], int] = {}
        self._found: list[Outcome] = []

    def add(self, place: int, result: Result) -> bool:
        """Add what stands at a place among the results.

        Returns:
            Whether it is about a record of the run.
        """
        try:
            at = self._records.place(result.key)
        except KeyError:
            return False
        self._places[at] = place
        self._put(at, result.outcome)
        return True

    def outcomes(self, results: Sequence[Result]) -> KeptOutcomes:
        """Return one for each record; those without a result have their fate."""
        for at, unit in enumerate(self._records.units):
            if self._kind_of[at] == _NONE:
                self._put(at, self._absent(unit.key))
        facts = Facts(self._records, self._found, self._kind_of, self._values)
        return KeptOutcomes(self._records, results, self._places, facts)

    def _put(self, at: int, outcome: Outcome) -> None:
        if isinstance(outcome, Score):
            self._values[at] = outcome.value
            name = (outcome.signature, outcome.label, outcome.served, outcome.flags)
            if name not in self._kinds:
                self._keep(name, replace(outcome, rationale="", votes=(), details={}))
            self._kind_of[at] = self._kinds[name]
            return
        if isinstance(outcome, Fate) and outcome.votes:
            outcome = replace(outcome, votes=())
        if outcome not in self._kinds:
            self._keep(outcome, outcome)
        self._kind_of[at] = self._kinds[outcome]

    def _keep(self, name: Outcome | tuple[object, ...], outcome: Outcome) -> None:
        self._kinds[name] = len(self._found)
        self._found.append(outcome)
