import json
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from judge.render.examples import LONGEST_TEXT, chosen, examples_script
from judge.reports.report import Report, SaidByPeople
from judge.reports.worth import Reasons, worth_a_look

ReportOf = Callable[..., Report]


def _reasons(report: Report) -> list[Reasons]:
    return worth_a_look(report.examples, measures=report.manifest.measures, teacher=report.teacher)


def test_the_examples_most_worth_a_look_come_first(report_of: ReportOf) -> None:
    report = report_of({"adherence.strict": {"teacher": [1.0] * 3, "student": [1.0, 0.0, 1.0]}})

    places = chosen(report, _reasons(report))

    assert len(places) == 6
    assert report.examples[places[0]].record.item_id == "i1"


def test_of_too_many_the_worst_of_each_part_are_kept_and_some_that_are_right(
    report_of: ReportOf,
) -> None:
    wrong: Sequence[float] = [0.0] * 300 + [1.0] * 300
    slices = [{"kind": "rare" if place >= 590 else "common"} for place in range(600)]
    report = report_of({"adherence.strict": {"a": wrong, "b": [1.0] * 600}}, slices=slices)
    reasons = _reasons(report)

    places = chosen(report, reasons, most=200)

    kept = [report.examples[place].record for place in places]
    of_parts = {(record.system, record.slices["kind"]) for record in kept}
    right = sum(not any(reasons[place].values()) for place in places)
    assert len(places) == len(set(places)) == 200
    assert of_parts == {("a", "common"), ("a", "rare"), ("b", "common"), ("b", "rare")}
    assert 30 < right < 120
    assert places == chosen(report, reasons, most=200)


def test_long_texts_are_cut_and_leave_room_for_fewer(report_of: ReportOf) -> None:
    text = "x" * (LONGEST_TEXT + 1000)

    report = report_of({"adherence.strict": {"s": [1.0] * 200}}, text=text)
    found = json.loads(examples_script(report))

    outputs = [record[2] for record in found["records"]]
    assert found["total"] == 200
    assert 100 < len(outputs) < 200
    assert outputs[0].endswith("x\n[... 1,000 more characters]")


def test_the_data_cannot_end_their_script(report_of: ReportOf, hostile: Sequence[str]) -> None:
    for text in ("</script><script>alert(1)</script>", "<!--<script>", *hostile):
        report = report_of({"equivalence.reference": {"s": [1.0, 0.0]}}, text=text, name=text)

        script = examples_script(report)

        assert script.isascii()
        assert "<" not in script
        assert [record[2] for record in json.loads(script)["records"]] == [text, text]


def test_what_people_said_otherwise_than_the_judge_comes_first(report_of: ReportOf) -> None:
    report = report_of({"equivalence.reference": {"s": [0.0, 1.0, 1.0]}})
    said = [None, "equivalent", "different"]
    examples = [
        replace(
            example,
            people={"equivalence.reference": SaidByPeople(label=label, constructed=True)}
            if label
            else {},
        )
        for example, label in zip(report.examples, said, strict=True)
    ]

    shown = json.loads(examples_script(replace(report, examples=tuple(examples))))

    scores = [score for _, _, _, (score,) in shown["records"]]
    assert [score.get("people") for score in scores] == ["different", None, "equivalent"]
    assert scores[0]["reasons"] == ["people"]
    assert scores[0]["constructed"]


@pytest.mark.parametrize("trusted", [True, False])
def test_a_verdict_of_a_judge_without_a_certificate_is_marked(
    report_of: ReportOf, *, trusted: bool
) -> None:
    cells = {"equivalence.reference": {"s": [1.0] * 30}}
    report = report_of(cells) if trusted else report_of(cells, standing=None)

    (_, _, _, (score,)), *_ = json.loads(examples_script(report))["records"]

    assert score.get("untrusted", False) is not trusted
    assert score["label"] == "equivalent"
