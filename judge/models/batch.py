"""A chat model whose questions are gathered and put to a batch API, at half the price."""

import asyncio
import copy
import hashlib
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Protocol

import msgspec

from judge.errors import EndpointPaused, JudgeRejected, JudgeUnavailable, ScoringError
from judge.models.batch_endpoint import BatchEndpoint, BatchLine, BatchState
from judge.models.chat import ChatCall, Completion

_LOG = logging.getLogger(__name__)

BATCH_KIND = "batch"
"""Kind of the documents that say which questions are in which batch."""

MOST_CALLS = 50_000
MOST_BYTES = 100 * 1024 * 1024  # an endpoint takes 200 MB; ours are in memory while they are sent

_QUIET_S = 3.0
_POLL_S = 10.0
_LONGEST_POLL_S = 120.0
_SLOWER = 1.5
# A batch has 24 hours; then it is expired, and what it has is there.
_PATIENCE_S = 26 * 3600.0
_CLOCKS_DIFFER_S = 3600.0
_ENDED = frozenset({"completed", "expired", "cancelled", "failed"})
_FAILED = "failed"


class BatchLog(Protocol):
    """Keeps what must outlive a process, as bytes; durable when `put_document` returns."""

    def put_document(self, kind: str, document_id: str, body: bytes) -> None:
        """Keep a document; a document of the same kind and id is replaced."""
        ...

    def documents(self, kind: str) -> Sequence[bytes]:
        """Return all documents of a kind, oldest first."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchRecord:
    """Which questions are in a batch.

    Attributes:
        custom_ids: of its lines, in the order of the file.
        uploaded_at: seconds since 1970.
        batch_id: empty as long as it is not known whether the batch was begun.
    """

    run_id: str
    input_file_id: str
    custom_ids: tuple[str, ...]
    uploaded_at: float
    batch_id: str = ""


class Batched:
    """A chat model that is asked in batches.

    Calls are gathered until nobody new asks; all of a batch end when it does. A call that it left
    unanswered ends as `JudgeUnavailable`: who asks again has it put into the next batch.

    Which questions are in which batch is written down before a batch is begun and again when its
    id is known. A process that asks the same questions, after a crash or a stop, finds them there
    and waits for that batch instead of paying for another.

    Args:
        endpoint: of the model.
        log: keeps what must outlive this process.
        run_id: the run; with a call's id it names a line.
        replay: whether batches of an earlier process are looked for.
        most_calls: in one batch.
        most_bytes: in one batch.
        quiet_s: how long nobody may ask before a batch is sent.
        poll_s: between the first two looks at a batch; the later ones are further apart.
        sleep: how to wait a number of seconds.
        clock: the time in seconds since 1970.
    """

    def __init__(
        self,
        endpoint: BatchEndpoint,
        log: BatchLog,
        *,
        run_id: str,
        replay: bool,
        most_calls: int = MOST_CALLS,
        most_bytes: int = MOST_BYTES,
        quiet_s: float = _QUIET_S,
        poll_s: float = _POLL_S,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._endpoint = endpoint
        self._log = log
        self._run_id = run_id
        self._most_calls = most_calls
        self._most_bytes = most_bytes
        self._quiet_s = quiet_s
        self._poll_s = poll_s
        self._sleep = sleep
        self._clock = clock
        self._earlier_unread = replay
        self._paused = False
        self._gathering: _Batch | None = None
        self._batches: dict[str, _Batch] = {}

    @property
    def identity(self) -> Mapping[str, str]:
        return self._endpoint.identity

    async def complete(self, call: ChatCall) -> Completion:
        if self._paused:
            raise EndpointPaused("stopped before it was put into a batch: resume to go on")
        if self._earlier_unread:
            self._read_earlier()
        name = self._custom_id(call)
        batch = self._batches.get(name) or self._gathered(name, call)
        waiting = _Waiting(
            call=call,
            since=self._clock(),
            answer=asyncio.get_running_loop().create_future(),
            order=batch.asked + 1,
        )
        batch.asked += 1
        batch.waiting.setdefault(name, []).append(waiting)
        if batch.task is None or batch.task.done():
            batch.task = asyncio.create_task(self._run(batch))
            batch.task.add_done_callback(lambda task: self._over(batch, task))
        return await waiting.answer

    def pause(self) -> None:
        """End all waiting; what runs at the endpoint goes on there, and a resume fetches it."""
        self._paused = True
        for batch in set(self._batches.values()):
            if batch.task is not None and not batch.task.done():
                batch.end(_paused(batch))
                batch.task.cancel()

    async def close(self) -> None:
        """Give up waiting, and let the connections go."""
        open_ = [batch for batch in set(self._batches.values()) if batch.task is not None]
        tasks = [batch.task for batch in open_ if batch.task is not None]
        for batch in open_:
            # One that has nobody to tell anything reads its files to the end, and is done.
            if batch.waiting and batch.task is not None:
                batch.task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        await self._endpoint.close()

    def _custom_id(self, call: ChatCall) -> str:
        named = (self._run_id, sorted(self.identity.items()), call.call_id)
        return f"judge-{hashlib.sha256(msgspec.json.encode(named)).hexdigest()[:32]}"

    def _gathered(self, name: str, call: ChatCall) -> "_Batch":
        """Put a question into the batch that is being gathered."""
        line = self._endpoint.question(name, call)
        batch = self._gathering
        if batch is None or batch.bytes + len(line) > self._most_bytes:
            if batch is not None:
                batch.full = True
            batch = self._gathering = _Batch()
        batch.lines[name] = line
        batch.bytes += len(line)
        self._batches[name] = batch
        if len(batch.lines) >= self._most_calls:
            batch.full, self._gathering = True, None
        return batch

    def _read_earlier(self) -> None:
        self._earlier_unread = False
        for body in self._log.documents(BATCH_KIND):
            record = msgspec.json.decode(body, type=BatchRecord)
            if record.run_id == self._run_id:
                batch = _Batch(record=record, doubtful=True)
                self._batches.update(dict.fromkeys(record.custom_ids, batch))  # the newest wins

    async def _run(self, batch: "_Batch") -> None:
        while batch.waiting:
            await self._settled(batch)
            record = batch.record or await self._uploaded(batch)
            if not record:
                return
            if not record.batch_id:
                record = await self._begun(batch, record)
            state = await self._ended(batch, record)
            await self._collect(batch, record, state)

    async def _settled(self, batch: "_Batch") -> None:
        """Wait until nobody new asks."""
        asked = 0
        while not batch.full and asked != batch.asked:
            asked = batch.asked
            await self._sleep(self._quiet_s)
        if self._gathering is batch:
            self._gathering = None

    async def _uploaded(self, batch: "_Batch") -> BatchRecord | None:
        """Upload the questions that are still wanted; None where none is."""
        wanted = {name: line for name, line in batch.lines.items() if batch.wants(name)}
        for name in batch.lines.keys() - wanted.keys():
            self._forget(batch, name)
        batch.lines = wanted
        if not wanted:
            return None
        file_id = await self._endpoint.upload(b"".join(wanted.values()))
        batch.lines = {}
        return await self._written(
            batch,
            BatchRecord(
                run_id=self._run_id,
                input_file_id=file_id,
                custom_ids=tuple(wanted),
                uploaded_at=self._clock(),
            ),
        )

    async def _begun(self, batch: "_Batch", record: BatchRecord) -> BatchRecord:
        """Begin a batch, unless an attempt of which nobody heard back began it."""
        state = None
        if batch.doubtful:
            await self._sleep(self._poll_s)  # what was begun a moment ago may not be listed yet
            since = record.uploaded_at - _CLOCKS_DIFFER_S
            state = await self._endpoint.find(record.input_file_id, since=since)
        if state is None:
            state = await self._created(batch, record)
        _LOG.info("the batch %s of %d questions has begun", state.id, len(record.custom_ids))
        return await self._written(batch, replace(record, batch_id=state.id))

    async def _created(self, batch: "_Batch", record: BatchRecord) -> BatchState:
        again, batch.doubtful = batch.doubtful, True
        try:
            return await self._endpoint.create(
                record.input_file_id, metadata={"judge_run": record.run_id[:512]}
            )
        except JudgeRejected as error:
            if error.halts:
                raise
            for name in record.custom_ids:
                self._forget(batch, name)
            if not again:
                raise
            # The file of an earlier process may be gone: its questions go into a new one.
            raise JudgeUnavailable(f"the batch could not be begun: {error}") from error
        except JudgeUnavailable as error:
            error.possibly_paid = True
            raise

    async def _ended(self, batch: "_Batch", record: BatchRecord) -> BatchState:
        """Wait until a batch has ended."""
        wait_s, since = self._poll_s, record.uploaded_at
        while True:
            state, told_wait_s, why = await self._looked(batch, record)
            if state is not None and state.status in _ENDED:
                _LOG.info("the batch %s has ended: %s", state.id, state.status)
                return state
            if self._clock() > since + _PATIENCE_S:
                raise EndpointPaused(
                    f"the batch {record.batch_id} has not ended within "
                    f"{_PATIENCE_S / 3600:g} hours{why}: resume to look again, or cancel it at "
                    "the endpoint first to have its questions asked anew",
                    possibly_paid=True,
                )
            await self._sleep(max(wait_s, told_wait_s))
            wait_s = min(wait_s * _SLOWER, _LONGEST_POLL_S)

    async def _looked(
        self, batch: "_Batch", record: BatchRecord
    ) -> tuple[BatchState | None, float, str]:
        """Return how a batch stands, how long to wait before the next look, and what failed."""
        try:
            state = await self._endpoint.state(record.batch_id)
        except JudgeUnavailable as error:
            # A look costs nothing: it is made again as long as the batch may run.
            return None, error.retry_after_s or 0.0, f" ({error})"
        if state is None:
            for name in record.custom_ids:
                self._forget(batch, name)
            raise JudgeUnavailable(
                f"the endpoint knows no batch {record.batch_id} any more", possibly_paid=True
            )
        return state, 0.0, ""

    async def _collect(self, batch: "_Batch", record: BatchRecord, state: BatchState) -> None:
        """Hand out the answers of a batch that has ended."""
        asked = batch.asked  # who asks from now on may have missed his line
        wait_s = self._poll_s
        while True:
            try:
                await self._fetch(batch, record, state)
                break
            except JudgeUnavailable as error:
                if self._clock() > record.uploaded_at + _PATIENCE_S:
                    raise EndpointPaused(
                        f"the answers of the batch {state.id} cannot be fetched: {error}; resume "
                        "to try again",
                        possibly_paid=True,
                    ) from error
                await self._sleep(max(wait_s, error.retry_after_s or 0.0))
                wait_s = min(wait_s * _SLOWER, _LONGEST_POLL_S)
        if state.status == _FAILED:
            self._tell_faults(batch, record, state)
        for name in batch.missed(asked):
            self._forget(batch, name)
            batch.settle(
                name,
                JudgeUnavailable(f"the batch {state.id} ended ({state.status}) without its answer"),
            )

    async def _fetch(self, batch: "_Batch", record: BatchRecord, state: BatchState) -> None:
        ours, seen = frozenset(record.custom_ids), set[str]()
        strange = repeated = 0
        for file_id in filter(None, (state.output_file_id, state.error_file_id)):
            async with aclosing(self._endpoint.lines(file_id)) as lines:
                async for line in lines:
                    strange += line.custom_id not in ours
                    repeated += line.custom_id in seen
                    if line.custom_id in ours and line.custom_id not in seen:
                        seen.add(line.custom_id)
                        self._hand_out(batch, line)
        if strange or repeated:
            _LOG.warning(
                "the batch %s holds %d answers to questions that are not in it and %d second "
                "answers; they are ignored",
                state.id,
                strange,
                repeated,
            )

    def _hand_out(self, batch: "_Batch", line: BatchLine) -> None:
        """Tell who waits for it what came of a question."""
        waiting = next((one for one in batch.waiting.get(line.custom_id, ())), None)
        if waiting is None:
            return
        if line.response is None or line.error is not None:
            self._forget(batch, line.custom_id)
            fault = line.error
            batch.settle(
                line.custom_id,
                self._endpoint.failure(fault) if fault else JudgeUnavailable("it has no answer"),
            )
            return
        try:
            latency_s = self._clock() - waiting.since
            answer = self._endpoint.answer(line.response, call=waiting.call, latency_s=latency_s)
        except ScoringError as error:
            # Not decided here: handed to who asked, like an answer.
            self._forget(batch, line.custom_id)
            batch.settle(line.custom_id, error)
        else:
            batch.settle(line.custom_id, answer)

    def _tell_faults(self, batch: "_Batch", record: BatchRecord, state: BatchState) -> None:
        """Tell those whose lines are why a batch was not accepted, or all where none are named."""
        faults = (state.errors and state.errors.data) or []
        of_lines = {fault.line: fault for fault in faults if fault.line}
        for number, name in enumerate(record.custom_ids, start=1):
            fault = of_lines.get(number) or (faults[0] if faults and not of_lines else None)
            if fault is not None:
                self._forget(batch, name)
                batch.settle(name, self._endpoint.failure(fault))

    async def _written(self, batch: "_Batch", record: BatchRecord) -> BatchRecord:
        batch.record = record
        body = msgspec.json.encode(record)
        await asyncio.to_thread(self._log.put_document, BATCH_KIND, record.input_file_id, body)
        return record

    def _forget(self, batch: "_Batch", name: str) -> None:
        """Have a question put into another batch when it is asked again."""
        if self._batches.get(name) is batch:
            del self._batches[name]

    def _over(self, batch: "_Batch", task: asyncio.Task[None]) -> None:
        if self._gathering is batch:
            self._gathering = None
        if batch.record is None:
            for name in batch.lines:
                self._forget(batch, name)
        if task.cancelled():
            batch.end(None)
        elif (error := task.exception()) is not None:
            batch.end(error)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Waiting:
    """Who waits for an answer; `order` is his place among all who asked for one of its batch."""

    call: ChatCall
    since: float
    answer: asyncio.Future[Completion]
    order: int

    def settle(self, outcome: Completion | BaseException | None) -> None:
        if self.answer.done():
            return
        if outcome is None:
            self.answer.cancel()
        elif isinstance(outcome, Completion):
            self.answer.set_result(outcome)
        elif isinstance(outcome, ScoringError):
            self.answer.set_exception(copy.copy(outcome))  # each counts his own attempts in it
        else:
            self.answer.set_exception(outcome)


@dataclass(slots=True, kw_only=True, eq=False)
class _Batch:
    """Questions that share a fate.

    Attributes:
        lines: by custom id; as long as they are not uploaded.
        bytes: of the lines.
        full: no more can be added.
        record: what is written down of it; None before it is uploaded.
        doubtful: it may have been begun without our knowing.
        asked: how many asked for one of its answers so far.
        waiting: by custom id.
    """

    lines: dict[str, bytes] = field(default_factory=dict)
    bytes: int = 0
    full: bool = False
    record: BatchRecord | None = None
    doubtful: bool = False
    asked: int = 0
    waiting: dict[str, list[_Waiting]] = field(default_factory=dict)
    task: asyncio.Task[None] | None = None

    def wants(self, name: str) -> bool:
        """Whether anybody still waits for an answer."""
        return any(not one.answer.done() for one in self.waiting.get(name, ()))

    def missed(self, asked: int) -> list[str]:
        """Return what is still waited for by one of the first so many who asked."""
        return [
            name
            for name, waiting in self.waiting.items()
            if any(one.order <= asked for one in waiting)
        ]

    def settle(self, name: str, outcome: Completion | BaseException) -> None:
        """Tell all who wait for one answer."""
        for one in self.waiting.pop(name, ()):
            one.settle(outcome)

    def end(self, outcome: BaseException | None) -> None:
        """Tell all who wait for any answer; None: that they are given up."""
        for waiting in self.waiting.values():
            for one in waiting:
                one.settle(outcome)
        self.waiting = {}


def _paused(batch: _Batch) -> EndpointPaused:
    record = batch.record
    if record is None:
        return EndpointPaused("stopped before it was put into a batch: resume to go on")
    named = record.batch_id or f"of the file {record.input_file_id}"
    return EndpointPaused(
        f"the batch {named} of {len(record.custom_ids)} questions goes on at the endpoint: "
        "judge resume fetches its answers",
        possibly_paid=True,
    )
