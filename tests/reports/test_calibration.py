from collections.abc import Callable, Sequence

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss, log_loss

from judge.records.production import Conditions, Produced, Production
from judge.records.record import Target
from judge.reports.calibration import CalibrationRow, calibration_rows
from judge.reports.diagnosis import diagnosis
from judge.reports.evidence import Basis
from judge.reports.summary import Status
from judge.reports.suspicions import Pattern
from judge.results.outcome import FateCode
from judge.results.run import Measure
from judge.stats.calibration import BrierScore, CalibrationError
from judge.stats.estimate import Estimate, Undefined
from judge.testing import judged_measure
from judge.trust.admission import AdmittedResults

Maker = Callable[..., AdmittedResults]
EXACT = Measure(
    scorer="exact_match",
    target=Target.REFERENCE,
    judged=False,
    criterion="exact_match",
    lower=0.0,
    upper=1.0,
    identity={"words": "1"},
)


def _said(
    chances: Sequence[float | None] | NDArray[np.float64], *, system: str = "s"
) -> Production:
    return Production(
        system=system,
        conditions=Conditions(),
        outputs={
            f"i{place}": Produced(declared_confidence=None if one is None else float(one))
            for place, one in enumerate(chances)
        },
    )


def _simulated(
    seed: int, n: int, *, sharpened: float = 1.0, raised: float = 0.0
) -> tuple[NDArray[np.float64], list[float]]:
    """Return confidences, whose logits may be off, and right or wrong."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0.8, 1.2, size=n)
    right = (rng.random(n) < 1 / (1 + np.exp(-logits))).astype(float)
    return 1 / (1 + np.exp(-sharpened * logits - raised)), right.tolist()


def _row(rows: Sequence[CalibrationRow], name: str = "overall") -> CalibrationRow:
    return next(row for row in rows if row.slice == name)


def _error(found: object) -> Estimate:
    assert isinstance(found, CalibrationError), found
    return found.error


def test_the_figures_are_those_of_scikit_learn(admitted: Maker) -> None:
    chances, right = _simulated(1, 400)

    row = _row(calibration_rows(admitted((EXACT, {"s": right})), [_said(chances)]))

    assert row.status is Status.SHOWN
    assert row.figures is not None
    assert isinstance(row.figures.brier, BrierScore)
    assert isinstance(row.figures.brier.score, Estimate)
    assert isinstance(row.figures.log_loss, Estimate)
    assert row.figures.brier.score.value == pytest.approx(brier_score_loss(right, chances))
    assert row.figures.log_loss.value == pytest.approx(log_loss(right, chances))
    seen, said = calibration_curve(right, chances, n_bins=10, strategy="quantile")
    assert [one.mean_probability for one in row.figures.curve] == pytest.approx(said.tolist())
    shares = [one.observed.value for one in row.figures.curve if isinstance(one.observed, Estimate)]
    assert shares == pytest.approx(seen.tolist())
    error = _error(row.figures.error)
    assert error.value == pytest.approx(float(np.mean(np.abs(seen - said))))


def test_brier_and_how_sure_a_system_is_are_those_worked_by_hand(admitted: Maker) -> None:
    # 30 at .9, of which 24 are right, and 10 at .5, of which 4: squares .01, .81, .25.
    chances = [0.9] * 30 + [0.5] * 10
    right = [1.0] * 24 + [0.0] * 6 + [1.0] * 4 + [0.0] * 6

    row = _row(calibration_rows(admitted((EXACT, {"s": right})), [_said(chances)]))

    assert row.figures is not None
    assert isinstance(row.figures.brier, BrierScore)
    assert isinstance(row.figures.brier.score, Estimate)
    assert row.figures.brier.score.value == pytest.approx((24 * 0.01 + 6 * 0.81 + 10 * 0.25) / 40)
    assert row.figures.brier.reliability == pytest.approx(0.75 * 0.1**2 + 0.25 * 0.1**2)
    assert row.figures.brier.uncertainty == pytest.approx(0.7 * 0.3)
    assert isinstance(row.excess, Estimate)
    assert row.excess.value == pytest.approx(0.8 - 0.7)
    assert _error(row.figures.error).value == pytest.approx(0.1)


def test_a_system_that_is_too_sure_is_put_right_by_a_temperature(admitted: Maker) -> None:
    chances, right = _simulated(2, 1000, sharpened=3)

    row = _row(calibration_rows(admitted((EXACT, {"s": right})), [_said(chances)]))

    assert row.figures is not None
    before = _error(row.figures.error)
    after = row.recalibrated["temperature"]
    assert not isinstance(after, Undefined)
    assert before.low > 0.05
    assert _error(after.figures.error).low == 0
    assert isinstance(after.brier_change, Estimate)
    assert after.brier_change.high < 0
    assert row.recalibrated.keys() == {"temperature", "platt", "isotonic"}


def test_a_slice_is_measured_with_the_fit_to_all_items(admitted: Maker) -> None:
    chances, right = _simulated(3, 400, sharpened=3)
    slices = [{"topic": "a" if place % 2 else "b"} for place in range(400)]
    results = admitted((EXACT, {"s": right}), slices=slices)

    rows = calibration_rows(results, [_said(chances)])

    assert [row.slice for row in rows] == ["overall", "topic=b", "topic=a"]
    whole, parts = rows[0], rows[1:]
    for row in parts:
        assert (row.n, row.status) == (200, Status.SHOWN)
    changes = []
    for row in rows:
        after = row.recalibrated["platt"]
        assert not isinstance(after, Undefined)
        assert isinstance(after.brier_change, Estimate)
        changes.append(after.brier_change.value)
    assert whole.n == 400
    assert changes[0] == pytest.approx((changes[1] + changes[2]) / 2)


def test_nothing_is_dropped_silently(admitted: Maker) -> None:
    chances, right = _simulated(4, 100)
    cells: list[object] = [*right]
    cells[:10] = [FateCode.OUTPUT_MISSING] * 10
    said = [None if 10 <= place < 30 else one for place, one in enumerate(chances.tolist())]

    row = _row(calibration_rows(admitted((EXACT, {"s": cells})), [_said(said)]))

    assert (row.n_records, row.n_confident, row.n) == (100, 80, 70)
    assert row.coverage == 0.7


def test_what_is_too_little_to_tell_is_insufficient_with_its_reason(admitted: Maker) -> None:
    few = [None] * 90 + [0.5] * 10
    right = [1.0, 0.0] * 50

    row = _row(calibration_rows(admitted((EXACT, {"s": right})), [_said(few)]))
    sure = _row(
        calibration_rows(admitted((EXACT, {"s": [1.0] * 97 + [0.0] * 3})), [_said([0.9] * 100)])
    )

    assert (row.status, row.figures) == (Status.INSUFFICIENT, None)
    assert row.reason.startswith("10 outputs with a confidence")
    assert (sure.status, sure.figures) == (Status.INSUFFICIENT, None)
    assert sure.reason == "97 right and 3 wrong, 5 of each are needed"


def test_a_judge_without_a_certificate_gives_no_number(admitted: Maker) -> None:
    chances, right = _simulated(5, 200)
    results = admitted((judged_measure(), {"s": right}), standing=None)

    row = _row(calibration_rows(results, [_said(chances)]))

    assert (row.status, row.basis, row.n) == (Status.UNDEFINED, None, 0)
    assert row.figures is None
    assert row.right is None
    assert "judge unvalidated" in row.reason


def test_a_fact_stands_in_for_a_judge_that_is_not_believed(admitted: Maker) -> None:
    chances, right = _simulated(6, 200)
    wrong = [1 - one for one in right]
    columns = ((judged_measure(), {"s": wrong}), (EXACT, {"s": right}))

    doubted = _row(calibration_rows(admitted(*columns, standing=None), [_said(chances)]))
    believed = _row(calibration_rows(admitted(*columns), [_said(chances)]))

    assert (doubted.basis, doubted.metric) == (Basis.SCORER, EXACT.metric)
    assert (believed.basis, believed.metric) == (Basis.JUDGE, judged_measure().metric)


def test_systems_that_do_not_say_how_sure_they_are_have_no_row(admitted: Maker) -> None:
    results = admitted((EXACT, {"teacher": [1.0, 0.0] * 20, "s": [1.0, 0.0] * 20}))
    silent = _said([None] * 40, system="teacher")

    assert calibration_rows(results, [silent]) == []
    assert [r.system for r in calibration_rows(results, [silent, _said([0.5] * 40)])] == ["s"]


def test_where_clusters_agree_the_limits_are_wider(admitted: Maker) -> None:
    chances, right = _simulated(7, 100)
    said, known = np.repeat(chances, 5), np.repeat(right, 5).tolist()
    names = [f"c{place // 5}" for place in range(500)]

    naive = _row(calibration_rows(admitted((EXACT, {"s": known})), [_said(said)]))
    honest = _row(calibration_rows(admitted((EXACT, {"s": known}), clusters=names), [_said(said)]))

    assert isinstance(naive.excess, Estimate)
    assert isinstance(honest.excess, Estimate)
    assert honest.excess.n_clusters == 100
    assert honest.excess.high - honest.excess.low > 2 * (naive.excess.high - naive.excess.low)


def _alarms(admitted: Maker, *, runs: int, n: int, raised: float = 0.0) -> tuple[float, float]:
    """Return how often the error's lower limit is above 0, and how often a diagnosis names it."""
    seen = named = 0
    for seed in range(runs):
        chances, right = _simulated(seed, n, raised=raised)
        results, said = admitted((EXACT, {"s": right})), [_said(chances)]
        row = _row(calibration_rows(results, said))
        assert row.figures is not None
        seen += _error(row.figures.error).low > 0
        found = diagnosis(results, productions=said)
        named += any(one.suspicion.pattern is Pattern.OVERCONFIDENT for one in found)
    return seen / runs, named / runs


def test_calibrated_systems_are_hardly_ever_called_too_sure(admitted: Maker) -> None:
    seen, named = _alarms(admitted, runs=40, n=200)

    assert seen <= 0.1
    assert named == 0
    assert _alarms(admitted, runs=10, n=400, raised=1.5) == (1.0, 1.0)


@pytest.mark.slow
@pytest.mark.parametrize("n", [100, 1000])
def test_calibrated_systems_are_not_called_too_sure_in_full(n: int, admitted: Maker) -> None:
    seen, named = _alarms(admitted, runs=2000, n=n)

    assert seen <= 0.035
    assert named <= 0.005
