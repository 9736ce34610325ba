from collections.abc import Callable

import pytest

from judge.records.record import Target
from judge.reports.divergence import divergence_rows
from judge.reports.summary import Status
from judge.results.divergence import CLASSES, Divergence
from judge.results.run import Measure
from judge.stats.divergence import TextDivergence
from judge.stats.estimate import Estimate
from judge.trust.admission import AdmittedResults

Maker = Callable[..., AdmittedResults]
N = 60
EXACT = Measure(
    scorer="exact_match",
    target=Target.REFERENCE,
    judged=False,
    criterion="exact_match",
    lower=0.0,
    upper=1.0,
    identity={"words": "1"},
)


def _text(js: float) -> TextDivergence:
    return TextDivergence(
        positions=1,
        jensen_shannon=js,
        jensen_shannon_at_most=js,
        kullback_leibler=4 * js,
        teacher_covered=1.0,
        student_covered=1.0,
    )


@pytest.fixture(scope="module")
def run(admitted: Maker) -> AdmittedResults:
    slices = [{"topic": "a" if place < 45 else "b"} for place in range(N)]
    cells = {"teacher": [1.0] * N, "s": [1.0] * N}
    return admitted((EXACT, cells), slices=slices)


def test_each_slice_has_the_mean_of_its_items_with_coverage(run: AdmittedResults) -> None:
    found = Divergence(
        student="s",
        teacher="teacher",
        over=CLASSES,
        items={f"i{place}": _text(0.1 if place % 2 else 0.3) for place in range(40)},
        refused={"i40": "other classes", "i59": "other classes"},
    )

    overall, a, b = divergence_rows(run, [found])

    assert (overall.n_records, overall.n, overall.positions) == (60, 40, 40)
    assert overall.coverage == pytest.approx(40 / 60)
    assert overall.refused == {"other classes": 2}
    assert overall.figures is not None
    js, kl = overall.figures.jensen_shannon, overall.figures.kullback_leibler
    assert isinstance(js, Estimate)
    assert isinstance(kl, Estimate)
    assert js.value == pytest.approx(0.2)
    assert kl.value == pytest.approx(0.8)
    assert js.low < 0.2 < js.high
    assert (a.slice, a.n, a.status) == ("topic=a", 40, Status.SHOWN)
    assert (b.slice, b.n, b.status, b.figures) == ("topic=b", 0, Status.INSUFFICIENT, None)
    assert b.reason == "0 items could be compared, 20 are needed"


def test_a_student_of_another_run_has_no_row(run: AdmittedResults) -> None:
    gone = Divergence(student="gone", teacher="teacher", over=CLASSES, items={}, refused={})

    assert divergence_rows(run, [gone]) == []
