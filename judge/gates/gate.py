"""A gate: rules that must all hold of a run."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from judge.errors import ConfigError
from judge.gates.checking import check_rules, teacher_of
from judge.gates.finding import (
    LEVEL,
    Finding,
    GateResult,
    decided,
    finding_of_estimate,
    finding_of_kept,
)
from judge.gates.joining import together
from judge.gates.operating import operating
from judge.gates.rule import Ask, Rule
from judge.records.production import Production
from judge.reports.comparison import Comparison, DifferenceRow
from judge.reports.corrected import Corrected
from judge.reports.decision import side
from judge.reports.evidence import Basis
from judge.reports.groups import OVERALL, Groups, record_groups, slice_names
from judge.reports.keeping import kept
from judge.reports.summary import Status, SummaryRow, summarize, summary_row
from judge.results.terms import Unscored
from judge.stats.estimate import Estimate
from judge.trust.admission import AdmittedMeasure, AdmittedResults


def gate(
    admitted: AdmittedResults,
    rules: Sequence[Rule],
    *,
    comparison: Comparison | None = None,
    productions: Sequence[Production] = (),
    config: str = "",
) -> GateResult:
    """Return what came of each rule.

    Args:
        admitted: the results of the run.
        rules: all of which must hold.
        comparison: with the baseline run, which comes first in it; None without one.
        productions: what is known of what outputs took to make, system by system.
        config: the file the rules stand in.

    Raises:
        ConfigError: a rule names a metric, a system or a slice that the run has not, or asks
            about a baseline that was not given.
    """
    check_rules(
        rules,
        measures=[admitted_measure.measure for admitted_measure in admitted.measures],
        systems=admitted.manifest.systems,
        slices=slice_names(admitted),
    )
    _check_baseline(rules, comparison)
    groups = record_groups(admitted)
    summary = {(row.metric, row.system, row.slice): row for row in summarize(admitted)}
    unscored = admitted.manifest.terms.unscored
    changes = {} if comparison is None else _by_name(comparison)
    findings: list[Finding] = []
    for rule in rules:
        joint = _joint(rule, admitted) if rule.together else None
        found: list[Finding] = []
        for name in rule.slices:
            key = (rule.metric, rule.system, name)
            if rule.is_of_operations:
                other = _other(rule, admitted) if rule.ask is Ask.SAVES_AT_LEAST else ""
                found.append(
                    operating(rule, name, admitted, productions, groups=groups, other=other)
                )
            elif joint is not None:
                found.append(_together(rule, name, admitted, groups, joint))
            elif rule.ask is Ask.RETAINS:
                found.append(_retained(rule, name, admitted, groups, _measure(rule, admitted)))
            elif rule.ask is Ask.LOSES_AT_MOST:
                row = changes.get(key)
                found.append(
                    Finding(rule=rule, slice=name, reason="the baseline run does not measure it")
                    if row is None
                    else _changed(rule, row, unscored, scale=_scale(rule, admitted))
                )
            else:
                found.append(_measured(rule, summary[key], unscored))
        findings.extend(decided(found))
    complete = not any(measure.resumable for measure in admitted.measures)
    return GateResult(
        run_id=admitted.manifest.run_id,
        name=admitted.manifest.name,
        baseline=comparison.before.run_id if comparison else "",
        config=config,
        findings=tuple(findings),
        complete=complete and (comparison is None or comparison.complete),
        bug=any(row.counts.fates.get("internal_error") for row in summary.values()),
    )


def _by_name(comparison: Comparison) -> Mapping[tuple[str, str, str], DifferenceRow]:
    return {(row.metric, row.system, row.slice): row for row in comparison.rows}


def _measured(rule: Rule, row: SummaryRow, unscored: Unscored) -> Finding:
    if (found := _by_people(row.corrected)) is not None:
        return finding_of_estimate(rule, row.slice, found, basis=Basis.LABELS)
    if row.estimate is None:
        return Finding(rule=rule, slice=row.slice, reason=_why(row.reason, row.corrected))
    down = up = 0.0
    if row.bounds is not None and unscored is not Unscored.SET_ASIDE:
        down = min(0.0, row.bounds[0] - row.estimate.value)
        up = down if unscored is Unscored.LOWEST else max(0.0, row.bounds[1] - row.estimate.value)
    basis = None if row.corrected is None else Basis.JUDGE
    return finding_of_estimate(rule, row.slice, row.estimate, shifts=(down, up), basis=basis)


def _changed(rule: Rule, row: DifferenceRow, unscored: Unscored, *, scale: float) -> Finding:
    if (found := _by_people(row.corrected)) is not None:
        return finding_of_estimate(rule, row.slice, found, basis=Basis.LABELS)
    if row.status is Status.UNDEFINED and row.moved == (0, 0) and not row.n_unpaired:
        return _unmoved(rule, row, scale=scale)
    if row.estimate is None or row.status is not Status.SHOWN:
        return Finding(rule=rule, slice=row.slice, reason=_why(row.reason, row.corrected))
    shifts = (0.0, 0.0)
    if row.bounds is not None and unscored is not Unscored.SET_ASIDE:
        shifts = (
            min(0.0, row.bounds[0] - row.estimate.value),
            max(0.0, row.bounds[1] - row.estimate.value),
        )
    basis = None if row.corrected is None else Basis.JUDGE
    return finding_of_estimate(rule, row.slice, row.estimate, shifts=shifts, basis=basis)


def _unmoved(rule: Rule, row: DifferenceRow, *, scale: float) -> Finding:
    """Return what came of a rule where no score is another one than before.

    Source: the exact limit for a share of which none was seen, Clopper and Pearson (1934).
    """
    rare = 0.0 if row.n_changed == 0 else 1 - ((1 - LEVEL) / 2) ** (1 / row.n_pairs)
    rare *= scale
    same = Estimate(
        value=0.0,
        low=-rare,
        high=rare,
        level=LEVEL,
        n=row.n_pairs,
        n_clusters=row.n_pairs,
        method="no score changed",
    )
    return replace(finding_of_estimate(rule, row.slice, same), reason=row.reason)


def _by_people(corrected: Corrected | None) -> Estimate | None:
    return None if corrected is None else corrected.estimate


def _why(reason: str, corrected: Corrected | None) -> str:
    labels = corrected.reason if corrected else ""
    return "; ".join(filter(None, (reason, labels and f"labels: {labels}")))


def _joint(rule: Rule, admitted: AdmittedResults) -> AdmittedMeasure:
    return together(_parts(rule, admitted), rule.together)


def _parts(rule: Rule, admitted: AdmittedResults) -> list[AdmittedMeasure]:
    return [part for part in admitted.measures if part.measure.metric in rule.together]


def _together(
    rule: Rule, name: str, admitted: AdmittedResults, groups: Groups, joint: AdmittedMeasure
) -> Finding:
    systems = [rule.system, *([_other(rule, admitted)] if rule.ask is Ask.RETAINS else [])]
    withheld = dict.fromkeys(
        f"{part.measure.metric}: {why}"
        for part in _parts(rule, admitted)
        for system in systems
        if (why := part.why_withheld_on(system, name))
    )
    if withheld:
        return Finding(rule=rule, slice=name, reason="; ".join(withheld))
    if rule.ask is Ask.RETAINS:
        return _retained(rule, name, admitted, groups, joint)
    row = summary_row(joint, rule.system, name, groups[rule.system, name], seed=0)
    finding = _measured(rule, row, admitted.manifest.terms.unscored)
    basis = Basis.JUDGE if joint.measure.judged else None
    return replace(finding, basis=basis if finding.estimate else None)


def _retained(
    rule: Rule, name: str, admitted: AdmittedResults, groups: Groups, measure: AdmittedMeasure
) -> Finding:
    other = _other(rule, admitted)
    row = kept(
        side(measure, rule.system, groups[rule.system, name]),
        side(measure, other, groups[other, OVERALL]),
        slice_name=name,
        margin=rule.bound,
        unscored=admitted.manifest.terms.unscored,
    )
    return finding_of_kept(rule, row)


def _other(rule: Rule, admitted: AdmittedResults) -> str:
    return rule.of or teacher_of(admitted.manifest.systems)


def _measure(rule: Rule, admitted: AdmittedResults) -> AdmittedMeasure:
    return next(m for m in admitted.measures if m.measure.metric == rule.metric)


def _scale(rule: Rule, admitted: AdmittedResults) -> float:
    measure = _measure(rule, admitted).measure
    return measure.upper - measure.lower


def _check_baseline(rules: Sequence[Rule], comparison: Comparison | None) -> None:
    for rule in rules:
        if rule.ask is Ask.LOSES_AT_MOST and comparison is None:
            raise ConfigError(
                f"{rule.place}: 'loses_at_most' is asked against an earlier run; name it: "
                "judge gate RUN --baseline RUN"
            )
