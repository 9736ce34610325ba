import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime

import msgspec
import pytest
from openai import AsyncOpenAI

from judge.errors import AccessDenied
from judge.models.batch import Batched
from judge.models.batch_endpoint import BatchEndpoint
from judge.models.budget import Budget, Budgeted
from judge.models.cache import Cached
from judge.models.chat import ChatCall, ChatModel, Completion, Message, ReplyFormat, Sampling
from judge.models.ledger import Ledgered
from judge.models.limits import Deadlined, Limited, Retrying
from judge.models.openai import OpenAIChat
from judge.models.prices import Priced, configured_price
from judge.models.recorded import RecordedChat
from judge.results.completions import MemoryCompletions
from judge.results.store import MemoryStore
from judge.testing import (
    Answer,
    FakeChat,
    FakeEndpoint,
    MemoryAttemptLog,
    Received,
    chat_completion,
    completion,
    fault,
)
from tests.models.batch_stub import BatchStub, Line, answered, refused

PRICE = configured_price(
    input_per_million=2.0, output_per_million=8.0, cached_input_per_million=None
)
DENIED = "you may not ask this"


def call(text: str) -> ChatCall:
    return ChatCall(
        call_id=f"call of {text}",
        messages=(Message(role="user", content=text),),
        sampling=Sampling(),
    )


def echo(asked: ChatCall) -> Completion:
    text = asked.messages[-1].content
    if text == DENIED:
        raise AccessDenied("no")
    return completion(text)


def echo_over_http(received: Received) -> Answer:
    if received.user_text == DENIED:
        return Answer(status=401, body=fault("no"))
    return Answer(body=chat_completion(received.user_text))


@asynccontextmanager
async def fake() -> AsyncIterator[ChatModel]:
    yield FakeChat(echo)


@asynccontextmanager
async def openai() -> AsyncIterator[ChatModel]:
    with FakeEndpoint(echo_over_http) as endpoint:
        chat = OpenAIChat(
            "fake-judge",
            base_url=endpoint.base_url,
            api_key="sk-test",
            reply_format=ReplyFormat.TEXT,
            connections=4,
        )
        try:
            yield chat
        finally:
            await chat.close()


@asynccontextmanager
async def client_of_openai() -> AsyncIterator[ChatModel]:
    with FakeEndpoint(echo_over_http) as endpoint:
        client = AsyncOpenAI(base_url=endpoint.base_url, api_key="sk-test-of-a-client")
        chat = OpenAIChat.from_client(
            client, "fake-judge", reply_format=ReplyFormat.TEXT, connections=4
        )
        try:
            yield chat
        finally:
            await chat.close()


@asynccontextmanager
async def limited() -> AsyncIterator[ChatModel]:
    yield Limited(FakeChat(echo), connections=4)


@asynccontextmanager
async def deadlined() -> AsyncIterator[ChatModel]:
    yield Deadlined(FakeChat(echo), deadline_s=30)


@asynccontextmanager
async def retrying() -> AsyncIterator[ChatModel]:
    yield Retrying(FakeChat(echo), longest_wait_s=0)


@asynccontextmanager
async def ledgered() -> AsyncIterator[ChatModel]:
    yield Ledgered(FakeChat(echo), MemoryAttemptLog())


@asynccontextmanager
async def as_wired() -> AsyncIterator[ChatModel]:
    async with openai() as chat:
        priced = Priced(Deadlined(chat, deadline_s=30), PRICE, now=lambda: datetime.now(UTC))
        ledgered = Ledgered(priced, MemoryAttemptLog())
        yield Cached(
            Retrying(Limited(Budgeted(ledgered, Budget(1.0), price=PRICE), connections=4)),
            MemoryCompletions(),
            address="https://judge.example/v1",
            worth_keeping=lambda _: True,
        )


@asynccontextmanager
async def recorded() -> AsyncIterator[ChatModel]:
    def stored(call_id: str) -> bytes:
        return msgspec.json.encode(completion(call_id.removeprefix("call of ")))

    yield RecordedChat(stored, identity=FakeChat().identity)


