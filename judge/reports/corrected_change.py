"""What people would say changed between two runs, by their labels on outputs of both."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from judge.records.record import Unit
from judge.reports.corrected import FINITE, MIN_LABELS, Corrected, guess_of, worth_of
from judge.reports.groups import cluster_codes
from judge.stats.correction import corrected_difference
from judge.stats.estimate import Undefined
from judge.trust.admission import AdmittedMeasure
from judge.trust.gold import GoldLabel


def corrected_change(
    before: AdmittedMeasure, after: AdmittedMeasure, records: Sequence[Unit], *, level: float
) -> Corrected | None:
    """Return the mean change that people would see, second run less first.

    The judge may err otherwise in the second run, or be another one: it is corrected on the
    difference itself.

    Args:
        before: the measure in the first run.
        after: the same metric in the second.
        records: of one system on one slice; of which run does not matter.
        level: two-sided coverage aimed at, in (0, 1).
    """
    if before.gold is None or after.gold is None:
        return None
    for which, gold in (("first", before.gold), ("second", after.gold)):
        if gold.why_not:
            return _refused(Undefined(reason=f"{which} run: {gold.why_not}"))
    kept = [r for r in records if before.applies(r.key) and after.applies(r.key)]
    old, new = before.gold.labels, after.gold.labels
    both = [place for place, r in enumerate(kept) if r.key in old and r.key in new]
    if len(both) < MIN_LABELS:
        return _refused(
            Undefined(
                reason=f"{len(both)} items with labels on the outputs of both runs, "
                f"{MIN_LABELS} are needed",
                n=len(both),
            )
        )
    pairs = [(new[kept[place].key], old[kept[place].key]) for place in both]
    chances = _joint_chances(pairs)
    if isinstance(chances, Undefined):
        return _refused(chances)
    found = corrected_difference(
        np.array(
            [
                [
                    guess_of(after.facts[r.key], after.measure),
                    guess_of(before.facts[r.key], before.measure),
                ]
                for r in kept
            ]
        ),
        np.array(
            [
                [worth_of(new_, after.measure), worth_of(old_, before.measure)]
                for new_, old_ in pairs
            ]
        ),
        labelled=np.array(both),
        estimand=FINITE,
        inclusion=chances,
        clusters=cluster_codes(kept),
        level=level,
    )
    if isinstance(found, Undefined):
        return _refused(found)
    return Corrected(
        estimate=found,
        n_labels=len(both),
        conditions=f"people labelled the outputs of both runs on {len(both)} of {len(kept)} items",
    )


def _joint_chances(
    pairs: Sequence[tuple[GoldLabel, GoldLabel]],
) -> NDArray[np.float64] | Undefined | None:
    """Return the chance that both outputs of each item were rated; None where it is the same.

    Where the chance is one within each run, so is the joint one, whatever it is. Where one random
    number drew the item each time, both were drawn with the lesser of their chances.
    """
    chances = np.array([[label.inclusion or 1.0 for label in pair] for pair in pairs])
    if np.ptp(chances, axis=0).max() == 0:
        return None
    if all(label.shared_draw for pair in pairs for label in pair):
        return np.asarray(chances.min(axis=1), dtype=np.float64)
    return Undefined(
        reason="the chance that the outputs of both runs were rated is not known", n=len(pairs)
    )


def _refused(why: Undefined) -> Corrected:
    return Corrected(estimate=None, n_labels=why.n, reason=why.reason)
