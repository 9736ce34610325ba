from judge.render.task_sections import class_sections, field_sections
from judge.reports.figures import ClassificationFigures, FieldCounts, FieldFigures, Rates
from judge.reports.task_figures import ClassRow, FieldRow, ValidByRight
from judge.stats.estimate import Estimate, Undefined

FOUND = Estimate(value=0.5, low=0.4, high=0.6, level=0.95, n=40, n_clusters=40, method="wilson")
SHOWN = "0.500 [0.400, 0.600]"
FEW = Undefined(reason="3 items, 20 are needed", n=3)
NONE = Undefined(reason="a pooled share needs something to count")
RATES = Rates(precision=FOUND, recall=FOUND, f1=FOUND)
CLASSES = ClassRow(
    metric="accuracy.reference",
    system="s",
    n=43,
    figures=ClassificationFigures(
        macro_f1=FOUND,
        classes={"spam": RATES, "ham": Rates(precision=NONE, recall=FEW, f1=FEW)},
        confusion={"spam": {"spam": 30, "ham": 8, "": 2}, "ham": {"ham": 3}},
    ),
    expected={"spam": 40, "ham": 3},
)
FIELDS = FieldRow(
    metric="field_f1.reference",
    system="s",
    n=40,
    figures=FieldFigures(
        micro=RATES,
        macro_f1=FOUND,
        fields={"/b": Rates(precision=FEW, recall=FEW, f1=FEW), "": RATES},
        counts={
            "/b": FieldCounts(right=1, given=2, wanted=3),
            "": FieldCounts(right=30, given=35, wanted=40),
        },
    ),
    valid_by_right=ValidByRight(valid_right=1, valid_wrong=2, invalid_right=3, invalid_wrong=4),
)


def test_each_class_has_its_rates_and_a_rare_one_a_word() -> None:
    (section,) = class_sections([CLASSES])

    (table,) = section.tables
    assert table.columns[0] == "class, s"
    assert table.rows == [
        ["all (macro)", "43", "-", "-", SHOWN],
        ["spam", "40", SHOWN, SHOWN, SHOWN],
        ["ham", "3", "-", "insufficient", "insufficient"],
    ]


def test_rare_classes_and_the_most_frequent_mistakes_are_named() -> None:
    (section,) = class_sections([CLASSES])

    rare, mistakes = section.lines
    assert "ham (3)" in rare
    assert mistakes == "s: most often spam read as ham 8, spam read as no label 2"


def test_fields_with_rates_stand_in_the_table_and_the_others_as_counts() -> None:
    (section,) = field_sections([FIELDS])

    table, crossed = section.tables
    assert [row[:2] for row in table.rows] == [
        ["all fields", "40"],
        ["mean of items", "40"],
        ["(the value)", "40"],
    ]
    assert section.lines[-1] == "s: right of wanted, too few for rates: /b 1/3"
    assert crossed.rows == [["s", "1", "2", "3", "4"]]


def test_without_task_scores_there_is_no_section() -> None:
    assert (class_sections([]), field_sections([])) == ([], [])
