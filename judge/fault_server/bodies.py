"""Bodies an OpenAI-compatible endpoint sends: completions and errors."""

import json

from judge.fault_server.exchange import Answer, Received


def verdict(label: str = "equivalent", rationale: str = "They agree.") -> str:
    """Return the reply of a judge in the form the shipped prompts ask for."""
    return json.dumps({"rationale": rationale, "verdict": label})


def chat_completion(
    text: str | None,
    *,
    finish_reason: str | None = "stop",
    model: str = "fake-judge",
    refusal: str | None = None,
    usage: tuple[int, int] | None = (100, 20),
) -> dict[str, object]:
    """Return the body of a chat completion.

    Args:
        text: what the model says.
        finish_reason: why it stopped.
        model: the name it answers under.
        refusal: text of the refusal field.
        usage: tokens in and out; None leaves them uncounted.
    """
    message = {"role": "assistant", "content": text, "refusal": refusal}
    body: dict[str, object] = {
        "id": "chatcmpl-fake",
        "object": "chat.completion",
        "created": 0,
        "model": model,
        "choices": [{"index": 0, "message": message, "finish_reason": finish_reason}],
    }
    if usage is not None:
        tokens_in, tokens_out = usage
        body["usage"] = {
            "prompt_tokens": tokens_in,
            "completion_tokens": tokens_out,
            "total_tokens": tokens_in + tokens_out,
        }
    return body


def fault(message: str, *, code: str | None = None, kind: str = "fake_error") -> dict[str, object]:
    """Return the body an OpenAI-compatible endpoint sends with an error."""
    return {"error": {"message": message, "type": kind, "code": code}}


def always_equivalent(received: Received) -> Answer:
    """Answer every request with the verdict "equivalent"."""
    del received
    return Answer(body=chat_completion(verdict()))
