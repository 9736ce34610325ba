"""What people said beside what the judge said: the rows of a validation, and as arrays."""

from collections import defaultdict
from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from judge.records.record import RecordKey, Slices
from judge.records.scale import Scale
from judge.results.outcome import Outcome, Score, Vote

_Name = TypeVar("_Name", bound=Hashable)

UNLABELLED = -1
"""Code of a label that a rater did not give."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledVerdict:
    """What people said of one record, and what came of asking the judge.

    Attributes:
        human: the one label that stands for all of its raters, by the declared rule.
        ratings: rater to label; empty where only the one label is known.
        inclusion: chance in (0, 1] with which the record was drawn for rating; equal chances of
            any size count the same.
        length: characters of the output.
    """

    key: RecordKey
    cluster: str
    slices: Slices
    human: str
    outcome: Outcome
    ratings: Mapping[str, str] = field(default_factory=dict)
    inclusion: float = 1.0
    length: int = 0

    @property
    def votes(self) -> tuple[Vote, ...]:
        """Every verdict of the judge itself on the record; empty where it gave none.

        Of a panel, or of repeats from which a rule makes one verdict, that is the one verdict.
        """
        if not isinstance(self.outcome, Score):
            return ()
        own = tuple(vote for vote in self.outcome.votes if vote.own)
        return own or (Vote(label=self.outcome.label),)

    @property
    def single_votes(self) -> tuple[Vote, ...]:
        """The verdicts from which a rule made the judge's; where there is no rule, its own."""
        if not isinstance(self.outcome, Score):
            return ()
        return tuple(vote for vote in self.outcome.votes if not vote.own) or self.votes


@dataclass(frozen=True, slots=True, kw_only=True)
class Labels:
    """The labels that have a verdict, as arrays with a row per verdict.

    A record that was judged in two orders, or twice, has two rows of one cluster.

    Attributes:
        human: codes of what people said, shape (n,).
        judge: codes of what the judge said, shape (n,).
        cluster: integer code, shape (n,).
        record: place of the row's record among the verdicts it was made from, shape (n,).
        inclusion: chance of the record to be rated, shape (n,).
        length: characters of the output, shape (n,).
        scale: of both sides.
    """

    human: NDArray[np.int64]
    judge: NDArray[np.int64]
    cluster: NDArray[np.int64]
    record: NDArray[np.int64]
    inclusion: NDArray[np.float64]
    length: NDArray[np.float64]
    scale: Scale

    @property
    def n_items(self) -> int:
        """Distinct clusters."""
        return int(np.count_nonzero(np.bincount(self.cluster)))

    @property
    def clustered(self) -> bool:
        """Whether some labels share a cluster."""
        return self.n_items < self.cluster.size

    @property
    def unequal(self) -> bool:
        """Whether some records were likelier to be rated than others."""
        return bool(self.inclusion.size) and bool(np.ptp(self.inclusion) > 0)

    def where(self, chosen: NDArray[np.bool_]) -> "Labels":
        """Return the chosen rows."""
        return Labels(
            human=self.human[chosen],
            judge=self.judge[chosen],
            cluster=self.cluster[chosen],
            record=self.record[chosen],
            inclusion=self.inclusion[chosen],
            length=self.length[chosen],
            scale=self.scale,
        )


def labels_of(
    verdicts: Sequence[LabelledVerdict], scale: Scale, *, single_votes: bool = False
) -> Labels:
    """Return the labels that have a verdict as arrays, in order.

    Args:
        verdicts: each labelled record once.
        scale: of both sides.
        single_votes: a row for each vote of a panel or of repeats, not for what was made of them.
    """
    said = _single_labels if single_votes else _labels
    codes = {category: place for place, category in enumerate(scale.categories)}
    clusters: dict[str, int] = {}
    rows = [
        (codes[verdict.human], codes[label], clusters.setdefault(verdict.cluster, place), place)
        for place, verdict in enumerate(verdicts)
        for label in said(verdict)
    ]
    human, judge, cluster, record = np.array(rows, dtype=np.int64).reshape(-1, 4).T.copy()
    return Labels(
        human=human,
        judge=judge,
        cluster=cluster,
        record=record,
        inclusion=np.array([v.inclusion for v in verdicts], dtype=np.float64)[record],
        length=np.array([v.length for v in verdicts], dtype=np.float64)[record],
        scale=scale,
    )


def _labels(verdict: LabelledVerdict) -> Sequence[str]:
    """Return the verdicts of a judge on one record; 100,000 of them are read for one report."""
    outcome = verdict.outcome
    if not isinstance(outcome, Score):
        return ()
    return [vote.label for vote in outcome.votes if vote.own] or (outcome.label,)


def _single_labels(verdict: LabelledVerdict) -> Sequence[str]:
    return [vote.label for vote in verdict.single_votes]


def parts_of(names: Sequence[Collection[_Name]]) -> dict[_Name, NDArray[np.bool_]]:
    """Return, for each name that occurs, which of the records bear it.

    Args:
        names: the names of each record, such as its slices.

    Returns:
        Name to mask of shape (n_records,), in order of first appearance.
    """
    places: defaultdict[_Name, list[int]] = defaultdict(list)
    for place, own in enumerate(names):
        for name in own:
            places[name].append(place)
    masks = {}
    for name, found in places.items():
        mask = np.zeros(len(names), dtype=np.bool_)
        mask[found] = True
        masks[name] = mask
    return masks


def rater_codes(
    verdicts: Sequence[LabelledVerdict], scale: Scale
) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    """Return the raters, and their labels as codes of shape (n_records, n_raters)."""
    raters: dict[str, int] = {}
    cells = [
        (place, raters.setdefault(rater, len(raters)), scale.code(label))
        for place, verdict in enumerate(verdicts)
        for rater, label in verdict.ratings.items()
    ]
    codes = np.full((len(verdicts), len(raters)), UNLABELLED, dtype=np.int64)
    if cells:
        rows, columns, labels = np.array(cells, dtype=np.int64).T
        codes[rows, columns] = labels
    return tuple(raters), codes
