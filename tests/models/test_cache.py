import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import replace

import msgspec
import pytest

from judge.errors import JudgeUnavailable, StoreError
from judge.models.cache import Cached
from judge.models.chat import ChatCall, Completion, Message, Sampling
from judge.testing import FakeChat, completion, verdict

MARK = "5f3a9c0b7d21"
CALL = ChatCall(
    call_id="one",
    messages=(
        Message(role="system", content="You judge."),
        Message(role="user", content=f"<<<answer {MARK}>>>\n42\n<<<end of answer {MARK}>>>"),
    ),
    sampling=Sampling(temperature=0.0, max_tokens=77, seed=3),
    reply_schema='{"type": "object"}',
    mark=MARK,
)
ADDRESS = "https://judge.example/v1"
PAID = replace(completion(verdict()), cost=0.25)


class _Shelf:
    """A store that a test can look into, and that can be full."""

    def __init__(self, *, full: bool = False) -> None:
        self.kept: dict[str, bytes] = {}
        self.costs: list[float | None] = []
        self._full = full

    def completion(self, key: str) -> bytes | None:
        return self.kept.get(key)

    async def keep_completion(self, key: str, body: bytes, *, cost: float | None) -> None:
        await asyncio.sleep(0)
        if self._full:
            raise StoreError("no space left on the device")
        self.kept[key] = body
        self.costs.append(cost)


class _Named(FakeChat):
    """A model of another identity."""

    def __init__(self, **identity: str) -> None:
        super().__init__(lambda _: PAID)
        self._identity = {"model": "fake-judge", "endpoint": "fake", **identity}

    @property
    def identity(self) -> Mapping[str, str]:
        return self._identity


class _Gated(FakeChat):
    """A model that answers when it is let."""

    def __init__(self, script: Callable[[ChatCall], Completion]) -> None:
        super().__init__(script)
        self.gate = asyncio.Event()

    async def complete(self, call: ChatCall) -> Completion:
        self.calls.append(call)
        await self.gate.wait()
        return self._script(call)


def cached(
    model: FakeChat,
    shelf: _Shelf,
    *,
    address: str = ADDRESS,
    worth_keeping: Callable[[Completion], bool] = lambda _: True,
) -> Cached:
    return Cached(model, shelf, address=address, worth_keeping=worth_keeping)


def ask(model: Cached, *calls: ChatCall) -> list[Completion]:
    async def one_by_one() -> list[Completion]:
        return [await model.complete(call) for call in calls]

    return asyncio.run(one_by_one())


def with_text(text: str, *, role: str = "user") -> ChatCall:
    return replace(CALL, messages=(CALL.messages[0], Message(role=role, content=text)))


def remarked(mark: str) -> ChatCall:
    user = CALL.messages[1]
    return replace(
        CALL,
        mark=mark,
        messages=(CALL.messages[0], replace(user, content=user.content.replace(MARK, mark))),
    )


def test_a_question_that_was_answered_is_not_asked_again() -> None:
    model, shelf = FakeChat(lambda _: PAID), _Shelf()

    (first,) = ask(cached(model, shelf), CALL)
    again, once_more = ask(cached(model, shelf), CALL, replace(CALL, call_id="another"))

    assert first == PAID
    assert again == once_more == replace(PAID, cached=True, cost=0.0)
    assert len(model.calls) == 1


def test_what_an_answer_cost_when_it_was_paid_for_is_kept_with_it() -> None:
    shelf = _Shelf()

    ask(cached(FakeChat(lambda _: PAID), shelf), CALL, CALL)

    assert shelf.costs == [0.25]
    assert b'"cost":0.25' in next(iter(shelf.kept.values()))


def test_another_mark_of_the_fences_asks_the_same_question() -> None:
    model = FakeChat(lambda _: PAID)

    ask(cached(model, _Shelf()), CALL, remarked("00ff00ff00ff"))

    assert len(model.calls) == 1


