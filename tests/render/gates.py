"""A gate of which one rule passed, one failed and one is open."""

from dataclasses import replace

from judge.gates.finding import Finding, GateResult, GateStatus
from judge.gates.rule import Ask, Rule
from judge.reports.evidence import Basis
from judge.stats.estimate import Estimate

FOUND = Estimate(value=0.94, low=0.91, high=0.97, level=0.95, n=300, n_clusters=300, method="t")
RULE = Rule(
    metric="equivalence.reference",
    system="small",
    ask=Ask.RETAINS,
    bound=0.9,
    place="judge.yaml line 9: gate.0",
    line=9,
)
PASSED = Finding(
    rule=RULE,
    slice="overall",
    status=GateStatus.PASS,
    estimate=FOUND,
    low=0.91,
    high=0.97,
    basis=Basis.LABELS,
)
FAILED = Finding(
    rule=replace(RULE, metric="adherence.strict", ask=Ask.AT_LEAST, bound=0.99, line=12),
    slice="kind=mail",
    status=GateStatus.FAIL,
    estimate=FOUND,
    low=0.91,
    high=0.97,
)
OPEN = replace(PASSED, status=GateStatus.INCONCLUSIVE, more_items=1200, reason="100 % sure? no")
LOSS = replace(PASSED, rule=replace(RULE, ask=Ask.LOSES_AT_MOST, bound=0.02))
UNKNOWN = Finding(
    rule=replace(RULE, ask=Ask.AT_MOST, of=""), slice="overall", reason="judge unvalidated"
)


def result_of(*findings: Finding, name: str = "mail") -> GateResult:
    """Return a gate with these findings."""
    return GateResult(
        run_id="r1",
        name=name,
        baseline="r0",
        config="judge.yaml",
        findings=findings,
        complete=True,
    )
