"""Judged records, durable, end to end: this package, a bare loop over `openai`, and peers.

Every client puts the same records to the same local endpoint, which answers each call after a
fixed latency from a process and a core of its own, and has each verdict on the disk before its
worker takes the next record. Each measurement is a process of its own on the other core. The first
row is the limit: an asyncio protocol that does nothing but write and read bytes.

A judge run starts with 20 calls at once and has more as the endpoint takes them, and it keeps its
set first: its share of the limit is that of the whole run, and, in brackets, that of its second
half. So that this is not all that is measured, a run lasts as long as 120 answers of 50 ms take,
one after the other, or 60 of 500 ms. `cache: false` does what
the others do; without it, answers are also kept to be used again.

Peers are measured where they are installed; `--peer-python` names an interpreter that has them.
"""

import argparse
import asyncio
import json
import os
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import TypeAlias, cast

# Nothing else is imported here: an interpreter that has the peers need not have this package.

Measured: TypeAlias = dict[str, float]
Client: TypeAlias = Callable[[str, int, int], Coroutine[object, object, float]]

ROUNDS = {50: 120, 500: 60}
"""Records for each connection, by the milliseconds an answer takes."""
SETTINGS = ((50, 256), (50, 1024), (500, 256), (500, 1024))
QUESTION = "What does the text say about the number? " * 12
ANSWER = "The text says that the number is even, and gives two reasons for it. " * 6
RULE = "Say whether the answer agrees with the reference. " * 8
INSERT = "INSERT INTO verdicts VALUES (?, ?)"


