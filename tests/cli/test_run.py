import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from subprocess import CompletedProcess
from typing import NoReturn

import pytest

from judge.testing import (
    Answer,
    FakeEndpoint,
    Received,
    always_equivalent,
    chat_completion,
    fault,
    verdict,
)
from judge.wiring.store import open_store

Run = Callable[..., CompletedProcess[str]]
Serve = Callable[..., AbstractContextManager[FakeEndpoint]]
WriteSet = Callable[..., None]
WriteRows = Callable[[str, Sequence[Mapping[str, object]]], None]
# In this order; others may stand among them.
DOCUMENTED = ["schema_version", "run", "trust", "estimates", "retention", "examples"]


def _rows(name: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in Path(name).read_text().splitlines()]


def _contents() -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in Path().rglob("*") if path.is_file()}


def _estimates(report: str) -> dict[tuple[str, str, str], dict[str, object]]:
    rows = json.loads(report)["estimates"]
    return {(row["metric"], row["system"], row["slice"]): row for row in rows}


def test_a_run_is_done_though_its_judge_is_withheld(
    judge: Run, write_set: WriteSet, serving: Serve
) -> None:
    write_set(24)

    with serving() as endpoint:
        found = judge("run", "judge.yaml")

    page = " ".join(found.stdout.split())
    assert found.returncode == 0
    assert len(endpoint.requests) == 48
    assert "equivalence.reference withheld: judge unvalidated" in page
    assert "overall 24 1.000 [" in page  # format needs no judge
    assert "then judge validate judge.yaml" in page
    assert "judge: 96 of 96 scores" in found.stderr


def test_the_json_of_a_run_has_the_documented_keys_and_nothing_else_stands_on_stdout(
    judge: Run, write_set: WriteSet, serving: Serve
) -> None:
    write_set(24)

    with serving():
        found = judge("run", "judge.yaml", "--json")

    report = json.loads(found.stdout)
    assert [key for key in report if key in DOCUMENTED] == DOCUMENTED
    assert report["run"]["complete"] is True
    rows = _estimates(found.stdout)
    shown = rows["adherence.strict", "student", "overall"]
    assert (shown["status"], shown["value"], shown["n_records"]) == ("shown", 23 / 24, 24)
    withheld = rows["equivalence.reference", "student", "overall"]
    assert withheld["status"] == "withheld"
    assert not withheld.keys() & {"value", "low", "high", "bounds"}


def test_every_record_has_its_verdict_in_the_examples_marked_as_not_trusted(
    judge: Run, write_set: WriteSet, serving: Serve
) -> None:
    write_set()

    with serving():
        found = judge("run", "judge.yaml", "--json")

    students = [one for one in json.loads(found.stdout)["examples"] if one["system"] == "student"]
    judged = [one["scores"]["equivalence.reference"] for one in students]
    assert [one["label"] for one in judged] == ["different", "equivalent"] * 3
    assert not any(one["trusted"] for one in judged)


@pytest.mark.parametrize(
    ("options", "ids"),
    [
        (["--limit", "2"], ["i0", "i1"]),
        (["--filter", "kind=odd"], ["i1", "i3", "i5"]),
        (["--filter", "kind=even", "--limit", "1"], ["i0"]),
    ],
)
def test_a_part_of_the_set_is_scored_where_only_that_is_asked_for(
    options: list[str], ids: list[str], judge: Run, write_set: WriteSet, serving: Serve
) -> None:
    write_set()

    with serving() as endpoint:
        found = judge("run", "judge.yaml", "--json", *options)

    examples = json.loads(found.stdout)["examples"]
    assert [one["id"] for one in examples] == ids * 2
    assert len(endpoint.requests) == len(ids) * 2


def test_a_dry_run_says_what_would_be_done_and_does_nothing(
    judge: Run, write_set: WriteSet, write_rows: WriteRows, serving: Serve
) -> None:
    write_set()
    write_rows("student.jsonl", [{"id": "i0", "output": ""}, *_rows("student.jsonl")[1:5]])
    before = _contents()

    with serving() as endpoint:
        found = judge("run", "judge.yaml", "--dry-run")
        as_json = judge("run", "judge.yaml", "--dry-run", "--json")

    assert (found.returncode, as_json.returncode) == (0, 0)
    assert "equivalence.reference: 12 records, 2 settled beforehand, 10 calls" in found.stdout
    assert "adherence.strict: 12 records, 0 settled beforehand, 0 calls\n" in found.stdout
    forecast = json.loads(as_json.stdout)["forecast"]
    assert [(one["metric"], one["cost"]["calls"]) for one in forecast] == [
        ("equivalence.reference", 10),
        ("adherence.strict", 0),
    ]
    assert endpoint.requests == []
    assert _contents() == before


