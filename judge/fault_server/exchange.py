"""What an endpoint of ours receives, and what it sends or does instead."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TypeAlias


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """A request as it was received.

    Attributes:
        number: its place among all requests, from 1.
        headers: names in lower case.
    """

    number: int
    method: str
    path: str
    headers: Mapping[str, str]
    content: bytes

    @property
    def body(self) -> dict[str, object]:
        """The content, read as a JSON object."""
        read = json.loads(self.content)
        if not isinstance(read, dict):
            raise TypeError(f"request {self.number} holds no JSON object")
        return read

    @property
    def user_text(self) -> str:
        """The content of the last message of a chat request."""
        messages = self.body["messages"]
        if not isinstance(messages, list):
            raise TypeError(f"request {self.number} holds no messages")
        return str(messages[-1]["content"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What is sent back, or done instead.

    Attributes:
        body: a mapping is sent as JSON.
        raw: sent in place of status line, headers and body.
        delay_s: wait before the first byte.
        drip_s: wait before each byte of the body; 0 sends it at once.
        hang: send no more; wait until the client goes.
        reset: break the connection instead of sending more.
        close: end the connection politely instead of sending more.
        after: bytes of the whole answer that are sent before it hangs, resets or closes.
    """

    status: int = 200
    body: bytes | str | Mapping[str, object] = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    raw: bytes = b""
    delay_s: float = 0.0
    drip_s: float = 0.0
    hang: bool = False
    reset: bool = False
    close: bool = False
    after: int = 0

    @property
    def content(self) -> bytes:
        """The body as it is sent."""
        if isinstance(self.body, bytes):
            return self.body
        text = self.body if isinstance(self.body, str) else json.dumps(self.body)
        return text.encode()

    @property
    def head(self) -> bytes:
        """Status line and headers."""
        headers = {
            "content-type": "application/json",
            "content-length": str(len(self.content)),
            **{name.lower(): value for name, value in self.headers.items()},
        }
        lines = [f"HTTP/1.1 {self.status} {_reason(self.status)}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        return "\r\n".join([*lines, "", ""]).encode("latin-1")

    @property
    def whole(self) -> bytes:
        """Everything there is to send."""
        return self.raw or self.head + self.content

    @property
    def ends_early(self) -> bool:
        """Whether the connection ends, or stands still, with this answer."""
        return self.hang or self.reset or self.close


Responder: TypeAlias = Callable[[Received], Answer]


def _reason(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unnamed"