@pytest.mark.parametrize(
    "call",
    [
        with_text(CALL.messages[1].content + " "),
        with_text(CALL.messages[1].content.replace("42", "43")),
        with_text(CALL.messages[1].content, role="developer"),
        with_text(CALL.messages[1].content.replace(MARK, "")),
        replace(CALL, messages=CALL.messages[::-1]),
        replace(CALL, messages=CALL.messages[1:]),
        replace(CALL, messages=(replace(CALL.messages[0], content="Judge."), CALL.messages[1])),
        replace(CALL, sampling=replace(CALL.sampling, temperature=0.1)),
        replace(CALL, sampling=replace(CALL.sampling, temperature=None)),
        replace(CALL, sampling=replace(CALL.sampling, max_tokens=78)),
        replace(CALL, sampling=replace(CALL.sampling, effort="low")),
        replace(CALL, sampling=replace(CALL.sampling, seed=4)),
        replace(CALL, sampling=replace(CALL.sampling, seed=None)),
        replace(CALL, sampling=replace(CALL.sampling, alternatives=5)),
        replace(CALL, reply_schema='{"type":"object"}'),
        replace(CALL, reply_schema=""),
        replace(CALL, repeat=1),
    ],
)
def test_a_call_that_differs_in_anything_that_could_change_its_answer_is_asked(
    call: ChatCall,
) -> None:
    model = FakeChat(lambda _: PAID)

    ask(cached(model, _Shelf()), CALL, call)

    assert model.calls == [CALL, call]


@pytest.mark.parametrize(
    ("model", "address"),
    [
        (_Named(model="another-judge"), ADDRESS),
        (_Named(endpoint="https://elsewhere.example"), ADDRESS),
        (_Named(reply_format="text"), ADDRESS),
        (_Named(revision="2"), ADDRESS),
        (_Named(), "https://judge.example/v2"),
    ],
)
def test_another_model_address_or_reply_format_is_asked_itself(
    model: FakeChat, address: str
) -> None:
    shelf = _Shelf()
    ask(cached(_Named(), shelf), CALL)

    ask(cached(model, shelf, address=address), CALL)

    assert len(model.calls) == 1


def test_texts_cut_in_another_place_are_another_question() -> None:
    model = FakeChat(lambda _: PAID)
    calls = [
        replace(
            CALL, messages=(Message(role="user", content="ab"), Message(role="user", content="c"))
        ),
        replace(
            CALL, messages=(Message(role="user", content="a"), Message(role="user", content="bc"))
        ),
        replace(CALL, messages=(Message(role="user", content="abc"),)),
        replace(CALL, messages=(Message(role="user", content=f"a{MARK}bc"),)),
        replace(CALL, messages=(Message(role="user", content='a","bc'),)),
    ]

    ask(cached(model, _Shelf()), *calls)

    assert len(model.calls) == len(calls)


def test_an_answer_that_is_not_worth_keeping_is_asked_for_each_time() -> None:
    model, shelf = FakeChat(lambda _: completion("Hmm.")), _Shelf()

    ask(cached(model, shelf, worth_keeping=lambda answer: answer.text == verdict()), CALL, CALL)

    assert len(model.calls) == 2
    assert shelf.kept == {}


def test_a_failure_is_not_kept() -> None:
    answers = iter([PAID])
    failures = iter([JudgeUnavailable("HTTP 503")])

    def script(_: ChatCall) -> Completion:
        for failure in failures:
            raise failure
        return next(answers)

    async def twice() -> Completion:
        model = cached(FakeChat(script), _Shelf())
        with pytest.raises(JudgeUnavailable):
            await model.complete(CALL)
        return await model.complete(CALL)

    assert asyncio.run(twice()) == PAID


