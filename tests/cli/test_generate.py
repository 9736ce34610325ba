import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from judge.api.output_logprobs import output_tokens
from judge.models.chat import TokenAlternatives
from judge.testing import Answer, FakeEndpoint, Received, chat_completion, fault

Run = Callable[..., CompletedProcess[str]]
WriteRows = Callable[[str, Sequence[Mapping[str, object]]], None]

N = 6
CONFIG = """\
name: small
dataset: {{items: items.jsonl}}
generate: {{system: Be brief., prompt: "Q: {{input}}", strip_thinking: true}}
systems:
  teacher:
    role: teacher
    outputs: teacher.jsonl
    generate:
      model: big
      base_url: "{url}"
      prices: {{input_per_million: 1, output_per_million: 10}}
  student:
    role: student
    outputs: student.jsonl
    generate: {{model: small, base_url: "{url}"}}
scorers:
  task: {{kind: qa}}
"""


def _streamed(text: str) -> Answer:
    chunks: list[object] = [
        {"model": "m", "choices": [{"index": 0, "delta": {"content": piece}}]}
        for piece in (text[:3], text[3:])
    ]
    chunks.append({"model": "m", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    usage = {"prompt_tokens": 100, "completion_tokens": 20}
    chunks.append({"model": "m", "choices": [], "usage": usage})
    events = "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks)
    return Answer(body=f"{events}data: [DONE]\n\n", headers={"content-type": "text/event-stream"})


def _echo(received: Received) -> Answer:
    return _streamed(f"<think>hm</think>{received.user_text}")


@pytest.fixture
def start(folder: Path, write_rows: WriteRows) -> Callable[[FakeEndpoint], None]:
    def write(endpoint: FakeEndpoint) -> None:
        write_rows(
            "items.jsonl",
            [{"id": k, "input": f"ask {k}", "reference": f"Q: ask {k}"} for k in range(N)],
        )
        (folder / "judge.yaml").write_text(CONFIG.format(url=endpoint.base_url))

    return write


def _rows(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_outputs_of_all_systems_are_made_alike_and_are_read_by_a_run(
    judge: Run, start: Callable[[FakeEndpoint], None], folder: Path
) -> None:
    with FakeEndpoint(_echo) as endpoint:
        start(endpoint)
        made = judge("generate", "judge.yaml", "--json")
        asked = {json.dumps(r.body["messages"], sort_keys=True) for r in endpoint.requests}
        n_asked = len(endpoint.requests)

    assert made.returncode == 0, made.stderr
    assert (n_asked, len(asked)) == (2 * N, N)  # both were asked the same
    teacher, student = (_rows(folder / f"{name}.jsonl") for name in ("teacher", "student"))
    assert {row["output"] for row in teacher} == {f"Q: ask {k}" for k in range(N)}
    assert all(0 < float(str(r["first_token_ms"])) <= float(str(r["latency_ms"])) for r in teacher)
    assert {row["cost"] for row in teacher} == {0.0003}
    assert all("cost" not in row for row in student)
    report = json.loads(judge("run", "judge.yaml", "--json").stdout)
    first = report["operations"][0]
    assert (first["n_timed"], first["n_priced"]) == (N, N)
    assert first["batch"] == "up to 64 at once"
    assert first["outputs_per_s"] > 0


def test_what_failed_is_a_named_error_and_is_asked_again_and_alone(
    judge: Run, start: Callable[[FakeEndpoint], None], folder: Path
) -> None:
    def often(received: Received) -> Answer:
        if received.user_text.endswith("3"):
            return Answer(status=400, body=fault("no such thing"))
        return Answer(body=chat_completion("fine"))

    with FakeEndpoint(often) as endpoint:
        start(endpoint)
        first = judge("generate", "judge.yaml", "--only", "student", "--json")
        asked = len(endpoint.requests)
        again = judge("generate", "judge.yaml", "--only", "student", "--json")
        asked_again = len(endpoint.requests) - asked

    (failed,) = (row for row in _rows(folder / "student.jsonl") if row["output"] is None)
    assert str(failed["error"]).startswith("rejected: ")
    assert (first.returncode, again.returncode) == (4, 4)
    assert (asked, asked_again) == (N, 1)
    (found,) = json.loads(again.stdout)["systems"]
    assert (found["kept"], found["made"], found["failed"]) == (N - 1, 0, {"rejected": 1})
    assert not (folder / "teacher.jsonl").exists()


def test_a_dry_run_asks_nobody_and_writes_nothing(
    judge: Run, start: Callable[[FakeEndpoint], None], folder: Path
) -> None:
    with FakeEndpoint(_echo) as endpoint:
        start(endpoint)
        said = judge("generate", "judge.yaml", "--dry-run", "--limit", "2")
        asked = len(endpoint.requests)

    assert (said.returncode, asked) == (0, 0)
    assert "teacher: 2 calls" in said.stdout
    assert "likely cost: unknown (2 calls)" in said.stdout
    assert not list(folder.glob("*.made.json"))


def test_no_call_is_sent_that_could_cost_more_than_is_allowed(
    judge: Run, start: Callable[[FakeEndpoint], None]
) -> None:
    with FakeEndpoint(_echo) as endpoint:
        start(endpoint)
        arguments = ("--only", "teacher", "--max-cost", "0.011", "--max-connections", "1")
        ended = judge("generate", "judge.yaml", *arguments, "--json")

    (found,) = json.loads(ended.stdout)["systems"]
    assert ended.returncode == 4
    assert 0 < found["made"] < N
    assert "--max-cost" in found["halted"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("Q: {input}", "Q"), "holds no {input}"),
        (("model: small", "modl: small"), "unknown key (did you mean 'model'?)"),
    ],
)
def test_what_cannot_be_asked_is_refused_before_anything_is_sent(
    change: tuple[str, str],
    words: str,
    judge: Run,
    start: Callable[[FakeEndpoint], None],
    folder: Path,
) -> None:
    with FakeEndpoint(_echo) as endpoint:
        start(endpoint)
        config = (folder / "judge.yaml").read_text()
        (folder / "judge.yaml").write_text(config.replace(*change))
        refused = judge("generate", "judge.yaml")
        asked = len(endpoint.requests)

    assert (refused.returncode, asked) == (2, 0)
    assert words in refused.stderr


def _with_logprobs(text: str, asked: int) -> Answer:
    """Return a streamed answer, a piece a token, with as many likely ones as were asked for."""
    pieces = ["<think>", "hm", "</think>", "\n", *text]
    chunks = [
        {
            "model": "m",
            "choices": [
                {
                    "index": 0,
                    "delta": {"content": piece},
                    "logprobs": {
                        "content": [
                            {
                                "token": piece,
                                "logprob": -0.5 if place > 3 else -9.0,
                                "top_logprobs": [
                                    {"token": f"{piece}{other}", "logprob": -3.0 - other}
                                    for other in range(asked)
                                ],
                            }
                        ]
                    },
                }
            ],
        }
        for place, piece in enumerate(pieces)
    ]
    chunks.append({"model": "m", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    events = "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks)
    return Answer(body=f"{events}data: [DONE]\n\n", headers={"content-type": "text/event-stream"})


def test_log_probabilities_are_asked_for_and_those_of_the_output_are_written(
    judge: Run, start: Callable[[FakeEndpoint], None], folder: Path
) -> None:
    def sure(received: Received) -> Answer:
        return _with_logprobs(received.user_text, int(str(received.body["top_logprobs"])))

    with FakeEndpoint(sure) as endpoint:
        start(endpoint)
        config = (folder / "judge.yaml").read_text()
        asks = config.replace("generate: {sys", "generate: {logprobs: 2, sys", 1)
        (folder / "judge.yaml").write_text(asks)
        made = judge("generate", "judge.yaml", "--json")
        asked = endpoint.requests[0].body
        (folder / "judge.yaml").write_text(config)
        otherwise = judge("generate", "judge.yaml")

    assert made.returncode == 0, made.stderr
    assert (asked["logprobs"], asked["top_logprobs"]) == (True, 2)
    for row in _rows(folder / "student.jsonl"):
        logprobs = row["logprobs"]
        assert isinstance(logprobs, dict)
        # The thinking and the line end after it are no part of the output, and of no confidence.
        assert "".join(one["token"] for one in logprobs["content"]) == row["output"]
        assert {one["logprob"] for one in logprobs["content"]} == {-0.5}
        assert all(len(one["top_logprobs"]) == 2 for one in logprobs["content"])
    assert otherwise.returncode == 2
    assert "logprobs changed" in otherwise.stderr
    report = json.loads(judge("run", "judge.yaml", "--json").stdout)
    rows = {row["system"]: row for row in report["calibration"]}
    assert rows["student"]["n_confident"] == N
    assert rows["student"]["status"] == "undefined"  # six outputs say nothing


def test_an_endpoint_that_gives_no_log_probabilities_leaves_them_out(
    judge: Run, start: Callable[[FakeEndpoint], None], folder: Path
) -> None:
    with FakeEndpoint(_echo) as endpoint:
        start(endpoint)
        config = (folder / "judge.yaml").read_text()
        asks = config.replace("generate: {sys", "generate: {logprobs: 2, sys", 1)
        (folder / "judge.yaml").write_text(asks)
        made = judge("generate", "judge.yaml", "--json")

    assert made.returncode == 0, made.stderr
    assert all("logprobs" not in row for row in _rows(folder / "student.jsonl"))


@pytest.mark.parametrize(
    ("tokens", "output", "kept"),
    [
        (["It", " is", " 5"], "It is 5", "It is 5"),
        (["a", "</think>", "\n\n", "5"], "5", "5"),
        (["a", "</think>", "\ufffd", "\ufffd", "5"], "\u00e95", "\ufffd\ufffd5"),
        (["\ufffd", "\ufffd"], "\u00e9", "\ufffd\ufffd"),
        ([], "5", ""),
    ],
)
def test_tokens_before_an_output_are_none_of_it(tokens: list[str], output: str, kept: str) -> None:
    given = [TokenAlternatives(token=token, logprob=-1.0, others={}) for token in tokens]

    assert "".join(one.token for one in output_tokens(given, output)) == kept
