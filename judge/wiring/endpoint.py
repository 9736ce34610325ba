"""From a judge section to the endpoint it names, and the limits its calls are kept to."""

import os
from collections.abc import Callable, Iterable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from judge.api.project import RunContext
from judge.config import JudgeSection
from judge.errors import ConfigError, ScoringError
from judge.models.batch import MOST_CALLS, Batched
from judge.models.batch_endpoint import BatchEndpoint
from judge.models.budget import Budget, Budgeted
from judge.models.cache import Cached
from judge.models.chat import ChatModel, Completion, ReplyFormat, Sampling
from judge.models.ledger import Ledgered
from judge.models.limits import (
    Bounded,
    Deadlined,
    Limited,
    RateLimit,
    Retrying,
    SharedTurns,
)
from judge.models.metering import CallMeter, Metered
from judge.models.openai import OpenAIChat
from judge.models.prices import (
    Price,
    Priced,
    configured_price,
    published_price,
    required_price,
)
from judge.models.probing import probe_call, probe_reply_format
from judge.models.recorded import RecordedChat
from judge.models.requeuing import Requeuing

DEFAULT_CONNECTIONS = 64

_AUTO = "auto"
_OPENAI = "https://api.openai.com/v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class CallLimits:
    """How fast and how far calls may go.

    Attributes:
        connections: most calls in flight at one endpoint.
        requests_per_minute: None leaves it to the config, or to what the endpoint refuses.
        tokens_per_minute: likewise, of questions and replies together.
        max_cost: US dollars that a run may spend; None for no such limit.
        batch: whether questions are put to the endpoint's batch API: cheaper, within a day.
        use_kept_answers: whether answers that were paid for before may be used; None leaves it to
            the config.
        turns: shared with the other runs of a process; None for turns of its own.
        vectors: file in which vectors are kept that need not be computed again; None for nowhere.
        keys_needed: whether keys of endpoints must be there; not where nothing is to be sent.
        meter: told of each attempt, batches apart; None where nobody wants to know.
    """

    connections: int = DEFAULT_CONNECTIONS
    requests_per_minute: float | None = None
    tokens_per_minute: float | None = None
    max_cost: float | None = None
    batch: bool = False
    use_kept_answers: bool | None = None
    turns: SharedTurns | None = None
    vectors: Path | None = None
    keys_needed: bool = True
    meter: CallMeter | None = None

    @property
    def in_work(self) -> int:
        """Most records of one judge that are being asked about, or written down, at once."""
        return MOST_CALLS if self.batch else self.connections + self.written_down

    @property
    def written_down(self) -> int:
        """Records beside those in flight: their rows are committed, which takes some milliseconds.

        With 256 connections, a judge that answers in 50 ms and a disk that syncs in a few, so many
        leave no connection idle.
        """
        return self.connections * 3 // 8


def call_limits_of_environment(*, max_cost: float | None, vectors: Path | None) -> CallLimits:
    """Return the limits that the environment sets, as the options of commands are set by it.

    Args:
        max_cost: US dollars; None leaves it to ``JUDGE_MAX_COST``.
        vectors: see `CallLimits`.

    Raises:
        ConfigError: a variable is no number.
    """
    return CallLimits(
        connections=int(_number("JUDGE_MAX_CONNECTIONS") or DEFAULT_CONNECTIONS),
        requests_per_minute=_number("JUDGE_RPM"),
        tokens_per_minute=_number("JUDGE_TPM"),
        max_cost=_number("JUDGE_MAX_COST") if max_cost is None else max_cost,
        vectors=vectors,
    )


def _number(variable: str) -> float | None:
    text = os.environ.get(variable, "")
    try:
        return float(text) if text else None
    except ValueError as error:
        raise ConfigError(f"the environment variable {variable} is no number: {text!r}") from error