def test_an_unchanged_run_asks_nothing_a_second_time_and_a_changed_output_alone_is_asked_about(
    judge: Run, write_set: WriteSet, write_rows: WriteRows, serving: Serve
) -> None:
    write_set()

    with serving() as endpoint:
        first = judge("run", "judge.yaml", "--cache", "--json")
        asked_first = len(endpoint.requests)
        again = judge("run", "judge.yaml", "--cache", "--json")
        asked_again = len(endpoint.requests)
        write_rows("student.jsonl", [{"id": "i0", "output": "new"}, *_rows("student.jsonl")[1:]])
        changed = judge("run", "judge.yaml", "--cache", "--dry-run")

    assert (first.returncode, again.returncode) == (0, 0)
    assert 0 < asked_first == asked_again
    assert _estimates(first.stdout) == _estimates(again.stdout)
    assert "12 records, 0 settled beforehand, 1 calls, 11 answers kept from before" in (
        changed.stdout
    )


def test_a_run_stops_before_the_call_that_could_cost_more_than_it_may_spend(
    judge: Run, write_set: WriteSet, serving: Serve
) -> None:
    write_set()
    config = Path("judge.yaml").read_text()
    priced = "{model: fake-judge, prices: {input_per_million: 10000, output_per_million: 0}}"

    with serving() as endpoint:  # each answer counts 100 tokens of input: a dollar
        unpriced = judge("run", "judge.yaml", "--max-cost", "30")
        Path("judge.yaml").write_text(config.replace("{model: fake-judge}", priced))
        found = judge("run", "judge.yaml", "--max-cost", "20", "--json")
        asked = len(endpoint.requests)
        resumed = judge("resume", "latest", "--max-cost", "1000", "--json")

    assert unpriced.returncode == 2
    assert "--max-cost needs the price of fake-judge" in unpriced.stderr
    assert found.returncode == 4
    fates = _estimates(found.stdout)["equivalence.reference", "student", "overall"]["fates"]
    assert isinstance(fates, dict)
    assert fates.keys() <= {"budget_exhausted", "not_yet_scored"}
    assert 0 < asked < 2 * 12
    assert resumed.returncode == 0
    assert len(endpoint.requests) > asked


