import asyncio
from datetime import UTC, datetime

import pytest

from judge.models.cache import Cached
from judge.models.chat import ChatCall, Message, Sampling
from judge.models.forecast import CostForecast, forecast_cost
from judge.models.prices import configured_price
from judge.stats.money import Money
from judge.testing import FakeChat

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
PRICE = configured_price(
    input_per_million=2.0, output_per_million=8.0, cached_input_per_million=None
)


class _Shelf:
    def __init__(self) -> None:
        self._kept: dict[str, bytes] = {}

    def completion(self, key: str) -> bytes | None:
        return self._kept.get(key)

    async def keep_completion(self, key: str, body: bytes, *, cost: float | None) -> None:
        self._kept[key] = body


def call(text: str, *, max_tokens: int = 1000) -> ChatCall:
    return ChatCall(
        call_id=text,
        messages=(Message(role="user", content=text),),
        sampling=Sampling(max_tokens=max_tokens),
    )


def cache(model: FakeChat) -> Cached:
    return Cached(model, _Shelf(), address="https://judge.example/v1", worth_keeping=lambda _: True)


def test_a_forecast_counts_what_will_be_asked_and_sends_nothing() -> None:
    model = FakeChat()
    kept = cache(model)
    asyncio.run(kept.complete(call("asked before")))
    calls = [call("asked before"), call("new"), call("new"), call("another")]

    found = forecast_cost(calls, price=PRICE, cache=kept, at=NOW)

    # One answer is kept, and one of the two new ones will answer both.
    assert (found.calls, found.cached) == (2, 2)
    assert len(model.calls) == 1


def test_without_a_cache_each_call_is_asked() -> None:
    found = forecast_cost([call("new")] * 3, price=PRICE, cache=None, at=NOW)

    assert (found.calls, found.cached) == (3, 0)


def test_the_likely_cost_stands_under_the_most_it_can_be() -> None:
    calls = [call("some words " * 400), call("some more words " * 800, max_tokens=100)]

    found = forecast_cost(calls, price=PRICE, cache=None, at=NOW, reply_tokens=150)

    assert found.output_tokens == 150 + 100
    assert 4000 < found.input_tokens < 5000
    assert found.likely.dollars == pytest.approx(
        2e-6 * found.input_tokens + 8e-6 * found.output_tokens
    )
    assert found.likely.dollars < found.most.dollars
    assert found.dearest_call == pytest.approx(max(map(PRICE.most, calls)))


def test_an_unknown_price_makes_an_unknown_cost() -> None:
    found = forecast_cost([call("a"), call("b")], price=None, cache=None, at=NOW)

    assert found.likely == found.most == Money(unknown=2)
    assert found.calls == 2


def test_the_forecasts_of_two_judges_are_one() -> None:
    first = forecast_cost([call("a")], price=PRICE, cache=None, at=NOW)
    second = forecast_cost([call("b" * 500)], price=None, cache=None, at=NOW)

    both = first + second

    assert (both.calls, both.likely.known, both.likely.unknown) == (2, 1, 1)
    assert both.dearest_call == first.dearest_call
    assert both + CostForecast() == both
    assert both.input_tokens == first.input_tokens + second.input_tokens
