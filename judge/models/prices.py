"""What a call costs, by the published prices of its endpoint or by those of the config."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from importlib.metadata import version
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from judge.errors import ConfigError
from judge.models.chat import ChatCall, ChatModel, Completion

if TYPE_CHECKING:
    from genai_prices.types import ModelInfo, ModelPrice, Provider

_MILLION = 1_000_000
_DAY_S = 86_400
_HALF_HOURS = 48

# No tokenizer makes more tokens of a text than it has bytes; templates add a few for each turn.
_BYTES_PER_TOKEN = 4  # in English and most languages of Europe
_TOKENS_PER_MESSAGE = 16
_TOKENS_PER_CALL = 64

_TEXT_PRICES = frozenset(
    {"input_mtok", "output_mtok", "cache_read_mtok", "cache_write_mtok", "requests_kcount"}
)
# Of what a judge never asks for: a search, a sound, an image, an hour of caching.
_OTHER_PRICES = re.compile(r"search|audio|image|video|document|storage|_1h_|_mchars|_messages")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """Prices in US dollars of calls with more than so many tokens of input.

    Attributes:
        cached_input_per_million: of what the endpoint had in its own cache.
        written_input_per_million: of what it put there.
        per_call: beside the tokens.
        above_input_tokens: the rates are for inputs of more tokens than that.
    """

    input_per_million: float
    output_per_million: float
    cached_input_per_million: float
    written_input_per_million: float
    per_call: float = 0.0
    above_input_tokens: int = 0

    def of(self, *, fresh: int, cached: int, written: int, output: int) -> float:
        """Return what so many tokens of each kind cost."""
        tokens = (
            fresh * self.input_per_million
            + cached * self.cached_input_per_million
            + written * self.written_input_per_million
            + output * self.output_per_million
        )
        return tokens / _MILLION + self.per_call


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """What one model costs at one endpoint.

    Attributes:
        source: where the price is from, for a reader.
        day: the rates of each equal part of the day, in UTC, from midnight; one part where they
            are the same all day. Of each part, by growing size of the input.
    """

    source: str
    day: tuple[tuple[Rates, ...], ...]

    def cost(self, completion: Completion, *, at: datetime) -> float | None:
        """Return what an answer cost in US dollars; None where its tokens were not counted."""
        tokens_in, tokens_out = completion.input_tokens, completion.output_tokens
        cached, written = completion.cached_tokens or 0, completion.written_tokens or 0
        if tokens_in is None or tokens_out is None:
            return None
        fresh = tokens_in - cached - written
        if min(fresh, cached, written, tokens_out) < 0:  # counts that contradict each other
            return None
        rates = self._rates(at, input_tokens=tokens_in)
        return rates.of(fresh=fresh, cached=cached, written=written, output=tokens_out)

    def most(self, call: ChatCall) -> float:
        """Return what a call can cost at most, as long as the endpoint heeds `max_tokens`."""
        tokens_in, tokens_out = most_input_tokens(call), call.sampling.max_tokens
        return max(
            max(
                rates.of(fresh=tokens_in, cached=0, written=0, output=tokens_out),
                rates.of(fresh=0, cached=tokens_in, written=0, output=tokens_out),
                rates.of(fresh=0, cached=0, written=tokens_in, output=tokens_out),
            )
            for part in self.day
            for rates in part
            if tokens_in > rates.above_input_tokens or not rates.above_input_tokens
        )

    def likely(self, call: ChatCall, *, output_tokens: int, at: datetime) -> float:
        """Return what a call will cost about, when its reply has so many tokens."""
        tokens_in = likely_input_tokens(call)
        rates = self._rates(at, input_tokens=tokens_in)
        return rates.of(fresh=tokens_in, cached=0, written=0, output=output_tokens)

    def _rates(self, at: datetime, *, input_tokens: int) -> Rates:
        if len(self.day) == 1:
            (tiers,) = self.day
        else:
            into_day_s = int(at.timestamp()) % _DAY_S
            tiers = self.day[into_day_s * len(self.day) // _DAY_S]
        found = tiers[0]
        for rates in tiers[1:]:
            if input_tokens > rates.above_input_tokens:
                found = rates
        return found


class Priced:
    """A chat model whose answers say what they cost, where that is known."""

    def __init__(
        self, model: ChatModel, price: Price | None, *, now: Callable[[], datetime]
    ) -> None:
        self._model = model
        self._price = price
        self._now = now

    @property
    def identity(self) -> Mapping[str, str]:
        return self._model.identity

    async def complete(self, call: ChatCall) -> Completion:
        completion = await self._model.complete(call)
        if self._price is None:
            return completion
        return replace(completion, cost=self._price.cost(completion, at=self._now()))


def configured_price(
    *, input_per_million: float, output_per_million: float, cached_input_per_million: float | None
) -> Price:
    """Return the price that a config states; cached input costs what any input does if not said."""
    cached = input_per_million if cached_input_per_million is None else cached_input_per_million
    rates = Rates(
        input_per_million=input_per_million,
        output_per_million=output_per_million,
        cached_input_per_million=cached,
        written_input_per_million=input_per_million,
    )
    return Price(source="the config's prices", day=((rates,),))


def published_price(
    model: str, *, base_url: str, at: datetime, batch: bool = False
) -> Price | None:
    """Return the price of a model at the endpoint of a known provider; None where it is unknown.

    The endpoint's address decides whose price list is read, never the model's name: a model of
    the same name on a machine of one's own costs something else. Nothing is fetched: the lists
    are those of the installed genai-prices.

    Args:
        model: as the endpoint is asked for it.
        base_url: of the endpoint.
        at: when the calls are made, with its zone.
        batch: whether they go through the provider's batch API.
    """
    for provider, found in _listed(model, base_url=base_url):
        if (day := _day(found, at=at, batch=batch)) is not None:
            source = f"genai-prices {version('genai-prices')}, {provider.id}: {found.id}"
            return Price(source=source, day=day)
    return None


def required_price(price: Price | None, *, model: str, needed_for: str) -> Price:
    """Return the price.

    Raises:
        ConfigError: it is not known; the message says how to state it.
    """
    if price is None:
        raise ConfigError(
            f"{needed_for} needs the price of {model}, which is not known at its endpoint; state "
            "it beside the model in US dollars, for example "
            "prices: {input_per_million: 0.4, output_per_million: 1.6}"
        )
    return price


def most_input_tokens(call: ChatCall) -> int:
    """Return more tokens than any tokenizer can make of a call."""
    return _bytes(call) + _overhead(call)


def likely_input_tokens(call: ChatCall) -> int:
    """Return about how many tokens a call has."""
    return _bytes(call) // _BYTES_PER_TOKEN + _overhead(call) // _BYTES_PER_TOKEN


def _bytes(call: ChatCall) -> int:
    texts = (call.reply_schema, *(message.content for message in call.messages))
    # The length of an ASCII text is known without looking at it.
    return sum(len(text) if text.isascii() else _encoded(text) for text in texts)


def _encoded(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))


def _overhead(call: ChatCall) -> int:
    return _TOKENS_PER_CALL + _TOKENS_PER_MESSAGE * len(call.messages)


def _listed(model: str, *, base_url: str) -> "Iterator[tuple[Provider, ModelInfo]]":
    """Return who sells a model at an address, and under which entry of the list."""
    parts = urlsplit(base_url)
    if parts.scheme != "https" or parts.port not in {None, 443} or not parts.hostname:
        return
    from genai_prices.data_snapshot import get_snapshot  # a third of a second to import

    providers = get_snapshot().providers
    for provider in providers:
        if _serves(provider.api_pattern, host=parts.hostname, path=parts.path):
            found = provider.find_model(model, all_providers=providers)
            if found is not None:
                yield provider, found


def _serves(pattern: str, *, host: str, path: str) -> bool:
    """Whether a provider's pattern is about an address, and not only about how it begins."""
    origin = f"https://{host}"
    if (matched := re.match(pattern, origin)) is not None:
        rest = origin[matched.end() :]
        # 'https://api\.moonshot\.' leaves the top-level domain open, the others leave nothing.
        return not rest or (matched[0].endswith(".") and "." not in rest)
    of_path = "/" in pattern.removeprefix("https://")
    return of_path and re.match(pattern, origin + path) is not None


