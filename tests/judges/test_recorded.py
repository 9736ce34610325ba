import asyncio
import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from judge.errors import DataError, VerdictNotRecorded
from judge.judges.judge import JudgedCase, Judgement
from judge.judges.recorded import RecordedJudge, VerdictSource, read_recorded_judge
from judge.records.dataset import Dataset
from judge.records.label import LabelKey
from judge.records.record import Item, RecordKey, Role, System, Target
from judge.records.scale import EQUIVALENCE, Scale, ScaleKind
from judge.records.strict_json import JsonValue
from judge.results.outcome import FateCode, Vote

GRADES = Scale(kind=ScaleKind.ORDINAL, categories=("1", "2", "3", "4", "5"))
PAIRS = Scale(kind=ScaleKind.PAIRWISE, categories=("b", "tie", "a"))
SYSTEMS = ("student", "teacher")
ROW: Mapping[str, JsonValue] = {"id": "i1", "system": "student", "label": "equivalent"}


def _row(**changes: JsonValue) -> Mapping[str, JsonValue]:
    return {**ROW, **changes}


def _without(field: str, **changes: JsonValue) -> Mapping[str, JsonValue]:
    return {name: value for name, value in _row(**changes).items() if name != field}


def _write(path: Path, rows: Sequence[Mapping[str, JsonValue]]) -> Path:
    if path.suffix == ".csv":
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    else:
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def _read(
    folder: Path,
    *rows: Mapping[str, JsonValue],
    name: str = "",
    fields: Mapping[str, str] | None = None,
    labels: Mapping[LabelKey, str] | None = None,
    scale: Scale = EQUIVALENCE,
    systems: Sequence[str] = SYSTEMS,
    known_ids: frozenset[str] | None = frozenset({"i1", "i2", "left out"}),
    ending: str = "jsonl",
) -> RecordedJudge:
    dataset = Dataset(
        items=tuple(Item(item_id=item, cluster=item) for item in ("i1", "i2")),
        systems=tuple(System(name=system, role=Role.STUDENT) for system in systems),
        outputs={system: {} for system in systems},
    )
    source = VerdictSource(
        path=_write(folder / f"verdicts.{ending}", rows),
        name=name,
        fields=fields or {},
        labels=labels or {},
    )
    return read_recorded_judge(source, dataset, scale, known_ids=known_ids)


def _judged(judge: RecordedJudge, item_id: str = "i1", system: str = "student") -> Judgement:
    case = JudgedCase(
        key=RecordKey(item_id=item_id, system=system),
        case_id=f"equivalence.reference/{system}/{item_id}",
        target=Target.REFERENCE,
        input="",
        candidate="Paris",
        against=("Paris",),
    )
    return asyncio.run(judge.judge(case))


@pytest.mark.parametrize("ending", ["jsonl", "csv"])
def test_what_was_decided_elsewhere_is_given_back_with_where_it_stands(
    tmp_path: Path, ending: str
) -> None:
    judge = _read(
        tmp_path,
        _row(reply="They agree.", confidence="0.75"),
        _row(id="i2", label="different", reply="", confidence=""),
        ending=ending,
    )

    first, second = _judged(judge), _judged(judge, "i2")

    assert (first.label, first.rationale) == ("equivalent", "They agree.")
    assert first.votes == (Vote(label="equivalent", confidence=0.75),)
    assert first.details == {"recorded_at": f"verdicts.{ending} line {1 + (ending == 'csv')}"}
    assert (second.label, second.votes) == ("different", (Vote(label="different"),))


def test_of_several_verdicts_on_a_record_the_first_counts_and_all_are_votes(
    tmp_path: Path,
) -> None:
    judge = _read(
        tmp_path,
        _row(label="a", order="ab", repeat=0, reply="first"),
        _row(label="b", order="ba", repeat=0, reply="second"),
        _row(label="tie", order="ab", repeat=1, reply="third"),
        scale=PAIRS,
    )

    found = _judged(judge)

    assert (found.label, found.rationale) == ("a", "first")
    assert found.votes == (
        Vote(label="a", order="ab"),
        Vote(label="b", order="ba"),
        Vote(label="tie", order="ab", repeat=1),
    )


def test_in_a_set_of_one_system_nobody_needs_to_name_it(tmp_path: Path) -> None:
    judge = _read(tmp_path, _without("system"), systems=["only"])

    assert _judged(judge, system="only").label == "equivalent"


def test_a_missing_verdict_is_the_fate_that_says_so(tmp_path: Path) -> None:
    judge = _read(tmp_path, ROW)

    with pytest.raises(VerdictNotRecorded, match="no verdict on i2 of teacher was rec") as missing:
        _judged(judge, "i2", "teacher")

    assert missing.value.fate == FateCode.VERDICT_NOT_RECORDED
    assert missing.value.attempts == 0


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (_row(), "a second verdict on i1 of student; the first is in verdicts.jsonl line 1"),
        (_row(id="i11"), "a verdict on the unknown item 'i11' (did you mean 'i1'?)"),
        (_row(system="studnet"), "a verdict on the unknown system 'studnet' (did you mean 'stud"),
        (_row(id="i2", label="similar"), "the label 'similar' is not on the scale; accepted are"),
        (_row(id="i2", label=None), "the label None is not on the scale"),
        (_without("label", id="i2"), "'label' is missing"),
        (_without("system"), "'system' is missing"),
        (_without("id"), "'id' is missing"),
        (_row(repeat=-1), "'repeat' must be a whole number from 0"),
        (_row(repeat="½"), "'repeat' must be a whole number from 0"),
        (_row(repeat="first"), "'repeat' must be a whole number from 0"),
        (_row(order=""), "'order' is empty"),
    ],
    ids=str,
)
def test_a_bad_verdict_is_refused_with_its_file_and_row(
    tmp_path: Path, row: Mapping[str, JsonValue], message: str
) -> None:
    with pytest.raises(DataError) as refused:
        _read(tmp_path, ROW, row)

    assert str(refused.value).startswith("verdicts.jsonl line 2: ")
    assert message in str(refused.value)


