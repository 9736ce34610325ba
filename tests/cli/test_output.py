import re
from collections.abc import Callable
from pathlib import Path

import pytest

from judge.cli.output import check_endings, print_json, print_page, write_files, write_whole
from judge.errors import ConfigError
from judge.render.page import Page, Section

PAGE = Page(title="A title", sections=[Section(title="Heading", lines=["word " * 40])])
COLOUR = re.compile(r"\x1b\[[\d;]*3[0-7]")


def test_a_page_in_a_pipe_is_wide_and_without_escapes(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    print_page(PAGE)

    printed = capsys.readouterr().out
    assert "\x1b" not in printed
    assert max(map(len, printed.splitlines())) == 160


def test_a_page_on_a_terminal_is_as_wide_as_it_is_and_coloured(
    on_a_terminal: Callable[[str, Callable[[], None]], str],
) -> None:
    received = on_a_terminal("stdout", lambda: print_page(PAGE))

    words = re.sub(r"\x1b\[[\d;]*m", "", received)
    assert COLOUR.search(received)
    assert max(map(len, words.splitlines())) == 100


def test_no_color_is_honoured_on_a_terminal(
    on_a_terminal: Callable[[str, Callable[[], None]], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")

    received = on_a_terminal("stdout", lambda: print_page(PAGE))

    assert "Heading" in received
    assert not COLOUR.search(received)


def test_json_is_printed_byte_for_byte(capsys: pytest.CaptureFixture[str]) -> None:
    print_json('{"name": "Zoë [bold]"}\n'.encode())

    assert capsys.readouterr().out == '{"name": "Zoë [bold]"}\n'


def test_each_file_is_written_in_the_format_its_ending_names(tmp_path: Path) -> None:
    paths = [tmp_path / "new" / "a.md", tmp_path / "b.json", tmp_path / "c.md"]

    write_files(paths, {".md": lambda: b"# words\n", ".json": lambda: b"{}"})

    assert [path.read_bytes() for path in paths] == [b"# words\n", b"{}", b"# words\n"]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("report.jsn", r"unknown format '\.jsn' \(did you mean '\.json'\?\); known: \.md, \.json"),
        ("report.pdf", r"unknown format '\.pdf'; known: \.md, \.json"),
        ("report", "unknown format 'without ending'; known: "),
    ],
)
def test_an_unknown_format_is_refused_before_anything_is_written(
    name: str, words: str, tmp_path: Path
) -> None:
    paths = [tmp_path / "first.md", tmp_path / name]

    with pytest.raises(ConfigError, match=words):
        write_files(paths, {".md": lambda: b"# words\n", ".json": lambda: b"{}"})
    with pytest.raises(ConfigError, match=words):
        check_endings(paths, (".md", ".json"))

    assert list(tmp_path.iterdir()) == []


def test_a_file_that_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    taken = tmp_path / "report.md"
    taken.mkdir()

    with pytest.raises(ConfigError, match=r"report\.md cannot be written: Is a directory"):
        write_whole(taken, b"# words\n")
    with pytest.raises(ConfigError, match="cannot be written: "):
        write_whole(Path("/proc/nothing/report.md"), b"# words\n")

    assert list(tmp_path.iterdir()) == [taken]


def test_a_file_that_is_there_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "report.md"
    path.write_bytes(b"a longer text that was there before")

    write_whole(path, b"short")

    assert path.read_bytes() == b"short"
    assert list(tmp_path.iterdir()) == [path]
