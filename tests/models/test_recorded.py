import asyncio

import msgspec
import pytest

from judge.errors import VerdictNotRecorded
from judge.judges.judge import JudgedCase
from judge.judges.prompt import read_prompt
from judge.judges.prompted import PromptedJudge
from judge.models.chat import ChatCall, Message, Sampling
from judge.models.ledger import Ledgered
from judge.models.recorded import RecordedChat
from judge.records.record import RecordKey, Target
from judge.shipped import shipped
from judge.testing import FakeChat, MemoryAttemptLog, completion, verdict

IDENTITY = {"model": "fake-judge", "endpoint": "fake"}
CASE = JudgedCase(
    key=RecordKey(item_id="i1", system="student"),
    case_id="equivalence.reference/student/i1",
    target=Target.REFERENCE,
    input="Is it paid?",
    candidate="It is paid.",
    against=("Yes.",),
)


def _call(call_id: str) -> ChatCall:
    return ChatCall(
        call_id=call_id, messages=(Message(role="user", content="?"),), sampling=Sampling()
    )


def test_a_stored_reply_is_repeated_whatever_is_asked_with_its_name() -> None:
    stored = completion("It is \x00 so.")
    model = RecordedChat({"a#1": msgspec.json.encode(stored)}.get, identity=IDENTITY)

    assert asyncio.run(model.complete(_call("a#1"))) == stored
    assert model.identity == IDENTITY


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (None, "no reply to a#1 is stored"),
        (b"", "cannot be read"),
        (b"{}", "cannot be read: Object missing required field"),
        (b"\xff\xfe", "cannot be read"),
    ],
)
def test_where_none_is_stored_nothing_is_asked_and_the_call_is_named(
    reply: bytes | None, words: str
) -> None:
    model = RecordedChat(lambda _: reply, identity=IDENTITY)

    with pytest.raises(VerdictNotRecorded, match=words) as caught:
        asyncio.run(model.complete(_call("a#1")))

    assert caught.value.attempts == 0


def test_verdicts_are_read_anew_from_a_ledger_with_its_repeats_and_without_a_call() -> None:
    prompt = read_prompt(shipped("prompts/equivalence/v1.md"))
    log, replies = MemoryAttemptLog(), iter([completion("Well."), completion(verdict())])
    model = FakeChat(lambda _: next(replies))

    async def judged_twice() -> list[object]:
        asked = PromptedJudge(Ledgered(model, log), prompt=prompt, sampling=Sampling())
        first = await asked.judge(CASE)
        stored = {attempt.call_id: attempt.reply for attempt in log.attempts}
        again = PromptedJudge(
            RecordedChat(stored.get, identity=model.identity), prompt=prompt, sampling=Sampling()
        )
        return [first, await again.judge(CASE), asked.identity == again.identity]

    first, again, same_judge = asyncio.run(judged_twice())

    assert first == again
    assert same_judge
    assert len(model.calls) == 2
