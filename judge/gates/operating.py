"""Rules about what outputs took to make: time, tokens and money."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from judge.gates.finding import LEVEL, Finding, finding_of_estimate
from judge.gates.rule import OPERATIONS, Ask, Rule
from judge.records.production import Produced, Production
from judge.records.record import Unit
from judge.reports.groups import OVERALL, Groups
from judge.reports.operations import (
    PERCENTILES,
    READERS,
    Reader,
    known_of_both,
    known_values,
    made_of,
    saved_in_all,
    why_times_differ,
)
from judge.reports.summary import MIN_RECORDS
from judge.results.terms import Unscored
from judge.stats.clusters import Codes, Numbers
from judge.stats.estimate import Estimate, Undefined
from judge.stats.losses import mean_loss
from judge.stats.quantiles import quantile
from judge.trust.admission import AdmittedResults

_Figure: TypeAlias = Callable[[Numbers, Codes], Estimate | Undefined]

_TIMES = ("latency_ms", "first_token_ms")
_EACH_ALIKE = "the same in each output"


def operation_metrics(ask: Ask) -> list[str]:
    """Return the metrics of what outputs took that may be asked for so; none for some asks."""
    if ask is Ask.SAVES_AT_LEAST:
        return [f"{OPERATIONS}{name}" for name in READERS]
    return (
        [f"{OPERATIONS}{name}" for name in _FIGURES] if ask in {Ask.AT_LEAST, Ask.AT_MOST} else []
    )


def operating(
    rule: Rule,
    slice_name: str,
    admitted: AdmittedResults,
    productions: Sequence[Production],
    *,
    groups: Groups,
    other: str,
) -> Finding:
    """Return what came of a rule about what outputs took, on one slice.

    Outputs that were not made took nothing: quality has its own rules for them. Where an output
    was made and nothing says what it took, nothing bounds it either, so that the rule stays open
    unless the config sets such aside.

    Args:
        rule: that `is_of_operations`.
        slice_name: ``overall`` or ``dimension=value``.
        admitted: says what is missing counts as; no score is looked at.
        productions: what is known of the outputs, system by system.
        groups: the records of each system and slice.
        other: the system beside which something is to be saved; empty where that is not asked.
    """
    known = {one.system: one for one in productions}
    records = _with_output(admitted, groups[rule.system, slice_name])
    made = made_of(records, known.get(rule.system))
    if rule.ask is not Ask.SAVES_AT_LEAST:
        reader, figure = _FIGURES[_name(rule)]
        values, codes = known_values(made, reader)
        found, needed = _figure_of(values, codes, figure), len(made)
    else:
        theirs = _with_output(admitted, groups[other, OVERALL])
        taught = made_of(theirs, known.get(other))
        reader = READERS[_name(rule)]
        sides, codes = known_of_both(made, taught, reader)
        found = _saving_of(sides, codes, seed=admitted.manifest.seed)
        needed = len({one.item_id for one in records} & {one.item_id for one in theirs})
    n = found.n
    if isinstance(found, Undefined):
        return Finding(rule=rule, slice=slice_name, reason=found.reason)
    unsaid = f"{needed - n} of {needed} outputs do not say it" if n < needed else ""
    if unsaid and admitted.manifest.terms.unscored is not Unscored.SET_ASIDE:
        remedy = "make them again with judge generate, or declare missing: {unscored: set_aside}"
        return Finding(rule=rule, slice=slice_name, reason=f"{unsaid}; {remedy}")
    reasons = [unsaid, *_doubts(rule, known, other=other)]
    finding = finding_of_estimate(rule, slice_name, found)
    return replace(finding, reason="; ".join(filter(None, reasons)))


def _name(rule: Rule) -> str:
    return rule.metric.removeprefix(OPERATIONS)


def _with_output(admitted: AdmittedResults, units: Sequence[Unit]) -> list[Unit]:
    return [unit for unit in units if admitted.records.is_answered(unit.key)]


def _doubts(rule: Rule, known: Mapping[str, Production], *, other: str) -> list[str]:
    """Return why times of two systems may not compare."""
    if rule.ask is not Ask.SAVES_AT_LEAST or _name(rule) not in _TIMES:
        return []
    return list(why_times_differ(known[other], known[rule.system]))


def _figure_of(values: Numbers, codes: Codes, figure: _Figure) -> Estimate | Undefined:
    if values.size < MIN_RECORDS:
        return _too_few(values.size)
    # As where every call has one price: of these very outputs it is known, and no sample.
    return _exactly(float(values[0]), codes) if np.ptp(values) == 0 else figure(values, codes)


def _saving_of(sides: NDArray[np.float64], codes: Codes, *, seed: int) -> Estimate | Undefined:
    if len(sides) < MIN_RECORDS:
        return _too_few(len(sides))
    if np.ptp(sides, axis=0).max() == 0 and sides[0, 1] > 0:
        return _exactly(1 - float(sides[0, 0] / sides[0, 1]), codes)
    return saved_in_all(sides, codes, level=LEVEL, seed=seed)


def _exactly(value: float, codes: Codes) -> Estimate:
    return Estimate(
        value=value,
        low=value,
        high=value,
        level=LEVEL,
        n=codes.size,
        n_clusters=np.unique(codes).size,
        method=_EACH_ALIKE,
    )


def _too_few(n: int) -> Undefined:
    return Undefined(reason=f"{n} outputs say what they took, {MIN_RECORDS} are needed", n=n)


def _percentile(share: float) -> _Figure:
    return lambda values, codes: quantile(values, share, clusters=codes, level=LEVEL)


def _mean(values: Numbers, codes: Codes) -> Estimate | Undefined:
    return mean_loss(values, codes, level=LEVEL)


def _cost_of_1000(one: Produced) -> float | None:
    return None if one.cost is None else 1000 * one.cost


_FIGURES: Mapping[str, tuple[Reader, _Figure]] = {
    **{
        f"{name}.{percentile}": (READERS[name], _percentile(share))
        for name in _TIMES
        for percentile, share in PERCENTILES.items()
    },
    "input_tokens": (READERS["input_tokens"], _mean),
    "output_tokens": (READERS["output_tokens"], _mean),
    "cost_per_1000": (_cost_of_1000, _mean),
}
