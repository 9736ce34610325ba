from collections.abc import Callable

from judge.render.page import Page, Section
from judge.render.pages import report_page
from judge.reports.report import Report


def _section(page: Page, title: str) -> Section:
    (found,) = [section for section in page.sections if section.title.startswith(title)]
    return found


def _cells(section: Section) -> list[list[str]]:
    return [list(row) for table in section.tables for row in table.rows]


def test_the_sections_stand_in_their_order(small_report: Report) -> None:
    titles = [section.title for section in report_page(small_report).sections]

    assert titles == [
        "Decision",
        "Trust",
        "Fidelity and task quality",
        "equivalence.reference",
        "equivalence.teacher",
        "similarity.reference",
        "adherence.strict",
        "Format",
        "Similarity",
        "Quality retained",
        "Slices, worst first",
        "What is missing",
        "What judging cost",
        "Next",
    ]


def test_a_withheld_metric_has_its_reason_and_no_table(small_report: Report) -> None:
    section = _section(report_page(small_report), "equivalence.teacher")

    withheld, corrected = section.lines
    assert withheld.startswith("withheld: judge unvalidated: this judge was never measured")
    assert corrected == "not corrected either: no labels by people on these outputs"
    assert not section.tables


def test_every_judged_metric_has_its_standing_and_why(small_report: Report) -> None:
    section = _section(report_page(small_report), "Trust")

    assert _cells(section) == [
        ["equivalence.reference", "judge-1", "trusted", "informedness 0.800 [0.710, 0.880]"],
        ["equivalence.teacher", "judge-1", "unvalidated", "-"],
    ]
    assert len(section.lines) == 2


def test_a_run_without_a_judge_says_so(report_of: Callable[..., Report]) -> None:
    page = report_page(report_of({"adherence.strict": {"s": [1.0] * 30}}))

    assert _section(page, "Trust").lines == ["nothing in this run is judged"]


def test_each_slice_has_its_n_and_a_number_or_a_word(small_report: Report) -> None:
    section = _section(report_page(small_report), "adherence.strict")

    assert [(row[0], row[1]) for row in _cells(section)] == [
        ("overall", "30"),
        ("difficulty=easy", "15"),
        ("difficulty=tricky", "15"),
    ]
    assert _cells(section)[1][2:] == ["insufficient"] * 3


def test_systems_with_another_n_are_told_apart(report_of: Callable[..., Report]) -> None:
    cells = {"a": [1.0] * 30, "b": [1.0] * 25 + ["no schema"] * 5}

    (row,) = _cells(
        _section(report_page(report_of({"adherence.strict": cells})), "adherence.strict")
    )

    assert row[1] == "30/25"


def test_a_metric_that_applies_to_nothing_says_so(report_of: Callable[..., Report]) -> None:
    page = report_page(report_of({"adherence.strict": {"s": ["no schema"] * 30}}))

    section = _section(page, "adherence.strict")
    assert section.lines == ["no record here that this scorer applies to"]
    assert not section.tables


def test_retention_names_the_teacher_and_what_is_withheld(report_of: Callable[..., Report]) -> None:
    cells = {"teacher": [1.0] * 30, "student": [1.0, 0.0] * 15}
    columns = {"equivalence.reference": cells, "adherence.strict": cells}

    section = _section(report_page(report_of(columns, standing=None)), "Quality retained")

    assert section.lines[0].startswith("student / teacher on the same items")
    assert "equivalence.reference: withheld" in section.lines
    assert [row[0] for row in _cells(section)] == ["adherence.strict  overall"]


def test_a_retention_that_does_not_exist_has_its_reason(report_of: Callable[..., Report]) -> None:
    cells = {"teacher": [0.0] * 30, "student": [1.0] * 30}

    section = _section(report_page(report_of({"adherence.strict": cells})), "Quality retained")

    assert any("undefined: the teacher's mean is not above 0" in line for line in section.lines)
    assert _cells(section) == [["adherence.strict  overall", "undefined"]]


def test_what_is_missing_is_counted_by_name_with_worst_and_best(small_report: Report) -> None:
    section = _section(report_page(small_report), "What is missing")

    row = next(row for row in _cells(section) if row[0] == "equivalence.reference  sft")
    assert row[1:4] == ["60", "56", "95.0 %"]
    assert row[4] == "judge_refused 2, output_empty 1, not_yet_scored 1"
    assert row[5] == "fence_look_alike 1"
    low, high = map(float, row[6].split(" .. "))
    assert 0 < high - low < 0.1
    assert any("1 calls were open" in line for line in section.lines)


def test_a_run_without_a_gap_says_so(report_of: Callable[..., Report]) -> None:
    page = report_page(report_of({"adherence.strict": {"s": [1.0] * 30}}))

    assert _section(page, "What is missing").lines[0] == "every record has a score"


def test_the_next_command_is_named(small_report: Report, report_of: Callable[..., Report]) -> None:
    done = report_of({"adherence.strict": {"s": [1.0] * 30}})

    assert _section(report_page(small_report), "Next").lines == [
        "finish the run: judge resume 20260501-120000-abcdef",
        "judge validate c.yaml",
    ]
    assert _section(report_page(done), "Next").lines == [
        "keep it: judge report 20260501-120000-abcdef -o report.md"
    ]
