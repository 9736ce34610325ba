import socket
import subprocess
import sys

import msgspec
import pytest

from judge.scorers.schema_child import Answer, Question, Terms, receive, send

TERMS = Terms(assert_formats=False, dialect="2020-12", bundle={}, cpu_s=2.0, memory_bytes=256 << 20)


def test_a_message_arrives_as_it_was_sent() -> None:
    question = Question(schema='{"title": "ü"}', outputs=[b"\xed\xa0\x80", b"x" * 100_000])
    ours, theirs = socket.socketpair()

    with ours, theirs:
        send(ours, question)

        assert msgspec.msgpack.decode(receive(theirs), type=Question) == question


@pytest.mark.parametrize("sent", [b"", b"\0\0\0", b"\0\0\0\0\0\0\0\x05half"])
def test_a_message_that_breaks_off_is_none(sent: bytes) -> None:
    ours, theirs = socket.socketpair()

    with ours, theirs:
        ours.sendall(sent)
        ours.shutdown(socket.SHUT_WR)

        assert receive(theirs) == b""


def test_the_process_answers_until_the_other_end_is_gone() -> None:
    ours, theirs = socket.socketpair()
    command = [sys.executable, "-m", "judge.scorers.schema_child"]
    with (
        ours,
        theirs,
        subprocess.Popen(command, stdin=theirs.fileno(), stdout=subprocess.PIPE) as process,
    ):
        theirs.close()
        ours.settimeout(60)
        send(ours, TERMS)

        send(ours, Question(schema='{"type": "integer"}', outputs=[b"1", b"x", b'"x"']))
        answered = msgspec.msgpack.decode(receive(ours), type=Answer)
        send(ours, Question(schema='{"type": 1}', outputs=[]))
        refused = msgspec.msgpack.decode(receive(ours), type=Answer)
        ours.close()

        assert process.wait(timeout=60) == 0
        assert process.stdout is not None
        assert process.stdout.read() == b"..."
    assert [flag for flag, _ in answered.findings] == [
        "",
        "output_not_json",
        "output_schema_invalid",
    ]
    assert "is no valid JSON Schema" in refused.refused
