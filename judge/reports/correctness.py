"""Which outputs are right, and whose word that is: people's, a believed judge's, or facts."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from judge.records.record import Target, Unit
from judge.reports.corrected import MIN_LABELS, worth_of
from judge.reports.decision import deciding
from judge.reports.evidence import Basis
from judge.reports.groups import OVERALL, record_groups
from judge.reports.summary import MIN_RECORDS, doubted, value_of
from judge.stats.estimate import Undefined
from judge.trust.admission import AdmittedMeasure, AdmittedResults

_ELSEWHERE = frozenset({Target.TEACHER, Target.SCHEMA, Target.OPPONENT})
"""More like its teacher, of a valid format, or better than another is not right."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Correctness:
    """Which outputs of one system are right.

    Attributes:
        admitted: the measure that says it.
        right: by item; where it is not known an item is absent.
    """

    admitted: AdmittedMeasure
    system: str
    basis: Basis
    right: Mapping[str, bool]

    @property
    def metric(self) -> str:
        return self.admitted.measure.metric

    def why_not_on(self, slice_name: str) -> str:
        """Why nothing may be said on a slice; empty where something may."""
        if self.basis is Basis.JUDGE:
            return self.admitted.why_withheld_on(self.system, slice_name)
        return ""


def correctness(admitted: AdmittedResults, system: str) -> Correctness | Undefined:
    """Return which outputs of a system are right, by the first of its measures that may say it.

    The measure that the report decides by comes first, then the other judged ones, then facts
    such as exact match. Each must hold outputs against the task and not against the teacher, and
    know no grades. Of a judged measure people's labels come before the judge, and the judge speaks
    only where it is believed.

    Returns:
        What is right; Undefined where nothing may say it, with all the reasons.
    """
    records = record_groups(admitted)[system, OVERALL]
    reasons: dict[str, None] = {}
    for measure in _candidates(admitted):
        found = _by_labels(measure, system, records, seed=admitted.manifest.seed)
        if isinstance(found, Undefined):
            also = _by_outcomes(measure, system, records)
            if isinstance(also, Undefined):
                whys = filter(None, (also.reason, found.reason))
                reasons[f"{measure.measure.metric}: {'; '.join(whys)}"] = None
                continue
            found = also
        return found
    reason = "; ".join(reasons) or (
        "nothing in this run says which outputs are right: score exact match or accuracy (scorers: "
        "task), or judge equivalence on two categories and validate the judge"
    )
    return Undefined(reason=reason)


def _candidates(admitted: AdmittedResults) -> Iterator[AdmittedMeasure]:
    fit = [
        one
        for one in admitted.measures
        if one.measure.target not in _ELSEWHERE and one.measure.passes_or_fails
    ]
    if not fit:
        return
    first = deciding(fit, admitted.manifest.terms)
    yield first
    yield from sorted(
        (one for one in fit if one is not first), key=lambda one: not one.measure.judged
    )


def _by_labels(
    measure: AdmittedMeasure, system: str, records: Sequence[Unit], *, seed: int
) -> Correctness | Undefined:
    gold = measure.gold
    if gold is None:
        return Undefined(reason="")
    if gold.why_not:
        return Undefined(reason=f"labels: {gold.why_not}")
    labelled = sorted(
        (record.item_id, gold.labels[record.key])
        for record in records
        if record.key in gold.labels and measure.applies(record.key)
    )
    kept = _alike([label.inclusion or 1.0 for _, label in labelled], seed=seed)
    if kept.sum() < MIN_LABELS:
        drawn = "" if kept.all() else ", once all have the same chance to be among them"
        reason = f"labels: {kept.sum()} on {system}{drawn}; {MIN_LABELS} are needed"
        return Undefined(reason=reason, n=int(kept.sum()))
    return Correctness(
        admitted=measure,
        system=system,
        basis=Basis.LABELS,
        right={
            item_id: worth_of(label, measure.measure) == 1
            for (item_id, label), keeps in zip(labelled, kept, strict=True)
            if keeps
        },
    )


def _alike(chances: Sequence[float], *, seed: int) -> np.ndarray:
    """Return which labels to keep so that every record had the same chance of one, shape (n,).

    Each is kept with the least chance over its own: what is left is as if all had been drawn with
    the least.
    """
    if not chances:
        return np.zeros(0, dtype=bool)
    least = min(chances) / np.array(chances)
    return np.asarray(np.random.default_rng(seed).random(len(chances)) < least)


def _by_outcomes(
    measure: AdmittedMeasure, system: str, records: Sequence[Unit]
) -> Correctness | Undefined:
    if withheld := measure.why_withheld_on(system, OVERALL):
        return Undefined(reason=withheld)
    right = {}
    for record in records:
        outcome = measure.facts[record.key]
        value = value_of(outcome, measure.measure)
        # A verdict that the text may have made itself says nothing here.
        if value is not None and not doubted(outcome, measure.measure):
            right[record.item_id] = value == 1
    if len(right) < MIN_RECORDS:
        reason = f"{len(right)} scored outputs of {system}, {MIN_RECORDS} are needed"
        return Undefined(reason=reason, n=len(right))
    basis = Basis.JUDGE if measure.measure.judged else Basis.SCORER
    return Correctness(admitted=measure, system=system, basis=basis, right=right)
