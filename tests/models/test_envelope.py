import json
from typing import Any

import pytest

from judge.errors import (
    InputTooLong,
    JudgeUnavailable,
    JudgeUnparseable,
    QuotaExhausted,
    RateLimited,
    ScoringError,
)
from judge.models.chat import Completion, TokenAlternatives
from judge.models.envelope import read_completion
from judge.testing import chat_completion, fault, verdict

Body = dict[str, Any]  # what an endpoint may send has any form


def read(body: object, *, alternatives: bool = False) -> Completion:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return read_completion(content, latency_s=0.5, alternatives=alternatives)


def refused(body: object, *, alternatives: bool = False) -> ScoringError:
    with pytest.raises(ScoringError) as caught:
        read(body, alternatives=alternatives)
    assert caught.value.possibly_paid
    return caught.value


def with_message(**fields: object) -> Body:
    message = {"role": "assistant", "content": "yes", **fields}
    return {"model": "m", "choices": [{"message": message, "finish_reason": "stop"}]}


def with_choice(**fields: object) -> Body:
    return {"model": "m", "choices": [{"message": {"content": "yes"}, **fields}]}


def with_usage(usage: object) -> Body:
    return {**with_message(), "usage": usage}


def with_tokens(*tokens: Body) -> Body:
    return with_choice(finish_reason="stop", logprobs={"content": list(tokens), "refusal": None})


def test_a_completion_is_read_as_received() -> None:
    body = {**chat_completion(verdict(), model="judge-1"), "system_fingerprint": "fp_7"}
    details = {"cached_tokens": 64, "cache_write_tokens": 32, "audio_tokens": 0}
    usage = {"prompt_tokens": 100, "completion_tokens": 20, "prompt_tokens_details": details}

    completion = read({**body, "usage": usage})

    assert completion == Completion(
        text=verdict(),
        finish_reason="stop",
        model="judge-1",
        fingerprint="fp_7",
        input_tokens=100,
        cached_tokens=64,
        written_tokens=32,
        output_tokens=20,
        latency_s=0.5,
    )


@pytest.mark.parametrize(
    ("usage", "counts"),
    [
        (None, (None, None, None)),
        ({}, (None, None, None)),
        ({"prompt_tokens": 0, "completion_tokens": 0}, (0, None, 0)),
        ({"prompt_tokens": 5, "prompt_tokens_details": None}, (5, None, None)),
        ({"prompt_tokens": 5, "prompt_tokens_details": {"cached_tokens": 0}}, (5, 0, None)),
    ],
)
def test_tokens_that_were_not_counted_are_not_zero(
    usage: object, counts: tuple[int | None, ...]
) -> None:
    completion = read(with_usage(usage))

    assert (completion.input_tokens, completion.cached_tokens, completion.output_tokens) == counts


@pytest.mark.parametrize(
    ("fields", "reasoning"),
    [
        ({"reasoning_content": "hm"}, "hm"),
        ({"reasoning": "hm"}, "hm"),
        ({"reasoning_content": "hm", "reasoning": "hm too"}, "hm"),
        ({"reasoning_content": "", "reasoning": "hm"}, "hm"),
        ({"reasoning": None}, ""),
        # Nothing is read from it, so nothing is lost by its form.
        ({"reasoning": {"effort": "low"}}, ""),
        ({"reasoning_content": ["hm"]}, ""),
    ],
)
def test_reasoning_is_kept_under_either_name(fields: Body, reasoning: str) -> None:
    completion = read(with_message(**fields))

    assert (completion.text, completion.reasoning) == ("yes", reasoning)