@pytest.mark.parametrize("changes", [{"order": "ba"}, {"repeat": 1}, {"repeat": "1"}])
def test_another_order_or_repeat_is_no_second_verdict(
    tmp_path: Path, changes: Mapping[str, JsonValue]
) -> None:
    assert len(_judged(_read(tmp_path, ROW, _row(**changes))).votes) == 2


def test_verdicts_on_items_that_a_filter_left_out_or_nobody_knows_any_more_do_no_harm(
    tmp_path: Path,
) -> None:
    rows = [ROW, _row(id="left out")]

    assert _judged(_read(tmp_path, *rows)).label == "equivalent"
    assert _judged(_read(tmp_path, *rows, _row(id="gone"), known_ids=None)).label == "equivalent"


@pytest.mark.parametrize(
    "other",
    [
        _row(judge="theirs", label="different"),
        _row(judge="theirs", id="i2"),
        _row(judge="theirs", label=7),
    ],
    ids=str,
)
def test_several_judges_in_a_file_need_a_name_whatever_they_say(
    tmp_path: Path, other: Mapping[str, JsonValue]
) -> None:
    with pytest.raises(DataError, match=r"verdicts of several judges: ours, theirs; say whose wi"):
        _read(tmp_path, _row(judge="ours"), other)


def test_a_name_chooses_one_of_several_judges(tmp_path: Path) -> None:
    rows = [_row(judge="ours"), _row(judge="theirs", label="different")]

    assert _judged(_read(tmp_path, *rows, name="ours")).label == "equivalent"
    assert _judged(_read(tmp_path, *rows, name="theirs")).label == "different"


def test_a_judge_that_is_not_in_the_file_is_refused_with_those_that_are(tmp_path: Path) -> None:
    with pytest.raises(DataError) as refused:
        _read(tmp_path, _row(judge="ours"), _row(judge="theirs"), name="thiers")

    assert "verdicts.jsonl holds no verdict of 'thiers' (did you mean 'theirs'?)" in str(
        refused.value
    )
    assert "its judges are: ours, theirs" in str(refused.value)


def test_the_rows_of_another_judge_are_not_looked_at(tmp_path: Path) -> None:
    judge = _read(
        tmp_path, _row(judge="ours"), _row(judge="theirs", label=7, id="unknown"), name="ours"
    )

    assert _judged(judge).label == "equivalent"


def test_a_score_column_holds_the_label_where_there_is_no_label(tmp_path: Path) -> None:
    scored = _read(tmp_path, _without("label", score=4), scale=GRADES)
    both = _read(tmp_path, _row(label="2", score=4), scale=GRADES)

    assert _judged(scored).label == "4"
    assert _judged(both).label == "2"
    with pytest.raises(DataError, match=r"line 1: the label 4.5 is not on the scale"):
        _read(tmp_path, _without("label", score=4.5), scale=GRADES)


def test_labels_and_columns_read_as_they_are_mapped(tmp_path: Path) -> None:
    row: Mapping[str, JsonValue] = {"question": "i1", "model": "student", "ok": True}

    judge = _read(
        tmp_path,
        row,
        fields={"id": "question", "system": "model", "label": "ok"},
        labels={False: "different", True: "equivalent"},
    )

    assert _judged(judge).label == "equivalent"


@pytest.mark.parametrize(
    ("stored", "confidence"),
    [(0, 0.0), (1, 1.0), (0.25, 0.25), ("0.5", 0.5), (None, None), ("", None)],
)
def test_a_confidence_is_a_probability_or_none(
    tmp_path: Path, stored: JsonValue, confidence: float | None
) -> None:
    (vote,) = _judged(_read(tmp_path, _row(confidence=stored))).votes

    assert vote.confidence == confidence


@pytest.mark.parametrize("stored", [-0.01, 1.01, 85, "high", "nan", "inf", True, [0.5]])
def test_a_confidence_that_is_no_probability_is_refused(tmp_path: Path, stored: JsonValue) -> None:
    with pytest.raises(DataError, match=r"line 1: 'confidence' must be a probability in \[0, 1\]"):
        _read(tmp_path, _row(confidence=stored))


@pytest.mark.parametrize(
    ("stored", "rationale"),
    [
        ("Both say Paris.", "Both say Paris."),
        (["Both say Paris.", "stop"], "Both say Paris."),
        ([None, "stop"], "stop"),
        ([7, []], ""),
        ([], ""),
        (None, ""),
        ({"text": "x"}, ""),
        ("x" * 1000, "x" * 600),
    ],
)
def test_a_reply_is_text_or_text_with_more_beside_it(
    tmp_path: Path, stored: JsonValue, rationale: str
) -> None:
    assert _judged(_read(tmp_path, _row(reply=stored))).rationale == rationale


def test_a_certificate_for_it_is_for_these_verdicts_alone(tmp_path: Path) -> None:
    rows = [ROW, _row(id="i2", label="different")]
    first = _read(tmp_path, *rows).identity

    same = _read(tmp_path, *rows, ending="csv").identity
    others = [
        _read(tmp_path, ROW, _row(id="i2")),
        _read(tmp_path, ROW),
        _read(tmp_path, ROW, _row(id="i2", label="different", confidence=0.9)),
        _read(tmp_path, ROW, _row(id="i2", label="different", system="teacher")),
        _read(tmp_path, *rows, name="ours"),
    ]

    assert first == same
    assert first["judge"] == "recorded"
    assert all(other.identity != first for other in others)
