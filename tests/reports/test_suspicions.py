from collections.abc import Callable

import numpy as np

from judge.records.record import Target
from judge.reports.suspicions import Pattern, Seen, suspicion
from judge.results.run import SIMILARITY, Measure
from judge.stats.estimate import Undefined
from judge.stats.excess import excess
from judge.testing import judged_measure
from judge.trust.admission import AdmittedResults

JUDGED = judged_measure()
ALIKE = Measure(
    scorer=SIMILARITY,
    target=Target.REFERENCE,
    judged=False,
    criterion="similarity",
    lower=-1.0,
    upper=1.0,
    identity={"embedder": "x"},
)
CELLS = {"teacher": [1.0] * 30, "student": [0.0] * 30}


def test_a_believed_judge_says_what_is_right_before_similarity_does(
    admitted: Callable[..., AdmittedResults],
) -> None:
    seen = Seen(admitted((ALIKE, CELLS), (JUDGED, CELLS)))

    assert seen.quality is not None
    assert seen.quality.measure.metric == "equivalence.reference"


def test_a_judge_that_is_not_believed_says_nothing(
    admitted: Callable[..., AdmittedResults],
) -> None:
    seen = Seen(admitted((JUDGED, CELLS), standing=None))

    assert seen.quality is None
    assert seen.values(seen.measure("equivalence", Target.REFERENCE), "student") == {}


def test_values_stand_on_a_scale_from_0_to_1(admitted: Callable[..., AdmittedResults]) -> None:
    seen = Seen(admitted((ALIKE, CELLS)))

    assert set(seen.values(seen.quality, "student").values()) == {0.5}


def test_few_items_are_nothing_to_go_by(admitted: Callable[..., AdmittedResults]) -> None:
    seen = Seen(admitted((JUDGED, CELLS)))

    assert isinstance(seen.mean({"i0": 1.0}, over=0.0), Undefined)
    assert isinstance(seen.contrast({"i0": 1.0}, lambda _: True, over=0.0), Undefined)


def test_a_pattern_is_as_sure_as_its_weakest_part_and_needs_every_one() -> None:
    sure, unsure = (excess(np.ones(40), over=bound) for bound in (0.5, 0.95))
    parts = {"a": sure, "b": unsure}

    (found,) = suspicion(Pattern.COVERAGE_GAP, "s", parts, examples=["i1"] * 2 + list("abcdef"))

    assert not isinstance(unsure, Undefined)
    assert found.p_value == unsure.p_value.value
    assert found.examples == ("i1", "a", "b", "c", "d")
    assert suspicion(Pattern.COVERAGE_GAP, "s", {"a": Undefined(reason="x")}, examples=()) == []
