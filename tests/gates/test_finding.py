from dataclasses import replace

import pytest

from judge.gates.finding import (
    Finding,
    GateResult,
    GateStatus,
    decided,
    finding_of_estimate,
    finding_of_kept,
)
from judge.gates.rule import Ask, Rule
from judge.reports.keeping import Kept
from judge.stats.estimate import Estimate, Undefined

RULE = Rule(metric="m", system="small", ask=Ask.AT_LEAST, bound=0.8)
FOUND = Estimate(value=0.9, low=0.85, high=0.95, level=0.95, n=100, n_clusters=100, method="t")
PASS, FAIL, OPEN = GateStatus.PASS, GateStatus.FAIL, GateStatus.INCONCLUSIVE


@pytest.mark.parametrize(
    ("ask", "bound", "status"),
    [
        (Ask.AT_LEAST, 0.8, PASS),
        (Ask.AT_LEAST, 0.9, OPEN),
        (Ask.AT_LEAST, 0.97, FAIL),
        (Ask.AT_MOST, 0.97, PASS),
        (Ask.AT_MOST, 0.9, OPEN),
        (Ask.AT_MOST, 0.8, FAIL),
    ],
)
def test_a_rule_holds_where_the_whole_interval_says_so(
    ask: Ask, bound: float, status: GateStatus
) -> None:
    rule = replace(RULE, ask=ask, bound=bound)

    (finding,) = decided([finding_of_estimate(rule, "overall", FOUND)])

    assert finding.status is status


@pytest.mark.parametrize(("lost", "status"), [(0.0, OPEN), (0.03, OPEN), (0.1, PASS)])
def test_a_loss_is_allowed_up_to_its_bound(lost: float, status: GateStatus) -> None:
    change = replace(FOUND, value=0.0, low=-0.05, high=0.05)
    rule = replace(RULE, ask=Ask.LOSES_AT_MOST, bound=lost)

    (finding,) = decided([finding_of_estimate(rule, "overall", change)])

    assert finding.status is status


@pytest.mark.parametrize(
    ("bound", "shifts", "status"),
    [(0.8, (-0.1, 0.0), OPEN), (0.97, (0.0, 0.1), OPEN), (0.8, (-0.01, 0.1), PASS)],
)
def test_a_rule_must_hold_whatever_the_missing_scores_are(
    bound: float, shifts: tuple[float, float], status: GateStatus
) -> None:
    found = finding_of_estimate(replace(RULE, bound=bound), "overall", FOUND, shifts=shifts)

    (finding,) = decided([found])

    assert finding.status is status
    assert (finding.low, finding.high) == (FOUND.low + shifts[0], FOUND.high + shifts[1])


def test_a_census_leaves_no_rule_open() -> None:
    census = replace(FOUND, low=0.9, high=0.9)
    at_bound, above = (replace(RULE, bound=bound) for bound in (0.9, 0.91))

    held, lost = decided(
        [finding_of_estimate(rule, "overall", census) for rule in (at_bound, above)]
    )

    assert (held.status, lost.status) == (PASS, FAIL)


def test_slices_share_one_level_and_the_whole_set_has_its_own() -> None:
    barely = replace(FOUND, value=0.852, low=0.801, high=0.903)
    slices = ["overall", "a=1", "a=2"]

    found = decided([finding_of_estimate(RULE, name, barely) for name in slices])
    alone = decided([finding_of_estimate(RULE, name, barely) for name in slices[:2]])

    assert [finding.status for finding in found] == [PASS, OPEN, OPEN]
    assert [finding.status for finding in alone] == [PASS, PASS]


def test_a_share_that_is_kept_carries_its_reasons_and_what_would_settle_it() -> None:
    row = Kept(metric="m", student="small", teacher="big", slice="overall", margin=0.9)
    known = replace(
        row,
        share=FOUND,
        at_least=0.8,
        at_most=0.99,
        more_labels=Undefined(reason="none"),
        more_items=40,
        p_yes=0.3,
        p_no=0.7,
    )

    unknown, found = decided(
        [finding_of_kept(RULE, replace(row, reason="no labels")), finding_of_kept(RULE, known)]
    )

    assert (unknown.status, unknown.reason, unknown.estimate) == (OPEN, "no labels", None)
    assert (found.status, found.more_labels, found.more_items) == (OPEN, 0, 40)
    assert (found.low, found.high) == (0.8, 0.99)
    assert "cannot be told" in finding_of_kept(RULE, replace(known, at_least=None)).reason


@pytest.mark.parametrize(
    ("statuses", "status"),
    [
        ((PASS, PASS), PASS),
        ((PASS, OPEN), OPEN),
        ((PASS, OPEN, FAIL), FAIL),
        ((), OPEN),
    ],
)
def test_a_gate_passes_where_every_rule_holds(
    statuses: tuple[GateStatus, ...], status: GateStatus
) -> None:
    findings = tuple(Finding(rule=RULE, slice="overall", status=one) for one in statuses)

    result = GateResult(
        run_id="r", name="n", baseline="", config="c", findings=findings, complete=True
    )

    assert result.status is status
