from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from judge.records.overlap import Finding, Likeness, Overlap
from judge.records.record import Target
from judge.reports.leakage import leakage
from judge.reports.summary import Status
from judge.results.run import EQUIVALENCE, Measure
from judge.trust.admission import AdmittedResults

EXACT = Measure(
    scorer="exact_match",
    target=Target.REFERENCE,
    judged=False,
    criterion="exact_match",
    lower=0.0,
    upper=1.0,
    identity={"words": "1"},
)
JUDGED = replace(EXACT, scorer=EQUIVALENCE, judged=True, categories=("different", "equivalent"))
Maker = Callable[..., AdmittedResults]


def _overlap(ids: Sequence[str]) -> Overlap:
    leaks = (
        Finding(
            item_id=item_id,
            part="input",
            likeness=Likeness.EXACT,
            similarity=1.0,
            file=Path("train.jsonl"),
            line=1,
            column="",
            times=1,
        )
        for item_id in ids
    )
    return Overlap(leaks=tuple(leaks), generic=(), texts=50, only_whole=0, files=())


def test_a_score_stands_with_and_without_the_items_that_training_had(admitted: Maker) -> None:
    found = leakage(
        admitted((EXACT, {"s": [1.0] * 20 + [0.0, 1.0] * 15})),
        _overlap([f"i{place}" for place in range(20)]),
    )

    assert found is not None
    (row,) = found.rows
    assert (row.n, row.n_leaked, found.n_items) == (50, 20, 50)
    assert row.every is not None
    assert row.clean is not None
    assert (row.every.value, row.clean.value) == (0.7, 0.5)
    assert row.clean.n == 30


def test_nineteen_clean_items_give_no_score_without_the_others(admitted: Maker) -> None:
    found = leakage(
        admitted((EXACT, {"s": [1.0, 0.0] * 15})), _overlap([f"i{place}" for place in range(11)])
    )

    assert found is not None
    (row,) = found.rows
    assert (row.status, row.every, row.clean) == (Status.INSUFFICIENT, None, None)
    assert row.reason == "19 scored items that training never had, 20 are needed"


def test_a_judge_that_is_not_believed_gives_no_score_here_either(admitted: Maker) -> None:
    found = leakage(admitted((JUDGED, {"s": [1.0, 0.0] * 20}), standing=None), _overlap(["i0"]))

    assert found is not None
    (row,) = found.rows
    assert (row.status, row.every, row.clean) == (Status.WITHHELD, None, None)


@pytest.mark.parametrize("ids", [[], ["an item that is not in this run"]])
def test_what_leaked_from_elsewhere_changes_no_score(ids: list[str], admitted: Maker) -> None:
    found = leakage(admitted((EXACT, {"s": [1.0] * 30})), _overlap(ids))

    assert found is not None
    assert found.rows == ()


def test_where_nobody_looked_nothing_is_said(admitted: Maker) -> None:
    assert leakage(admitted((EXACT, {"s": [1.0] * 30})), None) is None