class Endpoints:
    """The chat models of one run: who names the same endpoint and model shares its limits.

    Args:
        context: of the run.
        limits: of its calls.
        exits: lets their connections go.
        streamed: whether answers are asked for token by token.
    """

    def __init__(
        self,
        context: RunContext,
        limits: CallLimits,
        exits: AsyncExitStack,
        *,
        streamed: bool = False,
    ) -> None:
        self._context = context
        self._limits = limits
        self._exits = exits
        self._streamed = streamed
        self._asked: dict[object, ChatModel] = {}
        self._cached: dict[object, ChatModel] = {}
        self._formats: dict[object, ReplyFormat] = {}
        self._budget: Budget | None = None
        if limits.max_cost is not None:
            self._budget = Budget(limits.max_cost, spent=context.spent)

    def model(
        self, section: JudgeSection, *, worth_keeping: Callable[[Completion], bool], reader: object
    ) -> ChatModel:
        """Return the model of a section.

        Args:
            section: names endpoint and model.
            worth_keeping: whether an answer need not be asked for again.
            reader: what that depends on; answers are shared where it is equal.
        """
        section = self._resolved(section)
        asked = self._asked.get(key := _endpoint_key(section))
        if asked is None:
            asked = self._asked[key] = self._open(section)
        answers = self._context.answers if self._limits.use_kept_answers else None
        if answers is None or self._context.dry is not None:
            return asked
        if (key, reader) not in self._cached:
            self._cached[key, reader] = Cached(
                asked,
                answers,
                address=_address_of(section),
                worth_keeping=worth_keeping,
            )
        return self._cached[key, reader]

    async def probe(self, sections: Iterable[JudgeSection]) -> None:
        """Find out what endpoints can be held to, where a section leaves that open.

        Raises:
            ConfigError: an endpoint cannot be asked, or keeps to no form of reply.
        """
        for section in sections:
            key = _endpoint_key(section)
            if section.response_format != _AUTO or key in self._formats or self._sends_nothing:
                continue

            async def ask(form: ReplyFormat, section: JudgeSection = section) -> Completion:
                model = self._open(section.model_copy(update={"response_format": form}))
                return await model.complete(probe_call(form, sampling=sampling_of(section)))

            try:
                self._formats[key] = await probe_reply_format(ask)
            except ScoringError as error:
                raise ConfigError(
                    f"what {section.model} can be held to was not found out: {error}; say it with "
                    "response_format"
                ) from error

    @property
    def _sends_nothing(self) -> bool:
        return self._context.dry is not None or self._context.recorded is not None

    def _resolved(self, section: JudgeSection) -> JudgeSection:
        if section.response_format != _AUTO:
            return section
        # Where nothing may be sent, the best is hoped for.
        found = self._formats.get(_endpoint_key(section), ReplyFormat.JSON_SCHEMA)
        return section.model_copy(update={"response_format": found})

    def _open(self, section: JudgeSection) -> ChatModel:
        chat = open_chat(
            section,
            connections=self._limits.connections,
            streamed=self._streamed,
            key_needed=self._limits.keys_needed,
        )
        self._exits.push_async_callback(chat.close)
        price = price_of(section, batch=self._limits.batch)
        if self._context.dry is not None:
            return self._context.dry.instead_of(
                chat,
                price=price,
                answers=self._context.answers if self._limits.use_kept_answers else None,
                address=_address_of(section),
            )
        if self._context.recorded is not None:
            return RecordedChat(self._context.recorded, identity=chat.identity)
        if self._limits.batch:
            return Requeuing(self._counted(self._batched(section, chat), section, price))
        deadlined: ChatModel = Deadlined(chat, deadline_s=section.deadline_s)
        if self._limits.meter is not None:
            deadlined = Metered(deadlined, self._limits.meter)
        rate = RateLimit(
            requests_per_minute=self._limits.requests_per_minute or section.requests_per_minute,
            tokens_per_minute=self._limits.tokens_per_minute or section.tokens_per_minute,
        )
        connections = self._limits.connections
        shared = self._limits.turns or SharedTurns()
        turns = shared.of(
            (*endpoint_of(section), section.model),
            connections=connections,
            written_down=self._limits.written_down,
            rate=rate,
        )
        # A call waits for its turn before the ledger opens it.
        counted = self._counted(Bounded(deadlined, turns), section, price)
        return Retrying(Limited(counted, connections=connections, turns=turns))

    def _counted(self, model: ChatModel, section: JudgeSection, price: Price | None) -> ChatModel:
        """Return a model whose attempts are priced, written down, and within the budget."""
        written: ChatModel = Ledgered(Priced(model, price, now=_now), self._context.log)
        if self._budget is None:
            return written
        known = required_price(price, model=section.model, needed_for="--max-cost")
        return Budgeted(written, self._budget, price=known)

    def _batched(self, section: JudgeSection, chat: OpenAIChat) -> ChatModel:
        if self._context.documents is None:
            raise ConfigError("batches need a store that keeps which questions are in which")
        base_url, key = endpoint_of(section)
        batched = Batched(
            BatchEndpoint(
                section.model,
                base_url=base_url,
                api_key=key,
                reply_format=ReplyFormat(section.response_format),
                identity=chat.identity,
            ),
            self._context.documents,
            run_id=self._context.run_id,
            replay=self._context.replay,
        )
        self._context.stop.tell(batched.pause)
        self._exits.push_async_callback(batched.close)
        return batched


