"""Chat models that send nothing and count what would be sent."""

from collections.abc import Mapping
from datetime import datetime

import msgspec

from judge.models.cache import Cached, CompletionStore
from judge.models.chat import ChatCall, ChatModel, Completion
from judge.models.forecast import CostForecast, forecast_cost
from judge.models.prices import Price

_FIRST = "1"
_EMPTY: Mapping[str, object] = {"array": [], "integer": 0, "number": 0, "boolean": False}


class DryRun:
    """Counts the questions of a run, by the metric they are asked for.

    Args:
        at: when they would be asked.
    """

    def __init__(self, *, at: datetime) -> None:
        self._at = at
        self._asked: set[str] = set()
        self.forecasts: dict[str, CostForecast] = {}
        """By metric."""

    def instead_of(
        self,
        model: ChatModel,
        *,
        price: Price | None,
        answers: CompletionStore | None,
        address: str,
    ) -> ChatModel:
        """Return a model that answers in its place, in the form it is asked for.

        Args:
            model: who would be asked.
            price: what that costs; None where it is not known.
            answers: where answers are kept that need not be asked for; None for nowhere.
            address: of the endpoint.
        """
        cache = None
        if answers is not None:
            cache = Cached(model, answers, address=address, worth_keeping=lambda _: False)
        return _DryChat(self, model.identity, price=price, cache=cache)

    def count(self, call: ChatCall, *, price: Price | None, cache: Cached | None) -> None:
        """Count one question; a repeat after an unreadable reply is none."""
        name, _, number = call.call_id.rpartition("#")
        if number.rpartition(".")[2] != _FIRST:
            return
        metric = name.partition("/")[0]
        if cache is not None and (key := cache.key(call)) in self._asked:
            found = CostForecast(cached=1)
        else:
            found = forecast_cost([call], price=price, cache=cache, at=self._at)
            if cache is not None:
                self._asked.add(key)
        self.forecasts[metric] = self.forecasts.get(metric, CostForecast()) + found


class _DryChat:
    def __init__(
        self,
        run: DryRun,
        identity: Mapping[str, str],
        *,
        price: Price | None,
        cache: Cached | None,
    ) -> None:
        self._run = run
        self._identity = identity
        self._price = price
        self._cache = cache

    @property
    def identity(self) -> Mapping[str, str]:
        return self._identity

    async def complete(self, call: ChatCall) -> Completion:
        self._run.count(call, price=self._price, cache=self._cache)
        return Completion(
            text=_in_form(call.reply_schema), finish_reason="stop", model="", latency_s=0.0
        )


def _in_form(schema: str) -> str:
    """Return a reply of the form that was asked for, which says nothing."""
    return msgspec.json.encode(_least(msgspec.json.decode(schema or "{}"))).decode()


def _least(schema: object) -> object:
    if not isinstance(schema, dict):
        return None
    if "enum" in schema:
        return schema["enum"][0]
    if schema.get("type") == "object":
        return {name: _least(part) for name, part in schema.get("properties", {}).items()}
    return _EMPTY.get(str(schema.get("type")), "")
