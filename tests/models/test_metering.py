from collections.abc import Mapping

import pytest

from judge.errors import JudgeUnavailable
from judge.models.chat import ChatCall, Completion, Message, Sampling
from judge.models.metering import Metered
from judge.testing import FakeChat, completion

CALL = ChatCall(
    call_id="a", messages=(Message(role="user", content="a secret"),), sampling=Sampling()
)


class _Watching:
    def __init__(self) -> None:
        self.seen: list[tuple[str, str]] = []

    def answered(
        self, identity: Mapping[str, str], completion: Completion, *, seconds: float
    ) -> None:
        assert seconds >= 0
        self.seen.append((identity["model"], completion.model))

    def failed(self, identity: Mapping[str, str], fate: str, *, seconds: float) -> None:
        assert seconds >= 0
        self.seen.append((identity["model"], fate))


class _Down:
    identity: Mapping[str, str] = {"model": "down"}

    async def complete(self, call: ChatCall) -> Completion:
        raise JudgeUnavailable("503")


async def _answered(model: Metered) -> Completion:
    return await model.complete(CALL)


def test_an_answer_is_told_and_returned_as_it_is() -> None:
    import asyncio

    watching = _Watching()
    answer = completion("yes", model="served")
    chat = FakeChat(lambda _: answer)

    returned = asyncio.run(_answered(Metered(chat, watching)))

    assert returned is answer
    assert watching.seen == [(chat.identity["model"], "served")]


def test_an_attempt_that_failed_is_told_with_its_fate_and_fails_as_before() -> None:
    import asyncio

    watching = _Watching()

    with pytest.raises(JudgeUnavailable):
        asyncio.run(_answered(Metered(_Down(), watching)))

    assert watching.seen == [("down", "judge_unavailable")]
