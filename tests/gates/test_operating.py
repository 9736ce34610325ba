from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import pytest

from judge.gates.finding import Finding
from judge.gates.gate import gate
from judge.gates.operating import operation_metrics
from judge.gates.rule import Ask, Rule
from judge.records.production import Conditions, Produced, Production
from judge.results.terms import DecisionTerms, Unscored
from judge.trust.admission import AdmittedResults
from tests.reports.changed_records import with_records
from tests.reports.conftest import _admitted as made
from tests.reports.paired_sides import FACT

N = 400
TIMES = np.random.default_rng(3).lognormal(sigma=0.3, size=N)
CARD = Conditions(hardware="1 x H100", batch="8 at once")
RULE = Rule(
    metric="operations.latency_ms.p95",
    system="student",
    ask=Ask.AT_MOST,
    bound=250.0,
    place="judge.yaml line 9: gate.0",
)
SAVES = replace(RULE, metric="operations.latency_ms", ask=Ask.SAVES_AT_LEAST, bound=0.7)


@pytest.fixture(scope="module")
def run() -> AdmittedResults:
    halves = [{"kind": "mail" if place < N // 2 else "chat"} for place in range(N)]
    found = made((FACT, {"teacher": [1.0] * N, "student": [1.0] * N}), slices=halves)
    return with_records(found, (replace(record, output="said") for record in found.records))


def _production(
    system: str,
    one: Callable[[int], Produced],
    *,
    conditions: Conditions = CARD,
) -> Production:
    outputs = {f"i{place}": one(place) for place in range(N)}
    return Production(system=system, conditions=conditions, outputs=outputs)


def _timed(scale: float) -> Callable[[int], Produced]:
    return lambda place: Produced(latency_ms=100 * scale * TIMES[place], cost=0.002 * scale)


def _shuffled(place: int) -> Produced:
    """As long as `_timed(1)` in all, on other items."""
    return Produced(latency_ms=100 * TIMES[place - 1], cost=0.002)


BOTH = (_production("teacher", _timed(4.0)), _production("student", _timed(1.0)))


def _finding(run: AdmittedResults, rule: Rule, productions: tuple[Production, ...]) -> Finding:
    (finding,) = gate(run, [rule], productions=productions).findings
    return finding


@pytest.mark.parametrize(("bound", "status"), [(250, "pass"), (165, "inconclusive"), (120, "fail")])
def test_a_percentile_of_the_latency_is_held_against_a_bound_by_its_limits(
    bound: float, status: str, run: AdmittedResults
) -> None:
    finding = _finding(run, replace(RULE, bound=bound), BOTH)

    assert finding.status.value == status
    assert finding.estimate is not None
    assert finding.estimate.value == np.sort(100 * TIMES)[379]


def test_a_rule_can_ask_it_of_a_slice(run: AdmittedResults) -> None:
    finding = _finding(run, replace(RULE, slices=("kind=mail",)), BOTH)

    assert finding.estimate is not None
    assert (finding.estimate.n, finding.status.value) == (N // 2, "pass")


@pytest.mark.parametrize(("bound", "status"), [(0.7, "pass"), (0.8, "fail")])
def test_a_student_that_takes_a_quarter_saves_three(
    bound: float, status: str, run: AdmittedResults
) -> None:
    student = _production("student", _shuffled)

    finding = _finding(run, replace(SAVES, bound=bound), (BOTH[0], student))

    assert finding.status.value == status
    assert finding.estimate is not None
    assert finding.estimate.value == pytest.approx(0.75)
    assert finding.reason == ""


def test_a_saving_of_time_on_other_hardware_says_so_and_one_of_money_does_not(
    run: AdmittedResults,
) -> None:
    there = Conditions(hardware="1 x L4", batch="8 at once")
    productions = (BOTH[0], _production("student", _shuffled, conditions=there))

    time, money = (
        _finding(run, replace(SAVES, metric=f"operations.{name}"), productions)
        for name in ("latency_ms", "cost")
    )

    assert "other hardware: teacher ran on '1 x H100'" in time.reason
    assert money.reason == ""


def test_one_price_for_every_output_is_known_exactly(run: AdmittedResults) -> None:
    rule = replace(RULE, metric="operations.cost_per_1000", bound=2.0)

    at_it = _finding(run, rule, BOTH)
    under = _finding(run, replace(rule, bound=1.9), BOTH)
    saved = _finding(run, replace(SAVES, metric="operations.cost", bound=0.75), BOTH)

    assert at_it.estimate is not None
    assert (at_it.low, at_it.high, at_it.estimate.method) == (2.0, 2.0, "the same in each output")
    assert [one.status.value for one in (at_it, under, saved)] == ["pass", "fail", "pass"]


@pytest.mark.parametrize(
    ("unscored", "status"), [(Unscored.BOUNDS, "inconclusive"), (Unscored.SET_ASIDE, "pass")]
)
def test_outputs_that_do_not_say_what_they_took_leave_a_rule_open_unless_set_aside(
    unscored: Unscored, status: str, run: AdmittedResults
) -> None:
    some = _production("student", lambda place: _timed(1.0)(place) if place else Produced())
    manifest = replace(run.manifest, terms=DecisionTerms(unscored=unscored))

    finding = _finding(replace(run, manifest=manifest), RULE, (BOTH[0], some))

    assert finding.status.value == status
    assert finding.reason.startswith("1 of 400 outputs do not say it")


def test_an_output_that_was_not_made_took_nothing(run: AdmittedResults) -> None:
    lost = run.records[-1].key
    records = (
        replace(record, output=None) if record.key == lost else record for record in run.records
    )
    failed = Produced(error="unavailable: no answer")
    some = _production("student", lambda place: _timed(1.0)(place) if place < N - 1 else failed)

    finding = _finding(with_records(run, records), RULE, (BOTH[0], some))

    assert finding.estimate is not None
    assert (finding.estimate.n, finding.status.value, finding.reason) == (N - 1, "pass", "")


@pytest.mark.parametrize("rule", [RULE, SAVES], ids=["at_most", "saves_at_least"])
@pytest.mark.parametrize(
    "known",
    [
        {},
        {
            "student": _production(
                "student", lambda place: _timed(1.0)(place) if place < 9 else Produced()
            )
        },
    ],
    ids=["nothing", "few"],
)
def test_what_nothing_or_little_is_known_of_is_inconclusive_with_the_reason(
    rule: Rule, known: Mapping[str, Production], run: AdmittedResults
) -> None:
    finding = _finding(run, rule, tuple(known.values()))

    assert finding.status.value == "inconclusive"
    assert "outputs say what they took, 20 are needed" in finding.reason


def test_each_ask_has_its_own_metrics() -> None:
    assert "operations.latency_ms.p99" in operation_metrics(Ask.AT_LEAST)
    assert "operations.cost" in operation_metrics(Ask.SAVES_AT_LEAST)
    assert "operations.cost" not in operation_metrics(Ask.AT_MOST)
    assert operation_metrics(Ask.RETAINS) == []
