import asyncio
import gzip
import json
import logging
import re
import socket
import traceback
from collections.abc import Callable

import openai
import pytest

from judge.errors import (
    AccessDenied,
    JudgeRejected,
    JudgeUnavailable,
    JudgeUnparseable,
    RateLimited,
    ScoringError,
)
from judge.models.chat import (
    ChatCall,
    Completion,
    Message,
    ReplyFormat,
    Sampling,
)
from judge.models.deadline import Deadlined
from judge.models.door import origin_of
from judge.models.openai import OpenAIChat
from judge.models.posting import MAX_BODY_BYTES
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


def test_what_the_sampling_asks_for_is_asked_and_what_comes_is_read() -> None:
    body = chat_completion("yes")
    choice = {
        "message": {"content": "yes", "reasoning_content": "Hm."},
        "finish_reason": "stop",
        "logprobs": {"content": [{"token": "yes", "logprob": -0.5, "top_logprobs": []}]},
    }
    sampling = Sampling(temperature=None, max_tokens=9, effort="low", alternatives=4)
    call = ChatCall(call_id="one", messages=CALL.messages, sampling=sampling)

    with FakeEndpoint(lambda _: Answer(body={**body, "choices": [choice]})) as endpoint:
        completion = ask(endpoint.base_url, call)
    sent = endpoint.requests[0].body

    assert sent["reasoning_effort"] == "low"
    assert sent["max_completion_tokens"] == 9
    assert sent["top_logprobs"] == 4
    assert not {"max_tokens", "temperature", "seed"} & sent.keys()
    assert completion.reasoning == "Hm."
    assert [(one.token, one.logprob) for one in completion.alternatives] == [("yes", -0.5)]


def test_a_client_of_openai_lends_its_address_and_its_key() -> None:
    async def once(base_url: str) -> Completion:
        client = openai.AsyncOpenAI(
            base_url=base_url, api_key=KEY, default_query={"tenant": "b"}, max_retries=5
        )
        chat = OpenAIChat.from_client(client, "tested-judge", connections=1)
        assert chat.identity["endpoint"] == origin_of(base_url)
        try:
            return await chat.complete(CALL)
        finally:
            await chat.close()

    with FakeEndpoint() as endpoint:
        completion = asyncio.run(once(endpoint.base_url))
    (request,) = endpoint.requests

    assert completion.text == verdict()
    assert request.path == "/v1/chat/completions?tenant=b"
    assert request.headers["authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize("status", [401, 403])
def test_a_key_that_is_not_accepted_ends_the_run(status: int) -> None:
    error = refused(Answer(status=status, body=fault("Incorrect API key provided")))

    assert isinstance(error, AccessDenied)
    assert error.halts
    assert "api_key_env" in str(error)


def test_a_redirect_is_not_followed_and_the_other_origin_hears_nothing() -> None:
    with FakeEndpoint() as other:
        away = {"Location": f"{other.base_url}/chat/completions"}

        errors = [refused(Answer(status=status, headers=away)) for status in (301, 302, 307, 308)]

        assert other.requests == []
    assert all(type(error) is JudgeRejected for error in errors)
    assert str(errors[2]).startswith("HTTP 307: redirects are not followed")


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


@pytest.mark.parametrize(
    ("answer", "kind", "paid"),
    [
        (Answer(reset=True), JudgeUnavailable, True),
        (Answer(status=500), JudgeUnavailable, True),
        (Answer(status=429), RateLimited, False),
        (Answer(status=400), JudgeRejected, False),
        (Answer(status=307), JudgeRejected, False),
        (Answer(body=b"<html>"), JudgeUnparseable, True),
        (Answer(body=fault("overloaded")), JudgeUnavailable, True),
    ],
)
def test_an_error_says_whether_it_may_have_cost_money(
    answer: Answer, kind: type[ScoringError], *, paid: bool
) -> None:
    error = refused(answer)

    assert type(error) is kind
    assert error.possibly_paid is paid


def test_the_wait_of_a_rate_limit_comes_with_it() -> None:
    error = refused(Answer(status=429, headers={"x-ratelimit-reset-requests": "1m2s"}))

    assert isinstance(error, RateLimited)
    assert error.retry_after_s == 62.0


def test_a_server_that_drips_is_left_at_the_deadline_and_holds_no_connection() -> None:
    def respond(received: Received) -> Answer:
        drip_s = 0.2 if received.number == 1 else 0.0
        return Answer(body=chat_completion(verdict()), drip_s=drip_s)

    async def twice(base_url: str) -> Completion:
        chat = OpenAIChat(
            "m", base_url=base_url, api_key=KEY, reply_format=ReplyFormat.TEXT, connections=1
        )
        try:
            with pytest.raises(JudgeUnavailable, match="no answer within"):
                await Deadlined(chat, deadline_s=0.3).complete(CALL)
            return await chat.complete(CALL)
        finally:
            await chat.close()

    with FakeEndpoint(respond) as endpoint:
        assert asyncio.run(twice(endpoint.base_url)).text == verdict()


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


def escaped(body: dict[str, object]) -> bytes:
    return json.dumps(body).replace("sk-", "\\u0073k-").encode()


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
        lambda _: Answer(body=chat_completion(f"the key {KEY} is odd", model=KEY)),
        lambda _: Answer(body=escaped(chat_completion(f"the key {KEY} is odd"))),
        lambda _: Answer(status=400, body=escaped(fault(f"{'x' * 290}{KEY}"))),
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
