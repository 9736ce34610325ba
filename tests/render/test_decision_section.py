from dataclasses import replace

import pytest

from judge.render.decision_section import decision_section, headline, settled_by
from judge.render.page import Section
from judge.reports.decision import Decision, Earned, Verdict
from judge.reports.evidence import Basis
from judge.reports.keeping import Answer, Kept
from judge.reports.report import Report
from judge.results.terms import DecisionTerms
from judge.stats.estimate import Estimate, Undefined

SHARE = Estimate(value=0.93, low=0.905, high=0.961, level=0.95, n=300, n_clusters=300, method="f")
ROW = Kept(
    metric="equivalence.reference",
    student="small",
    teacher="big",
    slice="overall",
    basis=Basis.LABELS,
    n_items=700,
    n_labels=300,
    share=SHARE,
    at_least=0.905,
    at_most=0.961,
    margin=0.9,
    answer="yes",
    decidable=0.887,
)
EARNED = Earned(
    metric=ROW.metric,
    distilled="small",
    sft="plain",
    basis=Basis.JUDGE,
    n_items=700,
    difference=replace(SHARE, value=0.05, low=0.01, high=0.09),
    bounds=None,
    earned="yes",
)


def _section(
    answer: Answer | None, row: Kept, *critical: Kept, earned: tuple[Earned, ...] = ()
) -> Section:
    terms = DecisionTerms(margin=row.margin)
    verdict = Verdict(student="small", answer=answer, overall=row, critical=critical)
    decision = Decision(
        terms=terms, metric=row.metric, verdicts=(verdict,), kept=(row,), earned=earned
    )
    return decision_section(decision)


def test_a_student_that_may_ship_is_said_to_with_what_it_keeps_and_what_was_asked() -> None:
    found = _section("yes", ROW, replace(ROW, slice="kind=mail"))

    assert found.lines == [
        (
            "yes, small may ship: it keeps at least 90.5 % of big (95 %) on equivalence.reference, "
            "and 90.0 % was asked, also on each of 1 critical slices"
        )
    ]


def test_a_student_that_may_not_ship_is_said_to_with_where_it_loses() -> None:
    lost = replace(ROW, slice="kind=mail", answer="no", at_most=0.812)

    assert _section("no", ROW, lost).lines == [
        (
            "no, small may not ship: it keeps at most 81.2 % of big on equivalence.reference on "
            "kind=mail, under 90.0 %"
        )
    ]


def test_an_open_decision_says_what_would_settle_it_and_what_could_be_decided() -> None:
    row = replace(ROW, answer="undecided", more_labels=120, more_items=1450)

    assert _section("undecided", row).lines == [
        (
            "undecided, small: it keeps 93.0 % [90.5, 96.1] of big on equivalence.reference, and "
            "90.0 % was asked; about 120 more labelled items or 1,450 more items would likely "
            "settle it; with these 300 labelled items a margin of 88.7 % can be decided"
        )
    ]


def test_without_a_margin_the_headline_stands_and_nothing_is_decided() -> None:
    row = replace(ROW, margin=None, answer=None)

    assert _section(None, row).lines == [
        (
            "small: keeps at least 90.5 % of big (95 %) on equivalence.reference; no margin was "
            "declared (decision: in the config), so nothing is decided; with these 300 labelled "
            "items a margin of 88.7 % can be decided"
        )
    ]


def test_what_cannot_be_told_has_its_reason_once_and_no_row() -> None:
    row = replace(ROW, share=None, at_least=None, answer="undecided", reason="judge unvalidated")

    found = _section("undecided", row)

    assert found.lines == [
        (
            "undecided, small: what is kept of big on equivalence.reference cannot be told: judge "
            "unvalidated"
        )
    ]
    assert found.tables == []


@pytest.mark.parametrize(
    ("earned", "said"),
    [
        ("yes", "small earned its place: it is better than plain, by 0.050 [0.010, 0.090]"),
        ("no", "small has not earned its place: it is not better than plain"),
        ("undecided", "small has not earned its place yet: it may be no better than plain"),
    ],
)
def test_a_distilled_student_is_said_to_have_earned_its_place_or_not(
    earned: Answer, said: str
) -> None:
    found = _section("yes", ROW, earned=(replace(EARNED, earned=earned),))

    assert found.lines[-1].startswith(said)
    assert found.tables[-1].rows == [
        [
            "small - plain  equivalence.reference",
            "0.050 [0.010, 0.090]",
            "the judge",
            "700",
            earned,
        ]
    ]


def test_a_difference_shows_the_limits_that_missing_scores_leave() -> None:
    found = _section("yes", ROW, earned=(replace(EARNED, bounds=(-0.02, 0.12)),))

    assert found.tables[-1].rows[0][1] == "0.050 [-0.020, 0.120]"


def test_a_difference_that_cannot_be_told_has_no_row() -> None:
    unknown = replace(EARNED, difference=Undefined(reason="too few"))

    assert len(_section("yes", ROW, earned=(unknown,)).tables) == 1


def test_a_headline_says_why_there_is_none() -> None:
    row = replace(ROW, at_least=None, reason="the teacher could be at 0")

    assert headline(row) == "what it keeps of big cannot be told: the teacher could be at 0"
    assert settled_by(ROW) == ""


def test_a_report_begins_with_its_decision(small_report: Report) -> None:
    assert small_report.decision is not None

    found = decision_section(small_report.decision)

    assert found.title == "Decision"
    assert [table.columns[0] for table in found.tables] == ["student and metric"]