def main() -> None:
    """Measure and print a table for each setting."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one setting, few records, once")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--clients", nargs="+", choices=list(CLIENTS), default=list(CLIENTS))
    parser.add_argument("--peer-python", default=sys.executable, help="has the peers installed")
    parser.add_argument("--client", help=argparse.SUPPRESS)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--base-url", default="", help=argparse.SUPPRESS)
    parser.add_argument("--records", type=int, default=0, help=argparse.SUPPRESS)
    parser.add_argument("--connections", type=int, default=0, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        _serve()
    elif arguments.client:
        _measure(arguments.client, arguments.base_url, arguments.records, arguments.connections)
    else:
        _compare(arguments)


def _compare(arguments: argparse.Namespace) -> None:
    from rich.console import Console
    from rich.table import Table

    settings = SETTINGS[:1] if arguments.quick else SETTINGS
    repeats = 1 if arguments.quick else arguments.repeats
    console = Console(width=118)
    absent: dict[str, str] = {}
    with endpoint() as port:
        for latency_ms, connections in settings:
            found: dict[str, list[Measured]] = {}
            for _ in range(repeats):
                for name in arguments.clients:
                    # A client that is a hundred times slower need not do as much.
                    rounds = (8 if arguments.quick else ROUNDS[latency_ms]) if name in FAST else 2
                    records = connections * rounds
                    url = f"http://127.0.0.1:{port}/{latency_ms}/{name}/v1"
                    python = arguments.peer_python if name in PEERS else sys.executable
                    try:
                        found.setdefault(name, []).append(
                            _in_a_process(python, name, url, records, connections)
                        )
                    except ModuleNotFoundError as error:
                        absent[name] = str(error)
                        found.pop(name, None)
            table = Table("client", "records", "wall, s", "records/s", "CPU ms each", "peak MB")
            for words in ("share of limit", "wall / ours", "CPU / ours"):
                table.add_column(words)
            for name, measured in found.items():
                table.add_row(*_row(name, measured, found.get("ours"), latency_ms, connections))
            console.print(f"{latency_ms} ms a call, {connections} at once, one core")
            console.print(table)
    for name, words in absent.items():
        console.print(f"{name} is not measured: {words}")


def _row(
    name: str, measured: list[Measured], ours: list[Measured] | None, latency_ms: int, at_once: int
) -> Iterator[str]:
    def middle(of: list[Measured], figure: str) -> float:
        return median(one[figure] for one in of)

    per_s, cpu_ms = middle(measured, "per_s"), middle(measured, "cpu_ms")
    yield CLIENTS[name][0]
    yield f"{measured[0]['records']:,.0f}"
    yield f"{middle(measured, 'wall_s'):.2f}"
    yield f"{per_s:,.0f}"
    yield f"{cpu_ms:.3f}"
    yield f"{middle(measured, 'peak_mb'):.0f}"
    share = f"{per_s * latency_ms / 1000 / at_once:.0%}"
    if "second_half_per_s" in measured[0]:
        share += f" ({middle(measured, 'second_half_per_s') * latency_ms / 1000 / at_once:.0%})"
    yield share
    if ours:
        yield f"{middle(ours, 'per_s') / per_s:.1f} x"
        yield f"{cpu_ms / middle(ours, 'cpu_ms'):.1f} x"


def _in_a_process(
    python: str, client: str, base_url: str, records: int, connections: int
) -> Measured:
    done = subprocess.run(  # noqa: S603 - this very file
        [
            *(python, __file__, "--client", client, "--base-url", base_url),
            *("--records", str(records), "--connections", str(connections)),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1] if done.stderr else "it failed without words"
        if last.startswith("ModuleNotFoundError"):
            raise ModuleNotFoundError(last.partition(": ")[2])
        raise RuntimeError(f"{client} failed:\n{done.stderr[-3000:]}")
    measured: Measured = json.loads(done.stdout.splitlines()[-1])
    return measured


def _measure(client: str, base_url: str, records: int, connections: int) -> None:
    _take_core(0)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 8192)), hard))
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            before = resource.getrusage(resource.RUSAGE_SELF)
            wall_s = runner.run(CLIENTS[client][1](base_url, records, connections))
            after = resource.getrusage(resource.RUSAGE_SELF)
    cpu_s = sum(after[:2]) - sum(before[:2]) - _PREPARING.get("cpu_s", 0.0)
    measured = {
        "records": records,
        "wall_s": wall_s,
        "per_s": records / wall_s,
        "cpu_ms": 1000 * cpu_s / records,
        "peak_mb": after.ru_maxrss / 1024,
    }
    if _TIMES:
        # Not to the very end: the last calls have nobody beside them.
        half, end = len(_TIMES) // 2, len(_TIMES) - connections
        measured["second_half_per_s"] = (end - half) / (_TIMES[end] - _TIMES[half])
    print(json.dumps(measured))


_PREPARING: dict[str, float] = {}
"""What was spent on imports and set-up, which no client is charged for."""
_TIMES: list[float] = []
"""When each record was done, where a client tells."""


@contextmanager
def _preparing() -> Iterator[None]:
    started = time.process_time()
    yield
    _PREPARING["cpu_s"] = _PREPARING.get("cpu_s", 0.0) + time.process_time() - started


# The clients: each returns the wall-clock seconds that its records took.


async def _raw(base_url: str, records: int, connections: int) -> float:
    with _preparing():
        host, _, path = base_url.removeprefix("http://").partition("/")
        port = int(host.partition(":")[2])
        body = json.dumps(
            {
                "model": "fake-judge",
                "messages": [
                    {"role": "system", "content": RULE},
                    {"role": "user", "content": QUESTION + ANSWER + ANSWER},
                ],
            }
        ).encode()
        head = f"POST /{path}/chat/completions HTTP/1.1\r\nHost: {host}\r\nContent-Length: "
        request = head.encode() + str(len(body)).encode() + b"\r\n\r\n" + body
        waiting = iter(range(records))

    async def work() -> None:
        _, protocol = await asyncio.get_running_loop().create_connection(_Asking, "127.0.0.1", port)
        for _ in waiting:
            await protocol.ask(request)
        protocol.close()

    return await _timed(lambda: asyncio.gather(*(work() for _ in range(connections))))


class _Asking(asyncio.Protocol):
    """Writes a request, waits for the whole answer, and knows nothing else of HTTP."""

    def __init__(self) -> None:
        self._answer: asyncio.Future[bytes] | None = None
        self._read = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # Not every loop's transports are of its class.
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._read += data
        if self._answer is not None and _is_whole(self._read):
            body, self._read = self._read, b""
            self._answer.set_result(body)

    def connection_lost(self, error: Exception | None) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(error or ConnectionResetError())

    def ask(self, request: bytes) -> Awaitable[bytes]:
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return self._answer

    def close(self) -> None:
        self._transport.close()


def _is_whole(message: bytes) -> bool:
    head, end, body = message.partition(b"\r\n\r\n")
    if not end:
        return False
    _, _, after = head.lower().partition(b"content-length:")
    return len(body) >= int(after.partition(b"\r\n")[0])


async def _timed(work: Callable[[], Awaitable[object]]) -> float:
    started = time.perf_counter()
    await work()
    return time.perf_counter() - started


async def _openai(base_url: str, records: int, connections: int) -> float:
    with _preparing():
        openai = import_module("openai")
        client = openai.AsyncOpenAI(base_url=base_url, api_key="none", max_retries=0)
        database = _database()
        waiting = iter(range(records))

    async def work() -> None:
        for number in waiting:
            reply = await client.chat.completions.create(
                model="fake-judge",
                messages=[
                    {"role": "system", "content": RULE},
                    {"role": "user", "content": f"{number} {QUESTION}{ANSWER}{ANSWER}"},
                ],
            )
            database.execute(INSERT, (number, reply.choices[0].message.content))

    return await _timed(lambda: asyncio.gather(*(work() for _ in range(connections))))


def _database() -> sqlite3.Connection:
    database = sqlite3.connect("verdicts.sqlite", isolation_level=None)
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("PRAGMA synchronous=FULL")
    database.execute("CREATE TABLE verdicts (id INTEGER, verdict TEXT)")
    return database


async def _ours(base_url: str, records: int, connections: int, *, cache: bool) -> float:
    def watch(results: Sequence[object]) -> None:
        _TIMES.extend([time.perf_counter()] * len(results))

    with _preparing():
        judge = import_module("judge")
        _write_project(Path(), base_url, records, cache=cache)
        project = judge.open_project(
            Path("judge.yaml"), calls=judge.CallLimits(connections=connections)
        )
        store = judge.open_store("judge.sqlite")
        import_module("judge.cli.loop").calm_collector()  # as `judge run` does
    with store:
        return await _timed(lambda: judge.evaluate(project, store, now=_now, watcher=watch))


def _write_project(folder: Path, base_url: str, records: int, *, cache: bool) -> None:
    for name, rows in (
        (
            "items",
            ({"id": f"r{n}", "input": QUESTION, "reference": ANSWER} for n in range(records)),
        ),
        ("outputs", ({"id": f"r{n}", "output": f"{n} {ANSWER}"} for n in range(records))),
    ):
        lines = (json.dumps(row) + "\n" for row in rows)
        (folder / f"{name}.jsonl").write_text("".join(lines))
    config = {
        "name": "benchmark",
        "cache": cache,
        "dataset": {"items": "items.jsonl"},
        "systems": {"student": {"role": "student", "outputs": "outputs.jsonl"}},
        "scorers": {"equivalence": {"judge": {"model": "fake-judge", "base_url": base_url}}},
    }
    (folder / "judge.yaml").write_text(json.dumps(config))


def _now() -> datetime:
    return datetime.now(UTC)


async def _inspect(base_url: str, records: int, connections: int) -> float:
    with _preparing():
        os.environ["OPENAI_API_KEY"] = "none"
        inspect = import_module("inspect_ai")
        samples = import_module("inspect_ai.dataset")
        scorers = import_module("inspect_ai.scorer")
        solvers = import_module("inspect_ai.solver")
        models = import_module("inspect_ai.model")
        settings = models.GenerateConfig(max_connections=connections, max_retries=0)
        judge = models.get_model(
            "openai/fake-judge", base_url=base_url, config=settings, responses_api=False
        )

        @solvers.solver  # type: ignore[untyped-decorator]  # of a module that need not be there
        def answered() -> object:
            async def solve(state: object, generate: object) -> object:
                del generate
                state.output = models.ModelOutput.from_content("student", ANSWER)  # type: ignore[attr-defined]  # likewise
                return state

            return solve

        task = inspect.Task(
            dataset=[
                samples.Sample(input=f"{n} {QUESTION}", target=ANSWER) for n in range(records)
            ],
            solver=answered(),
            scorer=scorers.model_graded_qa(model=judge),
        )

    async def evaluate() -> None:
        (log,) = await inspect.eval_async(
            task,
            model="mockllm/model",
            max_samples=connections,
            log_dir="logs",
            fail_on_error=True,
        )
        if log.status != "success" or log.results.completed_samples != records:
            raise RuntimeError(f"inspect_ai: {log.status} {log.error}")

    return await _timed(evaluate)


async def _autoevals(base_url: str, records: int, connections: int) -> float:
    with _preparing():
        autoevals = import_module("autoevals")
        openai = import_module("openai")
        client = openai.AsyncOpenAI(base_url=base_url, api_key="none", max_retries=0)
        scorer = autoevals.Factuality(client=client, model="fake-judge")
        database = _database()
        waiting = iter(range(records))

    async def work() -> None:
        for number in waiting:
            found = await scorer.eval_async(
                output=f"{number} {ANSWER}", expected=ANSWER, input=QUESTION
            )
            database.execute(INSERT, (number, str(found.score)))

    return await _timed(lambda: asyncio.gather(*(work() for _ in range(connections))))


async def _openevals(base_url: str, records: int, connections: int) -> float:
    with _preparing():
        openevals = import_module("openevals.llm")
        prompts = import_module("openevals.prompts")
        openai = import_module("openai")
        client = openai.AsyncOpenAI(base_url=base_url, api_key="none", max_retries=0)
        scorer = openevals.create_async_llm_as_judge(
            prompt=prompts.CORRECTNESS_PROMPT, judge=client, model="fake-judge"
        )
        database = _database()
        waiting = iter(range(records))

    async def work() -> None:
        for number in waiting:
            found = await scorer(
                inputs=QUESTION, outputs=f"{number} {ANSWER}", reference_outputs=ANSWER
            )
            database.execute(INSERT, (number, str(found["score"])))

    return await _timed(lambda: asyncio.gather(*(work() for _ in range(connections))))


CLIENTS: dict[str, tuple[str, Client]] = {
    "raw": ("raw asyncio: the limit", _raw),
    "ours": ("judge run, cache: false", partial(_ours, cache=False)),
    "ours_kept": ("judge run", partial(_ours, cache=True)),
    "openai": ("bare openai loop", _openai),
    "inspect_ai": ("inspect_ai", _inspect),
    "autoevals": ("autoevals + a row each", _autoevals),
    "openevals": ("openevals + a row each", _openevals),
}
FAST = ("raw", "ours", "ours_kept")
PEERS = ("inspect_ai", "autoevals", "openevals")


# The endpoint: what each client is answered stands in its base URL.


def _answer(client: str) -> bytes:
    message: dict[str, object] = {"role": "assistant", "content": '{"rationale":"","verdict":"x"}'}
    if client == "inspect_ai":
        message["content"] = "The answer says the same. GRADE: C"
    elif client == "autoevals":
        chosen = {"name": "select_choice", "arguments": '{"reasons":"They agree.","choice":"C"}'}
        message["content"] = None
        message["tool_calls"] = [{"id": "1", "type": "function", "function": chosen}]
    elif client == "openevals":
        message["content"] = '{"reasoning":"They agree.","score":true}'
    else:
        message["content"] = '{"rationale":"They agree.","verdict":"equivalent"}'
    body = json.dumps(
        {
            "id": "chatcmpl-fake",
            "object": "chat.completion",
            "created": 0,
            "model": "fake-judge",
            "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 500, "completion_tokens": 20, "total_tokens": 520},
        }
    ).encode()
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: "
    return head + str(len(body)).encode() + b"\r\n\r\n" + body


class _Answering(asyncio.Protocol):
    """Answers each request of a kept connection after the latency that its path names."""

    def __init__(self, answers: dict[bytes, bytes]) -> None:
        self._answers = answers
        self._read = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # Not every loop's transports are of its class.
        self._transport = cast("asyncio.Transport", transport)
        self._later = asyncio.get_running_loop().call_later

    def data_received(self, data: bytes) -> None:
        self._read += data
        if _is_whole(self._read):
            _, latency_ms, client, _ = self._read[:100].split(b"/", 3)
            self._read = b""
            self._later(int(latency_ms) / 1000, self._transport.write, self._answers[client])


@contextmanager
def endpoint() -> Iterator[int]:
    """Start the endpoint; return its port: it answers at /LATENCY_MS/ours/v1."""
    with subprocess.Popen(  # noqa: S603 - this very file
        [sys.executable, __file__, "--serve"], stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            if process.stdout is None:
                raise RuntimeError("the endpoint has no way to tell its port")
            yield int(process.stdout.readline())
        finally:
            process.kill()


def _serve() -> None:
    answers = {client.encode(): _answer(client) for client in CLIENTS}

    async def serve() -> None:
        server = await asyncio.get_running_loop().create_server(
            partial(_Answering, answers), "127.0.0.1", 0, backlog=4096
        )
        print(server.sockets[0].getsockname()[1], flush=True)
        await server.serve_forever()

    _take_core(1)
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(serve())


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    if find_spec("uvloop"):
        factory: Callable[[], asyncio.AbstractEventLoop] = import_module("uvloop").new_event_loop
        return factory
    return asyncio.new_event_loop


def _take_core(number: int) -> None:
    if hasattr(os, "sched_setaffinity") and (os.cpu_count() or 1) > number:
        os.sched_setaffinity(0, {number})


if __name__ == "__main__":
    main()
