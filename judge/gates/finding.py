"""What came of a gate: a finding for each rule and slice, and all of them together."""

from dataclasses import dataclass, replace
from enum import StrEnum
from statistics import NormalDist

import numpy as np

from judge.gates.rule import Ask, Rule
from judge.reports.evidence import Basis
from judge.reports.groups import OVERALL
from judge.reports.keeping import Kept
from judge.stats.estimate import Estimate, Undefined
from judge.stats.multiplicity import holm

LEVEL = 0.95


class GateStatus(StrEnum):
    """How a rule, or a whole gate, ended."""

    PASS = "pass"  # noqa: S105  no password
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What came of one rule on one slice.

    Attributes:
        estimate: None where there is no number.
        low: lower limit, at the worst of the missing scores; present where the estimate is.
        high: upper limit, at the best of the missing scores; likewise.
        basis: whose word it is; None where there is no number or nobody's word is needed.
        reason: why there is no number, or what leaves the answer open.
        more_labels: that would likely settle it; 0 where that is not known.
        more_items: likewise.
        p_holds: one-sided p-value of the rule holding; 1 where there is no number.
        p_fails: one-sided p-value of the rule failing; likewise.
    """

    rule: Rule
    slice: str
    status: GateStatus = GateStatus.INCONCLUSIVE
    estimate: Estimate | None = None
    low: float | None = None
    high: float | None = None
    basis: Basis | None = None
    reason: str = ""
    more_labels: int = 0
    more_items: int = 0
    p_holds: float = 1.0
    p_fails: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class GateResult:
    """What came of all rules.

    Attributes:
        run_id: that was asked about.
        name: of its config.
        baseline: id of the run it was compared with; empty for none.
        config: the file the rules stand in.
        complete: whether no record of either run is left for a resume.
        bug: whether a record has no score because of an error of ours.
    """

    run_id: str
    name: str
    baseline: str
    config: str
    findings: tuple[Finding, ...]
    complete: bool
    bug: bool = False

    @property
    def status(self) -> GateStatus:
        """Fail where one rule fails, pass where all hold."""
        found = {finding.status for finding in self.findings}
        if GateStatus.FAIL in found:
            return GateStatus.FAIL
        return GateStatus.PASS if found == {GateStatus.PASS} else GateStatus.INCONCLUSIVE


def finding_of_kept(rule: Rule, row: Kept) -> Finding:
    """Return what came of a rule on a share that is kept."""
    if row.share is None or row.at_least is None or row.at_most is None:
        reason = row.reason or "with the missing scores at their worst or best, it cannot be told"
        return Finding(rule=rule, slice=row.slice, basis=row.basis, reason=reason)
    return Finding(
        rule=rule,
        slice=row.slice,
        estimate=row.share,
        low=row.at_least,
        high=row.at_most,
        basis=row.basis,
        reason=row.reason,
        more_labels=_known(row.more_labels),
        more_items=_known(row.more_items),
        p_holds=row.p_yes,
        p_fails=row.p_no,
    )


def finding_of_estimate(
    rule: Rule,
    slice_name: str,
    found: Estimate,
    *,
    shifts: tuple[float, float] = (0.0, 0.0),
    basis: Basis | None = None,
) -> Finding:
    """Return what came of a rule on a number.

    Args:
        rule: what is asked.
        slice_name: the number is about.
        found: the number; of `LOSES_AT_MOST` now less before.
        shifts: how far the missing scores could move it down and up, each at most or at least 0.
        basis: whose word it is.
    """
    above = rule.ask is not Ask.AT_MOST
    bound = -rule.bound if rule.ask is Ask.LOSES_AT_MOST else rule.bound
    z = NormalDist().inv_cdf(0.5 + found.level / 2)
    errors = ((found.value - found.low) / z, (found.high - found.value) / z)
    p_above = _p_above(found.value + shifts[0], bound, error=errors[0])
    p_below = _p_above(-found.value - shifts[1], -bound, error=errors[1])
    return Finding(
        rule=rule,
        slice=slice_name,
        estimate=found,
        low=found.low + shifts[0],
        high=found.high + shifts[1],
        basis=basis,
        p_holds=p_above if above else p_below,
        p_fails=p_below if above else p_above,
    )


def decided(findings: list[Finding]) -> list[Finding]:
    """Return the findings of one rule with their status: on several slices together by Holm.

    The whole set is asked first and by itself; the slices share one level.

    Source: `multiplicity.holm`, one-sided.
    """
    on_slices = [finding for finding in findings if finding.slice != OVERALL]
    adjusted = iter(_together(on_slices))
    return [_decided(one if one.slice == OVERALL else next(adjusted)) for one in findings]


def _together(findings: list[Finding]) -> list[Finding]:
    if not findings:
        return []
    holds = holm(np.array([finding.p_holds for finding in findings]))
    fails = holm(np.array([finding.p_fails for finding in findings]))
    return [
        replace(finding, p_holds=float(p_holds), p_fails=float(p_fails))
        for finding, p_holds, p_fails in zip(findings, holds, fails, strict=True)
    ]


def _decided(finding: Finding) -> Finding:
    allowed = (1 - LEVEL) / 2
    if finding.p_holds <= allowed:
        return replace(finding, status=GateStatus.PASS)
    if finding.p_fails <= allowed:
        return replace(finding, status=GateStatus.FAIL)
    return finding


def _p_above(value: float, bound: float, *, error: float) -> float:
    """One-sided p-value of a value above a bound; at no error, whether it is not."""
    if error <= 0:
        return float(value < bound)
    return NormalDist().cdf((bound - value) / error)


def _known(count: int | Undefined) -> int:
    return 0 if isinstance(count, Undefined) else count
