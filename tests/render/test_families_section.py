from dataclasses import replace

from judge.render.families_section import families_sections
from judge.reports.families import FamilyRow
from judge.reports.summary import Status
from judge.stats.estimate import Estimate


def _estimate(value: float) -> Estimate:
    return Estimate(
        value=value, low=value - 0.1, high=value + 0.1, level=0.95, n=40, n_clusters=40, method="t"
    )


SHOWN = FamilyRow(
    scorer="token_f1",
    student="distilled",
    status=Status.SHOWN,
    n=40,
    n_unpaired=0,
    fidelity=_estimate(0.8),
    quality=_estimate(0.5),
    gap=_estimate(0.3),
)
FEW = FamilyRow(
    scorer="rouge_l",
    student="sft",
    status=Status.INSUFFICIENT,
    n=3,
    n_unpaired=0,
    reason="3 items with both scores, 20 are needed",
)


def test_fidelity_quality_and_gap_stand_side_by_side() -> None:
    (section,) = families_sections([SHOWN, FEW])

    (table,) = section.tables
    assert table.rows == [
        [
            "token_f1  distilled",
            "40",
            "0.800 [0.700, 0.900]",
            "0.500 [0.400, 0.600]",
            "0.300 [0.200, 0.400]",
        ]
    ]
    assert section.lines[-1] == (
        "rouge_l of sft: insufficient: 3 items with both scores, 20 are needed"
    )


def test_what_is_withheld_is_said_without_a_table() -> None:
    withheld = replace(FEW, status=Status.WITHHELD, reason="judge unvalidated: never measured")

    (section,) = families_sections([withheld])

    assert (section.lines, section.tables) == (["rouge_l of sft: withheld"], [])


def test_a_run_with_one_family_has_no_section() -> None:
    assert families_sections([]) == []
    assert families_sections([replace(FEW, n=0)]) == []
