import gzip
import json
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from judge.errors import DataError
from judge.records.training import MAX_LINE, Passage, Unread, read_training


def _read(path: Path, *columns: str) -> list[Passage | Unread]:
    return list(read_training(path, columns=columns))


def _texts(path: Path, *columns: str) -> list[tuple[int, str, str]]:
    return [
        (one.line, one.column, one.text)
        for one in _read(path, *columns)
        if isinstance(one, Passage)
    ]


def test_jsonl_rows_give_all_their_texts_in_order(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    rows = [
        {"prompt": "Where?", "n": 3, "completion": "Paris", "note": None, "empty": ""},
        {"messages": [{"role": "user", "content": "Hi"}, {"role": "x", "content": ["a", "b"]}]},
    ]
    path.write_text(f"{json.dumps(rows[0])}\r\n\n{json.dumps(rows[1])}\n" + '"bare"')

    assert _texts(path) == [
        (1, "prompt", "Where?"),
        (1, "completion", "Paris"),
        (3, "messages", "user"),
        (3, "messages", "Hi"),
        (3, "messages", "x"),
        (3, "messages", "a"),
        (3, "messages", "b"),
        (4, "", "bare"),
    ]
    assert _texts(path, "completion") == [(1, "completion", "Paris")]


@pytest.mark.parametrize(("suffix", "mark"), [(".csv", ","), (".tsv", "\t")])
def test_csv_rows_give_their_cells(tmp_path: Path, suffix: str, mark: str) -> None:
    path = tmp_path / f"t{suffix}"
    lines = ["a|b|a", '"x ""y""|z\nsecond"|2|again', "short", "1||3|beyond", ""]
    path.write_text("\n".join(lines).replace("|", mark), encoding="utf-8-sig")

    assert _texts(path) == [
        (3, "a", f'x "y"{mark}z\nsecond'),
        (3, "b", "2"),
        (3, "a", "again"),
        (4, "a", "short"),
        (5, "a", "1"),
        (5, "a", "3"),
        (5, "without a name", "beyond"),
    ]
    assert _texts(path, "b") == [(3, "b", "2")]


@pytest.mark.parametrize("name", ["t.txt", "t.md", "t.TXT.gz"])
def test_all_lines_of_a_running_text_read_on_from_each_other(tmp_path: Path, name: str) -> None:
    path, data = tmp_path / name, "One\u2028two \r\n \n three".encode()
    path.write_bytes(gzip.compress(data) if name.endswith("gz") else data)

    assert _read(path) == [Passage(0, 1, "", "One\u2028two "), Passage(0, 3, "", " three")]


@pytest.mark.parametrize("name", ["t.jsonl.gz", "t.csv.gz"])
def test_compressed_rows_are_rows(tmp_path: Path, name: str) -> None:
    plain = {"t.jsonl.gz": b'{"a": "x"}\n', "t.csv.gz": b"a\nx\n"}[name]
    (tmp_path / name).write_bytes(gzip.compress(plain))

    assert [text for _, _, text in _texts(tmp_path / name)] == ["x"]


def test_a_row_that_cannot_be_read_is_named_and_the_next_is_read(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    path.write_bytes(
        b'{"a": "x"\n{"a": NaN, "b": "nan"}\n{"a": "\xff caf\xe9"}\n'
        b'{"a": "\\ud800"}\n' + b"[" * 100_000 + b'\n{"a": "last"}\n'
    )

    found = _read(path)

    assert [one.line for one in found if isinstance(one, Unread)] == [1, 5]
    assert _texts(path) == [
        (2, "b", "nan"),
        (3, "a", "\ufffd caf\ufffd"),
        (4, "a", "\ud800"),
        (6, "a", "last"),
    ]


def test_a_quote_that_never_closes_costs_no_more_than_a_stretch_of_its_file(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("a,b\n" + '"open,2\n' + "x,y\n" * 60_000)

    found = _read(path)

    lost = [one for one in found if isinstance(one, Unread)]
    assert len(lost) == 1
    assert "a cell of over 131072 bytes" in lost[0].reason
    assert len(found) > 2 * 25_000


@pytest.mark.parametrize("name", ["t.jsonl", "t.csv"])
def test_a_row_of_a_hundred_megabytes_is_named_and_takes_no_such_memory(
    tmp_path: Path, name: str
) -> None:
    path = tmp_path / name
    with path.open("wb") as file:
        file.write(b'{"a": "x"}\n' if name == "t.jsonl" else b"a\nx\n")
        for _ in range(100):
            file.write(b"word" * (1 << 18))
        file.write(b'\n{"a": "y"}\n')

    tracemalloc.start()
    found = _read(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert [one.reason for one in found if isinstance(one, Unread)] == ["longer than 32 MiB"]
    assert sum(isinstance(one, Passage) for one in found) == 2
    assert peak < 3 * MAX_LINE


def test_a_line_of_running_text_without_end_is_read_in_pieces(tmp_path: Path) -> None:
    path = tmp_path / "t.txt"
    path.write_text("some words " * 300_000 + "\nlast")

    found = _texts(path)

    assert len(found) > 3
    assert {line for line, _, _ in found} == {1, 2}
    assert " ".join(text for _, _, text in found).split() == ["some", "words"] * 300_000 + ["last"]


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("t.parquet", b"PAR1", r"training files are \.jsonl, .*not '\.parquet'"),
        ("t", b"x", "not 'without an ending'"),
        ("t.gz", b"x", "not 'without an ending'"),
        ("t.jsonl", b"", "holds no text: nothing was searched"),
        ("t.txt", b" \n\n", "holds no text"),
        ("t.csv", b"a,b\n", "holds no text"),
        ("t.jsonl", b'{"n": 1}\n', "holds no text"),
        ("t.txt", b"\xff\xfea\0", "the file is UTF-16"),
        ("t.txt", b"MZ\x90\0\x03", "the file is binary"),
        ("t.txt", gzip.compress(b"x", mtime=0), r"is compressed; give its name the ending \.gz"),
        ("t.txt.gz", b"no gzip", "cannot be read: Not a gzipped file"),
        (
            "t.txt.gz",
            gzip.compress(b"x" * 99, mtime=0)[:-9],
            "cannot be read: Compressed file ended",
        ),
        (
            "t.txt.gz",
            gzip.compress(b"x" * 99, mtime=0)[:10] + b"\xff" * 99,
            "cannot be read: Error -3",
        ),
    ],
)
def test_a_file_that_would_be_searched_in_vain_is_refused(
    tmp_path: Path, name: str, data: bytes, message: str
) -> None:
    path = tmp_path / name
    path.write_bytes(data)

    with pytest.raises(DataError, match=message):
        _read(path)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: None, "cannot be read: No such file"),
        (lambda path: path.mkdir(), "cannot be read: Is a directory"),
    ],
)
def test_what_is_no_file_is_refused(
    tmp_path: Path, make: Callable[[Path], None], message: str
) -> None:
    make(tmp_path / "t.jsonl")

    with pytest.raises(DataError, match=message):
        _read(tmp_path / "t.jsonl")


@pytest.mark.parametrize("data", [("t.jsonl", '{"prompt": "x"}'), ("t.csv", "prompt,n\nx,1\n")])
def test_a_column_that_no_row_has_is_refused(tmp_path: Path, data: tuple[str, str]) -> None:
    path = tmp_path / data[0]
    path.write_text(data[1])

    with pytest.raises(DataError, match=r"no row has a column 'promt' \(did you mean 'prompt'\?\)"):
        _read(path, "promt")
