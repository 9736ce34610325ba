import json
import tracemalloc
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest

from judge.errors import DataError
from judge.records.dataset import Dataset
from judge.records.overlap import (
    EvaluationText,
    Likeness,
    Overlap,
    OverlapRules,
    evaluation_texts,
    find_overlap,
)
from judge.records.record import Item, Role, System
from judge.records.strict_json import JsonValue
from judge.records.training import Unread

MOON = "Who was the first person to walk on the moon?"
ROME = "In which year was the city of Rome founded, according to legend?"
NEARLY = "In which year was the city of Rome founded according to legends"


def _text(text: str, *, item_id: str = "i1", part: str = "input") -> EvaluationText:
    return EvaluationText(item_id=item_id, part=part, text=text, cluster=item_id)


def _jsonl(path: Path, rows: Sequence[Mapping[str, JsonValue]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def _lines(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def _told(overlap: Overlap) -> list[tuple[str, str, int, str]]:
    return [(one.item_id, one.likeness, one.line, one.column) for one in overlap.leaks]


@pytest.mark.parametrize(
    ("row", "likeness", "column"),
    [
        ({"n": 1, "prompt": MOON}, Likeness.EXACT, "prompt"),
        (
            {"prompt": "who was the FIRST person\nto walk on the Moon"},
            Likeness.NORMALISED,
            "prompt",
        ),
        ({"a": "Q: who was the first person to walk on the moon?"}, Likeness.NEAR, "a"),
        (
            {"chat": [{"role": "user", "content": f"{ROME} {MOON} {ROME}"}]},
            Likeness.CONTAINED,
            "chat",
        ),
        (
            {"instruction": "Who was the first person", "input": "to walk on the moon?"},
            Likeness.CONTAINED,
            "instruction",
        ),
    ],
)
def test_a_leaked_text_is_found_however_training_has_it(
    tmp_path: Path, row: Mapping[str, JsonValue], likeness: Likeness, column: str
) -> None:
    other: Mapping[str, JsonValue] = {
        "prompt": "Name a river in France.",
        "chat": ["Seine", "Loire"],
    }
    file = _jsonl(tmp_path / "t.jsonl", [other, row, other])

    found = find_overlap([_text(MOON)], [file])

    assert _told(found) == [("i1", likeness, 2, column)]
    assert found.leaked_items == ("i1",)
    assert found.leaks[0].place == f"{file} line 2, column '{column}'"
    assert found.leaks[0].times == 1
    assert found.generic == ()


def test_a_text_that_training_never_had_is_not_found(tmp_path: Path) -> None:
    file = _lines(
        tmp_path / "t.txt",
        "Who was the first person to climb the mountain on foot?",
        "The moon: first person accounts. Who was the one to walk? She was on the roof.",
        "to walk on the moon was the first thing he said",
    )

    found = find_overlap([_text(MOON)], [file])

    assert (found.leaks, found.generic) == ((), ())
    assert found.files[0].texts == 3


@pytest.mark.parametrize("line", ["{} is the question", "so: {}", "{}"])
def test_a_question_asked_of_another_thing_is_another_question(tmp_path: Path, line: str) -> None:
    file = _lines(tmp_path / "t.txt", line.format("what is the meaning of the name Mandy"))

    found = find_overlap([_text("what is the meaning of the name Sinead")], [file])

    assert found.leaks == ()


def test_the_strongest_likeness_in_each_file_is_told_with_how_often_there_was_any(
    tmp_path: Path,
) -> None:
    first = _lines(tmp_path / "a.txt", MOON.lower(), "x", f"so, {MOON}", MOON, MOON, "y")
    second = _lines(tmp_path / "b.txt", NEARLY)

    found = find_overlap([_text(MOON), _text(ROME, item_id="i2")], [first, second])

    assert [(one.item_id, one.likeness, one.file, one.line, one.times) for one in found.leaks] == [
        ("i1", Likeness.EXACT, first, 4, 4),
        ("i2", Likeness.NEAR, second, 1, 1),
    ]
    assert [one.similarity for one in found.leaks] == [1.0, pytest.approx(9 / 11)]


def test_running_text_is_searched_across_lines_and_batches(tmp_path: Path) -> None:
    words = [f"w{k}" for k in range(300_000)]
    lines = [" ".join(words[k : k + 7]) for k in range(0, len(words), 7)]
    rng = np.random.default_rng(1)
    starts = [0, *sorted(int(k) for k in rng.integers(len(words) - 50, size=40)), len(words) - 50]
    texts = [_text(" ".join(words[k : k + 50]), item_id=str(k)) for k in starts]

    found = find_overlap(texts, [_lines(tmp_path / "t.txt", *lines)])

    assert [(one.item_id, one.line, one.similarity, one.times) for one in found.leaks] == [
        (str(k), k // 7 + 1, 1.0, 1) for k in starts
    ]


def test_a_text_longer_than_a_batch_of_training_is_found(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    long = " ".join(f"w{k}" for k in rng.integers(500, size=30_000))
    file = _jsonl(tmp_path / "t.jsonl", [{"text": f"{MOON} {long} {MOON}"}, {"text": MOON}])

    found = find_overlap([_text(long), _text(MOON, item_id="i2")], [file])

    assert [(one.item_id, one.likeness, one.line, one.times) for one in found.leaks] == [
        ("i1", Likeness.NEAR, 1, 1),
        ("i2", Likeness.EXACT, 2, 3),
    ]


def test_short_texts_are_told_apart_and_are_no_leaks(tmp_path: Path) -> None:
    file = _jsonl(
        tmp_path / "t.jsonl",
        [
            {"q": "Is it?", "a": "Yes."},
            {"q": "I ask: what is the capital of Chad, please?", "a": "yes"},
        ],
    )
    texts = [
        _text("yes", part="reference"),
        _text("yes", item_id="i2", part="reference"),
        _text("What is the capital of Chad?", item_id="i3"),
        _text("…", item_id="i4"),
    ]

    found = find_overlap(texts, [file])
    strict = find_overlap(texts, [file], rules=OverlapRules(min_contained_words=6))

    assert found.leaks == ()
    assert [(one.item_id, one.likeness, one.line, one.times) for one in found.generic] == [
        ("i1", Likeness.EXACT, 2, 2),
        ("i2", Likeness.EXACT, 2, 2),
        ("i3", Likeness.CONTAINED, 2, 1),
    ]
    assert (found.texts, found.only_whole) == (4, 3)
    assert strict.leaked_items == ("i3",)


def test_all_items_and_spellings_of_the_same_words_are_told(tmp_path: Path) -> None:
    texts = [_text(MOON), _text(MOON, item_id="i2"), _text(MOON.upper(), item_id="i3")]

    found = find_overlap(texts, [_lines(tmp_path / "t.txt", MOON)])

    assert [(one.item_id, one.likeness) for one in found.leaks] == [
        ("i1", Likeness.EXACT),
        ("i2", Likeness.EXACT),
        ("i3", Likeness.NORMALISED),
    ]


def test_only_declared_columns_are_searched(tmp_path: Path) -> None:
    file = _jsonl(tmp_path / "t.jsonl", [{"prompt": MOON, "source": ROME}])

    found = find_overlap(
        [_text(MOON), _text(ROME, item_id="i2")], [file], columns=["source", "prompt"]
    )
    part = find_overlap([_text(MOON), _text(ROME, item_id="i2")], [file], columns=["source"])

    assert found.leaked_items == ("i1", "i2")
    assert part.leaked_items == ("i2",)


def test_a_prompt_that_all_items_share_is_no_leak(tmp_path: Path) -> None:
    prompt = "You are a helpful assistant. Answer the question below in one short sentence, please."
    rng = np.random.default_rng(4)
    asked = [" ".join(f"w{k}" for k in rng.integers(900, size=9)) for _ in range(60)]
    texts = [_text(f"{prompt} {one}", item_id=str(k)) for k, one in enumerate(asked[:30])]
    rows: list[Mapping[str, JsonValue]] = [{"text": f"{prompt} {one}"} for one in asked[29:]]

    found = find_overlap(texts, [_jsonl(tmp_path / "t.jsonl", rows)])

    assert _told(found) == [("29", Likeness.EXACT, 1, "text")]


def test_inputs_references_and_chosen_outputs_of_a_set_are_looked_for() -> None:
    dataset = Dataset(
        items=(
            Item(item_id="i1", input="Q", references=("A", "B"), cluster="d"),
            Item(item_id="i2", cluster="i2"),
        ),
        systems=(System(name="t", role=Role.TEACHER),),
        outputs={"t": {"i1": "answer"}},
    )

    texts = list(evaluation_texts(dataset, outputs=["t"]))

    assert [(one.item_id, one.part, one.text, one.cluster) for one in texts] == [
        ("i1", "input", "Q", "d"),
        ("i1", "reference", "A", "d"),
        ("i1", "reference", "B", "d"),
        ("i1", "output of t", "answer", "d"),
    ]
    assert len(list(evaluation_texts(dataset))) == 3


def test_rows_that_could_not_be_read_are_counted_and_the_first_named(tmp_path: Path) -> None:
    file = _lines(
        tmp_path / "t.jsonl",
        *["{"] * 7,
        json.dumps({"a": MOON}),
        "\udcff".encode("utf-8", "surrogateescape").decode("latin-1"),
    )

    (searched,) = find_overlap([_text(MOON)], [file]).files

    assert (searched.texts, searched.unread) == (1, 8)
    assert [one.line for one in searched.first_unread] == [1, 2, 3, 4, 5]
    assert isinstance(searched.first_unread[0], Unread)


def test_progress_is_told_with_file_and_line(tmp_path: Path) -> None:
    file = _lines(tmp_path / "t.txt", *["word " * 100] * 2000)
    seen: list[tuple[Path, int]] = []

    find_overlap([_text(MOON)], [file], on_batch=lambda path, line: seen.append((path, line)))

    assert len(seen) > 1
    assert seen == sorted(seen)
    assert {path for path, _ in seen} == {file}


@pytest.mark.parametrize("texts", [[], [_text("…"), _text("?!")]])
def test_a_set_without_words_cannot_be_looked_for(
    tmp_path: Path, texts: Sequence[EvaluationText]
) -> None:
    with pytest.raises(DataError, match="there is nothing to look for"):
        find_overlap(texts, [_lines(tmp_path / "t.txt", "x")])


@pytest.mark.parametrize(
    "rules",
    [{"near": 0.0}, {"near": 1.1}, {"contained": 0}, {"template_share": 2}, {"min_words": 2}],
)
def test_rules_that_mean_nothing_are_refused(rules: Mapping[str, float]) -> None:
    with pytest.raises(ValueError, match="shares must be in"):
        OverlapRules(**rules)  # type: ignore[arg-type]  # wrong on purpose


@pytest.mark.parametrize(
    ("piece", "times"),
    [("word ", 1 << 19), ("word word word\n", 1 << 15), (".\n", 1 << 14), ("x", 1 << 23)],
    ids=repr,
)
def test_memory_does_not_grow_with_the_file(tmp_path: Path, piece: str, times: int) -> None:
    path, peaks = tmp_path / "t.txt", []

    for size in (times, 2 * times):
        path.write_text(piece * size + f"\n{MOON}", encoding="utf-8")
        tracemalloc.start()
        found = find_overlap([_text(MOON)], [path])
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert found.leaks[0].likeness is Likeness.EXACT

    assert peaks[1] < 1.05 * peaks[0] + 100_000
