"""Where the spread of verdicts comes from, and so where the next call is best spent."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from judge.stats.estimate import Undefined
from judge.stats.variance import (
    Levels,
    VarianceComponents,
    variance_components,
    variance_moments,
    variances_after,
)
from judge.trust.labels import Labels

Level: TypeAlias = Literal["items", "outputs", "verdicts"]

_BUDGET = 0.1
"""Of the calls made so far: what is compared is where as many more would help most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """The spread of single verdicts, split by where it comes from.

    Attributes:
        components: items (clusters), outputs of an item, verdicts on an output.
        best: where more calls to the judge lower the error of the mean most; None where the
            components are not known.
    """

    components: VarianceComponents
    best: Level | None


def spread_of(labels: Labels, *, level: float, seed: int) -> Spread | None:
    """Split the spread of the judge's verdicts; None where no output was judged twice.

    Args:
        labels: with a row per single verdict, also of one from which a rule makes the judge's;
            clusters are items, records are outputs.
        level: two-sided coverage aimed at, in (0, 1).
        seed: of the resamples behind the limits.
    """
    n_outputs = int(np.unique(labels.record).size)
    if n_outputs == labels.record.size:
        return None
    scores = np.array(labels.scale.values)[labels.judge]
    found = variance_moments(scores, items=labels.cluster, outputs=labels.record)
    best = None
    if not isinstance(found, Undefined):
        best = _best(found, labels, n_outputs=n_outputs)
    return Spread(
        components=variance_components(
            scores,
            items=labels.cluster,
            outputs=labels.record,
            rng=np.random.default_rng(seed),
            level=level,
        ),
        best=best,
    )


def _best(found: Levels, labels: Labels, *, n_outputs: int) -> Level:
    design = Levels(
        items=float(labels.n_items),
        outputs=n_outputs / labels.n_items,
        verdicts=labels.record.size / n_outputs,
    )
    after = variances_after(
        _BUDGET * labels.record.size,
        variances=Levels(
            items=max(0.0, found.items),
            outputs=max(0.0, found.outputs),
            verdicts=max(0.0, found.verdicts),
        ),
        design=design,
        costs=Levels(items=design.outputs * design.verdicts, outputs=design.verdicts, verdicts=1.0),
    )
    by_level: dict[Level, float] = {
        "items": after.items,
        "outputs": after.outputs,
        "verdicts": after.verdicts,
    }
    return min(by_level, key=lambda name: by_level[name])
