from collections.abc import Callable

from judge.records.record import Target
from judge.reports.report import examples_of
from judge.reports.worth import by_concern, worth_a_look
from judge.results.outcome import FateCode
from judge.results.run import Measure
from judge.trust.admission import AdmittedResults
from tests.reports.paired_sides import JUDGED

Maker = Callable[..., AdmittedResults]
ALIKE = Measure(
    scorer="similarity",
    target=Target.REFERENCE,
    judged=False,
    criterion="similarity",
    lower=-1.0,
    upper=1.0,
    identity={"embedder": "x"},
)


def test_a_low_a_missing_a_doubted_and_a_lost_score_are_worth_a_look(admitted: Maker) -> None:
    cells = {
        "teacher": [1.0] * 5,
        "student": [1.0, 0.0, FateCode.JUDGE_REFUSED, (1.0, "fence_look_alike"), "no schema"],
    }
    examples = examples_of(admitted((JUDGED, cells)))

    found = worth_a_look(examples, measures=[JUDGED], teacher="teacher")

    assert [one[JUDGED.metric] for one in found[5:]] == [
        [],
        ["low", "teacher"],
        ["missing"],
        ["flagged"],
        [],
    ]
    assert by_concern(found)[0] == 6


def test_of_scores_without_a_scale_of_right_and_wrong_the_lowest_tenth_is_low(
    admitted: Maker,
) -> None:
    values = [place / 100 for place in range(100)]
    examples = examples_of(admitted((ALIKE, {"student": values})))

    found = worth_a_look(examples, measures=[ALIKE], teacher="")

    assert [bool(one[ALIKE.metric]) for one in found] == [True] * 10 + [False] * 90
