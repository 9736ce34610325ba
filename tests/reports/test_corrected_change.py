import numpy as np
import pytest

from judge.reports.corrected_change import corrected_change
from judge.trust.admission import AdmittedResults
from tests.reports.two_runs import alike, judged, run_of

N = 400


def _pair(
    rng: np.random.Generator, shares: tuple[float, float]
) -> tuple[AdmittedResults, AdmittedResults]:
    runs = []
    labelled = rng.choice(N, size=120, replace=False)
    for place, share in enumerate(shares):
        truth = (rng.random(N) < share).astype(int)
        # A judge that passes four in ten of the wrong ones in the second run only.
        said = np.maximum(truth, rng.random(N) < 0.4 * place).astype(float)
        runs.append(
            run_of(
                judged(),
                {"student": said.tolist()},
                texts={"student": [f"{place} {k}" for k in range(N)]},
                labels={"student": {int(k): int(truth[k]) for k in labelled}},
            )
        )
    return runs[0], runs[1]


def test_a_judge_that_grew_lenient_does_not_move_the_difference_that_people_see() -> None:
    rng = np.random.default_rng(5)
    covered = 0
    for _ in range(60):
        before, after = _pair(rng, (0.6, 0.6))
        found = corrected_change(before.measures[0], after.measures[0], before.records, level=0.95)
        assert found is not None
        assert found.estimate is not None
        # The set's own difference is 0 give or take its own luck of .035.
        covered += found.estimate.low - 0.07 <= 0 <= found.estimate.high + 0.07
        assert found.estimate.value == pytest.approx(0, abs=0.25)

    assert covered >= 57


def test_a_metric_without_a_judge_is_not_corrected() -> None:
    run = run_of(alike(), {"student": [0.5] * 30}, texts={"student": ["a"] * 30})

    assert corrected_change(run.measures[0], run.measures[0], run.records, level=0.95) is None


def test_too_few_items_with_both_labels_are_no_number() -> None:
    labels = {"student": {k: k % 2 for k in range(19)}}
    run = run_of(
        judged(),
        {"student": [1.0] * 30},
        texts={"student": [f"t{k}" for k in range(30)]},
        labels=labels,
    )

    found = corrected_change(run.measures[0], run.measures[0], run.records, level=0.95)

    assert found is not None
    assert found.estimate is None
    assert found.reason.startswith("19 items with labels on the outputs of both runs")
