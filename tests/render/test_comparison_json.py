import json

from judge.render.comparison_json import comparison_json
from judge.reports.comparison import Comparison, compare
from tests.reports.two_runs import judged, run_of

N = 60
OLD, NEW = [f"old {k}" for k in range(N)], [f"new {k}" for k in range(N)]
VALUES = [1.0] * 20 + [0.0] * 40
BETTER = [1.0] * 40 + [0.0] * 20


def _same_judge() -> Comparison:
    before = run_of(
        judged(), {"student": VALUES}, texts={"student": OLD}, run_id="A", config="x: 1"
    )
    after = run_of(judged(), {"student": BETTER}, texts={"student": NEW}, run_id="B", config="x: 2")
    return compare(before, after)


def _another_judge() -> Comparison:
    second = judged("judge-2")
    before = run_of(judged(), {"student": VALUES}, texts={"student": OLD}, run_id="A")
    after = run_of(second, {"student": BETTER}, texts={"student": NEW}, run_id="B")
    return compare(before, after)


def test_the_json_of_a_withheld_row_has_a_reason_and_no_number() -> None:
    shown, withheld = (
        json.loads(comparison_json(found)) for found in (_same_judge(), _another_judge())
    )

    (row,) = shown["differences"]
    assert row["value"] == 20 / 60
    assert (row["before"], row["after"], row["finding"]) == (20 / 60, 40 / 60, "better")
    assert shown["findings"] == [
        {
            "metric": "equivalence.reference",
            "system": "student",
            "slice": "overall",
            "finding": "better",
        }
    ]
    (row,) = withheld["differences"]
    assert not row.keys() & {"value", "low", "high", "before", "after", "n_higher", "p_value"}
    assert "the judge is another one" in row["reason"]
    assert withheld["undecided"] is True
