"""Asking systems for their outputs: the same questions, the same treatment of every answer."""

import asyncio
import hashlib
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from judge.api.output_logprobs import logprobs_row, output_tokens
from judge.errors import ConfigError, ScoringError
from judge.models.chat import ChatCall, ChatModel, Completion, Message, Sampling
from judge.records.output_file import OutputFile
from judge.records.record import Item
from judge.results.generated import Generated
from judge.runs.executor import Stop
from judge.stats.money import total

INPUT = "{input}"

_THINKING, _THOUGHT = "<think>", "</think>"
_CUT = frozenset({"length", "max_tokens"})
_FILTERED = frozenset({"content_filter", "refusal"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """What every system is asked, and what is done to every answer.

    Attributes:
        system: the system message; empty for none.
        prompt: the user message, with ``{input}`` where the item's input goes.
        strip_thinking: whether what stands before one ``</think>`` is no part of an output.
    """

    system: str
    prompt: str
    strip_thinking: bool

    def messages(self, item: Item) -> tuple[Message, ...]:
        """Return what is said about an item."""
        first = (Message(role="system", content=self.system),) if self.system else ()
        said = self.prompt.replace(INPUT, item.input)
        return (*first, Message(role="user", content=said))


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A system to be asked, and where its outputs go.

    Attributes:
        fields: our name for a field of an output to the file's name for it.
    """

    system: str
    path: Path
    fields: Mapping[str, str]
    sampling: Sampling


def output_file(asked: Asked, asking: Asking, model: ChatModel) -> OutputFile:
    """Return the file that a system's outputs go to.

    Raises:
        ConfigError: it holds outputs that were made otherwise.
    """
    sampling = asked.sampling
    identity = {
        **model.identity,
        "system": _hash(asking.system),
        "prompt": _hash(asking.prompt),
        "strip_thinking": str(asking.strip_thinking).lower(),
        "temperature": str(sampling.temperature),
        "max_tokens": str(sampling.max_tokens),
        "seed": str(sampling.seed),
        "effort": sampling.effort,
        # Not asked for, it has no name: files that were made before it had one are gone on with.
        **({"logprobs": str(sampling.alternatives)} if sampling.alternatives else {}),
    }
    return OutputFile(asked.path, fields=asked.fields, identity=identity)


async def generate(
    items: Sequence[Item],
    asked: Asked,
    asking: Asking,
    model: ChatModel,
    file: OutputFile,
    *,
    connections: int,
    stop: Stop,
    watcher: Callable[[str], None],
) -> Generated:
    """Ask one system about every item that has no output yet, and write each as it comes.

    Args:
        items: with their inputs.
        asked: the system.
        asking: how it is asked.
        model: it.
        file: entered; where its outputs go.
        connections: questions in flight at most.
        stop: may be asked to stop; what is in flight is finished and written.
        watcher: told the system's name with each row that is written.
    """
    waiting = [item for item in items if item.item_id not in file.kept]
    turn: Iterator[Item] = iter(waiting)
    failed: Counter[str] = Counter()
    written = 0
    costs: list[float | None] = []
    halted = Stop()

    async def work() -> None:
        nonlocal written
        for item in turn:  # one iterator for all workers: each item is taken once
            if stop.reason or halted.reason:
                return
            try:
                completion = await model.complete(call_about(item, asked, asking))
                row = _row(completion, asking)
                costs.append(completion.cost)
                if isinstance(error_words := row.get("error"), str):
                    failed[error_words.partition(":")[0]] += 1
            except ScoringError as error:
                if error.halts:
                    halted.ask(str(error))
                    return
                row = {"output": None, "error": f"{_name(error)}: {error}"}
                failed[_name(error)] += 1
            file.write({"id": item.item_id, **row})
            written += 1
            watcher(asked.system)

    started = time.perf_counter()
    async with asyncio.TaskGroup() as workers:
        for _ in range(min(connections, len(waiting))):
            workers.create_task(work())
    if costs:
        file.note(
            batch=f"up to {connections} at once",
            seconds=time.perf_counter() - started,
            outputs=len(costs),
        )
    return Generated(
        system=asked.system,
        path=asked.path,
        kept=len(items) - len(waiting),
        made=written - failed.total(),
        failed=failed,
        left=len(waiting) - written,
        halted=halted.reason,
        cost=total(costs),
    )


def call_about(item: Item, asked: Asked, asking: Asking) -> ChatCall:
    """Return the question to a system about an item."""
    return ChatCall(
        call_id=f"{asked.system}/{item.item_id}#1",
        messages=asking.messages(item),
        sampling=asked.sampling,
    )


def check_inputs(items: Sequence[Item]) -> None:
    """Check that every item has something to ask.

    Raises:
        ConfigError: one has not.
    """
    empty = next((item.item_id for item in items if not item.input.strip()), None)
    if empty is not None:
        raise ConfigError(
            f"the item {empty!r} has no input to ask about; give every item one, or name the "
            "column that holds it: dataset: {fields: {input: ...}}"
        )


def _row(completion: Completion, asking: Asking) -> dict[str, object]:
    row: dict[str, object] = {
        "latency_ms": _milliseconds(completion.latency_s),
        "first_token_ms": _milliseconds(completion.first_token_s),
        "input_tokens": completion.input_tokens,
        "output_tokens": completion.output_tokens,
        "cost": completion.cost,
        "finish_reason": completion.finish_reason or None,
        "model": completion.model or None,
    }
    said = _said(completion, asking)
    if isinstance(output := said["output"], str):
        said["logprobs"] = logprobs_row(output_tokens(completion.alternatives, output))
    return row | said


def _said(completion: Completion, asking: Asking) -> dict[str, object]:
    """Return the output, or the named error that there is none."""
    text = completion.text
    if completion.refusal or completion.finish_reason in _FILTERED:
        return {"output": None, "error": f"refused: {completion.refusal or 'by a filter'}"}
    if asking.strip_thinking and (_THINKING in text or _THOUGHT in text):
        thought, end, text = text.partition(_THOUGHT)
        if not end:
            return {"output": None, "error": "truncated: its thinking has no end"}
        if _THOUGHT in text or _THINKING in text or thought.count(_THINKING) > 1:
            return {"output": None, "error": "unreadable: it ends its thinking more than once"}
        text = text.lstrip("\n")
    if completion.finish_reason in _CUT and not text.strip():
        return {"output": None, "error": "truncated: nothing but thinking"}
    return {"output": text}


def _name(error: ScoringError) -> str:
    """Return what an error is called where nobody judges."""
    return error.fate.removeprefix("judge_")


def _milliseconds(seconds: float | None) -> float | None:
    return None if seconds is None else round(1000 * seconds, 3)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
