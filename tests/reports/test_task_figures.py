import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import replace

from judge.records.record import Record, Target
from judge.reports.task_figures import ValidByRight, class_rows, field_rows
from judge.results.outcome import Score
from judge.results.run import ADHERENCE, Measure
from judge.scorers.classification import LabelAccuracy
from judge.scorers.extraction import FieldF1
from judge.scorers.field_values import FieldRules
from judge.scorers.task import Comparison, TaskScorer
from judge.stats.estimate import Estimate, Undefined
from judge.trust.admission import AdmittedResults

LABELS = ["spam", "ham", "rare"]
FORMAT = Measure(
    scorer=ADHERENCE,
    target=Target.SCHEMA,
    judged=False,
    criterion="adherence",
    lower=0.0,
    upper=1.0,
    identity={"parser": "1"},
)
Rows = Sequence[tuple[str, str]]
Maker = Callable[..., AdmittedResults]


def _scored(
    admitted: Maker,
    comparison: Comparison,
    rows: Rows,
    *,
    more: Sequence[tuple[Measure, Sequence[object]]] = (),
) -> AdmittedResults:
    """Admit the scores of one student, made by the real scorer, from outputs and references."""
    scorer = TaskScorer(comparison, target=Target.REFERENCE)
    records = [
        Record(
            item_id=f"i{place}",
            system="s",
            input="",
            output=output,
            references=(reference,),
            teacher_output=None,
            schema="",
            slices={},
            cluster=f"i{place}",
        )
        for place, (output, reference) in enumerate(rows)
    ]
    outcomes = asyncio.run(scorer.score(records))
    columns = [(scorer.measure, {"s": [0.0] * len(rows)})]
    found = admitted(*columns, *((measure, {"s": cells}) for measure, cells in more))
    first = replace(
        found.measures[0],
        outcomes={record.key: one for record, one in zip(records, outcomes, strict=True)},
    )
    return replace(found, measures=(first, *found.measures[1:]))


def test_each_class_has_its_rates_but_a_rare_one_has_none_and_is_named(admitted: Maker) -> None:
    rows = [("spam", "spam")] * 27 + [("ham", "spam")] * 3 + [("ham", "ham")] * 30
    rare = [("rare", "rare")] * 2 + [("spam", "rare")]

    (row,) = class_rows(_scored(admitted, LabelAccuracy(LABELS), [*rows, *rare]))

    assert (row.metric, row.system, row.n) == ("accuracy.reference", "s", 63)
    assert row.rare == ("rare",)
    spam = row.figures.classes["spam"]
    assert isinstance(spam.recall, Estimate)
    assert spam.recall.value == 0.9
    assert isinstance(row.figures.macro_f1, Estimate)
    for rate in (row.figures.classes["rare"].recall, row.figures.classes["rare"].f1):
        assert rate == Undefined(reason="3 items, 20 are needed", n=3)


def test_nineteen_items_have_no_macro_f1_and_no_rates(admitted: Maker) -> None:
    rows = [("spam", "spam")] * 10 + [("spam", "ham")] * 9

    (row,) = class_rows(_scored(admitted, LabelAccuracy(LABELS), rows))

    assert isinstance(row.figures.macro_f1, Undefined)
    assert all(isinstance(rates.f1, Undefined) for rates in row.figures.classes.values())


def test_format_and_content_are_crossed_item_by_item(admitted: Maker) -> None:
    right, wrong = json.dumps({"n": 1, "t": "x"}), json.dumps({"n": 2, "t": "x"})
    fenced = f"```json\n{right}\n```"
    rows = (
        [(right, right)] * 12 + [(wrong, right)] * 7 + [(fenced, right)] * 4 + [("no", right)] * 2
    )
    strict = [1.0] * 19 + [0.0] * 6

    (row,) = field_rows(
        _scored(admitted, FieldF1(FieldRules()), rows, more=[(FORMAT, [*strict[:-1], "no schema"])])
    )

    assert row.valid_by_right == ValidByRight(
        valid_right=12, valid_wrong=7, invalid_right=4, invalid_wrong=1
    )
    assert list(row.figures.counts) == ["/n", "/t"]
    recall = row.figures.fields["/n"].recall
    assert isinstance(recall, Estimate)
    assert recall.value == 16 / 25


def test_a_field_that_few_items_have_is_counted_and_has_no_rate(admitted: Maker) -> None:
    rows = [('{"a": 1}', '{"a": 1}')] * 25 + [('{"a": 1}', '{"a": 1, "b": 2}')] * 5

    (row,) = field_rows(_scored(admitted, FieldF1(FieldRules()), rows))

    assert row.valid_by_right is None
    assert row.figures.counts["/b"].wanted == 5
    assert isinstance(row.figures.fields["/b"].f1, Undefined)
    assert isinstance(row.figures.fields["/a"].f1, Estimate)


def test_other_scorers_have_no_figures_of_classes_and_fields(admitted: Maker) -> None:
    found = admitted((FORMAT, {"s": [1.0] * 30}))

    assert (class_rows(found), field_rows(found)) == ([], [])


def test_a_system_nothing_was_scored_of_has_no_row(admitted: Maker) -> None:
    found = _scored(admitted, LabelAccuracy(LABELS), [("spam", "no label")] * 30)

    assert not any(isinstance(one, Score) for one in found.measures[0].outcomes.values())
    assert class_rows(found) == []
