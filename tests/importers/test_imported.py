from pathlib import Path

import pytest

from judge.errors import DataError
from judge.importers.imported import Gathering, answer_texts, label_text
from judge.records.strict_json import JsonValue


@pytest.fixture
def gathering() -> Gathering:
    return Gathering(tool="a tool", path=Path("file.json"))


def test_the_first_output_of_a_system_counts_and_amounts_that_are_none_are_counted(
    gathering: Gathering,
) -> None:
    gathering.item("1", input="ask", references=[" ", "right"], place="p")

    first = gathering.output(
        "1",
        system="s",
        output="a",
        took={"cost": -1, "latency_ms": 3, "input_tokens": None},
        place="p",
    )
    second = gathering.output("1", system="s", output="b", place="p")

    found = gathering.done()
    assert (first, second) == (True, False)
    assert [(one.output, one.took) for one in found.outputs] == [("a", {"latency_ms": 3})]
    assert found.items[0].references == ("right",)
    assert found.left_out == {"a cost that is no number of at least 0": 1}
    assert found.systems == ("s",)


def test_one_id_cannot_name_two_inputs(gathering: Gathering) -> None:
    gathering.item("1", input="ask", place="file.json: [0]")
    gathering.item("1", input="ask", place="file.json: [1]")

    with pytest.raises(
        DataError, match=r"\[2\]: the item '1' has another input than in file.*\[0\]"
    ):
        gathering.item("1", input="other", place="file.json: [2]")


def test_long_texts_among_the_metadata_are_no_slices_and_not_kept(gathering: Gathering) -> None:
    gathering.item("1", input="", metadata={"kind": "a", "text": "x" * 20_000}, place="p")

    assert gathering.done().items[0].metadata == {"kind": "a"}


def test_scores_that_are_no_single_value_and_second_ones_are_counted(gathering: Gathering) -> None:
    labels: list[JsonValue] = [True, [1], "no"]
    for label in labels:
        gathering.verdict("1", system="s", judge="j", label=label, reply=3, place="p")

    found = gathering.done()
    assert [(one.label, one.reply) for one in found.verdicts] == [("true", "")]
    assert found.left_out == {
        "scores of 'j' that are no single value": 1,
        "further scores of 'j' on the same output": 1,
    }


def test_ratings_that_are_no_single_label_are_counted(gathering: Gathering) -> None:
    said: list[tuple[JsonValue, JsonValue]] = [("good", 2), (["a", "b"], None), (3.0, "x")]
    for label, seconds in said:
        gathering.rating(
            "1", system="s", rater="ann", question="q", label=label, seconds=seconds, place="p"
        )

    found = gathering.done()
    assert [(one.label, one.seconds) for one in found.ratings] == [("good", 2.0), ("3", None)]
    assert found.left_out == {"answers to 'q' that are no single label": 1}


def test_a_file_without_any_record_says_what_was_left_out(gathering: Gathering) -> None:
    gathering.leave_out("drafts", 3)

    with pytest.raises(
        DataError, match=r"file\.json was recognised as a tool, .*\(left out: drafts: 3\)"
    ):
        gathering.done()


@pytest.mark.parametrize(
    ("value", "text"),
    [
        *((True, "true"), (1, "1"), (1.0, "1"), (0.5, "0.5"), (" C ", "C")),
        *(("3.0", "3"), ("3.5", "3.5"), ("", None), (None, None), ([1], None), ({}, None)),
    ],
)
def test_a_label_reads_alike_whatever_type_a_tool_gave_it(
    value: JsonValue, text: str | None
) -> None:
    assert label_text(value) == text


def test_several_right_answers_are_a_list() -> None:
    assert answer_texts(["a", None, 4]) == ("a", "4")
    assert (answer_texts({"k": 1}), answer_texts(None)) == (('{"k":1}',), ())
