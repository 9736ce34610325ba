from judge.render.figures_json import figure_json
from judge.render.task_json import class_json, family_json, field_json
from judge.reports.families import FamilyRow
from judge.reports.figures import ClassificationFigures, FieldCounts, FieldFigures, Rates
from judge.reports.summary import Status
from judge.reports.task_figures import ClassRow, FieldRow, ValidByRight
from judge.stats.estimate import Estimate, Undefined

FOUND = Estimate(value=0.5, low=0.4, high=0.6, level=0.95, n=40, n_clusters=40, method="wilson")
FEW = Undefined(reason="3 items, 20 are needed", n=3)
RATES = Rates(precision=FOUND, recall=FOUND, f1=FEW)
FIGURE = figure_json(FOUND)
IN_JSON = {"precision": FIGURE, "recall": FIGURE, "f1": {"undefined": FEW.reason}}


def test_a_family_row_has_its_figures_or_its_reason() -> None:
    shown = FamilyRow(
        scorer="token_f1",
        student="s",
        status=Status.SHOWN,
        n=40,
        n_unpaired=2,
        fidelity=FOUND,
        quality=FOUND,
        gap=FOUND,
    )
    withheld = FamilyRow(
        scorer="token_f1",
        student="s",
        status=Status.WITHHELD,
        n=40,
        n_unpaired=2,
        reason="judge unvalidated",
    )

    head = {"scorer": "token_f1", "student": "s", "n_items": 40, "n_unpaired": 2}
    figures = {"fidelity": FIGURE, "quality": FIGURE, "gap": FIGURE}
    assert family_json(shown) == {**head, "status": "shown", **figures}
    assert family_json(withheld) == {**head, "status": "withheld", "reason": "judge unvalidated"}


def test_names_of_classes_are_values_and_never_keys() -> None:
    row = ClassRow(
        metric="accuracy.reference",
        system="s",
        n=3,
        figures=ClassificationFigures(
            macro_f1=FOUND, classes={"spam": RATES}, confusion={"spam": {"spam": 2, "": 1}}
        ),
        expected={"spam": 3},
    )

    found = class_json(row)

    assert found["classes"] == [{"class": "spam", "expected": 3, "rare": True, **IN_JSON}]
    assert found["confusion"] == [
        {"expected": "spam", "found": "spam", "n": 2},
        {"expected": "spam", "n": 1},
    ]


def test_every_field_has_its_counts_and_the_worst_have_rates() -> None:
    row = FieldRow(
        metric="field_f1.reference",
        system="s",
        n=40,
        figures=FieldFigures(
            micro=RATES,
            macro_f1=FOUND,
            fields={"/a": RATES},
            counts={
                "/a": FieldCounts(right=1, given=2, wanted=3),
                "/b": FieldCounts(right=3, given=3, wanted=3),
            },
        ),
        valid_by_right=ValidByRight(valid_right=1, valid_wrong=2, invalid_right=3, invalid_wrong=4),
    )

    found = field_json(row)

    assert found["fields"] == [
        {"field": "/a", "right": 1, "given": 2, "wanted": 3, **IN_JSON},
        {"field": "/b", "right": 3, "given": 3, "wanted": 3},
    ]
    assert found["valid_by_right"] == {
        "valid_right": 1,
        "valid_wrong": 2,
        "invalid_right": 3,
        "invalid_wrong": 4,
    }
