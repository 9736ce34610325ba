import asyncio
import gzip
import json
import logging
import re
import socket
import traceback
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from judge.errors import (
    AccessDenied,
    InputTooLong,
    JudgeRejected,
    JudgeUnavailable,
    JudgeUnparseable,
    QuotaExhausted,
    ScoringError,
)
from judge.models.chat import ChatCall, Completion, Message, ReplyFormat, Sampling
from judge.models.openai import MAX_BODY_BYTES, OpenAIChat, origin_of
from judge.testing import Answer, FakeEndpoint, Received, chat_completion, fault, verdict

KEY = "sk-secret-0123456789"
SCHEMA = '{"type": "object", "properties": {"rationale": {}, "verdict": {}}}'
CALL = ChatCall(
    call_id="one",
    messages=(
        Message(role="system", content="You judge."),
        Message(role="user", content="Is it so?"),
    ),
    sampling=Sampling(temperature=0.0, max_tokens=77, seed=3),
    reply_schema=SCHEMA,
)


def ask(
    base_url: str, call: ChatCall = CALL, *, reply_format: ReplyFormat = ReplyFormat.JSON_SCHEMA
) -> Completion:
    async def once() -> Completion:
        chat = OpenAIChat(
            "tested-judge",
            base_url=base_url,
            api_key=KEY,
            reply_format=reply_format,
            connections=2,
        )
        try:
            return await chat.complete(call)
        finally:
            await chat.close()

    return asyncio.run(once())


def answered(answer: Answer) -> Completion:
    with FakeEndpoint(lambda _: answer) as endpoint:
        return ask(endpoint.base_url)


def refused(answer: Answer) -> ScoringError:
    """Return the error of one call; the endpoint saw exactly one request."""
    with FakeEndpoint(lambda _: answer) as endpoint:
        with pytest.raises(ScoringError) as caught:
            ask(endpoint.base_url)
        assert len(endpoint.requests) == 1
    return caught.value


def test_a_completion_is_read_as_received() -> None:
    body = {**chat_completion(verdict(), model="judge-1"), "system_fingerprint": "fp_7"}

    completion = answered(Answer(body=body))

    assert completion.text == verdict()
    assert completion.finish_reason == "stop"
    assert (completion.model, completion.fingerprint) == ("judge-1", "fp_7")
    assert (completion.input_tokens, completion.output_tokens) == (100, 20)
    assert completion.latency_s > 0


def test_the_request_holds_what_the_call_says_and_nothing_about_the_record() -> None:
    with FakeEndpoint() as endpoint:
        ask(endpoint.base_url)
    request = endpoint.requests[0]

    assert (request.method, request.path) == ("POST", "/v1/chat/completions")
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert request.body == {
        "model": "tested-judge",
        "messages": [
            {"role": "system", "content": "You judge."},
            {"role": "user", "content": "Is it so?"},
        ],
        "max_tokens": 77,
        "temperature": 0.0,
        "seed": 3,
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "verdict", "strict": True, "schema": json.loads(SCHEMA)},
        },
    }
    # The order of the keys is the order a grammar writes them in.
    assert request.content.index(b"rationale") < request.content.index(b'"verdict":')


def test_what_the_sampling_leaves_open_is_left_to_the_endpoint() -> None:
    call = ChatCall(
        call_id="one",
        messages=CALL.messages,
        sampling=Sampling(temperature=None),
        reply_schema=SCHEMA,
    )
    with FakeEndpoint() as endpoint:
        ask(endpoint.base_url, call, reply_format=ReplyFormat.TEXT)
        ask(endpoint.base_url, call, reply_format=ReplyFormat.JSON_OBJECT)
    as_text, as_object = (request.body for request in endpoint.requests)

    assert sorted(as_text) == ["max_tokens", "messages", "model"]
    assert as_object["response_format"] == {"type": "json_object"}


def test_tokens_that_were_not_counted_are_not_zero() -> None:
    completion = answered(Answer(body=chat_completion(verdict(), usage=None)))

    assert (completion.input_tokens, completion.output_tokens) == (None, None)


def test_a_null_content_is_an_empty_text_and_a_refusal_is_kept() -> None:
    completion = answered(
        Answer(body=chat_completion(None, refusal="I will not.", finish_reason=None))
    )

    assert (completion.text, completion.refusal, completion.finish_reason) == (
        "",
        "I will not.",
        "",
    )


@pytest.mark.parametrize("status", [401, 403])
def test_a_key_that_is_not_accepted_ends_the_run(status: int) -> None:
    error = refused(Answer(status=status, body=fault("Incorrect API key provided")))

    assert isinstance(error, AccessDenied)
    assert error.halts
    assert "api_key_env" in str(error)


