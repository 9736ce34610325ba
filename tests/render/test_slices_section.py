from dataclasses import replace

from judge.render.slices_section import slice_json, slices_sections
from judge.reports.evidence import Basis
from judge.reports.slices import SliceRow, SliceVerdict
from judge.stats.estimate import Estimate

FOUND = Estimate(value=-0.3, low=-0.42, high=-0.18, level=0.95, n=400, n_clusters=400, method="t")
ROW = SliceRow(
    metric="equivalence.reference",
    system="small",
    slice="kind=note",
    declared=True,
    n=100,
    verdict=SliceVerdict.WORSE,
    basis=Basis.JUDGE,
    student=replace(FOUND, value=0.55, low=0.45, high=0.65),
    teacher=replace(FOUND, value=0.9, low=0.82, high=0.95),
    gap=FOUND,
    adjusted=0.001,
)
RARE = SliceRow(
    metric=ROW.metric,
    system="small",
    slice="kind=rare",
    declared=True,
    n=5,
    verdict=SliceVerdict.INSUFFICIENT,
    basis=Basis.JUDGE,
)


def test_a_worse_slice_is_said_and_a_small_one_only_counted() -> None:
    (section,) = slices_sections([ROW, RARE])

    assert section.lines[1:] == [
        "small is worse on kind=note (100 items): -0.300 [-0.420, -0.180]",
        "too few items to say anything: kind=rare (5)",
    ]
    assert section.tables[0].rows == [
        [
            "small  kind=note",
            "100",
            "0.550 [0.450, 0.650]",
            "0.900",
            "-0.300 [-0.420, -0.180]",
            "worse",
        ]
    ]


def test_no_slice_is_no_section_and_small_ones_make_no_table() -> None:
    assert slices_sections([]) == []
    assert slices_sections([RARE])[0].tables == []


def test_a_slice_in_json_has_its_numbers_or_none_at_all() -> None:
    assert slice_json(ROW).keys() == {
        "metric", "system", "slice", "declared", "n", "basis", "verdict",
        "student", "teacher", "gap", "adjusted_p",
    }  # fmt: skip
    assert slice_json(RARE).keys() == {
        "metric", "system", "slice", "declared", "n", "basis", "verdict",
    }  # fmt: skip
