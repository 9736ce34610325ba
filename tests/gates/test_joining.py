from collections.abc import Sequence
from dataclasses import replace

import pytest

from judge.gates.finding import Finding
from judge.gates.gate import gate
from judge.gates.joining import together
from judge.gates.rule import Ask, Rule
from judge.reports.evidence import Basis
from judge.results.outcome import Fate, FateCode, NotApplicable, Outcome, Score
from judge.results.terms import DecisionTerms, Unscored
from judge.trust.admission import AdmittedResults
from tests.reports.conftest import Cell
from tests.reports.conftest import _admitted as made
from tests.reports.paired_sides import FACT, JUDGED

LOST = FateCode.JUDGE_REFUSED
LEAST = {FACT.metric: 1.0, JUDGED.metric: 1.0}
RULE = Rule(
    metric="both",
    together=LEAST,
    system="student",
    ask=Ask.AT_LEAST,
    bound=0.8,
    place="judge.yaml line 9: gate.0",
)
N = 100


def _run(
    facts: Sequence[Cell], verdicts: Sequence[Cell], *, believed: bool = True
) -> AdmittedResults:
    cells = ({"teacher": [1.0] * len(facts), "student": found} for found in (facts, verdicts))
    columns = zip((FACT, JUDGED), cells, strict=True)
    return made(*columns) if believed else made(*columns, standing=None)


def _finding(run: AdmittedResults, rule: Rule = RULE) -> Finding:
    (finding,) = gate(run, [rule]).findings
    return finding


@pytest.mark.parametrize(
    ("fact", "verdict", "said"),
    [
        (1.0, 1.0, "enough"),
        (1.0, 0.0, "short"),
        (0.0, 1.0, "short"),
        (0.0, LOST, "short"),
        (0.0, (1.0, "instruction_like"), "short"),
        (1.0, LOST, "judge_refused"),
        (1.0, (1.0, "instruction_like"), "enough in doubt"),
        (1.0, (0.0, "instruction_like"), "short in doubt"),
        ("no schema", 1.0, "enough"),
        ("no schema", 0.0, "short"),
        ("no schema", "no reference", "does not apply"),
    ],
)
def test_a_record_has_enough_of_all_or_is_short_of_one_or_nobody_knows(
    fact: Cell, verdict: Cell, said: str
) -> None:
    run = _run([fact], [verdict])

    found = together(run.measures, LEAST).outcomes[run.records[1].key]

    assert run.records[1].system == "student"
    assert _words(found) == said


def _words(found: Outcome) -> str:
    if isinstance(found, NotApplicable):
        return "does not apply"
    if isinstance(found, Fate):
        return found.code.value
    assert isinstance(found, Score)
    return f"{found.label}{' in doubt' if found.flags else ''}"


def test_two_metrics_that_hold_apart_can_fail_together() -> None:
    # Each holds on 85 of 100 records, both on 70.
    run = _run([0.0] * 15 + [1.0] * 85, [1.0] * 85 + [0.0] * 15)

    both = _finding(run, replace(RULE, bound=0.8))
    apart = [
        _finding(run, replace(RULE, together={name: 1.0}, bound=0.75)).status.value
        for name in LEAST
    ]

    assert both.estimate is not None
    assert (both.estimate.value, both.estimate.n, both.status.value) == (0.7, N, "fail")
    assert both.basis is Basis.JUDGE
    assert apart == ["pass", "pass"]


def test_a_share_of_the_teachers_is_kept_of_both_together() -> None:
    run = _run([1.0] * N, [1.0] * 98 + [0.0] * 2)

    finding = _finding(run, replace(RULE, ask=Ask.RETAINS, bound=0.9))

    assert finding.estimate is not None
    assert (finding.status.value, round(finding.estimate.value, 2)) == ("pass", 0.98)


@pytest.mark.parametrize("ask", [Ask.AT_LEAST, Ask.RETAINS])
def test_one_judge_that_is_not_believed_leaves_the_rule_open_and_says_whose(ask: Ask) -> None:
    run = _run([1.0] * N, [1.0] * N, believed=False)

    finding = _finding(run, replace(RULE, ask=ask))

    assert (finding.status.value, finding.estimate) == ("inconclusive", None)
    assert finding.reason.startswith(f"{JUDGED.metric}: judge unvalidated")


@pytest.mark.parametrize(
    ("unscored", "status"),
    [
        (Unscored.BOUNDS, "inconclusive"),
        (Unscored.LOWEST, "fail"),
        (Unscored.SET_ASIDE, "pass"),
    ],
)
def test_a_missing_verdict_counts_as_was_declared(unscored: Unscored, status: str) -> None:
    run = _run([1.0] * N, [1.0] * 60 + [LOST] * 40)
    manifest = replace(run.manifest, terms=DecisionTerms(unscored=unscored))

    assert _finding(replace(run, manifest=manifest)).status.value == status
