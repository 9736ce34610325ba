import asyncio
import warnings
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from genai_prices import Usage
from genai_prices.data_snapshot import get_snapshot
from hypothesis import given
from hypothesis import strategies as st

from judge.errors import ConfigError
from judge.models.chat import ChatCall, Completion, Message, Sampling
from judge.models.prices import (
    Price,
    Priced,
    configured_price,
    likely_input_tokens,
    most_input_tokens,
    published_price,
    required_price,
)
from judge.testing import FakeChat, completion

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
OPENAI = "https://api.openai.com/v1"
CALL = ChatCall(
    call_id="one",
    messages=(Message(role="user", content="Is it so?"),),
    sampling=Sampling(max_tokens=100),
)
PRICE = configured_price(
    input_per_million=2.0, output_per_million=8.0, cached_input_per_million=0.5
)


def answer(
    tokens_in: int | None, tokens_out: int | None, *, cached: int | None = None, written: int = 0
) -> Completion:
    return replace(
        completion("Yes."),
        input_tokens=tokens_in,
        output_tokens=tokens_out,
        cached_tokens=cached,
        written_tokens=written,
    )


def openai_price(model: str = "gpt-4.1-mini", *, batch: bool = False) -> Price:
    price = published_price(model, base_url=OPENAI, at=NOW, batch=batch)
    assert price is not None
    return price


@pytest.mark.parametrize(
    ("given", "cost"),
    [
        (answer(1000, 100), 0.0028),
        (answer(1000, 100, cached=400), 0.0022),
        (answer(0, 0), 0.0),
        (answer(None, 100), None),
        (answer(1000, None), None),
        # Counts that contradict each other are no counts.
        (answer(100, 10, cached=101), None),
        (answer(-1, 10), None),
        (answer(10, -1), None),
    ],
)
def test_an_answer_costs_what_its_tokens_cost_and_an_unknown_sum_without_them(
    given: Completion, cost: float | None
) -> None:
    priced = Priced(FakeChat(lambda _: given), PRICE, now=lambda: NOW)

    found = asyncio.run(priced.complete(CALL))

    assert found.cost == (None if cost is None else pytest.approx(cost))
    assert replace(found, cost=None) == given


def test_without_a_price_the_cost_is_unknown_and_not_zero() -> None:
    found = asyncio.run(Priced(FakeChat(), None, now=lambda: NOW).complete(CALL))

    assert found.cost is None


def test_cached_input_costs_what_any_input_does_unless_the_config_says_less() -> None:
    price = configured_price(
        input_per_million=2.0, output_per_million=8.0, cached_input_per_million=None
    )

    assert price.cost(answer(1000, 0, cached=900), at=NOW) == pytest.approx(0.002)


def test_a_price_of_nothing_may_be_stated() -> None:
    free = configured_price(
        input_per_million=0.0, output_per_million=0.0, cached_input_per_million=None
    )

    assert free.cost(answer(1000, 100), at=NOW) == 0.0
    assert free.most(CALL) == 0.0


@pytest.mark.parametrize(
    "base_url",
    [
        "http://127.0.0.1:8000/v1",
        "https://localhost/v1",
        "https://vllm.example.org/v1",
        "https://api.openai.com.example.org/v1",
        "https://example.org/api.openai.com/v1",
        "https://example.org/x.googleapis.com/v1",
        "https://api.openai.com:8443/v1",
        "http://api.openai.com/v1",
        "",
    ],
)
def test_a_model_of_a_known_name_at_an_unknown_address_has_no_price(base_url: str) -> None:
    for model in ("gpt-4.1-mini", "gemini-2.5-flash"):
        assert published_price(model, base_url=base_url, at=NOW) is None


@pytest.mark.parametrize(
    ("model", "base_url", "provider"),
    [
        ("gpt-4.1-mini", OPENAI, "openai"),
        ("gpt-4.1-mini-2025-04-14", "https://API.OpenAI.com:443/v1/", "openai"),
        ("gpt-4.1-mini", "https://my-name.openai.azure.com/openai/v1", "azure"),
        ("kimi-k2-0905-preview", "https://api.moonshot.ai/v1", "moonshotai"),
        ("gemini-2.5-flash", "https://generativelanguage.googleapis.com/v1beta/openai/", "google"),
    ],
)
def test_the_address_of_the_endpoint_says_whose_prices_are_read(
    model: str, base_url: str, provider: str
) -> None:
    price = published_price(model, base_url=base_url, at=NOW)

    assert price is not None
    assert f", {provider}: " in price.source
    assert price.source.startswith("genai-prices ")


