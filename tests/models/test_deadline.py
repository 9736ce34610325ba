import asyncio
from dataclasses import replace

import pytest

from judge.errors import JudgeUnavailable
from judge.models.chat import ChatCall, Completion, Message, ReplyFormat, Sampling
from judge.models.deadline import Deadlined
from judge.models.openai import OpenAIChat
from judge.testing import Answer, FakeChat, FakeEndpoint, chat_completion, completion, verdict

CALL = ChatCall(
    call_id="one", messages=(Message(role="user", content="Is it so?"),), sampling=Sampling()
)
BODY = chat_completion(verdict())


def _over_http(endpoint: FakeEndpoint, *, deadline_s: float, calls: int = 1) -> list[Completion]:
    async def ask() -> list[Completion]:
        chat = OpenAIChat(
            "fake-judge",
            base_url=endpoint.base_url,
            api_key="sk-test",
            reply_format=ReplyFormat.TEXT,
            connections=4,
        )
        try:
            model = Deadlined(chat, deadline_s=deadline_s)
            return [await model.complete(CALL) for _ in range(calls)]
        finally:
            await chat.close()

    return asyncio.run(ask())


@pytest.mark.parametrize(
    "answer",
    [
        Answer(hang=True),
        Answer(body=BODY, drip_s=0.05),  # a read timeout never sees this
        Answer(body=BODY, delay_s=20),
    ],
)
def test_an_endpoint_that_hangs_or_drips_is_left_at_the_deadline(answer: Answer) -> None:
    with (
        FakeEndpoint(lambda _: answer) as endpoint,
        pytest.raises(JudgeUnavailable, match=r"no answer within 0\.2 s") as caught,
    ):
        _over_http(endpoint, deadline_s=0.2)

    assert caught.value.possibly_paid


def test_an_answer_in_time_is_passed_on() -> None:
    with FakeEndpoint(lambda _: Answer(body=BODY)) as endpoint:
        found = _over_http(endpoint, deadline_s=30, calls=3)

    assert [one.text for one in found] == [verdict()] * 3


def test_an_answer_a_moment_before_the_deadline_counts_and_one_after_it_does_not(
    virtual: asyncio.Runner,
) -> None:
    class _Slow(FakeChat):
        async def complete(self, call: ChatCall) -> Completion:
            await asyncio.sleep(119.9 if not self.calls else 120.1)
            self.calls.append(call)
            return completion("x")

    async def ask() -> Completion:
        model = Deadlined(_Slow(), deadline_s=120)
        first = await model.complete(CALL)
        with pytest.raises(JudgeUnavailable):
            await model.complete(CALL)
        return first

    assert virtual.run(ask()).text == "x"


def test_it_does_not_change_who_answers() -> None:
    assert Deadlined(FakeChat(), deadline_s=1).identity == FakeChat().identity


def test_of_many_calls_each_has_its_own_deadline(virtual: asyncio.Runner) -> None:
    class _Asked(FakeChat):
        async def complete(self, call: ChatCall) -> Completion:
            await asyncio.sleep(float(call.call_id))
            return completion("x")

    started = 0.0

    async def ask(model: Deadlined, *, begins: float, takes: float) -> str:
        await asyncio.sleep(begins)
        try:
            await model.complete(replace(CALL, call_id=str(takes)))
        except JudgeUnavailable:
            return f"late at {asyncio.get_running_loop().time() - started:g}"
        return "answered"

    async def ask_all() -> list[str]:
        nonlocal started
        started = asyncio.get_running_loop().time()
        model = Deadlined(_Asked(), deadline_s=10)
        asked = ((0, 3), (1, 30), (2, 9.5), (4, 10.5), (30, 9))
        return await asyncio.gather(*(ask(model, begins=b, takes=t) for b, t in asked))

    found = virtual.run(ask_all())

    assert found == ["answered", "late at 11", "answered", "late at 14", "answered"]


def test_a_call_that_is_given_up_by_others_is_not_called_late(virtual: asyncio.Runner) -> None:
    class _Hanging(FakeChat):
        async def complete(self, call: ChatCall) -> Completion:
            await asyncio.Event().wait()
            return completion("never")

    async def ask() -> None:
        async with asyncio.timeout(5):
            await Deadlined(_Hanging(), deadline_s=10).complete(CALL)

    with pytest.raises(TimeoutError):
        virtual.run(ask())