@pytest.mark.parametrize("status", [400, 404, 405, 413, 422])
def test_a_deterministic_refusal_says_why_and_is_no_reason_to_wait(status: int) -> None:
    error = refused(Answer(status=status, body=fault("no such model", code="model_not_found")))

    assert type(error) is JudgeRejected
    assert str(error) == f"HTTP {status}: no such model"


@pytest.mark.parametrize("status", [408, 409, 425, 429, 500, 502, 503, 529])
def test_a_passing_fault_may_be_asked_again(status: int) -> None:
    error = refused(Answer(status=status, body=fault("try later")))

    assert isinstance(error, JudgeUnavailable)
    assert error.retry_after_s is None


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "7"}, 7.0),
        ({"Retry-After": "0.5"}, 0.5),
        ({"Retry-After-Ms": "250"}, 0.25),
        ({"Retry-After-Ms": "250", "Retry-After": "9"}, 0.25),
        ({"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0.0),
        ({"Retry-After": "Wed, 21 Oct 2015 07:28:00 -0000"}, 0.0),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "-3"}, None),
        ({"Retry-After": "nan"}, None),
        ({"Retry-After": "\u00b2"}, None),
        ({"Retry-After": ""}, None),
    ],
)
def test_the_wait_an_endpoint_asks_for_is_read(
    headers: dict[str, str], seconds: float | None
) -> None:
    error = refused(Answer(status=429, body=fault("slow down"), headers=headers))

    assert isinstance(error, JudgeUnavailable)
    assert error.retry_after_s == seconds


def test_a_wait_until_a_date_is_counted_from_now() -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)

    error = refused(Answer(status=503, headers={"Retry-After": date}))

    assert isinstance(error, JudgeUnavailable)
    assert error.retry_after_s is not None
    assert 3500 < error.retry_after_s <= 3600


@pytest.mark.parametrize(
    "body",
    [
        fault("You exceeded your current quota", code="insufficient_quota"),
        fault("You exceeded your current quota", kind="insufficient_quota"),
        {"error": {"message": "no credit", "type": "insufficient_quota", "code": 429}},
    ],
)
def test_an_account_without_money_is_told_from_one_that_is_too_fast(
    body: dict[str, object],
) -> None:
    error = refused(Answer(status=429, body=body, headers={"Retry-After": "1"}))

    assert isinstance(error, QuotaExhausted)
    assert error.halts


@pytest.mark.parametrize(
    "body",
    [
        fault("This model's maximum context length is 8192", code="context_length_exceeded"),
        {"error": {"code": 400, "message": "too long", "type": "exceed_context_size_error"}},
    ],
)
def test_a_case_over_the_context_is_named_so(body: dict[str, object]) -> None:
    assert isinstance(refused(Answer(status=400, body=body)), InputTooLong)


def test_a_redirect_is_not_followed_and_the_other_origin_hears_nothing() -> None:
    with FakeEndpoint() as other:
        away = {"Location": f"{other.base_url}/chat/completions"}

        errors = [refused(Answer(status=status, headers=away)) for status in (301, 302, 307, 308)]

        assert other.requests == []
    assert all(type(error) is JudgeRejected for error in errors)
    assert str(errors[2]) == "HTTP 307"


@pytest.mark.parametrize(
    "body",
    [
        b"<html><body>Please log in</body></html>",
        b"",
        b"null",
        b"[]",
        b'"hello"',
        b"\xff\xfe\x00",
        b'{"model": "m"}',
        b'{"model": "m", "choices": {}}',
        b'{"model": "m", "choices": []}',
        b'{"model": "m", "choices": null}',
        b'{"model": "m", "choices": [{"finish_reason": "stop"}]}',
        b'{"model": "m", "choices": [{"message": {"content": 7}}]}',
        b'{"model": "m", "choices": [{"message": {"content": "\xff"}}]}',
        b'{"model": "m", "choices": [{"message": {"content": "\\ud83d"}}]}',
        b'{"model": "m", "choices": [{"message": {"content": "cut',
    ],
)
def test_an_answer_that_is_no_chat_completion_is_no_verdict(body: bytes) -> None:
    assert isinstance(refused(Answer(body=body)), JudgeUnparseable)


@pytest.mark.parametrize("body", [fault("overloaded"), {"error": "overloaded"}])
def test_an_error_at_200_is_an_error(body: dict[str, object]) -> None:
    error = refused(Answer(body=body))

    assert isinstance(error, JudgeUnavailable)
    assert "overloaded" in str(error)


