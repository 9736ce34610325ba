from pathlib import Path

import pytest

from judge.errors import DataError
from judge.importers import documents
from judge.importers.documents import parse, read_document, read_lines


def _written(folder: Path, name: str, body: bytes) -> Path:
    (folder / name).write_bytes(body)
    return folder / name


def test_a_document_is_read_and_what_is_no_number_becomes_null(tmp_path: Path) -> None:
    path = _written(tmp_path, "a.json", b'\xef\xbb\xbf{"a": NaN, "b": [-Infinity, 1.5]}')

    assert read_document(path) == {"a": None, "b": [None, 1.5]}


def test_lines_come_with_their_place(tmp_path: Path) -> None:
    path = _written(tmp_path, "a.jsonl", '\ufeff{"a": 1}\n\n {"a": "\u2028"}'.encode())

    assert list(read_lines(path)) == [
        ("a.jsonl line 1", {"a": 1}),
        ("a.jsonl line 3", {"a": "\u2028"}),
    ]


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"[" * 100 + b"]" * 100, "a.json: unreadable JSON: nested deeper than 64 levels"),
        (b'{"a": 1, "a": 2}', "a.json: unreadable JSON: the key 'a' stands twice"),
        (b'{"a": "\xff"}', "a.json: not UTF-8 (byte 0xff); save it as UTF-8"),
        (b'{"a": ', "a.json: unreadable JSON: "),
    ],
)
def test_what_is_wrong_is_named_with_its_place(body: bytes, problem: str, tmp_path: Path) -> None:
    with pytest.raises(DataError) as refused:
        read_document(_written(tmp_path, "a.json", body))

    assert problem in str(refused.value)


def test_a_document_over_the_limit_is_not_even_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(documents, "MAX_DOCUMENT", 3 << 20)
    path = tmp_path / "a.json"
    with path.open("wb") as file:
        file.truncate(5 << 20)

    with pytest.raises(DataError, match="5 MiB; a JSON document of more than 3 MiB is not read"):
        read_document(path)


def test_a_line_over_the_limit_is_refused_with_its_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(documents, "MAX_LINE", 1 << 20)
    path = _written(tmp_path, "a.jsonl", b'{"a": 1}\n"' + b"x" * (2 << 20) + b'"\n')
    lines = read_lines(path)

    assert next(lines) == ("a.jsonl line 1", {"a": 1})
    with pytest.raises(DataError, match=r"a\.jsonl line 2: longer than 1 MiB"):
        next(lines)


def test_an_absent_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no\.json: cannot be read: No such file"):
        read_document(tmp_path / "no.json")
    with pytest.raises(DataError, match=r"no\.jsonl: cannot be read: No such file"):
        next(read_lines(tmp_path / "no.jsonl"))


def test_a_part_is_read_under_the_name_of_its_place() -> None:
    assert parse(b"[1]", place="x") == [1]
    with pytest.raises(DataError, match=r"log\.eval: header\.json: unreadable JSON"):
        parse(b"[1", place="log.eval: header.json")
