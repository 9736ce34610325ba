import json
import re
from collections.abc import Callable, Iterator, Sequence
from typing import NoReturn, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from judge.render.json import examples_jsonl, report_json
from judge.render.markdown import as_markdown
from judge.render.pages import report_page
from judge.reports.report import Report
from judge.results.outcome import FateCode
from judge.trust.certificate import Standing

FIGURES = ("value", "low", "high", "bounds")
# Objects whose keys are data.
BY_NAME = {"fates", "flags", "slices", "systems", "judge", "identity", "outputs", "versions"}
BY_NAME |= {"scores", "findings", "set_aside", "details"}
STORED = [code for code in FateCode if code not in {FateCode.NOT_YET_SCORED, FateCode.SENT_UNKNOWN}]
ABSENT = st.one_of(st.sampled_from(STORED), st.just("does not apply"), st.none())
VERDICT = st.one_of(st.sampled_from([0.0, 1.0, (1.0, "flag")]), ABSENT)
COSINE = st.one_of(st.floats(-1, 1), st.sampled_from([0.0, -0.0, 1.0, -1.0, 1e-300]), ABSENT)
ITEMS = st.lists(
    st.tuples(VERDICT, VERDICT, COSINE, COSINE, st.sampled_from(["easy", "hard"])),
    min_size=1,
    max_size=60,
)


def _read(body: bytes) -> dict[str, object]:
    def refuse(name: str) -> NoReturn:
        raise AssertionError(f"{name} in JSON")

    return cast("dict[str, object]", json.loads(body, parse_constant=refuse))


def _rows(read: dict[str, object], name: str) -> list[dict[str, object]]:
    return cast("list[dict[str, object]]", read[name])


def _paths(value: object, prefix: str = "") -> Iterator[str]:
    if isinstance(value, list):
        for member in value:
            yield from _paths(member, f"{prefix}[]")
    elif isinstance(value, dict):
        open_ended = prefix.rpartition(".")[2] in BY_NAME
        for name, member in value.items():
            path = f"{prefix}.{'*' if open_ended else name}"
            yield path
            yield from _paths(member, path)


def _nulls(value: object, prefix: str = "") -> Iterator[str]:
    if value is None:
        yield prefix
    elif isinstance(value, list):
        for member in value:
            yield from _nulls(member, f"{prefix}[]")
    elif isinstance(value, dict):
        for name, member in value.items():
            yield from _nulls(member, f"{prefix}.{name}")


def _assert_no_word_for_no_number(text: str) -> None:
    assert not re.search(r"\b(nan|inf|infinity)\b", text, re.IGNORECASE)


@given(ITEMS, st.sampled_from([None, Standing.TRUSTED, Standing.INSUFFICIENT]))
@settings(max_examples=60, deadline=None)
def test_no_report_holds_a_number_that_is_none(
    report_of: Callable[..., Report],
    items: list[tuple[object, object, object, object, str]],
    standing: Standing | None,
) -> None:
    judged_t, judged_s, alike_t, alike_s, kinds = map(list, zip(*items, strict=True))

    report = report_of(
        {
            "equivalence.reference": {"teacher": judged_t, "student": judged_s},
            "adherence.strict": {"teacher": judged_s, "student": judged_t},
            "similarity.reference": {"teacher": alike_t, "student": alike_s},
        },
        slices=[{"kind": kind} for kind in kinds],
        standing=standing,
    )

    read = _read(report_json(report))
    # JSON has no NaN: one would have become null.
    nulls = {path for path in _nulls(read) if not path.endswith(".teacher_output")}
    assert nulls <= {".run.measures[].empty_output_counts_as"}
    _assert_no_word_for_no_number(as_markdown(report_page(report)))
    for row in [*_rows(read, "estimates"), *_rows(read, "retention")]:
        assert ("value" in row) == (row["status"] == "shown") == ("reason" not in row)
    for row in _rows(read, "estimates"):
        counts = cast("dict[str, int]", row["fates"])
        assert row["n_records"] == cast("int", row["scored"]) + sum(counts.values())


@pytest.mark.parametrize("standing", [None, Standing.NOT_TRUSTED, Standing.INSUFFICIENT])
def test_a_withheld_row_has_no_number_and_says_why_and_what_is_next(
    report_of: Callable[..., Report], standing: Standing | None
) -> None:
    columns = {
        "equivalence.reference": {"teacher": [1.0] * 37 + [0.0] * 6, "s": [1.0] * 29 + [0.0] * 14}
    }

    read = _read(report_json(report_of(columns, standing=standing)))

    (trust,) = _rows(read, "trust")
    assert "judge validate c.yaml" in cast("str", trust["next"])
    for row in [*_rows(read, "estimates"), *_rows(read, "retention")]:
        assert row["status"] == "withheld"
        assert not set(FIGURES) & set(row)
        assert cast("str", row["reason"]).startswith("judge ")


def test_the_withheld_numbers_are_nowhere_in_the_bytes(report_of: Callable[..., Report]) -> None:
    columns = {
        "equivalence.reference": {"teacher": [1.0] * 37 + [0.0] * 6, "s": [1.0] * 29 + [0.0] * 14}
    }
    shown = _read(report_json(report_of(columns)))
    numbers = [
        json.dumps(row[name])[:8]
        for row in [*_rows(shown, "estimates"), *_rows(shown, "retention")]
        for name in ("value", "low", "high")
    ]

    withheld = report_json(report_of(columns, standing=None)).decode()

    assert len(numbers) == 9
    assert not [found for found in numbers if found in withheld]


def test_verdicts_stay_visible_and_are_marked(report_of: Callable[..., Report]) -> None:
    columns = {
        "equivalence.reference": {"s": [1.0, FateCode.JUDGE_REFUSED, "no reference", None]},
        "adherence.strict": {"s": [1.0, 0.0, 1.0, 1.0]},
    }

    examples = _rows(_read(report_json(report_of(columns, standing=None))), "examples")

    judged = [
        cast("dict[str, dict[str, object]]", example["scores"])["equivalence.reference"]
        for example in examples
    ]
    assert judged[0] == {
        "value": 1.0,
        "trusted": False,
        "label": "equivalent",
        "rationale": "some text",
    }
    assert [one.get("fate") for one in judged] == [None, "judge_refused", None, "not_yet_scored"]
    assert judged[2] == {"not_applicable": "no reference"}
    assert {example["trusted"] for example in examples} == {False}


def test_hostile_text_is_data_and_comes_back_exactly(
    report_of: Callable[..., Report], hostile: Sequence[str]
) -> None:
    for text in hostile:
        report = report_of({"equivalence.reference": {text: [1.0]}}, ids=[text], text=text)

        (example,) = _rows(_read(report_json(report)), "examples")

        assert (example["id"], example["system"], example["output"]) == (text, text, text)
        assert json.loads(examples_jsonl(report)) == example


def test_there_is_one_line_for_each_record(small_report: Report) -> None:
    body = examples_jsonl(small_report)

    lines = body.decode().split("\n")
    assert len(lines) == len(small_report.examples) + 1
    assert lines[-1] == ""
    assert [json.loads(line) for line in lines[:-1]] == _read(report_json(small_report))["examples"]


def test_the_keys_of_a_report_are_the_reviewed_ones(
    small_report: Report, matches_snapshot: Callable[[str, str], None]
) -> None:
    paths = dict.fromkeys(_paths(_read(report_json(small_report))))

    matches_snapshot("report_keys.txt", "\n".join(paths) + "\n")
