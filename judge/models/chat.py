"""What a chat endpoint is asked and what it answers."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class ReplyFormat(StrEnum):
    """How an endpoint is told the form of the reply."""

    JSON_SCHEMA = "json_schema"
    JSON_OBJECT = "json_object"
    TEXT = "text"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """How the reply is drawn.

    Attributes:
        temperature: None leaves it to the endpoint, as reasoning models demand.
        max_tokens: cap on the reply, in tokens.
        seed: None asks for none.
    """

    temperature: float | None = 0.0
    max_tokens: int = 1024
    seed: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One turn: ``system`` or ``user``, and its text."""

    role: str
    content: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatCall:
    """One question to a model.

    Attributes:
        call_id: names the question across crashes: the same record, scorer, target and repeat
            always get the same id, whatever the random fence in the messages.
        reply_schema: JSON Schema of the reply as JSON text; empty for free text.
    """

    call_id: str
    messages: tuple[Message, ...]
    sampling: Sampling
    reply_schema: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """What a model answered, as received.

    Attributes:
        finish_reason: as the endpoint named it; empty where it named none.
        refusal: text of the refusal field; empty where there is none.
        model: as the endpoint named it.
        fingerprint: of the serving system; empty where there is none.
        input_tokens: None where the endpoint did not count.
        output_tokens: None where the endpoint did not count.
    """

    text: str
    finish_reason: str
    refusal: str = ""
    model: str
    fingerprint: str = ""
    input_tokens: int | None = None
    output_tokens: int | None = None
    latency_s: float


class ChatModel(Protocol):
    """A model that answers."""

    @property
    def identity(self) -> Mapping[str, str]:
        """What could change an answer: the model's name, the endpoint's origin."""
        ...

    async def complete(self, call: ChatCall) -> Completion:
        """Return the answer.

        Raises:
            ScoringError: there is none; the class says why.
        """
        ...
