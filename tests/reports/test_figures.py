import asyncio
import json
from collections.abc import Sequence

import numpy as np
import pytest

from judge.records.record import Record, Target
from judge.reports.figures import FieldCounts, classification_figures, field_figures
from judge.results.outcome import NotApplicable, Outcome
from judge.scorers.classification import LabelAccuracy
from judge.scorers.extraction import FieldF1
from judge.scorers.field_values import FieldRules
from judge.scorers.task import Comparison, TaskScorer
from judge.stats.estimate import Estimate, Undefined

LABELS = ("a", "b", "c")
NOTHING = NotApplicable(scorer="accuracy", target=Target.REFERENCE, reason="no reference")


def _outcomes(comparison: Comparison, rows: Sequence[tuple[str | None, str]]) -> Sequence[Outcome]:
    records = [
        Record(
            item_id=str(place),
            system="student",
            input="",
            output=output,
            references=(reference,),
            teacher_output=None,
            schema="",
            slices={},
            cluster=str(place),
        )
        for place, (output, reference) in enumerate(rows)
    ]
    return asyncio.run(TaskScorer(comparison, target=Target.REFERENCE).score(records))


def _value(found: Estimate | Undefined) -> float:
    assert isinstance(found, Estimate)
    return found.value


def test_classes_have_their_rates_and_unreadable_outputs_are_missed_by_their_class() -> None:
    rows: list[tuple[str | None, str]] = [("a", "a")] * 6 + [("b", "a"), ("A!", "a"), (None, "b")]
    outcomes = [*_outcomes(LabelAccuracy(LABELS), [*rows, *[("b", "b")] * 3]), NOTHING]

    found = classification_figures(outcomes, labels=LABELS)

    assert found.confusion == {"a": {"a": 6, "b": 1, "": 1}, "b": {"b": 3, "": 1}}
    one = found.classes["a"]
    rates = [_value(rate) for rate in (one.precision, one.recall, one.f1)]
    assert rates == pytest.approx([1.0, 6 / 8, 12 / 14])
    assert _value(found.macro_f1) == pytest.approx((12 / 14 + 6 / 8) / 2)
    assert isinstance(found.classes["c"].f1, Undefined)


def test_fields_that_fail_most_come_first_and_sums_hold_every_record() -> None:
    wanted = json.dumps({"n": 1, "town": "x", "lines": [{"q": 1}, {"q": 2}]})
    rows = [
        (wanted, wanted),
        ('{"n": 1, "town": "y", "lines": [{"q": 2}]}', wanted),
        ('{"n": 1, "more": true}', wanted),
        ("no json", wanted),
        (None, wanted),
    ]

    found = field_figures(_outcomes(FieldF1(FieldRules()), rows))

    assert found.counts == {
        "/lines/*/q": FieldCounts(right=3, given=3, wanted=10),
        "/town": FieldCounts(right=1, given=2, wanted=5),
        "/n": FieldCounts(right=3, given=3, wanted=5),
        "/more": FieldCounts(right=0, given=1, wanted=0),
    }
    assert list(found.counts) == list(found.fields)
    assert _value(found.micro.precision) == pytest.approx(7 / 9)
    assert _value(found.micro.recall) == pytest.approx(7 / 20)
    assert _value(found.micro.f1) == pytest.approx(14 / 29)
    assert _value(found.macro_f1) == pytest.approx((1 + 4 / 7 + 1 / 3) / 5)
    assert isinstance(found.fields["/more"].recall, Undefined)


def test_only_as_many_fields_have_rates_as_are_asked_for() -> None:
    rows = [('{"a": 1, "b": 1, "c": 1}', '{"a": 2, "b": 1, "c": 2}')] * 3

    found = field_figures(_outcomes(FieldF1(FieldRules()), rows), most=2)

    assert list(found.fields) == ["/a", "/c"]
    assert len(found.counts) == 3


def test_clusters_widen_the_limits() -> None:
    rows: list[tuple[str | None, str]] = [
        ("a" if place // 10 % 3 else "c", "a") for place in range(100)
    ]
    outcomes = _outcomes(LabelAccuracy(LABELS), rows)

    alone = classification_figures(outcomes, labels=LABELS).macro_f1
    together = classification_figures(
        outcomes, labels=LABELS, clusters=np.arange(100) // 10
    ).macro_f1

    assert isinstance(alone, Estimate)
    assert isinstance(together, Estimate)
    assert together.high - together.low > 2 * (alone.high - alone.low)
    assert (together.n, together.n_clusters) == (100, 10)


def test_without_a_score_every_figure_is_undefined() -> None:
    classes = classification_figures([NOTHING], labels=LABELS)
    fields = field_figures([NOTHING])

    assert isinstance(classes.macro_f1, Undefined)
    assert isinstance(classes.classes["a"].f1, Undefined)
    assert isinstance(fields.micro.f1, Undefined)
    assert isinstance(fields.macro_f1, Undefined)
    assert fields.counts == {}