def open_chat(
    section: JudgeSection, *, connections: int, streamed: bool = False, key_needed: bool = True
) -> OpenAIChat:
    """Return the chat model a section names."""
    base_url, key = endpoint_of(section, key_needed=key_needed)
    return OpenAIChat(
        section.model,
        base_url=base_url,
        api_key=key,
        reply_format=ReplyFormat(section.response_format),
        connections=connections,
        api_version=section.api_version,
        headers=account_headers(),
        streamed=streamed,
    )


def sampling_of(section: JudgeSection) -> Sampling:
    """Return how the replies of a judge are drawn."""
    return Sampling(
        temperature=section.temperature,
        max_tokens=section.max_tokens,
        seed=section.seed,
        effort=section.effort,
    )


def price_of(section: JudgeSection, *, batch: bool = False) -> Price | None:
    """Return what a model costs; None where neither the config nor its provider says it."""
    if section.prices is not None:
        return configured_price(
            input_per_million=section.prices.input_per_million,
            output_per_million=section.prices.output_per_million,
            cached_input_per_million=section.prices.cached_input_per_million,
        )
    return published_price(section.model, base_url=_address_of(section), at=_now(), batch=batch)


def endpoint_of(section: JudgeSection, *, key_needed: bool = True) -> tuple[str, str]:
    """Return the address of an endpoint and the key it takes."""
    return address_and_key(
        section.base_url,
        section.api_key_env,
        place=f"{section.model}'s",
        model=section.model,
        key_needed=key_needed,
    )


def _address_of(section: JudgeSection) -> str:
    return endpoint_of(section, key_needed=False)[0]


def address_and_key(
    base_url: str | None, api_key_env: str, *, place: str, model: str, key_needed: bool = True
) -> tuple[str, str]:
    """Return the address of an endpoint and the key it takes.

    Args:
        base_url: as the config has it; None for the environment's, or OpenAI's.
        api_key_env: environment variable that holds the key.
        place: of the config that names the endpoint, as messages call it.
        model: that it runs.
        key_needed: whether there must be a key.

    Raises:
        ConfigError: that is no address, or there is no key.
    """
    address = base_url or os.environ.get("OPENAI_BASE_URL") or _OPENAI
    if not _is_address(address):
        # The address itself may hold a password.
        said = f"{place} base_url" if base_url else "OPENAI_BASE_URL"
        raise ConfigError(f"{said} is no address of an endpoint; give one like {_OPENAI}")
    key = os.environ.get(api_key_env, "")
    if key_needed and not key and not _is_loopback(address):
        raise ConfigError(
            f"the environment variable {api_key_env} is not set; it must hold the key "
            f"for {model} (or name another one with api_key_env)"
        )
    return address, key or "none"


def account_headers() -> dict[str, str]:
    """Return what `openai` would say of the account, from the variables it reads."""
    names = {"OpenAI-Organization": "OPENAI_ORG_ID", "OpenAI-Project": "OPENAI_PROJECT_ID"}
    return {header: found for header, name in names.items() if (found := os.environ.get(name))}


def _endpoint_key(section: JudgeSection) -> object:
    """Return all of a section that is about its endpoint, and not about the question."""
    return (
        section.model,
        section.base_url,
        section.api_version,
        section.api_key_env,
        section.response_format,
        section.deadline_s,
        section.requests_per_minute,
        section.tokens_per_minute,
        section.prices,
    )


def _now() -> datetime:
    return datetime.now(UTC)


def _is_address(base_url: str) -> bool:
    try:
        parts = urlsplit(base_url)
        _ = parts.port
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname)


def _is_loopback(base_url: str) -> bool:
    return urlsplit(base_url).hostname in {"127.0.0.1", "localhost", "::1"}
