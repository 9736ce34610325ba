"""Child processes that check what could take for ever, kept and used again."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import weakref
from collections.abc import Iterator, Sequence
from pathlib import Path
from threading import Lock

import msgspec

from judge.errors import DataError, SchemaRejected, SchemaTimeout
from judge.scorers.schema_check import Finding, SchemaRules
from judge.scorers.schema_child import NO_MEMORY, Answer, Question, Terms, receive, send

CPU_S = 2.0
MEMORY_BYTES = 256 << 20

_BATCH = 64
_BATCH_BYTES = 1 << 20
# The child is ended by its own time of the processor; this is for one that does not get any.
_PATIENCE = 5
_START_S = 60.0


class SchemaPool:
    """Holds outputs against schemas in processes that may be lost.

    A process that is lost costs the output that it was about, and nothing else. Safe to use from
    several threads: each has a process of its own for as long as it needs one.

    Args:
        rules: how schemas are read.
        cpu_s: processor time that one output, and one schema, may take.
        memory_bytes: address space of a process.
    """

    def __init__(
        self,
        rules: SchemaRules,
        *,
        cpu_s: float = CPU_S,
        memory_bytes: int = MEMORY_BYTES,
    ) -> None:
        self._terms = Terms(
            assert_formats=rules.assert_formats,
            dialect=rules.dialect,
            bundle=dict(rules.bundle),
            cpu_s=cpu_s,
            memory_bytes=memory_bytes,
        )
        self._idle: list[_Child] = []
        self._lock = Lock()
        self.close = weakref.finalize(self, _end_all, self._idle)
        """End all processes; done by itself when nobody holds the pool any more."""

    def prepare(self, schema: str) -> None:
        """Compile a schema.

        Raises:
            DataError: it is no JSON Schema, is too large, or refers to what is not there.
            SchemaRejected: it takes more than it may.
        """
        try:
            self._ask(schema, [])
        except _Lost as lost:
            raise SchemaRejected(f"preparing the schema {lost}") from lost

    def find(self, schema: str, outputs: Sequence[str]) -> list[Finding | SchemaTimeout]:
        """Say what is wrong with each output, or why that cannot be said."""
        encoded = [output.encode(errors="surrogatepass") for output in outputs]
        return [found for batch in _batches(encoded) for found in self._find(schema, batch)]

    def _find(self, schema: str, batch: list[bytes]) -> list[Finding | SchemaTimeout]:
        try:
            return list(self._ask(schema, batch))
        except _Lost as lost:
            reason, place = SchemaTimeout(f"checking the output {lost}"), lost.place
        if place < 0:  # not even the schema could be prepared again
            return [reason] * len(batch)
        # What came before it was fine a moment ago, and is asked again for its findings.
        before = self._find(schema, batch[:place]) if place else []
        return [
            *before,
            reason,
            *(self._find(schema, rest) if (rest := batch[place + 1 :]) else []),
        ]

    def _ask(self, schema: str, outputs: list[bytes]) -> list[Finding]:
        child = self._idle_child() or _Child(self._terms)
        try:
            answer = child.ask(Question(schema=schema, outputs=outputs))
        except BaseException:
            child.end()
            raise
        self._idle.append(child)
        if answer.refused:
            raise DataError(answer.refused)
        return [Finding(flag=flag, details=details) for flag, details in answer.findings]

    def _idle_child(self) -> "_Child | None":
        with self._lock:
            return self._idle.pop() if self._idle else None


class _Lost(Exception):
    """The child is gone; the message says what the work took, `place` at which output."""

    def __init__(self, why: str, *, place: int) -> None:
        super().__init__(why)
        self.place = place


class _Child:
    """One process."""

    def __init__(self, terms: Terms) -> None:
        self._terms = terms
        self._connection, theirs = socket.socketpair()
        self._progress, writing = os.pipe()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "judge.scorers.schema_child"],
                stdin=theirs.fileno(),
                stdout=writing,
                stderr=subprocess.DEVNULL,
                # Nothing of our environment, which holds keys.
                env={"PYTHONPATH": os.pathsep.join(path or str(Path.cwd()) for path in sys.path)},
                start_new_session=True,  # Ctrl-C is for us: what is in flight is finished
            )
        os.close(writing)
        self._connection.settimeout(_START_S)
        with contextlib.suppress(OSError):  # that it is gone is seen when it is asked
            send(self._connection, terms)

    def ask(self, question: Question) -> Answer:
        self._connection.settimeout(_PATIENCE * self._terms.cpu_s * (1 + len(question.outputs)))
        try:
            send(self._connection, question)
            data = receive(self._connection)
        except OSError:
            data = b""
        if not data:
            raise self._lost()
        if question.outputs:
            os.read(self._progress, len(question.outputs))
        return msgspec.msgpack.decode(data, type=Answer)

    def end(self) -> None:
        self._connection.close()
        self._process.kill()
        self._process.wait()
        os.close(self._progress)

    def _lost(self) -> _Lost:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=1.0)
        code = self._process.poll()
        self._process.kill()
        self._process.wait()
        begun = os.read(self._progress, _BATCH)
        return _Lost(self._why(code), place=len(begun) - 1)

    def _why(self, code: int | None) -> str:
        if code is None or code == -signal.SIGPROF:
            return f"took more than {self._terms.cpu_s:g} s of the processor"
        # A library that is refused memory may abort, or follow a pointer that leads nowhere.
        memory = f"more than {self._terms.memory_bytes >> 20} MB of memory"
        return f"took {memory}" if code == NO_MEMORY else f"took {memory} or crashed ({code})"


def _end_all(children: list[_Child]) -> None:
    while children:
        children.pop().end()


def _batches(outputs: Sequence[bytes]) -> Iterator[list[bytes]]:
    batch: list[bytes] = []
    size = 0
    for output in outputs:
        if batch and (len(batch) == _BATCH or size + len(output) > _BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(output)
        size += len(output)
    if batch:
        yield batch