def test_a_model_its_provider_does_not_list_has_no_price() -> None:
    assert published_price("gpt-of-tomorrow", base_url=OPENAI, at=NOW) is None
    assert published_price("whisper-1", base_url=OPENAI, at=NOW) is None  # is not paid by tokens


def test_a_batch_costs_half_where_the_provider_says_so() -> None:
    whole = openai_price().cost(answer(1000, 100), at=NOW)
    half = openai_price(batch=True).cost(answer(1000, 100), at=NOW)

    assert whole is not None
    assert half == pytest.approx(whole / 2)


def test_our_prices_are_those_of_genai_prices_for_each_model_size_and_hour() -> None:
    draws = np.random.default_rng(5)
    compared = 0
    for provider in get_snapshot().providers:
        if provider.id not in {"openai", "deepseek", "google", "anthropic", "perplexity", "x-ai"}:
            continue
        base_url = _address(provider.api_pattern)
        for model in provider.models:
            price = published_price(model.id, base_url=base_url, at=NOW)
            if price is None or not price.source.endswith(f" {provider.id}: {model.id}"):
                continue
            for tokens_in in (0, 128_000, 200_000, 200_001, 272_001, 1_000_000):
                cached, tokens_out = (int(n) for n in draws.integers(0, tokens_in + 1, size=2))
                written = int(draws.integers(0, tokens_in - cached + 1))
                at = NOW.replace(hour=0) + timedelta(seconds=int(draws.integers(86_400)))
                ours = price.cost(
                    answer(tokens_in, tokens_out, cached=cached, written=written), at=at
                )
                usage = Usage(
                    input_tokens=tokens_in,
                    cache_read_tokens=cached,
                    cache_write_tokens=written,
                    output_tokens=tokens_out,
                )
                theirs = model.calc_price(usage, provider, genai_request_timestamp=at)
                assert ours == pytest.approx(float(theirs.total_price)), (model.id, at)
                compared += 1

    assert compared > 1000


def test_a_price_that_changes_with_the_hour_is_the_one_of_the_hour() -> None:
    price = published_price("deepseek-chat", base_url="https://api.deepseek.com", at=NOW)

    assert price is not None
    costs = {price.cost(answer(50, 100), at=NOW.replace(hour=hour)) or 0 for hour in range(24)}
    assert len(costs) == 2
    assert max(costs) <= price.most(CALL) < 2 * max(costs)


@given(
    text=st.text(max_size=300),
    max_tokens=st.integers(1, 5000),
    shares=st.tuples(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1)),
)
@pytest.mark.parametrize("model", ["gpt-4.1-mini", "gpt-5.6-sol"])
def test_no_answer_costs_more_than_its_call_could(
    model: str, text: str, max_tokens: int, shares: tuple[float, float, float]
) -> None:
    call = replace(
        CALL,
        messages=(Message(role="user", content=text),),
        sampling=Sampling(max_tokens=max_tokens),
    )
    price = openai_price(model)
    tokens_in = len(text.encode())  # a token for each byte: no tokenizer does worse
    from_cache = int(tokens_in * shares[0])
    into_cache = int((tokens_in - from_cache) * shares[1])
    tokens_out = int(max_tokens * shares[2])
    given = answer(tokens_in, tokens_out, cached=from_cache, written=into_cache)

    cost = price.cost(given, at=NOW)

    assert cost is not None
    assert cost <= price.most(call)


def test_the_tokens_of_a_text_are_estimated_below_the_most_it_can_have() -> None:
    english = replace(CALL, messages=(Message(role="user", content="four words of text " * 100),))

    assert 400 < likely_input_tokens(english) < 600
    assert most_input_tokens(english) > 1900


def test_a_cap_on_an_unknown_price_names_the_key_that_states_it() -> None:
    with pytest.raises(ConfigError, match=r"--max-cost needs the price of qwen.* prices: \{input"):
        required_price(None, model="qwen", needed_for="--max-cost")

    assert required_price(PRICE, model="qwen", needed_for="--max-cost") is PRICE


def test_reading_the_list_warns_of_nothing() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        openai_price()


def _address(pattern: str) -> str:
    return pattern.replace("\\", "").replace("(.*.)?", "x.").split("(")[0]
