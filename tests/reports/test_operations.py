from collections.abc import Callable

import numpy as np
import pytest

from judge.records.production import Conditions, Produced, Production
from judge.records.record import Target
from judge.reports.operations import Operations, operations
from judge.results.run import Measure
from judge.stats.estimate import Estimate, Undefined
from judge.trust.admission import AdmittedResults

Maker = Callable[..., AdmittedResults]

N = 400
EXACT = Measure(
    scorer="exact_match",
    target=Target.REFERENCE,
    judged=False,
    criterion="exact_match",
    lower=0.0,
    upper=1.0,
    identity={"words": "1"},
)
FAST = Conditions(hardware="1 x H100", batch="8 at once")


def _production(system: str, scale: float, conditions: Conditions = FAST) -> Production:
    times = np.random.default_rng(3).lognormal(sigma=0.5, size=N)
    noise = np.random.default_rng(len(system)).lognormal(sigma=0.1, size=N)
    return Production(
        system=system,
        conditions=conditions,
        outputs={
            f"i{place}": Produced(
                latency_ms=100 * scale * times[place] * noise[place],
                output_tokens=10 + place % 7,
                cost=0.001 * scale * times[place] if place % 4 else None,
            )
            for place in range(N)
        },
    )


@pytest.fixture(scope="module")
def run(admitted: Maker) -> AdmittedResults:
    return admitted((EXACT, {"teacher": [1.0] * N, "s": [1.0, 0.0] * (N // 2)}))


def _found(run: AdmittedResults, *productions: Production) -> Operations:
    found = operations(run, productions)
    assert found is not None
    return found


def test_a_student_four_times_as_fast_saves_three_quarters_of_the_time(
    run: AdmittedResults,
) -> None:
    found = _found(run, _production("teacher", 1.0), _production("s", 0.25))

    (time,) = (row for row in found.saved if row.quantity == "time")
    for saved in (time.saved, time.typical):
        assert isinstance(saved, Estimate)
        assert saved.low < 0.75 < saved.high
        assert saved.high - saved.low < 0.02  # paired: the spread over items cancels
    assert found.warnings == ()


def test_percentiles_rise_and_hold_the_values_of_the_rows(run: AdmittedResults) -> None:
    row = _found(run, _production("teacher", 1.0), _production("s", 0.25)).rows[0]

    values = [one.value for one in row.latency_ms.values() if isinstance(one, Estimate)]
    assert len(values) == 3
    assert values == sorted(values)
    assert (row.n, row.n_timed, row.first_token_ms) == (N, N, {})


def test_an_unknown_cost_is_told_as_unknown_and_never_counted_as_0(run: AdmittedResults) -> None:
    silent = Production(system="s", conditions=FAST, outputs={"i1": Produced(latency_ms=1.0)})

    teacher, student = _found(run, _production("teacher", 1.0), silent).rows

    assert isinstance(teacher.cost_per_1000, Estimate)
    assert teacher.n_priced == N * 3 // 4
    assert teacher.cost_per_1000.value == pytest.approx(1.13, abs=0.1)
    assert (student.n_priced, student.cost_per_1000) == (0, None)


@pytest.mark.parametrize(
    ("conditions", "words"),
    [
        (Conditions(hardware="CPU", batch="8 at once"), "other hardware"),
        (Conditions(hardware="1 x H100", batch="1 at once"), "other batch settings"),
        (Conditions(hardware="1 x H100"), "nothing says the batch settings of s"),
    ],
)
def test_times_made_under_other_conditions_are_warned_of(
    conditions: Conditions, words: str, run: AdmittedResults
) -> None:
    found = _found(run, _production("teacher", 1.0), _production("s", 0.25, conditions))

    (warning,) = found.warnings
    assert warning.startswith(words)


def test_a_few_items_save_no_number(run: AdmittedResults) -> None:
    few = Production(system="s", conditions=FAST, outputs={"i1": Produced(latency_ms=1.0)})

    found = _found(run, _production("teacher", 1.0), few)

    (row,) = found.saved
    assert isinstance(row.saved, Undefined)
    assert isinstance(row.typical, Undefined)


def test_failed_outputs_are_counted_by_why(run: AdmittedResults) -> None:
    failed = {f"i{n}": Produced(error="judge_unavailable: attempt 1") for n in range(3)}

    found = _found(run, Production(system="s", conditions=FAST, outputs=failed))

    assert found.rows[1].failed == {"judge_unavailable": 3}
    assert found.saved == ()


def test_a_run_of_which_nothing_is_known_has_no_operations(run: AdmittedResults) -> None:
    assert operations(run, []) is None


def test_confidence_alone_says_nothing_of_what_a_system_takes(run: AdmittedResults) -> None:
    sure = Production(
        system="s",
        conditions=Conditions(),
        outputs={"i1": Produced(declared_confidence=0.5)},
    )

    assert operations(run, [sure]) is None