def _day(model: "ModelInfo", *, at: datetime, batch: bool) -> tuple[tuple[Rates, ...], ...] | None:
    """Return the rates of a day that begins now, one part where all its hours cost the same."""
    context = {"processing": "batch"} if batch else None
    midnight = datetime.combine(_utc_date(at), time(), tzinfo=UTC)
    parts = []
    for half_hour in range(_HALF_HOURS):
        moment = midnight + timedelta(minutes=30 * half_hour)
        tiers = _tiers(model.get_prices(moment, context))
        if tiers is None:
            return None
        parts.append(tiers)
    return (parts[0],) if len(set(parts)) == 1 else tuple(parts)


def _utc_date(at: datetime) -> date:
    return at.astimezone(UTC).date()


def _tiers(prices: "ModelPrice") -> tuple[Rates, ...] | None:
    """Return rates by size of the input; None where they are not about tokens of text alone."""
    stated = {name: price for name, price in vars(prices).items() if price is not None}
    asked = {name for name in stated if not _OTHER_PRICES.search(name)}
    if not {"input_mtok", "output_mtok"} <= asked or not asked <= _TEXT_PRICES:
        return None

    def at(name: str, default: str, tokens: int) -> float:
        price = stated.get(name, stated.get(default, Decimal(0)))
        if isinstance(price, Decimal):
            return float(price)
        passed = [tier.price for tier in price.tiers if tokens >= tier.start]
        return float(passed[-1] if passed else price.base)

    starts = {
        tier.start
        for name in asked
        if not isinstance(price := stated[name], Decimal)
        for tier in price.tiers
    }
    return tuple(
        Rates(
            input_per_million=at("input_mtok", "", tokens),
            output_per_million=at("output_mtok", "", tokens),
            cached_input_per_million=at("cache_read_mtok", "input_mtok", tokens),
            written_input_per_million=at("cache_write_mtok", "input_mtok", tokens),
            per_call=at("requests_kcount", "", tokens) / 1000,
            above_input_tokens=tokens,
        )
        for tokens in sorted({0, *starts})
    )
