import csv
import io
import json
from collections.abc import Callable, Mapping
from typing import TypeAlias

import pytest

from judge.errors import ConfigError
from judge.records.planned import PlannedRow
from judge.records.record import Record, RecordKey, Target
from judge.render.raters_file import raters_csv, raters_jsonl
from judge.testing import judged_measure
from judge.trust.needs import Rates
from judge.trust.planning import LabelPlan

Maker: TypeAlias = Callable[[LabelPlan, Mapping[RecordKey, Record]], bytes]

SYSTEM = "org/secret-student"
COLUMNS = ["task", "input", "against", "output", "label", "rater"]


def _key(number: int) -> RecordKey:
    return RecordKey(item_id=f"item-{number}", system=SYSTEM)


def _records(*outputs: str | None) -> Mapping[RecordKey, Record]:
    return {
        _key(number): Record(
            item_id=f"item-{number}",
            system=SYSTEM,
            input=f"ask {number}",
            output=output,
            references=("right", "also right"),
            teacher_output="taught",
            schema="",
            slices={},
            cluster="c",
        )
        for number, output in enumerate(outputs)
    }


def _plan(n: int, *, raters: tuple[str, ...] = (), target: Target = Target.REFERENCE) -> LabelPlan:
    return LabelPlan(
        measure=judged_measure(),
        rows=tuple(
            PlannedRow(
                task=f"t{number}",
                key=_key(number),
                criterion="equivalence",
                target=target,
                output_hash="hash",
                stratum=f"{SYSTEM} / equivalent",
                inclusion_probability=0.0625,
                kept={"ada": "equivalent"} if number == 9 else {},
            )
            for number in range(n)
        ),
        outputs={SYSTEM: n},
        needs=(),
        margins={},
        rates=Rates(),
        min_items=1,
        raters=raters,
        seconds_per_label=60,
    )


def _cells(body: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(body.decode("utf-8-sig"), newline="")))


def test_a_rater_reads_the_texts_and_writes_the_label() -> None:
    body = raters_jsonl(_plan(2, raters=("ada",)), _records("one", None))

    assert [json.loads(line) for line in body.splitlines()] == [
        {
            "task": f"t{number}",
            "input": f"ask {number}",
            "against": "right\n\nor:\n\nalso right",
            "output": output,
            "label": None,
            "rater": "ada",
        }
        for number, output in enumerate(["one", ""])
    ]


@pytest.mark.parametrize("make", [raters_jsonl, raters_csv])
def test_no_file_for_raters_names_a_system_a_verdict_a_chance_or_an_item(make: Maker) -> None:
    body = make(_plan(3, raters=("ada",)), _records("one", "two", "three")).decode()

    for secret in (SYSTEM, "secret", "equivalent", "0.0625", "item-", "stratum"):
        assert secret not in body


def test_outputs_are_held_against_what_the_ratings_are_about() -> None:
    body = raters_jsonl(_plan(1, target=Target.TEACHER), _records("one"))

    assert json.loads(body)["against"] == "taught"


def test_each_rater_has_all_rows_of_theirs_one_after_the_other() -> None:
    body = raters_jsonl(_plan(2, raters=("ada", "ben")), _records("one", "two"))

    rows = [json.loads(line) for line in body.splitlines()]
    assert [(row["rater"], row["task"]) for row in rows] == [
        ("ada", "t0"),
        ("ada", "t1"),
        ("ben", "t0"),
        ("ben", "t1"),
    ]


def test_a_row_that_keeps_its_label_is_not_in_the_file() -> None:
    body = raters_jsonl(_plan(10), _records(*map(str, range(10))))

    assert b"t9" not in body


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_a_text_that_starts_a_formula_does_nothing_in_a_spreadsheet(start: str) -> None:
    text = f'{start}HYPERLINK("https://example.com", "open\nme")'

    header, row = _cells(raters_csv(_plan(1), _records(text)))

    assert header == COLUMNS
    assert row == ["t0", "ask 0", "right\n\nor:\n\nalso right", f"'{text}", "", ""]


def test_other_texts_stand_in_a_spreadsheet_as_they_are() -> None:
    text = 'a "quoted" text,\nwith = a line break; é, 漢, 😀'

    _, row = _cells(raters_csv(_plan(1, raters=("ada",)), _records(text)))

    assert row[3:] == [text, "", "ada"]


def test_a_text_that_a_spreadsheet_would_cut_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"longer than the 32767 characters .* \.jsonl"):
        raters_csv(_plan(1), _records("x" * 32_767))


def test_a_rater_whose_name_looks_like_a_formula_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"--rater '=ada' looks like a formula"):
        raters_csv(_plan(1, raters=("=ada",)), _records("one"))
