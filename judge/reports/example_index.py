"""Which records of a run are like what somebody asks for, kept as one bit for each."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from judge.records.record import Role
from judge.reports.report import Measured, SaidByPeople, examples_of, measured
from judge.reports.worth import REASONS, Reasons, by_concern, worth_a_look
from judge.results.outcome import Fate, NotApplicable, Outcome, Score
from judge.results.run import Measure
from judge.trust.admission import AdmittedResults

RIGHT, WRONG = "right", "wrong"
OUTSIDE = "outside"
LABEL, FATE = "label:", "fate:"
_MOST_VALUES = 200
"""Of a slice dimension: more than that nobody chooses from a list."""
_RESTS_ON_NO_VERDICT = ("people", "missing")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What examples somebody wants to see; empty for all.

    Attributes:
        slice: as ``dimension=value``.
        show: a reason why an example is worth a look, `RIGHT` or `WRONG`, or a label or fate
            after `LABEL` or `FATE`; of one metric or, where none is named, of any.
    """

    system: str = ""
    slice: str = ""
    metric: str = ""
    show: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExampleIndex:
    """The records of a run by what they are like; a place is where one stands in the set.

    Attributes:
        version: of what it was made from.
        n_records: places there are, from 0.
        metrics: of the run.
        slices: dimension and value, as they can be asked for.
        withheld: metrics of judges that are not believed: their counts are not told.
        valid_until: when the first certificate it rests on ends, ISO 8601; empty for never.
        facets: one bit for each place, by what the records of it are like.
        orders: places, those that come first first: by metric the lowest, and under the empty
            name those most worth a look.
        people: by metric and place, what people said of the same text.
        constructed: metrics whose labels an author constructed.
    """

    version: str
    n_records: int
    metrics: tuple[str, ...]
    slices: tuple[str, ...]
    withheld: tuple[str, ...]
    valid_until: str
    facets: Mapping[str, bytes]
    orders: Mapping[str, bytes]
    people: Mapping[str, Mapping[int, str]]
    constructed: tuple[str, ...]

    def places(self, asked: Asked) -> NDArray[np.int32]:
        """Return the places of the examples that are asked for, shape ``(n_found,)``, in order."""
        mask = np.ones(self.n_records, dtype=np.bool_)
        if asked.system:
            mask &= self._bits(_system(asked.system))
        if asked.slice:
            mask &= self._bits(_slice(asked.slice))
        metrics = self._metrics(asked)
        if asked.metric:
            mask &= ~self._bits(_of(asked.metric, OUTSIDE))
        if asked.show:
            mask &= self._any(_of(metric, asked.show) for metric in metrics)
        order = np.frombuffer(self.orders.get(asked.metric, self.orders[""]), dtype=np.int32)
        found: NDArray[np.int32] = order[mask[order]]
        return found

    def rests_on_unbelieved_verdicts(self, asked: Asked) -> bool:
        """Whether the number of examples found would be the very number that is withheld."""
        if not asked.show or asked.show in _RESTS_ON_NO_VERDICT or asked.show.startswith(FATE):
            return False
        return any(metric in self.withheld for metric in self._metrics(asked))

    def said_of(self, place: int) -> Mapping[str, SaidByPeople]:
        """Return what people said of the text at a place, by metric."""
        return {
            metric: SaidByPeople(label=labels[place], constructed=metric in self.constructed)
            for metric, labels in self.people.items()
            if place in labels
        }

    def shown(self, metric: str) -> list[str]:
        """Return what can be asked for under `Asked.show`; of all metrics where none is named."""
        metrics = [metric] if metric in self.metrics else list(self.metrics)
        known = {
            facet.rpartition("\t")[2]
            for facet in self.facets
            for one in metrics
            if facet.startswith(f"{one}\t")
        }
        fixed = [RIGHT, WRONG, *REASONS]
        return [one for one in fixed if one in known] + sorted(known - {*fixed, OUTSIDE})

    def _metrics(self, asked: Asked) -> Sequence[str]:
        return [asked.metric] if asked.metric else self.metrics

    def _any(self, names: Iterable[str]) -> NDArray[np.bool_]:
        mask = np.zeros(self.n_records, dtype=np.bool_)
        for name in names:
            mask |= self._bits(name)
        return mask

    def _bits(self, name: str) -> NDArray[np.bool_]:
        packed = self.facets.get(name)
        if packed is None:
            return np.zeros(self.n_records, dtype=np.bool_)
        bits = np.unpackbits(np.frombuffer(packed, dtype=np.uint8), count=self.n_records)
        return bits.astype(np.bool_)


