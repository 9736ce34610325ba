import gzip
import json
import os
import pty
import sys
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from judge.cli.app import main
from judge.testing import (
    Answer,
    FakeEndpoint,
    HashEmbedder,
    Received,
    Responder,
    chat_completion,
    verdict,
)

KEY = "sk-secret-0123456789abcdef"
SCHEMA = {"type": "object", "required": ["answer"]}
CONFIG = """\
name: small
dataset: {items: items.jsonl}
slices: [kind]
systems:
  teacher: {role: teacher, outputs: teacher.jsonl}
  student: {role: student, outputs: student.jsonl}
scorers:
  equivalence: {judge: {model: fake-judge}, against: [reference]}
  adherence: {schema: answer.schema.json}
cache: false
"""
RATINGS = """\
ratings: {path: ratings.jsonl, source: human, blind: true, sampling: random}
"""
# What a shell may hold, and what would change what a command does or prints.
FOREIGN = (
    "OPENAI_API_KEY",
    "OPENAI_BASE_URL",
    "JUDGE_STORE",
    "JUDGE_MAX_CONNECTIONS",
    "JUDGE_RPM",
    "JUDGE_TPM",
    "JUDGE_MAX_COST",
    "JUDGE_CACHE",
    "JUDGE_TRACK",
    "NO_COLOR",
    "FORCE_COLOR",
    "COLUMNS",
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make an empty folder the current one, in an environment without settings of ours."""
    monkeypatch.chdir(tmp_path)
    for name in FOREIGN:
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.fixture
def judge(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., CompletedProcess[str]]:
    """Return what runs a command line to its end, through the door every command leaves by."""

    def run(*arguments: str) -> CompletedProcess[str]:
        capsys.readouterr()
        monkeypatch.setattr(sys, "argv", ["judge", *arguments])
        with pytest.raises(SystemExit) as left:
            main()
        assert isinstance(left.value.code, int)
        printed = capsys.readouterr()
        return CompletedProcess(arguments, left.value.code, printed.out, printed.err)

    return run


@pytest.fixture
def write_rows(folder: Path) -> Callable[[str, Sequence[Mapping[str, object]]], None]:
    """Return what writes rows as JSONL."""

    def write(name: str, rows: Sequence[Mapping[str, object]]) -> None:
        (folder / name).write_text("".join(json.dumps(row) + "\n" for row in rows))

    return write


@pytest.fixture
def write_set(
    folder: Path, write_rows: Callable[[str, Sequence[Mapping[str, object]]], None]
) -> Callable[..., None]:
    """Return what writes a small set and its config into the current folder.

    The teacher is always right; the student is right about odd items, and its first answer is no
    JSON. The judge behind the endpoint of `serving` sees through all of it.
    """

    def write(n_items: int = 6, *, ratings: int = 0, more: str = "") -> None:
        ids = range(n_items)
        kinds = ("even", "odd")
        write_rows(
            "items.jsonl",
            [
                {"id": f"i{k}", "input": f"ask {k}", "reference": f"true {k}", "kind": kinds[k % 2]}
                for k in ids
            ],
        )
        write_rows("teacher.jsonl", [_answer(k, "true") for k in ids])
        student = [_answer(k, "true" if k % 2 else "wrong") for k in ids]
        student[0]["output"] = "wrong 0"
        write_rows("student.jsonl", student)
        (folder / "answer.schema.json").write_text(json.dumps(SCHEMA))
        labels = ("different", "equivalent")
        write_rows(
            "ratings.jsonl",
            [
                {"id": f"i{k}", "system": "student", "rater": "ann", "label": labels[k % 2]}
                for k in ids[:ratings]
            ],
        )
        config = CONFIG + (RATINGS if ratings else "") + more
        (folder / "judge.yaml").write_text(config)

    return write


@pytest.fixture
def serving(
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[..., AbstractContextManager[FakeEndpoint]]:
    """Return what starts an endpoint that the environment names, with a key for it."""

    @contextmanager
    def serve(respond: Responder = see_through) -> Iterator[FakeEndpoint]:
        with FakeEndpoint(respond) as endpoint:
            monkeypatch.setenv("OPENAI_BASE_URL", endpoint.base_url)
            monkeypatch.setenv("OPENAI_API_KEY", KEY)
            yield endpoint

    return serve


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, bytes]]:
    """Return what a collector of OpenTelemetry, which the environment names, received by path."""
    received: defaultdict[str, bytes] = defaultdict(bytes)

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            packed = self.headers.get("Content-Encoding") == "gzip"
            received[self.path] += gzip.decompress(body) if packed else body
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name
            """Say nothing on stderr."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Collector) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
        yield received
        server.shutdown()
        thread.join()


@pytest.fixture
def quick_embedder(monkeypatch: pytest.MonkeyPatch) -> None:
    """Embed by words: for tests that need vectors, but not the seconds a model takes to load."""
    monkeypatch.setattr("judge.wiring.embedders.EncoderEmbedder", lambda *_, **__: HashEmbedder())


@pytest.fixture
def on_a_terminal(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str, Callable[[], None]], str]:
    """Return what runs a function with one stream on a terminal and tells what that received."""

    def shown(stream: str, write: Callable[[], None]) -> str:
        monkeypatch.setenv("TERM", "xterm-256color")
        monkeypatch.setenv("COLUMNS", "100")
        ours, theirs = pty.openpty()
        with os.fdopen(theirs, "w") as terminal, monkeypatch.context() as patch:
            patch.setattr(sys, stream, terminal)
            write()
        received = b""
        with os.fdopen(ours, "rb", buffering=0) as other_end, suppress(OSError):
            while part := other_end.read(4096):  # an OSError is its end, on Linux
                received += part
        return received.decode()

    return shown


@pytest.fixture(scope="session")
def matches_snapshot() -> Callable[[str, str], None]:
    """Return what compares a text with the snapshot of that name."""
    snapshots = Path(__file__).parent / "snapshots"

    def match(name: str, text: str) -> None:
        if os.environ.get("REFRESH_SNAPSHOTS"):
            snapshots.mkdir(exist_ok=True)
            (snapshots / name).write_text(text, encoding="utf-8")
        assert text == (snapshots / name).read_text(encoding="utf-8")

    return match


def see_through(received: Received) -> Answer:
    """Answer as a judge who is never wrong about the sets of `write_set`."""
    label = "different" if "wrong" in received.user_text else "equivalent"
    return Answer(body=chat_completion(verdict(label)))


def _answer(number: int, word: str) -> dict[str, object]:
    return {"id": f"i{number}", "output": json.dumps({"answer": f"{word} {number}"})}
