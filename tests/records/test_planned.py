import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from judge.errors import DataError
from judge.records.planned import (
    CHANCE,
    FilledIn,
    PlannedRow,
    plan_jsonl,
    read_filled_in,
    read_plan,
)
from judge.records.record import RecordKey, Target

COLUMNS = ("id", "system", "rater", "label")


def _planned(
    number: int, *, stratum: str = "s", kept: Mapping[str, str] | None = None
) -> PlannedRow:
    return PlannedRow(
        task=f"t{number}",
        key=RecordKey(item_id=f"i{number}", system="small"),
        criterion="equivalence",
        target=Target.REFERENCE,
        output_hash=f"hash {number}",
        stratum=stratum,
        inclusion_probability=0.5,
        kept=kept or {},
    )


def _filled(
    folder: Path,
    plan: list[PlannedRow],
    *answers: tuple[str, object],
    texts: Mapping[str, str] | None = None,
    labels: Mapping[bool | int | float | str, str] | None = None,
) -> FilledIn:
    (folder / "p.jsonl").write_bytes(plan_jsonl(plan))
    rows = [{"task": task, "label": label, "rater": "ada"} for task, label in answers]
    (folder / "r.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return read_filled_in(
        folder / "r.jsonl",
        {},
        folder / "p.jsonl",
        criterion="equivalence",
        target=Target.REFERENCE,
        labels=labels or {},
        texts={
            RecordKey(item_id=name, system="small"): text for name, text in (texts or {}).items()
        },
    )


def _chances(found: FilledIn) -> dict[object, object]:
    return {row.value("id"): row.value(CHANCE) for row in found.rows}


def _refusal(folder: Path, *lines: Mapping[str, object]) -> str:
    (folder / "p.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    with pytest.raises(DataError) as refused:
        read_plan(folder / "p.jsonl", criterion="equivalence", target=Target.REFERENCE)
    return str(refused.value)


def _line(**changes: object) -> Mapping[str, object]:
    line = json.loads(plan_jsonl([_planned(1)]))
    return {**line, **changes}


def test_a_plan_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    plan = [_planned(1), _planned(2, kept={"ada": "equivalent"})]
    (tmp_path / "p.jsonl").write_bytes(plan_jsonl(plan))

    found = read_plan(tmp_path / "p.jsonl", criterion="equivalence", target=Target.REFERENCE)

    assert found == {row.task: replace(row, line=line) for line, row in enumerate(plan, start=1)}


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({CHANCE: 0}, "must be a number in (0, 1], not 0"),
        ({CHANCE: 1.5}, "must be a number in (0, 1], not 1.5"),
        ({CHANCE: True}, "must be a number in (0, 1], not True"),
        ({CHANCE: "half"}, "must be a number in (0, 1], not 'half'"),
        ({"kept": []}, "'kept' must be an object of raters and labels, not a list"),
        ({"target": "moon"}, "unknown target 'moon'; known: reference"),
        (
            {"target": "teacher"},
            "for equivalence against the teacher, but the ratings are declared for equivalence",
        ),
        ({"criterion": "style"}, "planned to be labelled for style against the reference"),
        ({"task": ""}, "'task' is empty"),
    ],
)
def test_a_plan_that_is_none_is_refused_with_its_line(
    tmp_path: Path, changes: Mapping[str, object], problem: str
) -> None:
    found = _refusal(tmp_path, _line(), _line(**{"task": "t2", **changes}))

    assert found.startswith("p.jsonl line 2: ")
    assert problem in found


def test_a_task_that_stands_twice_is_refused(tmp_path: Path) -> None:
    assert "the task 't1' stands already on line 1" in _refusal(tmp_path, _line(), _line())


