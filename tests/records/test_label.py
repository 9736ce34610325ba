from collections.abc import Mapping
from pathlib import Path

import pytest

from judge.errors import DataError
from judge.records.label import LabelKey, read_label
from judge.records.rows import Row
from judge.records.scale import EQUIVALENCE, Scale, ScaleKind
from judge.records.strict_json import JsonValue

GRADES = Scale(kind=ScaleKind.ORDINAL, categories=("1", "2", "3"))


def _row(values: Mapping[str, JsonValue], *, typed: bool = True) -> Row:
    return Row(
        path=Path("rows.jsonl"), line=3, values=values, fields={"label": "verdict"}, typed=typed
    )


def _label(
    value: JsonValue,
    labels: Mapping[LabelKey, str] | None = None,
    *,
    scale: Scale = EQUIVALENCE,
    typed: bool = True,
) -> str:
    row = _row({"verdict": value}, typed=typed)
    return read_label(row, "label", labels=labels or {}, scale=scale)


def test_several_labels_may_mean_one_category() -> None:
    labels: dict[LabelKey, str] = {
        "same": "equivalent",
        "alike": "equivalent",
        "other": "different",
    }

    assert [_label(value, labels) for value in ("same", "alike", "other")] == list(labels.values())


def test_true_one_and_the_words_for_them_may_each_mean_something_else() -> None:
    labels: dict[LabelKey, str] = {"true": "1", "1": "2", 2: "3"}

    assert [_label(value, labels, scale=GRADES) for value in ("true", "1", 2)] == ["1", "2", "3"]


@pytest.mark.parametrize("value", ["equivalent", "different"])
def test_with_a_mapping_only_what_is_mapped_is_a_label(value: str) -> None:
    with pytest.raises(DataError, match="accepted are: 'yes', 'no'"):
        _label(value, {"yes": "equivalent", "no": "different"})


def test_with_a_mapping_a_whole_number_is_no_longer_the_category_written_like_it() -> None:
    with pytest.raises(DataError, match="the label 2 is not on the scale"):
        _label(2, {"two": "2"}, scale=GRADES)


@pytest.mark.parametrize("value", ["Equivalent", " equivalent ", "EQUIVALENT"])
def test_case_and_blanks_matter_in_json_and_not_in_csv(value: str) -> None:
    assert _label(value, typed=False) == "equivalent"
    with pytest.raises(DataError):
        _label(value)


@pytest.mark.parametrize(("value", "shown"), [(False, "false"), (1, "1"), ("true", "'true'")])
def test_a_refused_label_is_shown_as_the_file_has_it_beside_those_that_would_do(
    value: JsonValue, shown: str
) -> None:
    with pytest.raises(DataError) as refused:
        _label(value, {True: "equivalent", "no": "different", 0: "different"})

    assert str(refused.value) == (
        f"rows.jsonl line 3: the label {shown} is not on the scale; accepted are: true, 'no', 0 "
        "(map others under 'labels:')"
    )


def test_a_missing_label_is_asked_for_by_the_name_the_file_should_have() -> None:
    row = _row({"verdct": "equivalent"})

    with pytest.raises(DataError, match=r"line 3: 'verdict' is missing \(did you mean 'verdct'"):
        read_label(row, "label", labels={}, scale=EQUIVALENCE)