def test_a_paired_surrogate_escape_is_one_character() -> None:
    body = b'{"model": "m", "choices": [{"message": {"content": "\\ud83d\\ude00"}}]}'

    assert answered(Answer(body=body)).text == "\U0001f600"


@pytest.mark.parametrize("status", [200, 400])
def test_a_flood_is_cut_and_not_asked_for_again(status: int) -> None:
    error = refused(Answer(status=status, body=b" " * (MAX_BODY_BYTES + 1)))

    assert isinstance(error, JudgeUnparseable)
    assert "larger than" in str(error)


def test_an_answer_just_under_the_cap_is_read() -> None:
    body = json.dumps(chat_completion(verdict())).encode()

    completion = answered(Answer(body=body + b" " * (MAX_BODY_BYTES - len(body))))

    assert completion.text == verdict()


def test_a_compressed_flood_is_not_unpacked() -> None:
    bomb = gzip.compress(b" " * (20 * MAX_BODY_BYTES))
    assert len(bomb) < MAX_BODY_BYTES

    error = refused(Answer(body=bomb, headers={"Content-Encoding": "gzip"}))

    assert isinstance(error, JudgeUnparseable)
    assert "compressed (gzip)" in str(error)


def test_no_compressed_answer_is_asked_for() -> None:
    with FakeEndpoint() as endpoint:
        ask(endpoint.base_url)

    assert endpoint.requests[0].headers["accept-encoding"] == "identity"


def test_a_broken_connection_may_be_tried_again() -> None:
    assert isinstance(refused(Answer(reset=True)), JudgeUnavailable)


def test_an_answer_cut_in_the_middle_may_be_tried_again() -> None:
    cut = Answer(body=b'{"model"', headers={"Content-Length": "100", "Connection": "close"})

    assert isinstance(refused(cut), JudgeUnavailable)


def test_a_refused_connection_may_be_tried_again() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]

    with pytest.raises(JudgeUnavailable, match=f"no connection to http://127.0.0.1:{port}"):
        ask(f"http://127.0.0.1:{port}/v1")


def test_one_connection_serves_many_calls_and_many_calls_share_a_few() -> None:
    async def ask_often(base_url: str) -> None:
        chat = OpenAIChat(
            "m", base_url=base_url, api_key=KEY, reply_format=ReplyFormat.TEXT, connections=3
        )
        await asyncio.gather(*(chat.complete(CALL) for _ in range(30)))
        await chat.close()

    with FakeEndpoint(lambda _: Answer(body=chat_completion("x"), delay_s=0.01)) as endpoint:
        asyncio.run(ask_often(endpoint.base_url))

    assert len(endpoint.requests) == 30
    assert endpoint.most_in_flight == 3


Spoiler = Callable[[Received], Answer]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda _: Answer(status=401, body=fault(f"Incorrect API key provided: {KEY}")),
        lambda _: Answer(status=400, body=fault(f"the key {KEY} is odd")),
        lambda _: Answer(body=fault(f"the key {KEY} is odd")),
        lambda _: Answer(status=500, body=KEY.encode()),
        lambda _: Answer(reset=True),
        lambda _: Answer(body=KEY.encode()),
        lambda _: Answer(body=chat_completion("fine")),
    ],
)
def test_the_key_and_the_texts_are_in_no_error_and_no_log(
    spoil: Spoiler, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    told = ""
    with FakeEndpoint(spoil) as endpoint:
        try:
            told = repr(ask(endpoint.base_url))
        except ScoringError as error:
            told = "".join(traceback.format_exception(error)) + repr(error) + repr(error.__cause__)
    told += caplog.text + "".join(repr(record.args) for record in caplog.records)

    assert KEY not in told
    assert "Is it so?" not in told
    assert "You judge." not in told


def test_the_key_is_in_no_description_of_the_model() -> None:
    async def describe() -> str:
        chat = OpenAIChat(
            "m",
            base_url="https://user:pass@example.org:8443/v1?token=t",
            api_key=KEY,
            reply_format=ReplyFormat.TEXT,
            connections=1,
        )
        await chat.close()
        return f"{chat!r} {dict(chat.identity)}"

    told = asyncio.run(describe())

    assert "https://example.org:8443" in told
    assert not re.search(f"{KEY}|pass|token", told)


@pytest.mark.parametrize(
    ("base_url", "origin"),
    [
        ("https://api.openai.com/v1", "https://api.openai.com"),
        ("http://user:secret@127.0.0.1:8000/v1?key=x#y", "http://127.0.0.1:8000"),
    ],
)
def test_an_origin_is_scheme_host_and_port(base_url: str, origin: str) -> None:
    assert origin_of(base_url) == origin