@pytest.mark.parametrize(
    ("fields", "finish_reason"),
    [
        ({"refusal": "I will not."}, "stop"),
        ({"refusal": "I will not."}, None),
        ({}, "length"),
        ({}, "content_filter"),
        ({"reasoning_content": "I was still thinking"}, "length"),
    ],
)
def test_an_answer_without_a_text_is_read_where_something_explains_it(
    fields: Body, finish_reason: str | None
) -> None:
    body = with_choice(message={"content": None, **fields}, finish_reason=finish_reason)

    completion = read(body)

    assert (completion.text, completion.finish_reason) == ("", finish_reason or "")
    assert completion.refusal == fields.get("refusal", "")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"<html><body>Please log in</body></html>", "no chat completion"),
        (b"", "no chat completion"),
        (b"null", "no chat completion"),
        (b"[]", "no chat completion"),
        (b'"hello"', "no chat completion"),
        (b"\xff\xfe\x00", "no chat completion"),
        (b"\xef\xbb\xbf{}", "no chat completion"),
        (b'{"model": "m", "choices": [{"message": {"content": "cut', "no chat completion"),
        (b'{"model": "m", "choices": [{"message": {"content": "\xff"}}]}', "no chat completion"),
        (b'{"model": "m", "choices": [{"message": {"content": "\\ud83d"}}]}', "no chat completion"),
        (b'{"model": "m", "choices": [{"message": {"content": "a"}}]} {}', "no chat completion"),
        (b'{"model": "m", "choices": [{"message": {"content": "a"}}], "x": NaN}', "no chat"),
        (b'{"choices": ' + b"[" * 200_000, "no chat completion"),
        (b'{"model": "m", "x": ' + b"[" * 200_000, "no chat completion"),
        ({"model": "m"}, "choices"),
        ({"model": "m", "choices": {}}, "choices"),
        ({"model": "m", "choices": None}, "choices"),
        ({"model": "m", "choices": []}, "with 0 choices"),
        ({"model": "m", "choices": with_message()["choices"] * 2}, "with 2 choices"),
        ({"choices": with_message()["choices"]}, "model"),
        ({**with_message(), "model": None}, "model"),
        ({**with_message(), "model": 7}, "model"),
        ({**with_message(), "system_fingerprint": 7}, "system_fingerprint"),
        (with_choice(message=None), "message"),
        (with_choice(finish_reason=["stop"]), "finish_reason"),
        (with_message(content=7), "content"),
        (with_message(content=[{"type": "text", "text": "yes"}]), "content"),
        (with_message(refusal=True), "refusal"),
        (with_message(content=None), "gave no answer"),
        (with_message(content=None, reasoning="yes"), "reasoned and gave no answer"),
        (with_message(content=None, tool_calls=[{"id": "a"}]), "called a tool"),
        (with_usage([]), "usage"),
        (with_usage({"prompt_tokens": "12"}), "prompt_tokens"),
        (with_usage({"prompt_tokens": 1.5}), "prompt_tokens"),
        (with_usage({"completion_tokens": -1}), "completion_tokens"),
    ],
)
def test_an_answer_that_is_no_chat_completion_is_no_verdict(body: object, words: str) -> None:
    error = refused(body)

    assert type(error) is JudgeUnparseable
    assert words in str(error)


TWICE = [
    b'{"model": "m", "model": "n", "choices": [{"message": {"content": "a"}}]}',
    b'{"model": "m", "choices": [], "choices": [{"message": {"content": "a"}}]}',
    b'{"model": "m", "choices": [{"message": {"content": "a"}, "message": {"content": "b"}}]}',
    b'{"model": "m", "choices": [{"message": {"content": "a", "content": "b"}}]}',
    b'{"model": "m", "choices": [{"message": {"content": "a", "c\\u006fntent": "b"}}]}',
    b'{"model": "m", "usage": {"prompt_tokens": 1, "prompt_tokens": 2}, "choices": []}',
]


@pytest.mark.parametrize("body", TWICE)
def test_an_answer_with_two_values_for_one_key_has_no_meaning(body: bytes) -> None:
    error = refused(body)

    assert isinstance(error, JudgeUnparseable)
    assert "twice" in str(error)


@pytest.mark.parametrize(
    "text",
    [
        'the "content" of "choices" and the "content" of "model"',
        '{"verdict": "a", "verdict": "b"}',
        "\u00e4 \ud83d\ude00 \\ \\u0041",
    ],
)
def test_a_text_may_hold_what_the_envelope_may_not(text: str) -> None:
    escaped = json.dumps(with_message(content=text)).encode()
    plain = json.dumps(with_message(content=text), ensure_ascii=False)

    assert read(escaped).text == text.encode("utf-16", "surrogatepass").decode("utf-16")
    if "\ud83d" not in text:
        assert read(plain.encode()).text == text