@asynccontextmanager
async def priced() -> AsyncIterator[ChatModel]:
    yield Priced(FakeChat(echo), PRICE, now=lambda: datetime(2026, 11, 20, tzinfo=UTC))


@asynccontextmanager
async def budgeted() -> AsyncIterator[ChatModel]:
    yield Budgeted(FakeChat(echo), Budget(1.0), price=PRICE)


@asynccontextmanager
async def cached() -> AsyncIterator[ChatModel]:
    yield Cached(
        FakeChat(echo),
        MemoryCompletions(),
        address="https://judge.example/v1",
        worth_keeping=lambda _: True,
    )


@asynccontextmanager
async def batched() -> AsyncIterator[ChatModel]:
    def echo_lines(_: int, names: list[str]) -> tuple[list[Line], list[Line]]:
        asked = list(stub.files.values())[-1]
        texts = [json.loads(line)["body"]["messages"][-1]["content"] for line in asked.splitlines()]
        return [
            refused(name, status=401) if text == DENIED else answered(name, text)
            for name, text in zip(names, texts, strict=True)
        ], []

    stub = BatchStub(lines=echo_lines, stages=["completed"])
    with FakeEndpoint(stub) as server:
        endpoint = BatchEndpoint(
            "fake-judge",
            base_url=server.base_url,
            api_key="sk-test",
            reply_format=ReplyFormat.TEXT,
            identity=FakeChat().identity,
        )
        model = Batched(endpoint, MemoryStore(), run_id="r1", replay=True, quiet_s=0, poll_s=0)
        try:
            yield model
        finally:
            await model.close()


Opener = Callable[[], AbstractAsyncContextManager[ChatModel]]
THAT_ASK = [
    fake,
    openai,
    client_of_openai,
    deadlined,
    limited,
    retrying,
    ledgered,
    priced,
    budgeted,
    cached,
    batched,
    as_wired,
]
on_each_chat_model = pytest.mark.parametrize("opened", [*THAT_ASK, recorded])
on_each_that_asks = pytest.mark.parametrize("opened", THAT_ASK)


@on_each_chat_model
def test_it_answers_what_it_was_asked(opened: Opener) -> None:
    async def ask() -> Completion:
        async with opened() as model:
            return await model.complete(call("Is it so?"))

    answer = asyncio.run(ask())

    assert (answer.text, answer.finish_reason, answer.model) == ("Is it so?", "stop", "fake-judge")
    assert (answer.input_tokens, answer.output_tokens) == (100, 20)
    assert answer.latency_s >= 0


@on_each_chat_model
def test_calls_at_the_same_time_get_each_their_own_answer(opened: Opener) -> None:
    texts = [f"question {number}" for number in range(20)]

    async def ask() -> list[Completion]:
        async with opened() as model:
            return await asyncio.gather(*(model.complete(call(text)) for text in texts))

    assert [answer.text for answer in asyncio.run(ask())] == texts


@on_each_that_asks
def test_an_error_has_the_class_that_names_its_fate(opened: Opener) -> None:
    async def ask() -> None:
        async with opened() as model:
            await model.complete(call(DENIED))

    with pytest.raises(AccessDenied):
        asyncio.run(ask())


@on_each_that_asks
def test_a_cancelled_call_is_given_up_and_the_next_one_answered(opened: Opener) -> None:
    async def ask() -> Completion:
        async with opened() as model:
            given_up = asyncio.create_task(model.complete(call("Never mind.")))
            await asyncio.sleep(0)
            given_up.cancel()
            with pytest.raises(asyncio.CancelledError):
                await given_up
            return await model.complete(call("And now?"))

    assert asyncio.run(ask()).text == "And now?"


@on_each_chat_model
def test_its_identity_is_named_in_words_and_stays_the_same(opened: Opener) -> None:
    async def identities() -> tuple[dict[str, str], dict[str, str]]:
        async with opened() as model:
            before = dict(model.identity)
            await model.complete(call("Who are you?"))
            return before, dict(model.identity)

    before, after = asyncio.run(identities())

    assert before == after
    assert before["model"] == "fake-judge"
    assert "sk-test" not in str(before)
