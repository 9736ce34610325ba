"""What a run will ask and what that will cost, told before anything is sent."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from judge.models.cache import Cached
from judge.models.chat import ChatCall
from judge.models.prices import Price, likely_input_tokens
from judge.stats.money import Money, total

REPLY_TOKENS = 200
"""About how long a verdict with its reason is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CostForecast:
    """What calls will need, if each is answered at the first attempt.

    Attributes:
        calls: to be sent.
        cached: questions that will not be sent, since their answers are kept or come with
            another's.
        input_tokens: estimated from the length of the texts, of the calls that are sent.
        output_tokens: estimated, of the same.
        likely: what that costs.
        most: what it costs if each text has as many tokens as it has bytes, and each reply as many
            as it may.
        dearest_call: the most that a single one of them can cost, in US dollars; 0 where no price
            is known.
    """

    calls: int = 0
    cached: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    likely: Money = field(default_factory=Money)
    most: Money = field(default_factory=Money)
    dearest_call: float = 0.0

    def __add__(self, other: "CostForecast") -> "CostForecast":
        return CostForecast(
            calls=self.calls + other.calls,
            cached=self.cached + other.cached,
            input_tokens=self.input_tokens + other.input_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
            likely=self.likely + other.likely,
            most=self.most + other.most,
            dearest_call=max(self.dearest_call, other.dearest_call),
        )


def forecast_cost(
    calls: Iterable[ChatCall],
    *,
    price: Price | None,
    cache: Cached | None,
    at: datetime,
    reply_tokens: int = REPLY_TOKENS,
) -> CostForecast:
    """Return what calls of one model will need; nothing is sent.

    Args:
        calls: all of them, in any order.
        price: of the model; None where it is not known.
        cache: where answers are looked for; None looks for none.
        at: when they will be made.
        reply_tokens: of a reply, about; those of a reasoning model include its reasoning.
    """
    asked, likely, most = set[str](), list[float | None](), list[float | None]()
    cached = input_tokens = output_tokens = 0
    for call in calls:
        if cache is not None:
            key = cache.key(call)
            if key in asked or cache.holds(key):
                cached += 1
                continue
            asked.add(key)
        written = min(reply_tokens, call.sampling.max_tokens)
        input_tokens += likely_input_tokens(call)
        output_tokens += written
        likely.append(price.likely(call, output_tokens=written, at=at) if price else None)
        most.append(price.most(call) if price else None)
    return CostForecast(
        calls=len(likely),
        cached=cached,
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        likely=total(likely),
        most=total(most),
        dearest_call=max((cost for cost in most if cost is not None), default=0.0),
    )