def example_index(admitted: AdmittedResults, *, version: str) -> ExampleIndex:
    """Return the index of a run's records.

    Args:
        admitted: its results, as far as they are believed.
        version: of what they were read from.
    """
    manifest = admitted.manifest
    examples = examples_of(admitted)
    teacher = next((s.name for s in manifest.systems if s.role is Role.TEACHER), "")
    reasons = worth_a_look(examples, measures=manifest.measures, teacher=teacher)
    found: dict[str, list[int]] = {}
    slices = tuple(
        f"{dimension}={value}"
        for dimension, values in manifest.slices.items()
        if len(values) <= _MOST_VALUES
        for value in values
    )
    known = frozenset(slices)
    seen = measured(examples)
    for place, (example, why) in enumerate(zip(seen, reasons, strict=True)):
        for name in _facets(example, why, manifest.measures, known):
            found.setdefault(name, []).append(place)
    certificates = [
        m.trust.certificate for m in admitted.measures if m.trust is not None and m.trust.believed
    ]
    ends = [one.valid_until.isoformat() for one in certificates if one is not None]
    return ExampleIndex(
        version=version,
        n_records=len(examples),
        metrics=tuple(measure.metric for measure in manifest.measures),
        slices=slices,
        withheld=tuple(m.measure.metric for m in admitted.measures if m.withheld),
        valid_until=min(ends, default=""),
        facets={name: _packed(places, len(examples)) for name, places in found.items()},
        orders={
            "": np.array(by_concern(reasons), dtype=np.int32).tobytes(),
            **{m.metric: _lowest_first(m, seen) for m in manifest.measures},
        },
        people={
            measure.metric: {
                place: example.people[measure.metric].label
                for place, example in enumerate(seen)
                if measure.metric in example.people
            }
            for measure in manifest.measures
            if measure.judged
        },
        constructed=tuple(
            measure.metric
            for measure in manifest.measures
            if any(
                measure.metric in one.people and one.people[measure.metric].constructed
                for one in seen
            )
        ),
    )


def encode_index(index: ExampleIndex) -> bytes:
    """Return an index as the bytes that are stored."""
    return msgspec.msgpack.encode(index)


def decode_index(body: bytes) -> ExampleIndex:
    """Read a stored index."""
    return msgspec.msgpack.decode(body, type=ExampleIndex)


def _facets(
    example: Measured, why: Reasons, measures: Sequence[Measure], slices: frozenset[str]
) -> list[str]:
    record = example.record
    found = [_system(record.system)]
    found += [_slice(name) for pair in record.slices.items() if (name := "=".join(pair)) in slices]
    for measure in measures:
        metric = measure.metric
        found += [_of(metric, reason) for reason in why[metric]]
        found += [_of(metric, name) for name in _of_outcome(example.outcomes[metric], measure)]
    return found


def _of_outcome(outcome: Outcome, measure: Measure) -> list[str]:
    if isinstance(outcome, NotApplicable):
        return [OUTSIDE]
    if isinstance(outcome, Fate):
        return [f"{FATE}{outcome.code.value}"]
    found = [f"{LABEL}{outcome.label}"] if outcome.label else []
    if measure.passes_or_fails:
        found.append(RIGHT if outcome.value >= measure.upper else WRONG)
    return found


def _lowest_first(measure: Measure, examples: Iterable[Measured]) -> bytes:
    outcomes = (example.outcomes[measure.metric] for example in examples)
    values = [one.value if isinstance(one, Score) else -np.inf for one in outcomes]
    return np.argsort(np.array(values), kind="stable").astype(np.int32).tobytes()


def _packed(places: Sequence[int], n: int) -> bytes:
    mask = np.zeros(n, dtype=np.bool_)
    mask[places] = True
    return np.packbits(mask).tobytes()


# A tab stands in no name of ours, and what stands before and after the first one is told apart.
def _system(name: str) -> str:
    return f"\tsystem\t{name}"


def _slice(name: str) -> str:
    return f"\tslice\t{name}"


def _of(metric: str, what: str) -> str:
    return f"{metric}\t{what}"
