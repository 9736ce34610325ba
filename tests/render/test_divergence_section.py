from judge.render.divergence_section import divergence_sections
from judge.reports.divergence import DivergenceRow
from judge.reports.summary import Status
from judge.results.divergence import CLASSES, TOKENS
from judge.stats.divergence import MeanDivergence
from judge.stats.estimate import Estimate, Undefined


def _estimate(value: float) -> Estimate:
    return Estimate(
        value=value,
        low=value / 2,
        high=min(1, 2 * value),
        level=0.95,
        n=40,
        n_clusters=40,
        method="t",
    )


FIGURES = MeanDivergence(
    jensen_shannon=_estimate(0.1),
    jensen_shannon_at_most=_estimate(0.2),
    kullback_leibler=Undefined(reason="infinite: on 1 of 40 texts", n=40),
    teacher_covered=_estimate(0.9),
    student_covered=_estimate(0.8),
)
ROW = DivergenceRow(
    student="s",
    teacher="t",
    over=TOKENS,
    slice="overall",
    status=Status.SHOWN,
    n_records=60,
    n=40,
    positions=1234,
    refused={"other tokens": 5},
    figures=FIGURES,
)
FEW = DivergenceRow(
    student="s",
    teacher="t",
    over=CLASSES,
    slice="overall",
    status=Status.INSUFFICIENT,
    n_records=60,
    n=3,
    positions=3,
    refused={},
    reason="3 items could be compared, 20 are needed",
)


def test_bounds_coverage_and_reasons_stand_in_the_section() -> None:
    (section,) = divergence_sections([ROW, FEW])

    (table,) = section.tables
    assert table.rows == [
        [
            *("s", "40", "0.100 [0.050, 0.200]", "0.200 [0.100, 0.400]", "undefined"),
            *("1,234", "90.0 %", "80.0 %"),
        ]
    ]
    assert section.lines[0] == (
        "s, tokens: 40 of 60 items compared with t; cannot be compared: other tokens 5"
    )
    assert section.lines[1].endswith("insufficient: 3 items could be compared, 20 are needed")
    assert "s, tokens: Kullback-Leibler: infinite: on 1 of 40 texts" in section.lines


def test_classes_have_no_column_of_what_is_not_covered() -> None:
    row = DivergenceRow(
        student="s",
        teacher="t",
        over=CLASSES,
        slice="topic=a",
        status=Status.SHOWN,
        n_records=40,
        n=40,
        positions=40,
        refused={},
        figures=FIGURES,
    )

    (section,) = divergence_sections([row])

    assert len(section.tables[0].columns) == 4
    assert section.tables[0].rows[0][0] == "s  topic=a"


def test_where_no_file_gives_distributions_there_is_no_section() -> None:
    assert divergence_sections([]) == []
