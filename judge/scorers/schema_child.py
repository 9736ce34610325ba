"""The process that holds outputs against schemas which could take for ever, and its messages.

It is killed by the system where one output takes more processor time than it may, and ends where
memory is refused to it: nothing of that reaches the process that asked.
"""

import os
import resource
import signal
import socket
import struct
from collections.abc import Iterator
from dataclasses import replace

import msgspec

from judge.errors import DataError
from judge.scorers.schema_check import SchemaCheck, SchemaRules, read_schema_text
from judge.scorers.schema_hazard import hazard_of

NO_MEMORY = 12
"""The exit code of a child that was refused memory."""

_PROGRESS = 1
"""Where a byte is written before each output: whoever asked sees which one ended the process."""
_LENGTH = struct.Struct(">Q")
_MOST_COMPILED = 64


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """The first message: how to read schemas, and what one output may take."""

    assert_formats: bool
    dialect: str
    bundle: dict[str, str]
    cpu_s: float
    memory_bytes: int


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """Outputs to hold against one schema; none where it is only to be prepared.

    Outputs are bytes: a text may hold half of a surrogate pair, which no message carries.
    """

    schema: str
    outputs: list[bytes]


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """The flag and the details of each output, or why the schema is no schema."""

    refused: str = ""
    findings: list[tuple[str, dict[str, object]]] = []


def send(connection: socket.socket, message: msgspec.Struct) -> None:
    """Send one message.

    Raises:
        OSError: the other end is gone, or does not read in time.
    """
    data = msgspec.msgpack.encode(message)
    connection.sendall(_LENGTH.pack(len(data)) + data)


def receive(connection: socket.socket) -> bytes:
    """Return the bytes of the next message; empty where the other end is gone.

    Raises:
        OSError: nothing came in time.
    """
    head = b"".join(_read(connection, _LENGTH.size))
    if len(head) < _LENGTH.size:
        return b""
    (size,) = _LENGTH.unpack(head)
    data = b"".join(_read(connection, size))
    return data if len(data) == size else b""


def _read(connection: socket.socket, size: int) -> Iterator[bytes]:
    while size and (data := connection.recv(min(size, 1 << 20))):
        size -= len(data)
        yield data


def serve(connection: socket.socket) -> None:
    """Answer questions until the other end is gone."""
    terms = msgspec.msgpack.decode(receive(connection), type=Terms)
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (terms.memory_bytes, terms.memory_bytes))
    rules = SchemaRules(
        assert_formats=terms.assert_formats, dialect=terms.dialect, bundle=terms.bundle
    )
    checks: dict[str, SchemaCheck] = {}
    while data := receive(connection):
        question = msgspec.msgpack.decode(data, type=Question)
        send(connection, _answer(question, checks, rules, cpu_s=terms.cpu_s))


def _answer(
    question: Question, checks: dict[str, SchemaCheck], rules: SchemaRules, *, cpu_s: float
) -> Answer:
    try:
        _allow(cpu_s)
        check = checks.get(question.schema) or _compiled(question.schema, rules)
    except DataError as error:
        return Answer(refused=str(error))
    finally:
        _allow(0)
    if len(checks) >= _MOST_COMPILED:
        checks.clear()
    checks[question.schema] = check
    findings = []
    for output in question.outputs:
        os.write(_PROGRESS, b".")
        _allow(cpu_s)
        found = check.find(output.decode(errors="surrogatepass"))
        findings.append((found.flag, dict(found.details)))
    _allow(0)
    return Answer(findings=findings)


def _compiled(schema: str, rules: SchemaRules) -> SchemaCheck:
    hazard = hazard_of(read_schema_text(schema))
    try:
        return SchemaCheck(schema, rules=rules, hazard=hazard)
    except DataError:
        if hazard.backtracks:
            raise
        # A pattern may be too large for the linear engine; time and memory are bounded here.
        return SchemaCheck(schema, rules=rules, hazard=replace(hazard, backtracks=True))


def _allow(cpu_s: float) -> None:
    """Let the system end this process after so much of its time; 0 for never."""
    signal.setitimer(signal.ITIMER_PROF, cpu_s)


if __name__ == "__main__":
    try:
        serve(socket.socket(fileno=0))
    except MemoryError:
        os._exit(NO_MEMORY)
