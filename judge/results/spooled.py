"""The newest results of a run, in a temporary file: each is made when it is asked for."""

from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from operator import eq
from sys import intern
from typing import TypeAlias, overload

import msgspec

from judge.records.record import RecordKey
from judge.records.spool import Spool, SpoolWriter
from judge.results.outcome import Fate, NotApplicable, Outcome, Score
from judge.results.run import Result

KINDS: Mapping[str, msgspec.json.Decoder[Outcome]] = {
    kind.__name__: msgspec.json.Decoder(kind) for kind in (Score, Fate, NotApplicable)
}
"""What reads the stored outcome of each kind."""


class StoredResult(msgspec.Struct, frozen=True, array_like=True):
    """One result as it is stored.

    Attributes:
        body: the outcome as JSON.
    """

    item_id: str
    system: str
    scorer: str
    target: str
    kind: str
    content: str
    revision: int
    duration_s: float
    body: bytes


_Name: TypeAlias = tuple[str, str, str, str]
_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(StoredResult)


class SpooledResults(Sequence[Result]):
    """Results of one run. Made by `spooled_results`.

    Args:
        run_id: of the run.
        spool: holds them.
        places: where in it each of them is; None for all in order.
    """

    def __init__(self, run_id: str, spool: Spool, places: "array[int] | None") -> None:
        self._run_id = run_id
        self._spool = spool
        self._places = places

    def __len__(self) -> int:
        return len(self._spool) if self._places is None else len(self._places)

    @overload
    def __getitem__(self, place: int) -> Result: ...
    @overload
    def __getitem__(self, place: slice) -> list[Result]: ...
    def __getitem__(self, place: int | slice) -> Result | list[Result]:
        if isinstance(place, slice):
            return [self[one] for one in range(len(self))[place]]
        place = range(len(self))[place]
        return self._result(self._spool[place if self._places is None else self._places[place]])

    def __iter__(self) -> Iterator[Result]:
        if self._places is None:
            return map(self._result, self._spool.read())
        return (self._result(self._spool[place]) for place in self._places)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence):
            return NotImplemented
        return len(self) == len(other) and all(map(eq, self, other))

    __hash__ = None  # type: ignore[assignment]  # like a list of them

    def _result(self, stored: bytes) -> Result:
        return result_of(self._run_id, _DECODER.decode(stored))


def spooled_results(run_id: str, stored: Iterable[StoredResult]) -> SpooledResults:
    """Return the highest revision of each record, scorer and target, in order of arrival.

    Args:
        run_id: of the run.
        stored: all there are, in order of arrival.
    """
    written = SpoolWriter()
    again: dict[_Name, tuple[int, int]] = {}
    for one in stored:
        place = written.append(_ENCODER.encode(one))
        # Few are scored again: what has one revision only is not held in memory.
        if one.revision > again.get(_name(one), (0, 0))[0]:
            again[_name(one)] = one.revision, place
    spool = written.spool()
    return SpooledResults(run_id, spool, _newest(spool, again) if again else None)


def result_of(run_id: str, stored: StoredResult) -> Result:
    """Return a result that shares with others the texts which are the same in many of a run."""
    return Result(
        run_id=run_id,
        key=RecordKey(item_id=stored.item_id, system=intern(stored.system)),
        outcome=_sharing(KINDS[stored.kind].decode(stored.body)),
        content=stored.content,
        revision=stored.revision,
        duration_s=stored.duration_s,
    )


def _newest(spool: Spool, again: Mapping[_Name, tuple[int, int]]) -> "array[int]":
    places, done = array("Q"), set[_Name]()
    for place, stored in enumerate(spool.read()):
        name = _name(_DECODER.decode(stored))
        if name not in again:
            places.append(place)
        elif name not in done:
            places.append(again[name][1])
            done.add(name)
    return places


def _name(one: StoredResult) -> _Name:
    return one.item_id, one.system, one.scorer, one.target


def _sharing(outcome: Outcome) -> Outcome:
    if not isinstance(outcome, Score):
        return outcome
    return replace(
        outcome,
        scorer=intern(outcome.scorer),
        signature=intern(outcome.signature),
        label=intern(outcome.label),
        served=intern(outcome.served),
    )