def test_what_is_labelled_names_its_record_and_the_rest_waits(tmp_path: Path) -> None:
    plan = [_planned(number) for number in range(4)]
    answers = [("t0", "equivalent"), ("t1", "different"), ("t2", None), ("t3", " ")]

    found = _filled(tmp_path, plan, *answers)

    assert [[row.value(name) for name in COLUMNS] for row in found.rows] == [
        ["i0", "small", "ada", "equivalent"],
        ["i1", "small", "ada", "different"],
    ]
    assert [row.place for row in found.rows] == ["r.jsonl line 1", "r.jsonl line 2"]
    assert found.set_aside == {"not labelled yet": 2}
    assert found.chances_known
    assert not found.complete


def test_where_some_rows_of_a_stratum_wait_the_others_were_that_much_less_likely(
    tmp_path: Path,
) -> None:
    plan = [*(_planned(k, stratum="a") for k in range(4)), *(_planned(k) for k in range(4, 6))]
    answers = [("t0", "equivalent"), ("t1", None), ("t4", "equivalent"), ("t5", "equivalent")]

    found = _filled(tmp_path, plan, *answers)  # t2 and t3 are not even in the file

    assert _chances(found) == {"i0": 0.125, "i4": 0.5, "i5": 0.5}


def test_a_row_that_one_of_its_raters_has_labelled_is_labelled(tmp_path: Path) -> None:
    found = _filled(tmp_path, [_planned(1)], ("t1", None), ("t1", "equivalent"))

    assert _chances(found) == {"i1": 0.5}
    assert found.complete


def test_kept_labels_count_and_lend_the_others_no_chance(tmp_path: Path) -> None:
    plan = [*(_planned(k, kept={"cat": "different"}) for k in range(2)), _planned(2), _planned(3)]

    found = _filled(tmp_path, plan, ("t2", "equivalent"), ("t3", None))

    assert _chances(found) == {"i0": 0.5, "i1": 0.5, "i2": 0.25}
    kept = [row for row in found.rows if row.value("rater") == "cat"]
    assert [row.place for row in kept] == ["p.jsonl line 1", "p.jsonl line 2"]


def test_a_plan_whose_rows_were_all_labelled_before_asks_nothing_and_is_complete(
    tmp_path: Path,
) -> None:
    found = _filled(tmp_path, [_planned(1, kept={"ada": "different", "ben": "equivalent"})])

    assert [row.value("rater") for row in found.rows] == ["ada", "ben"]
    assert found.complete


def test_kept_labels_read_as_the_labels_of_the_file_do(tmp_path: Path) -> None:
    plan = [_planned(1, kept={"ada": "equivalent"}), _planned(2)]

    found = _filled(tmp_path, plan, ("t2", True), labels={True: "equivalent", False: "different"})

    assert [row.value("label") for row in found.rows] == [True, True]


def test_labels_of_texts_that_changed_are_lost_and_nobody_knows_the_chances_any_more(
    tmp_path: Path,
) -> None:
    plan = [_planned(1), _planned(2), _planned(3, kept={"ada": "different"})]
    texts = {"i1": "hash 1", "i2": "another", "i3": "another"}

    found = _filled(tmp_path, plan, ("t1", "equivalent"), ("t2", "equivalent"), texts=texts)

    assert [row.value("id") for row in found.rows] == ["i1"]
    assert not found.chances_known
    assert not found.complete
    ((reason, lost),) = found.set_aside.items()
    assert reason.startswith("of outputs that changed since they were planned")
    assert lost == 1


@pytest.mark.parametrize(
    ("task", "problem"),
    [
        ("t9", "r.jsonl line 2: the task 't9' is not in the plan"),
        ("", "r.jsonl line 2: 'task' is empty"),
    ],
)
def test_a_task_that_was_not_planned_is_refused_with_its_row(
    tmp_path: Path, task: str, problem: str
) -> None:
    with pytest.raises(DataError) as refused:
        _filled(tmp_path, [_planned(1)], ("t1", "equivalent"), (task, None))

    assert str(refused.value).startswith(problem)
