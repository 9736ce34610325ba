"""The body of a chat request: encoded once, from parts that most calls share."""

from functools import lru_cache

import msgspec

from judge.models.chat import ChatCall, ReplyFormat, Sampling

_KEPT = 64  # forms of sampling and reply schema; a run has a few


class ChatBody:
    """Writes what is posted to ``/chat/completions``.

    Only the messages are encoded for each call. The schema of the reply is put in as it was
    written, since the order of its keys is the order in which a grammar lets them be written.

    Args:
        model: the name the endpoint knows it by.
        reply_format: how the reply's form is asked for.
        streamed: whether it is asked for token by token.
    """

    def __init__(self, model: str, *, reply_format: ReplyFormat, streamed: bool = False) -> None:
        self._start = b'{"model":' + msgspec.json.encode(model) + b',"messages":'
        self._reply_format = reply_format
        self._streamed = streamed

    def of(self, call: ChatCall) -> bytes:
        """Return the body of one call, as JSON."""
        end = _end(call.sampling, call.reply_schema, self._reply_format, streamed=self._streamed)
        return self._start + msgspec.json.encode(call.messages) + end


@lru_cache(maxsize=_KEPT)
def _end(
    sampling: Sampling, reply_schema: str, reply_format: ReplyFormat, *, streamed: bool
) -> bytes:
    """Return everything after the messages."""
    fields = _sampled(sampling)
    if streamed:
        fields["stream"] = True
        fields["stream_options"] = {"include_usage": True}  # else nobody counts the tokens
    if reply_schema and reply_format is not ReplyFormat.TEXT:
        fields["response_format"] = _response_format(reply_schema, reply_format)
    return b"," + msgspec.json.encode(fields).removeprefix(b"{")


def _sampled(sampling: Sampling) -> dict[str, object]:
    fields: dict[str, object] = {}
    if sampling.effort:
        # A reasoning model knows its cap by another name, and takes no temperature.
        fields["max_completion_tokens"] = sampling.max_tokens
        fields["reasoning_effort"] = sampling.effort
    else:
        fields["max_tokens"] = sampling.max_tokens
    if sampling.temperature is not None:
        fields["temperature"] = sampling.temperature
    if sampling.seed is not None:
        fields["seed"] = sampling.seed
    if sampling.alternatives:
        fields["logprobs"] = True
        fields["top_logprobs"] = sampling.alternatives
    return fields


def _response_format(reply_schema: str, reply_format: ReplyFormat) -> dict[str, object]:
    if reply_format is ReplyFormat.JSON_OBJECT:
        return {"type": "json_object"}
    schema = msgspec.Raw(msgspec.json.format(reply_schema.encode(), indent=-1))
    return {
        "type": "json_schema",
        "json_schema": {"name": "verdict", "strict": True, "schema": schema},
    }