@pytest.mark.parametrize("by_option", [True, False])
def test_no_more_calls_are_open_at_once_than_allowed(
    by_option: bool,  # noqa: FBT001 - a case of the table
    judge: Run,
    write_set: WriteSet,
    serving: Serve,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write_set(12)
    config = Path("judge.yaml").read_text()
    Path("judge.yaml").write_text(config.replace("[reference]", "[reference, teacher]"))
    options = ["--max-connections", "3"] if by_option else []
    if not by_option:
        monkeypatch.setenv("JUDGE_MAX_CONNECTIONS", "3")

    with serving(lambda _: Answer(body=chat_completion(verdict()), delay_s=0.02)) as endpoint:
        found = judge("run", "judge.yaml", *options)

    assert found.returncode == 0
    assert len(endpoint.requests) == 36
    assert endpoint.most_in_flight == 3


def test_an_endpoint_that_is_down_leaves_the_run_incomplete_and_every_record_counted(
    judge: Run, write_set: WriteSet, serving: Serve
) -> None:
    write_set(ratings=6)

    def down(received: Received) -> Answer:
        del received
        return Answer(status=503, headers={"retry-after": "0"}, body=fault("no one is here"))

    with serving(down):
        found = judge("run", "judge.yaml", "--json")

    report = json.loads(found.stdout)
    row = _estimates(found.stdout)["equivalence.reference", "student", "overall"]
    assert found.returncode == 4
    assert f"go on with: judge resume {report['run']['run_id']}" in found.stderr
    assert report["run"]["complete"] is False
    assert (row["n_records"], row["fates"]) == (6, {"judge_unavailable": 6})


def test_a_bug_costs_its_record_alone_and_ends_with_the_code_of_a_bug(
    judge: Run,
    write_set: WriteSet,
    serving: Serve,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write_set()

    def broken(*_: object) -> NoReturn:
        raise ZeroDivisionError

    # Both at once: the graver code is the one that is left with.
    def down_for_the_student(received: Received) -> Answer:
        if "true 1" in received.user_text:
            return Answer(status=503, headers={"retry-after": "0"})
        return Answer(body=chat_completion(verdict("different")))

    monkeypatch.setattr("judge.scorers.equivalence.EquivalenceScorer._value", broken)
    with serving(down_for_the_student):
        found = judge("run", "judge.yaml", "--json")

    row = _estimates(found.stdout)["equivalence.reference", "student", "overall"]
    assert found.returncode == 5
    assert row["fates"] == {"internal_error": 5, "judge_unavailable": 1}
    assert _estimates(found.stdout)["adherence.strict", "student", "overall"]["scored"] == 6


# File, its content (None: absent), what is wrong and where, what to do.
BAD_INPUT: Mapping[str, tuple[str, str | bytes | None, str, str]] = {
    "an item without an id": (
        "items.jsonl",
        '{"id": "i0", "kind": "odd"}\n{"idx": "i1", "kind": "odd"}\n',
        "items.jsonl line 2: 'id' is missing",
        "(did you mean 'idx'?); the row has: 'idx', 'kind'",
    ),
    "an item twice": (
        "items.jsonl",
        '{"id": "i0", "kind": "odd"}\n\n{"id": "i0", "kind": "odd"}\n',
        "items.jsonl line 3: the id 'i0' stands already on line 1",
        "each item needs an id of its own",
    ),
    "an output twice": (
        "student.jsonl",
        '{"id": "i0", "output": "x"}\n{"id": "i0", "output": "x"}\n',
        "student.jsonl line 2: the id 'i0' stands already on line 1",
        "student can answer an item only once",
    ),
    "an output for an unknown item": (
        "student.jsonl",
        '{"id": "i0", "output": "x"}\n{"id": "i11", "output": "x"}\n',
        "student.jsonl line 2: an output for the unknown item 'i11'",
        "(did you mean 'i1'?); every output must answer an item of the set",
    ),
    "an output that is no text": (
        "student.jsonl",
        '{"id": "i0", "output": {"answer": 3}}\n',
        "student.jsonl line 1: 'output' must be the raw text as the model wrote it",
        "not an object",
    ),
    "an unknown slice": (
        "items.jsonl",
        '{"id": "i0", "kid": "odd"}\n',
        "items.jsonl line 1: unknown slice 'kind'",
        "(did you mean 'kid'?); each declared slice must be a column",
    ),
    "unreadable JSON": (
        "student.jsonl",
        '{"id": "i0", "output": "x"}\n{"id": "i1", "output": "x}\n',
        "student.jsonl line 2: unreadable JSON: ",
        "column",
    ),
    "mixed encodings": (
        "student.jsonl",
        '{"id": "i0", "output": "Zo\u00eb"}\n'.encode() + b'{"id": "i1", "output": "Zo\xeb"}\n',
        "student.jsonl line 2: not UTF-8 (byte 0xeb)",
        "save all of it as UTF-8",
    ),
    "an empty file": (
        "student.jsonl",
        "",
        "student.jsonl holds no rows",
        "nothing can be scored from an empty file",
    ),
    "a missing file": (
        "student.jsonl",
        None,
        "student.jsonl: cannot be read",
        "No such file or directory",
    ),
    "a file of another kind": (
        "judge.yaml",
        "items.jsonl -> items.xlsx",
        "items.xlsx: unknown kind of file '.xlsx'",
        "give .jsonl, .csv or .parquet",
    ),
    "an unknown config key": (
        "judge.yaml",
        "against: -> agianst: ",
        "judge.yaml line 8: scorers.equivalence.agianst: unknown key",
        "(did you mean 'against'?); known here: criterion, scale, judge, against",
    ),
    "a missing config": (
        "judge.yaml",
        None,
        "the config judge.yaml cannot be read",
        "No such file or directory",
    ),
    "an unset variable": (
        "judge.yaml",
        "answer.schema.json -> '${UNSET_FOLDER}/a.json'",
        "judge.yaml line 9: scorers.adherence.schema: the environment variable UNSET_FOLDER is not",
        "set it, for example: export UNSET_FOLDER=...",
    ),
    "a key that is not set": (
        "judge.yaml",
        "model: fake-judge -> model: m, base_url: https://judge.example/v1, api_key_env: UNSET_KEY",
        "the environment variable UNSET_KEY is not set; it must hold the key for m",
        "(or name another one with api_key_env)",
    ),
    "a schema that is none": (
        "answer.schema.json",
        '{"type": "objekt"}',
        "is no valid JSON Schema",
        "objekt",
    ),
}


@pytest.mark.parametrize("case", BAD_INPUT)
def test_bad_input_is_told_with_place_and_remedy_and_leaves_every_file_as_it_was(
    case: str, judge: Run, write_set: WriteSet, serving: Serve
) -> None:
    name, content, problem, remedy = BAD_INPUT[case]
    write_set()
    _spoil(name, content)
    with open_store("kept.sqlite") as kept:
        kept.put_document("kind", "id", b"kept before")
    before = _contents()

    with serving() as endpoint:
        fresh = judge("run", "judge.yaml")
        into_kept = judge("run", "judge.yaml", "--store", "kept.sqlite")

    assert (fresh.returncode, into_kept.returncode) == (2, 2)
    words = " ".join(fresh.stderr.split())
    assert problem in words
    assert remedy in words
    assert (fresh.stdout, into_kept.stderr) == ("", fresh.stderr)
    assert endpoint.requests == []
    assert _contents() == before


def _spoil(name: str, content: str | bytes | None) -> None:
    path = Path(name)
    if content is None:
        path.unlink()
    elif isinstance(content, bytes):
        path.write_bytes(content)
    elif path.suffix == ".yaml":
        old, new = content.split(" -> ")
        assert old in path.read_text()
        path.write_text(path.read_text().replace(old, new))
    else:
        path.write_text(content)


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ([], "give a config (judge run judge.yaml), or two files to start without one"),
        (["--teacher", "teacher.jsonl"], "or two files to start without one"),
        (["judge.yaml", "--student", "student.jsonl"], "not both"),
        (["judge.yaml", "--filter", "kind"], "--filter 'kind' must be SLICE=VALUE"),
        (["judge.yaml", "--filter", "knd=odd"], "unknown slice 'knd' (did you mean 'kind'?)"),
        (["judge.yaml", "--filter", "kind=od"], "no item has kind=od (did you mean 'odd'?)"),
        (["judge.yaml", "--limit", "0"], "--limit"),
        (["judge.yaml", "--max-connections", "0"], "--max-connections"),
        (["judge.yaml", "--store", "mysql://u@h/d"], "must be the path of a SQLite file"),
    ],
)
def test_bad_usage_is_told_and_leaves_every_file_as_it_was(
    arguments: list[str], problem: str, judge: Run, write_set: WriteSet, serving: Serve
) -> None:
    write_set()
    before = _contents()

    with serving() as endpoint:
        found = judge("run", *arguments)

    assert (found.returncode, found.stdout) == (2, "")
    assert problem in " ".join(found.stderr.split())
    assert endpoint.requests == []
    assert _contents() == before


