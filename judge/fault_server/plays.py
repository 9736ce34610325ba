"""What the server sends or does when something goes wrong."""

import gzip
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from http import HTTPStatus
from math import ceil
from typing import TypeAlias

from judge.fault_server.bodies import chat_completion, fault
from judge.fault_server.exchange import Answer

HUGE_BYTES = 9 * 1024 * 1024
"""More than any client may read: the limit is 8 MiB."""
LATE_S = 0.5
DRIP_S = 0.05
PAGE = "<!doctype html><title>Sign in</title><h1>Please sign in to the network</h1>"

_GARBAGE = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 this is not HTTP\r\n\r\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What a fault plays with.

    Attributes:
        model: the name that was asked for.
        text: the reply that would have been right.
        elsewhere: an address at another origin, where nothing may ever arrive.
        pause_s: how long to ask the client to wait, where a fault asks for that.
        now: the time of day.
    """

    model: str
    text: str
    elsewhere: str
    pause_s: float
    now: datetime

    @property
    def right(self) -> Answer:
        """What is answered where nothing goes wrong."""
        return Answer(body=chat_completion(self.text, model=self.model))


Play: TypeAlias = Callable[[Scene], Answer]


def refusal(status: int, *, message: str = "", code: str = "") -> Play:
    """Refuse with a status and an error object."""
    words = message or HTTPStatus(status).phrase
    body = fault(words, code=code or None)
    return lambda _: Answer(status=status, body=body)


def limited(headers: Callable[[Scene], Mapping[str, str]], *, status: int = 429) -> Play:
    """Refuse with a status and headers that say when to come back."""
    body = fault("Rate limit reached", code="rate_limit_exceeded", kind="requests")
    return lambda scene: Answer(status=status, body=body, headers=headers(scene))


def redirect(status: int) -> Play:
    """Send the client elsewhere."""
    return lambda scene: Answer(
        status=status, headers={"Location": f"{scene.elsewhere}/chat/completions"}
    )


def no_completion(
    content: bytes | str | Mapping[str, object], *, kind: str = "application/json"
) -> Play:
    """Answer 200 with a body that is no completion."""
    return lambda _: Answer(body=content, headers={"Content-Type": kind})


def saying(text: str | None, *, finish_reason: str = "stop", refusal: str | None = None) -> Play:
    """Answer with a completion of that text."""
    return lambda scene: Answer(
        body=chat_completion(text, model=scene.model, finish_reason=finish_reason, refusal=refusal)
    )


def broken_off(*, in_head: bool, politely: bool = False) -> Play:
    """Begin the right answer, and end in the head or in the body."""

    def play(scene: Scene) -> Answer:
        right = scene.right
        after = len(right.head) // 2 if in_head else len(right.head) + len(right.content) // 2
        return replace(right, after=after, close=politely, reset=not politely)

    return play


def duration(seconds: float) -> str:
    """Write a time as OpenAI's headers do: 20ms, 1s, 6m0s."""
    if seconds < 1:
        return f"{ceil(seconds * 1000)}ms"
    minutes, rest = divmod(ceil(seconds), 60)
    return f"{minutes}m{rest}s" if minutes else f"{rest}s"


def in_seconds(scene: Scene) -> str:
    """Write the pause in whole seconds."""
    return str(ceil(scene.pause_s))


def as_date(moment: datetime) -> str:
    """Write a moment as an HTTP date, which has no fraction: the next full second."""
    whole = moment.replace(microsecond=0) + timedelta(seconds=1)
    return whole.astimezone(UTC).strftime("%a, %d %b %Y %H:%M:%S GMT")


def date(scene: Scene) -> str:
    """Write the end of the pause as an HTTP date."""
    return as_date(scene.now + timedelta(seconds=scene.pause_s))


def late(scene: Scene) -> Answer:
    """Answer late."""
    return replace(scene.right, delay_s=LATE_S)


def dripping(scene: Scene) -> Answer:
    """Answer byte by byte."""
    return replace(scene.right, drip_s=DRIP_S)


def length_too_long(scene: Scene) -> Answer:
    """Promise more than is sent."""
    length = str(len(scene.right.content) + 100)
    return replace(scene.right, headers={"Content-Length": length, "Connection": "close"})


def length_too_short(scene: Scene) -> Answer:
    """Send more than is promised."""
    length = str(len(scene.right.content) // 2)
    return replace(scene.right, headers={"Content-Length": length})


def an_answer_too_many(scene: Scene) -> Answer:
    """Answer twice: the next question on that connection would get this one's verdict."""
    return Answer(raw=scene.right.whole * 2)


def an_answer_and_a_half(scene: Scene) -> Answer:
    """Answer, and begin to answer again: the next answer on that connection would be its end."""
    right = scene.right
    return Answer(raw=right.whole + right.head + right.content[: len(right.content) // 2])


def cut_json(scene: Scene) -> Answer:
    """Answer with half of the JSON, as if it were all."""
    content = scene.right.content
    return Answer(body=content[: len(content) // 2])


def compressed(scene: Scene) -> Answer:
    """Answer compressed, unasked."""
    return Answer(body=gzip.compress(scene.right.content), headers={"Content-Encoding": "gzip"})


def bomb(scene: Scene) -> Answer:
    """Answer with little that becomes very much."""
    del scene
    return Answer(body=_bomb(), headers={"Content-Encoding": "gzip"})


def flood(scene: Scene) -> Answer:
    """Answer with more than anybody may read."""
    del scene
    return Answer(body=_flood())


@cache
def _bomb() -> bytes:
    return gzip.compress(b" " * (16 * 1024 * 1024), compresslevel=9)


@cache
def _flood() -> bytes:
    return json.dumps(chat_completion("x" * HUGE_BYTES)).encode()


def invalid_utf8(scene: Scene) -> Answer:
    """Answer with bytes that are no UTF-8 before the verdict."""
    said = b'"content": "'
    return Answer(body=scene.right.content.replace(said, said + b"\xff\xfe"))


def other_model(scene: Scene) -> Answer:
    """Answer right, in another model's name."""
    return Answer(body=chat_completion(scene.text, model=f"{scene.model}-another"))


def other_fingerprint(scene: Scene) -> Answer:
    """Answer right, from another serving system."""
    body = {**chat_completion(scene.text, model=scene.model), "system_fingerprint": "fp_another"}
    return Answer(body=body)


def garbage(scene: Scene) -> Answer:
    """Send what is no HTTP."""
    del scene
    return Answer(raw=_GARBAGE, headers={"Connection": "close"})
