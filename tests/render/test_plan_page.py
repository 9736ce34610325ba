import json

from judge.records.planned import PlannedRow
from judge.records.record import RecordKey, Target
from judge.render.page import Page
from judge.render.plan_page import plan_json, plan_page
from judge.stats.estimate import Undefined
from judge.testing import judged_measure
from judge.trust.needs import Aim, Need, Rates
from judge.trust.planning import LabelPlan

NEEDS = (
    Need(aim=Aim.HALF_WIDTH, of="student", wanted=0.05, alone=246, with_judge=151),
    Need(
        aim=Aim.MARGIN,
        of="student",
        wanted=0.9,
        alone=150,
        with_judge=Undefined(reason="planned for pass or fail only"),
    ),
    Need(
        aim=Aim.STANDING,
        of="",
        wanted=0.6,
        alone=Undefined(reason="a standing is the judge's own"),
        with_judge=Undefined(reason="impossible here"),
    ),
)


def _plan(*, rates: Rates | None = None, kept: int = 1, min_items: int = 4) -> LabelPlan:
    return LabelPlan(
        measure=judged_measure(),
        rows=tuple(
            PlannedRow(
                task=f"t{number}",
                key=RecordKey(item_id=f"i{number}", system="student"),
                criterion="equivalence",
                target=Target.REFERENCE,
                output_hash="hash",
                stratum="student / equivalent",
                inclusion_probability=(number + 1) / 8,
                kept={"ada": "equivalent"} if number < kept else {},
            )
            for number in range(4)
        ),
        outputs={"student": 40},
        needs=NEEDS,
        margins={"student": 0.875},
        rates=rates or Rates(),
        min_items=min_items,
        raters=("ada", "ben"),
        seconds_per_label=90,
    )


def _said(page: Page, title: str) -> str:
    (section,) = [section for section in page.sections if section.title == title]
    cells = [" | ".join(row) for table in section.tables for row in table.rows]
    return "\n".join([*section.lines, *cells])


def test_a_plan_says_what_each_aim_takes_and_why_one_cannot_be_had() -> None:
    said = _said(plan_page(_plan(), name="mail", steps=[]), "What it takes")

    assert "student to +/- 0.050 | 246 | 151" in said
    assert "student keeps 90.0 % of the teacher (items, both labelled) | 150 | -" in said
    assert "a trusted judge: informedness at least 0.600 | - | -" in said
    assert "(items, both labelled): planned for pass or fail only" in said
    assert "informedness at least 0.600: impossible here" in said
    assert "a standing is the judge's own" not in said


def test_a_plan_says_whether_anybody_measured_the_judge() -> None:
    measured = Rates(sensitivity=0.91, specificity=0.82, certificate="abc")

    assumed, found = (
        _said(plan_page(_plan(rates=rates), name="mail", steps=[]), "What it takes")
        for rates in (None, measured)
    )

    assert (
        "nobody has measured this judge; assumed: sensitivity 0.850, specificity 0.850" in assumed
    )
    assert "as certificate abc found it: sensitivity 0.910, specificity 0.820" in found


def test_a_plan_says_what_it_asks_of_whom_and_for_how_long() -> None:
    page = plan_page(_plan(), name="mail", steps=["wrote it"])

    said = _said(page, "This plan")

    assert page.title == "mail: labels by people for equivalence.reference"
    assert (
        "4 outputs on 4 items drawn, with chances of 0.125 to 0.500; 1 of them keep the label"
        in said
    )
    assert "7 labels asked of ada, ben: about 0.2 hours at 90 s a label" in said
    assert "if it is as good as the teacher, these labels could show that it keeps 87.5 %" in said
    assert "student | 40 | 4" in said
    assert _said(page, "Next") == "wrote it"


def test_a_plan_of_too_few_items_for_a_standing_says_so() -> None:
    enough, too_few = (
        _said(plan_page(_plan(min_items=least), name="mail", steps=[]), "This plan")
        for least in (4, 5)
    )

    assert "too few items" not in enough
    assert "too few items for a trusted judge: 5 are needed" in too_few


def test_neither_page_nor_json_says_how_many_outputs_the_judge_passed() -> None:
    page = plan_page(_plan(), name="mail", steps=[])
    said = "".join(_said(page, section.title) for section in page.sections)
    body = plan_json(_plan(), files={})

    assert "equivalent" not in said
    assert b"equivalent" not in body


def test_the_json_of_a_plan_has_the_same_numbers() -> None:
    found = json.loads(plan_json(_plan(), files={"plan": "to_label.plan.jsonl"}))

    assert found["needs"][0] == {
        "aim": "half_width",
        "of": "student",
        "wanted": 0.05,
        "alone": 246,
        "with_judge": 151,
    }
    assert found["needs"][2]["with_judge"] == {"undefined": "impossible here"}
    assert (found["planned"], found["kept"], found["asked"]) == (4, 1, 7)
    assert found["hours"] == 7 * 90 / 3600
    assert found["judge"] == {"sensitivity": 0.85, "specificity": 0.85, "certificate": None}
    assert found["systems"] == {"student": {"outputs": 40, "planned": 4}}
    assert found["margins"] == {"student": 0.875}
    assert found["files"] == {"plan": "to_label.plan.jsonl"}