@pytest.mark.parametrize("options", [["--store", "here.sqlite"], []])
def test_results_are_kept_where_the_option_or_the_variable_says(
    options: list[str],
    judge: Run,
    write_set: WriteSet,
    serving: Serve,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write_set()
    if not options:
        monkeypatch.setenv("JUDGE_STORE", "here.sqlite")

    with serving():
        judge("run", "judge.yaml", *options)

    with open_store("here.sqlite", existing=True) as kept:
        assert [manifest.name for manifest in kept.manifests()] == ["small"]
    assert not Path(".judge").exists()


def test_the_key_is_nowhere_but_in_the_request(
    judge: Run, write_set: WriteSet, serving: Serve
) -> None:
    write_set()

    def repeat_the_key(received: Received) -> Answer:
        key = received.headers["authorization"]
        if "true 1" in received.user_text:
            return Answer(status=400, body=fault(f"not with {key}"))
        if "true 2" in received.user_text:
            return Answer(body=f"{key} is no JSON")
        return Answer(body=chat_completion(verdict(rationale=f"because of {key}")))

    with serving(repeat_the_key) as endpoint:
        key = os.environ["OPENAI_API_KEY"]
        ran = _started(["run", "judge.yaml"])
        out, err = ran.communicate(timeout=60)
        judge("report", "-o", "r.md", "-o", "r.json", "-o", "r.jsonl")
        page = judge("report")

    assert ran.returncode == 4
    assert {one.headers["authorization"] for one in endpoint.requests} == {f"Bearer {key}"}
    printed = [out, err, page.stdout, page.stderr]
    assert "because of Bearer ***" in Path("r.json").read_text()
    assert not [text for text in printed if key in text]
    assert not [name for name, content in _contents().items() if key.encode() in content]


def test_ctrl_c_lets_what_is_in_flight_finish_and_a_resume_does_the_rest(
    judge: Run, write_set: WriteSet, serving: Serve
) -> None:
    write_set(12)
    running: list[subprocess.Popen[str]] = []

    def interrupt(received: Received) -> Answer:
        if received.number == 5:
            running[0].send_signal(signal.SIGINT)
        return Answer(body=chat_completion(verdict()), delay_s=0.1)

    with serving(interrupt) as endpoint:
        running.append(_started(["run", "judge.yaml", "--max-connections", "2"]))
        out, err = running[0].communicate(timeout=60)
        asked_before = len(endpoint.requests)
        resumed = judge("resume", "latest", "--json")

    assert running[0].returncode == 130
    assert "finishing what is in flight; Ctrl-C again to leave at once" in err
    assert "go on with: judge resume " in err
    assert "not_yet_scored" in out
    assert asked_before < 24
    assert resumed.returncode == 0
    assert len(endpoint.requests) == 24  # each question once, whatever happened
    assert json.loads(resumed.stdout)["run"]["possibly_paid"] == 0


def test_a_second_ctrl_c_leaves_at_once_and_what_was_sent_is_told_as_possibly_paid(
    judge: Run, write_set: WriteSet, serving: Serve
) -> None:
    write_set()
    running: list[subprocess.Popen[str]] = []

    def hang(received: Received) -> Answer:
        if received.number == 3:
            running[0].send_signal(signal.SIGINT)
        if received.number > 3:  # a resume
            return always_equivalent(received)
        return Answer(hang=received.number > 1, body=chat_completion(verdict()))

    with serving(hang) as endpoint:
        running.append(_started(["run", "judge.yaml", "--max-connections", "2"]))
        while "finishing what is in flight" not in _line_of(running[0]):
            pass
        running[0].send_signal(signal.SIGINT)
        _, err = running[0].communicate(timeout=60)
        left = judge("report", "latest", "--json")
        resumed = judge("resume", "latest")

    assert running[0].returncode == 130
    assert "left at once; what was stored is kept: judge resume latest" in err
    fates: Counter[str] = Counter()
    for system in ("teacher", "student"):
        row = _estimates(left.stdout)["equivalence.reference", system, "overall"]
        assert isinstance(row["fates"], dict)
        fates.update(row["fates"])
    assert fates == {"sent_unknown": 2, "not_yet_scored": 9}
    assert "2 calls were open when a process died: possibly paid" in resumed.stdout
    assert resumed.returncode == 0
    assert len(endpoint.requests) == 3 + 11


def _started(arguments: list[str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "judge", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _line_of(process: subprocess.Popen[str]) -> str:
    assert process.stderr is not None
    line = process.stderr.readline()
    assert line, "it ended too early"
    return line


def test_a_run_is_told_to_a_collector_with_its_calls_and_without_texts(
    judge: Run, write_set: WriteSet, serving: Serve, collector: dict[str, bytes]
) -> None:
    write_set()

    with serving():
        done = judge("run", "judge.yaml", "--track", "otel")

    assert done.returncode == 0
    # 6 items of two systems, by the judge and by the schema.
    assert "judge: 24 events to OpenTelemetry" in done.stderr
    assert b"gen_ai.evaluation.result" in collector["/v1/logs"]
    assert b"gen_ai.client.operation.duration" in collector["/v1/metrics"]
    assert b"fake-judge" in collector["/v1/metrics"]
    assert b"true 1" not in b"".join(collector.values())
