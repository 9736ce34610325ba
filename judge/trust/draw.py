"""Which records people label: a draw from strata that comes out alike when it is made again."""

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np

from judge.records.record import Record, RecordKey
from judge.records.strict_json import dump_json
from judge.results.outcome import Outcome, Score

FEWEST = 2
"""Labels of a stratum at least, where it holds as many: one does not tell how labels vary."""
NO_VERDICT = "(no verdict)"
NO_OUTPUT = "(no output)"

_USEFUL = 5  # labels a stratum gets on average; below it the fewest, not the shares, decide
_DOUBTED = 2.0  # times as likely to be drawn
_NEXT_TO_NOTHING = 1e-6
_MIDDLE = 0.5
_HALVINGS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Stratum:
    """What the records that are equally likely to be drawn have in common.

    Attributes:
        part: their slices, in words; empty where slices are not told apart.
        verdict: a category, or why there is none.
        doubted: whether similarity disagrees with the verdict.
    """

    system: str
    part: str = ""
    verdict: str
    doubted: bool = False

    @property
    def name(self) -> str:
        words = (self.system, self.part, self.verdict, "doubted" if self.doubted else "")
        return " / ".join(word for word in words if word)


Strata: TypeAlias = Mapping[RecordKey, Stratum]


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """A record that was drawn.

    Attributes:
        chance: with which it was drawn, in (0, 1].
    """

    key: RecordKey
    stratum: Stratum
    chance: float


def strata_of(
    records: Sequence[Record],
    outcomes: Mapping[RecordKey, Outcome],
    cosines: Mapping[RecordKey, float],
    *,
    labels: int,
) -> Strata:
    """Return the stratum of each record: system, slices, verdict, and whether that is doubted.

    Slices are told apart, and then doubts, only where every stratum still gets several labels.

    Args:
        records: those that count for the measure.
        outcomes: of the judged measure.
        cosines: similarity to the same answers; empty where it was not measured.
        labels: that are to be drawn.
    """
    doubted = _doubted(records, outcomes, cosines)
    finest = {
        record.key: Stratum(
            system=record.system,
            part=", ".join(f"{name}={value}" for name, value in record.slices.items()),
            verdict=_verdict(record, outcomes[record.key]),
            doubted=record.key in doubted,
        )
        for record in records
    }
    without_slices = {key: replace(one, part="") for key, one in finest.items()}
    by_verdict = {key: replace(one, doubted=False) for key, one in without_slices.items()}
    for strata in (finest, without_slices):
        if _USEFUL * len(set(strata.values())) <= labels:
            return strata
    return by_verdict


def fewest_labels(strata: Strata) -> int:
    """Return how many labels it takes for no stratum to go without."""
    return sum(min(FEWEST, size) for size in Counter(strata.values()).values())


def draw(strata: Strata, *, labels: int, seed: int) -> list[Drawn]:
    """Draw records, equally likely within a stratum, with the chances that they had.

    An item has one random number for all systems and for good. A draw that is made again takes
    the same records as far as strata are the same, whatever became of the texts; and the systems
    are labelled on the same items as far as they can be, which is what it takes to compare them.

    Args:
        strata: of each record.
        labels: to be drawn; from `fewest_labels` to the number of records.
        seed: another one makes another draw.

    Raises:
        ValueError: if there are too few or too many labels.

    Source: permanent random numbers and the coordination of samples by them: Ohlsson (1995),
    in Business Survey Methods, chapter 9.
    """
    sizes = dict(sorted(Counter(strata.values()).items(), key=lambda pair: pair[0].name))
    if not fewest_labels(strata) <= labels <= len(strata):
        raise ValueError(f"{labels} labels for {len(sizes)} strata of {len(strata)} records")
    wanted = _split(labels, sizes, _LEVELS)
    members: dict[Stratum, list[RecordKey]] = {stratum: [] for stratum in sizes}
    for key in sorted(strata, key=lambda key: _permanent_number(key, seed=seed)):
        members[strata[key]].append(key)
    return [
        Drawn(key=key, stratum=stratum, chance=wanted[stratum] / len(keys))
        for stratum, keys in members.items()
        for key in keys[: wanted[stratum]]
    ]


