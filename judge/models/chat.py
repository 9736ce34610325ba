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
        max_tokens: cap on the reply, in tokens; of a reasoning model, with its reasoning.
        seed: None asks for none.
        effort: how much a reasoning model may think, for example ``low``; empty for the others.
        alternatives: most probable tokens asked for at each place of the reply; 0 asks for none.
    """

    temperature: float | None = 0.0
    max_tokens: int = 1024
    seed: int | None = None
    effort: str = ""
    alternatives: int = 0


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
        mark: the random mark of the fences in the messages; empty where there are none. Two calls
            that differ in nothing else ask the same question.
        repeat: 0 for the first time a question is asked, 1 for an independent second answer to
            it: the one may not stand in for the other.
    """

    call_id: str
    messages: tuple[Message, ...]
    sampling: Sampling
    reply_schema: str = ""
    mark: str = ""
    repeat: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenAlternatives:
    """What a model might have written at one place of its reply.

    Attributes:
        token: what it wrote.
        logprob: natural logarithm of its probability, at most 0.
        others: token to log-probability of the most probable ones there, as far as asked for and
            given; may hold `token` too.
    """

    token: str
    logprob: float
    others: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """What a model answered, as received.

    Attributes:
        finish_reason: as the endpoint named it; empty where it named none.
        refusal: text of the refusal field; empty where there is none.
        model: as the endpoint named it.
        reasoning: what a reasoning model shows of its thinking; kept, never read for a verdict.
        fingerprint: of the serving system; empty where there is none.
        input_tokens: None where the endpoint did not count.
        cached_tokens: of the input tokens, those the endpoint had in its own cache and may charge
            less for; None where it did not say.
        written_tokens: of the input tokens, those it put into its own cache and may charge more
            for; None where it did not say.
        output_tokens: with those of the reasoning; None where the endpoint did not count.
        alternatives: per token of the text; empty unless asked for and given.
        cost: US dollars; None where the price or the tokens are unknown.
        cached: whether the answer was given to an earlier, equal call and cost nothing now.
        first_token_s: until the first of the text was there; None where it came all at once.
    """

    text: str
    finish_reason: str
    refusal: str = ""
    reasoning: str = ""
    model: str
    fingerprint: str = ""
    input_tokens: int | None = None
    cached_tokens: int | None = None
    written_tokens: int | None = None
    output_tokens: int | None = None
    alternatives: tuple[TokenAlternatives, ...] = ()
    cost: float | None = None
    cached: bool = False
    latency_s: float
    first_token_s: float | None = None


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
