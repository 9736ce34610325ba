import asyncio

import pytest

from judge.errors import InputTooLong
from judge.models.chat import ChatCall, Message, Sampling
from judge.models.context import WithinContext, ample_tokens, fewest_tokens
from judge.testing import FakeChat

ENGLISH = "The council of the town approved a smaller budget for 2024 on Tuesday. "
CHINESE = "市议会周二批准了二零二四年较小的预算案并推迟了新桥梁的建设计划"
THAI = "สภาเมืองอนุมัติงบประมาณที่เล็กลงเมื่อวันอังคาร"


def _call(text: str) -> ChatCall:
    messages = (Message(role="system", content="You judge."), Message(role="user", content=text))
    return ChatCall(call_id="one", messages=messages, sampling=Sampling())


def _ask(text: str, *, context_tokens: int) -> FakeChat:
    model = FakeChat()
    asyncio.run(WithinContext(model, context_tokens=context_tokens).complete(_call(text)))
    return model


def test_what_may_fit_is_asked() -> None:
    assert len(_ask(ENGLISH * 100, context_tokens=1500).calls) == 1


@pytest.mark.parametrize("text", [ENGLISH * 200, CHINESE * 200, THAI * 200])
def test_what_surely_does_not_fit_is_refused_before_anything_is_sent(text: str) -> None:
    model = FakeChat()

    with pytest.raises(InputTooLong, match="nothing was cut, and nothing was sent") as caught:
        asyncio.run(WithinContext(model, context_tokens=1500).complete(_call(text)))

    assert model.calls == []
    assert caught.value.attempts == 0


# Counted by the tokenizer of GPT-2, which is coarse beyond English, and by counts of letters.
@pytest.mark.parametrize(
    ("text", "least", "most"),
    [(ENGLISH, 13, 16), (CHINESE, 16, 64), ("", 0, 1), ("x " * 100, 100, 101)],
)
def test_the_estimates_enclose_what_tokenizers_make_of_a_text(
    text: str, least: int, most: int
) -> None:
    assert fewest_tokens(text) <= least
    assert ample_tokens(text) >= min(most, 1)


def test_the_limit_is_no_part_of_what_could_change_an_answer() -> None:
    model = FakeChat()

    assert dict(WithinContext(model, context_tokens=5).identity) == dict(model.identity)
