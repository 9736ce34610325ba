import json
import random
import shutil
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

import pytest

from judge.errors import DataError
from judge.importers.imported import Imported
from judge.importers.merged import merge
from judge.importers.plain import Holds
from judge.importers.recognise import read_foreign
from judge.records.strict_json import JsonValue

Read = Callable[[Path], Imported]
FILES = Path(__file__).parent / "files"
CHAT: list[JsonValue] = [{"role": "x", "content": [3]}]
EMPTY: list[JsonValue] = []
ODD: list[JsonValue] = [
    None,
    True,
    3,
    -1.5,
    "",
    "x",
    {},
    EMPTY,
    CHAT,
    [EMPTY],
    [1],
    ["x"],
    {"a": 1},
]


def _write(folder: Path, name: str, body: bytes) -> Path:
    (folder / name).write_bytes(body)
    return folder / name


@pytest.mark.parametrize(
    ("file", "tool"),
    [
        ("inspect_log.json", "an inspect_ai log"),
        ("promptfoo.json", "promptfoo results"),
        ("deepeval.json", "a DeepEval test run"),
        ("label_studio.json", "a Label Studio export"),
        ("label_studio_min.json", "a Label Studio export"),
        ("argilla.json", "an Argilla export"),
        ("mlflow_eval_results_table.json", "an MLflow evaluation table"),
        ("mlflow_traces.json", "an MLflow evaluation table"),
        ("phoenix_experiment.json", "Phoenix evaluations"),
        ("phoenix_evaluated.json", "Phoenix evaluations"),
        ("phoenix_spans.json", "Phoenix spans"),
        ("phoenix_annotations.json", "annotations of Phoenix spans"),
        ("table.parquet", "a table"),
        ("samples_capitals_2026-11-26T06-37-36.486689.jsonl", "lm-evaluation-harness samples"),
    ],
)
def test_a_tool_is_known_by_the_shape_of_its_file_whatever_its_name(
    file: str, tool: str, files: Path, read: Read, tmp_path: Path
) -> None:
    other = _write(tmp_path, f"whatever{Path(file).suffix}", (files / file).read_bytes())

    assert read(other).tool == tool


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("a.jsonl", b'{"id": 1, "output": "x"}\n'),
        ("a.csv", b"id,output\n1,x\n"),
    ],
)
def test_rows_as_we_have_them_are_of_no_other_tool(name: str, body: bytes, tmp_path: Path) -> None:
    path = _write(tmp_path, name, body)

    assert read_foreign(path, holds=None) is None
    found = read_foreign(path, holds=Holds.OUTPUTS)
    assert found is not None
    assert [(one.item_id, one.output) for one in found.outputs] == [("1", "x")]


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("a.json", b'\xef\xbb\xbf\n [{"id": 1, "output": "x"}]'),
        ("b.json", b'{"id": 1, "output": "x"}\n{"id": 2, "output": "y"}\n'),
        ("c.json", b'{"columns": ["id", "output"], "index": [0], "data": [[1, "x"]]}'),
    ],
)
def test_tables_in_json_are_read_however_they_are_laid_out(
    name: str, body: bytes, read: Read, tmp_path: Path
) -> None:
    found = read(_write(tmp_path, name, body))

    assert (found.tool, found.outputs[0].output) == ("a table", "x")


# Name of a file and its bytes, and what is said.
BAD: Mapping[str, tuple[bytes, str]] = {
    "a.bin": (b"\x00\x01", "a.bin: of no kind that is known; known are inspect_ai logs"),
    "empty.json": (b"", "empty.json: of no kind that is known"),
    "a.json": (
        b'{"evals": [], "when": 3}',
        "a.json: a JSON object of no shape that is known; its keys are: 'evals', 'when'; known are",
    ),
    "list.json": (b"[]", "list.json: a JSON document must be an object, or a list of objects"),
    "words.json": (b'["a"]', "words.json: [0]: a row must be an object"),
    "broken.json": (b'{"a": 1', "broken.json: unreadable JSON"),
    "empty.jsonl": (b"\n", "empty.jsonl holds no rows"),
    "odd.jsonl": (b"[1]\n", "odd.jsonl line 1: a row must be an object"),
    "deep.json": (b"[" * 200 + b"]" * 200, "deep.json: unreadable JSON: nested deeper than 64"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_of_no_shape_is_named_with_what_was_expected(
    name: str, read: Read, tmp_path: Path
) -> None:
    body, problem = BAD[name]

    with pytest.raises(DataError) as refused:
        read(_write(tmp_path, name, body))

    assert problem in str(refused.value)


def test_a_zip_archive_of_something_else_is_named(read: Read, zipped: Callable[..., Path]) -> None:
    with pytest.raises(DataError, match=r"log\.eval: a zip archive without header\.json"):
        read(zipped({"word/document.xml": json.dumps({}).encode()}))


def test_an_absent_file_is_named(read: Read, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no\.json: cannot be read: No such file"):
        read(tmp_path / "no.json")


def _spoilt(value: JsonValue, rng: random.Random) -> JsonValue:
    """Return a copy of a document in which one part, anywhere, is of another kind or gone."""
    if isinstance(value, dict) and value and rng.random() < 0.9:
        key = rng.choice(list(value))
        if rng.random() < 0.1:
            return {name: one for name, one in value.items() if name != key}
        return {**value, key: _spoilt(value[key], rng)}
    if isinstance(value, list) and value and rng.random() < 0.9:
        place = rng.randrange(len(value))
        return [*value[:place], _spoilt(value[place], rng), *value[place + 1 :]]
    return rng.choice(ODD)


@pytest.mark.parametrize(
    "name",
    sorted(
        one.name
        for one in FILES.iterdir()
        if one.suffix in {".json", ".jsonl"} and not one.name.startswith("results_")
    ),
)
def test_a_file_that_is_wrong_in_any_place_is_read_or_refused_but_never_fails_otherwise(
    name: str, read: Read, tmp_path: Path
) -> None:
    text = (FILES / name).read_text()
    lines = name.endswith(".jsonl")
    document = [json.loads(row) for row in text.splitlines()] if lines else json.loads(text)
    rng = random.Random(name)  # noqa: S311 - no secret, and the same each time
    path = tmp_path / name

    for _ in range(300):
        wrong = document
        for _ in range(rng.randint(1, 3)):
            wrong = _spoilt(wrong, rng)
        as_lines = lines and isinstance(wrong, list)
        path.write_text("\n".join(map(json.dumps, wrong)) if as_lines else json.dumps(wrong))

        with suppress(DataError):
            merge([read(path)])


@pytest.mark.parametrize("name", ["table.parquet", "hf_dataset/data-00000-of-00001.arrow"])
def test_a_binary_file_with_wrong_bytes_is_read_or_refused_but_never_fails_otherwise(
    name: str, read: Read, tmp_path: Path
) -> None:
    folder = tmp_path / "set"
    shutil.copytree(FILES / "hf_dataset", folder)
    path = folder / Path(name).name
    whole = (FILES / name).read_bytes()
    rng = random.Random(name)  # noqa: S311 - no secret, and the same each time

    for _ in range(300):
        body = bytearray(whole)
        for _ in range(rng.randint(1, 8)):
            body[rng.randrange(len(body))] = rng.randrange(256)
        path.write_bytes(body[: rng.randint(0, len(body))] if rng.random() < 0.1 else body)

        with suppress(DataError):
            read(path if path.suffix == ".parquet" else folder)