def test_keys_of_other_objects_and_unknown_keys_may_repeat() -> None:
    body = (
        b'{"model": "m", "x": 1, "x": 2, "timings": {"model": "m", "content": [{"content": 1}]}, '
        b'"choices": [{"message": {"content": "a"}}]}'
    )

    assert read(body).text == "a"


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (fault("overloaded"), JudgeUnavailable),
        ({"error": "overloaded"}, JudgeUnavailable),
        ({"error": {"message": "overloaded", "code": 503}}, JudgeUnavailable),
        ({"error": {"message": "overloaded", "code": 429}}, RateLimited),
        (fault("overloaded", code="insufficient_quota"), QuotaExhausted),
        (fault("overloaded", code="context_length_exceeded"), InputTooLong),
        ({**with_message(), **fault("overloaded")}, JudgeUnavailable),
        (with_choice(error={"code": 502, "message": "overloaded"}), JudgeUnavailable),
    ],
)
def test_an_error_at_200_is_an_error(body: Body, kind: type[ScoringError]) -> None:
    error = refused(body)

    assert type(error) is kind
    assert str(error) == "the endpoint answered 200 with an error: overloaded"


def test_an_empty_error_beside_an_answer_is_none() -> None:
    assert read({**with_message(), "error": None}).text == "yes"


YES = {
    "token": "yes",
    "logprob": -0.1,
    "bytes": [121],
    "top_logprobs": [{"token": "yes", "logprob": -0.1}, {"token": "no", "logprob": -2.5}],
}


def alternatives(token: str, logprob: float, others: dict[str, float]) -> TokenAlternatives:
    return TokenAlternatives(token=token, logprob=logprob, others=others)


def test_alternatives_are_read_where_they_were_asked_for() -> None:
    body = with_tokens(YES, {"token": "!", "logprob": 1e-9, "top_logprobs": []})

    assert read(body).alternatives == ()
    assert read(body, alternatives=True).alternatives == (
        alternatives("yes", -0.1, {"yes": -0.1, "no": -2.5}),
        alternatives("!", 0.0, {}),
    )


@pytest.mark.parametrize(
    "logprobs", [None, {}, {"content": None}, {"content": []}, {"content": [], "refusal": []}]
)
def test_alternatives_that_were_not_given_are_none(logprobs: object) -> None:
    body = with_choice(finish_reason="stop", logprobs=logprobs)

    assert read(body, alternatives=True).alternatives == ()


@pytest.mark.parametrize(
    "body",
    [
        with_choice(logprobs=[]),
        with_tokens({"token": "a"}),
        with_tokens({"token": "a", "logprob": None}),
        with_tokens({"token": "a", "logprob": 0.5}),
        with_tokens({"token": "a", "logprob": -1, "top_logprobs": [{"token": "b", "logprob": 2}]}),
        json.dumps(with_tokens(YES)).replace('"bytes"', '"token"').encode(),
    ],
)
def test_alternatives_that_make_no_sense_cost_the_reply_only_where_they_are_read(
    body: object,
) -> None:
    assert isinstance(refused(body, alternatives=True), JudgeUnparseable)
    assert read(body).text == "yes"


def test_what_is_secret_is_taken_out_of_each_text() -> None:
    body = {
        "model": "m SECRET",
        "system_fingerprint": "SECRET",
        "choices": [
            {
                "message": {"content": "S\u0045CRET!", "refusal": "SECRET", "reasoning": "SECRET"},
                "finish_reason": "SECRET",
                "logprobs": {"content": [{"token": "SECRET", "logprob": -1}]},
            }
        ],
    }

    completion = read_completion(
        json.dumps(body).replace("SE", "\\u0053E").encode(),
        latency_s=0.5,
        alternatives=True,
        hide=lambda text: text.replace("SECRET", "***"),
    )

    assert "SECRET" not in repr(completion)
    assert repr(completion).count("***") == 7