@pytest.mark.parametrize(
    "damage",
    [
        lambda _: b"",
        lambda _: b"not an answer",
        lambda body: body[:-1],
        lambda body: body.replace(b"equivalent", b"different!"),
        lambda body: body[:16] + msgspec.json.encode(completion("poison")),
        lambda body: b"\xff" * len(body),
    ],
)
def test_a_damaged_or_foreign_entry_is_asked_for_again_with_a_warning(
    damage: Callable[[bytes], bytes], caplog: pytest.LogCaptureFixture
) -> None:
    model, shelf = FakeChat(lambda _: PAID), _Shelf()
    ask(cached(model, shelf), CALL)
    shelf.kept = {key: damage(body) for key, body in shelf.kept.items()}

    with caplog.at_level(logging.WARNING):
        mended, kept = ask(cached(model, shelf), CALL, CALL)

    assert mended == PAID
    assert kept.cached
    assert len(model.calls) == 2
    assert "damaged" in caplog.text


def test_the_answer_of_another_question_is_not_taken_for_this_ones() -> None:
    model, shelf = FakeChat(lambda _: PAID), _Shelf()
    other = with_text("Is it so?")
    ask(cached(model, shelf), CALL, other)
    mine, theirs = shelf.kept
    shelf.kept[mine] = shelf.kept[theirs]

    (found,) = ask(cached(model, shelf), CALL)

    assert not found.cached


def test_equal_questions_asked_at_once_are_paid_for_once() -> None:
    async def ask_at_once() -> list[Completion]:
        model = _Gated(lambda _: PAID)
        asked = cached(model, _Shelf())
        marks = [f"{number:012x}" for number in range(50)]
        calls = [asyncio.create_task(asked.complete(remarked(mark))) for mark in marks]
        await asyncio.sleep(0)
        model.gate.set()
        found = await asyncio.gather(*calls)
        assert len(model.calls) == 1
        return found

    found = asyncio.run(ask_at_once())

    assert sum(one.cost or 0 for one in found) == 0.25
    assert [one.cached for one in found] == [False] + [True] * 49


def test_a_failure_reaches_all_who_wait_and_the_next_one_asks_again() -> None:
    def script(_: ChatCall) -> Completion:
        raise JudgeUnavailable("HTTP 503")

    async def ask_at_once() -> list[Completion | BaseException]:
        model = _Gated(script)
        model.gate.set()
        asked = cached(model, _Shelf())
        found = await asyncio.gather(
            *(asked.complete(CALL) for _ in range(3)), return_exceptions=True
        )
        with pytest.raises(JudgeUnavailable):
            await asked.complete(CALL)
        assert len(model.calls) == 2
        return found

    assert [type(one) for one in asyncio.run(ask_at_once())] == [JudgeUnavailable] * 3


def test_who_asked_first_may_go_without_those_who_wait_with_him() -> None:
    async def first_goes() -> Completion:
        model = _Gated(lambda _: PAID)
        asked = cached(model, _Shelf())
        first, second = (asyncio.create_task(asked.complete(CALL)) for _ in range(2))
        await asyncio.sleep(0)
        first.cancel()
        await asyncio.wait([first])
        model.gate.set()
        found = await second
        assert first.cancelled()
        assert len(model.calls) == 1
        return found

    assert asyncio.run(first_goes()).text == PAID.text


def test_a_call_that_nobody_waits_for_is_given_up_and_the_next_one_asks_anew() -> None:
    async def all_go() -> Completion:
        model = _Gated(lambda _: PAID)
        asked = cached(model, _Shelf())
        calls = [asyncio.create_task(asked.complete(CALL)) for _ in range(2)]
        await asyncio.sleep(0)
        for call in calls:
            call.cancel()
        await asyncio.wait(calls)
        model.gate.set()
        found = await asked.complete(CALL)
        assert len(model.calls) in {1, 2}  # the first may not have been sent yet
        return found

    assert asyncio.run(all_go()) == PAID


def test_a_crash_between_the_answer_and_the_keeping_costs_one_call() -> None:
    model, full, shelf = FakeChat(lambda _: PAID), _Shelf(full=True), _Shelf()

    with pytest.raises(StoreError, match="no space left"):
        ask(cached(model, full), CALL)
    ask(cached(model, shelf), CALL, CALL)

    assert len(model.calls) == 2


def test_a_cache_does_not_change_who_answers() -> None:
    assert cached(FakeChat(), _Shelf()).identity == FakeChat().identity