def _verdict(record: Record, outcome: Outcome) -> str:
    if isinstance(outcome, Score):
        return outcome.label
    return NO_VERDICT if (record.output or "").strip() else NO_OUTPUT


def _doubted(
    records: Sequence[Record],
    outcomes: Mapping[RecordKey, Outcome],
    cosines: Mapping[RecordKey, float],
) -> set[RecordKey]:
    """Return the records whose verdict similarity would not give.

    Similarity passes as many outputs of a system as the judge does, the most similar ones: with a
    line at the median, half of what a lenient judge passes would be doubted for no reason.
    """
    judged: dict[str, list[tuple[float, bool, RecordKey]]] = {}
    for record in records:
        outcome = outcomes[record.key]
        if isinstance(outcome, Score) and record.key in cosines:
            passed = outcome.value > _MIDDLE
            judged.setdefault(record.system, []).append((cosines[record.key], passed, record.key))
    doubted = set()
    for rows in judged.values():
        passes = sum(passed for _, passed, _ in rows)
        least = sorted((cosine for cosine, _, _ in rows), reverse=True)[: passes or 1][-1]
        doubted |= {
            key for cosine, passed, key in rows if passed != (passes > 0 and cosine >= least)
        }
    return doubted


def _permanent_number(key: RecordKey, *, seed: int) -> bytes:
    return hashlib.sha256(dump_json([seed, "draw", key.item_id]).encode()).digest()


_Sizes: TypeAlias = Mapping[Stratum, int]
_Level: TypeAlias = tuple[Callable[[Stratum], object], Callable[[_Sizes], float]]


def _size(strata: _Sizes) -> float:
    return sum(strata.values())


def _verdict_share(strata: _Sizes) -> float:
    # People need no time to say that nothing is not right: a few such labels will do.
    return _NEXT_TO_NOTHING if any(one.verdict == NO_OUTPUT for one in strata) else 1.0


def _doubt_share(strata: _Sizes) -> float:
    return sum(size * (_DOUBTED if one.doubted else 1.0) for one, size in strata.items())


# How strata are told apart, and what share of the labels each part gets: systems alike, slices by
# their size, verdicts alike, and what is doubted twice.
_LEVELS: tuple[_Level, ...] = (
    (lambda stratum: stratum.system, lambda _: 1.0),
    (lambda stratum: stratum.part, _size),
    (lambda stratum: stratum.verdict, _verdict_share),
    (lambda stratum: stratum.doubted, _doubt_share),
)


def _split(labels: int, sizes: _Sizes, levels: Sequence[_Level]) -> dict[Stratum, int]:
    if not levels:
        return dict.fromkeys(sizes, labels)  # of the last level, each part is one stratum
    (part_of, share_of), *rest = levels
    parts: dict[object, dict[Stratum, int]] = {}
    for stratum, size in sizes.items():
        parts.setdefault(part_of(stratum), {})[stratum] = size
    amounts = _apportioned(
        labels,
        shares=[share_of(part) for part in parts.values()],
        least=[sum(min(FEWEST, size) for size in part.values()) for part in parts.values()],
        most=[sum(part.values()) for part in parts.values()],
    )
    found: dict[Stratum, int] = {}
    for amount, part in zip(amounts, parts.values(), strict=True):
        found |= _split(amount, part, rest)
    return found


def _apportioned(
    total: int, *, shares: Sequence[float], least: Sequence[int], most: Sequence[int]
) -> list[int]:
    """Split a total in proportion to shares above 0, as far as least and most allow."""
    weights, floor, ceiling = (np.array(side, dtype=np.float64) for side in (shares, least, most))
    exact = total * weights / weights.sum()
    if (exact < floor).any() or (exact > ceiling).any():
        low, high = 0.0, float((ceiling / weights).max())
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            enough = np.clip(middle * weights, floor, ceiling).sum() >= total
            low, high = (low, middle) if enough else (middle, high)
        exact = np.clip(high * weights, floor, ceiling)
    whole = np.floor(exact + _NEXT_TO_NOTHING)
    left = total - int(whole.sum())
    for place in np.argsort(whole - exact, kind="stable")[:left]:
        whole[place] += 1
    return [int(amount) for amount in whole]
