"""What a similarity means in a run: its baselines, what was cut off, and where right begins."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from judge.records.record import Unit
from judge.reports.groups import OVERALL, cluster_codes, record_groups, slice_names
from judge.reports.summary import mean_of
from judge.results.outcome import Score
from judge.results.run import SIMILARITIES, SIMILARITY, TRUNCATED
from judge.results.yardstick import Yardstick
from judge.stats.auc import auc
from judge.stats.estimate import Estimate, Undefined
from judge.stats.intervals import proportion
from judge.stats.threshold import Threshold, fit_threshold
from judge.trust.admission import AdmittedMeasure, AdmittedResults
from judge.trust.gold import RightOrWrong, right_or_wrong

ALL_SYSTEMS = ""

_DRAWS = 500
"""Resamples of one threshold: there is one for each system and each slice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SimilarSystem:
    """How similar the outputs of one system are.

    Attributes:
        mean: of the scores there are.
        place: of the mean, between random pairs (0) and paraphrases (1); None where they are not
            both known.
        truncated: share of the scores about a text over the model's limit.
    """

    system: str
    mean: Estimate | Undefined
    place: float | None
    truncated: Estimate | Undefined


@dataclass(frozen=True, slots=True, kw_only=True)
class RightFrom:
    """From which score on people call an output right, in one part.

    Attributes:
        system: empty for all of them together.
        slice: ``overall`` or ``dimension=value``.
        auc: chance that a right output scores higher than a wrong one.
    """

    system: str
    slice: str
    auc: Estimate | Undefined
    threshold: Threshold | Undefined


@dataclass(frozen=True, slots=True, kw_only=True)
class SimilarityFindings:
    """What there is to know of one similarity metric.

    Attributes:
        yardstick: its baselines; None for other metrics, and where they were not measured.
        labelled: what people said; Undefined with the reason where they did not.
        right_from: by system, then by slice; empty without labels.
    """

    metric: str
    systems: tuple[SimilarSystem, ...]
    yardstick: Yardstick | None
    labelled: RightOrWrong | Undefined
    right_from: tuple[RightFrom, ...]


def similarity_findings(
    admitted: AdmittedResults,
    *,
    yardsticks: Mapping[str, Yardstick] = MappingProxyType({}),
    level: float = 0.95,
) -> list[SimilarityFindings]:
    """Return what there is to know of each similarity metric of a run.

    Args:
        admitted: the results.
        yardsticks: the baselines that were measured in the run, by metric.
        level: two-sided coverage aimed at, in (0, 1).
    """
    groups = record_groups(admitted)
    return [
        _findings(one, admitted, groups, yardsticks.get(one.measure.metric), level=level)
        for one in admitted.measures
        if one.measure.scorer in SIMILARITIES and not one.measure.judged
    ]


def _findings(
    admitted: AdmittedMeasure,
    results: AdmittedResults,
    groups: Mapping[tuple[str, str], Sequence[Unit]],
    yardstick: Yardstick | None,
    *,
    level: float,
) -> SimilarityFindings:
    measure = admitted.measure
    labelled = right_or_wrong(results.records, results.gold, target=measure.target)
    parts: tuple[RightFrom, ...] = ()
    if isinstance(labelled, RightOrWrong):
        parts = tuple(
            _right_from(admitted, labelled, records, part, seed=results.manifest.seed, level=level)
            for part, records in _parts(results, groups)
        )
    return SimilarityFindings(
        metric=measure.metric,
        systems=tuple(
            _system(admitted, system.name, groups[system.name, OVERALL], yardstick, level=level)
            for system in results.manifest.systems
        ),
        yardstick=yardstick,
        labelled=labelled,
        right_from=parts,
    )


def _system(
    admitted: AdmittedMeasure,
    system: str,
    records: Sequence[Unit],
    yardstick: Yardstick | None,
    *,
    level: float,
) -> SimilarSystem:
    scored = _scored(admitted, records)
    values = [score.value for _, score in scored]
    mean = mean_of(values, [record for record, _ in scored], admitted.measure, level=level)
    place = None
    if yardstick is not None and isinstance(mean, Estimate):
        place = yardstick.place(mean.value)
    cut = np.array([TRUNCATED in score.flags for _, score in scored], dtype=np.float64)
    clusters = cluster_codes([record for record, _ in scored])
    # Nobody else flags it: a metric that is cut nowhere has no rate of it.
    embedded = admitted.measure.scorer == SIMILARITY
    return SimilarSystem(
        system=system,
        mean=mean,
        place=place,
        truncated=(
            proportion(cut, clusters, level=level)
            if embedded and yardstick is not None and yardstick.token_limit
            else Undefined(reason="nobody counts the tokens of its texts", n=len(scored))
        ),
    )


def _parts(
    results: AdmittedResults, groups: Mapping[tuple[str, str], Sequence[Unit]]
) -> Iterator[tuple[tuple[str, str], Sequence[Unit]]]:
    yield (ALL_SYSTEMS, OVERALL), results.records
    systems = [system.name for system in results.manifest.systems]
    for system in systems:
        yield (system, OVERALL), groups[system, OVERALL]
    for name in slice_names(results):
        if name != OVERALL:
            together = [record for system in systems for record in groups[system, name]]
            yield (ALL_SYSTEMS, name), together


def _right_from(
    admitted: AdmittedMeasure,
    labelled: RightOrWrong,
    records: Sequence[Unit],
    part: tuple[str, str],
    *,
    seed: int,
    level: float,
) -> RightFrom:
    scored = [(r, s) for r, s in _scored(admitted, records) if r.key in labelled.right]
    right = np.array([labelled.right[record.key] for record, _ in scored], dtype=np.int64)
    values = np.array([score.value for _, score in scored], dtype=np.float64)
    clusters = cluster_codes([record for record, _ in scored])
    system, name = part
    return RightFrom(
        system=system,
        slice=name,
        auc=auc(right, values, clusters=clusters, level=level),
        threshold=fit_threshold(
            right,
            values,
            rng=np.random.default_rng(seed),
            clusters=clusters,
            level=level,
            draws=_DRAWS,
        ),
    )


def _scored(admitted: AdmittedMeasure, records: Sequence[Unit]) -> list[tuple[Unit, Score]]:
    found = ((record, admitted.facts[record.key]) for record in records)
    return [(record, outcome) for record, outcome in found if isinstance(outcome, Score)]
