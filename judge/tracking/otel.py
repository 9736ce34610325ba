"""Calls and outcomes by the names of OpenTelemetry's conventions for generative AI.

Source: OpenTelemetry, Semantic conventions for generative AI, metrics and events (in development):
https://github.com/open-telemetry/semantic-conventions-genai
"""

from collections.abc import Iterator, Mapping
from importlib.metadata import version
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import urlsplit

from judge.models.chat import Completion
from judge.reports.report import Example, Report
from judge.results.outcome import Fate, NotApplicable

if TYPE_CHECKING:
    from opentelemetry.metrics import MeterProvider
    from opentelemetry.sdk._logs import LoggerProvider

Attributes: TypeAlias = dict[str, str | int | float | bool]

EVALUATION = "gen_ai.evaluation.result"

# As the conventions give them.
_SECONDS = [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92]
_TOKENS = [4**power for power in range(14)]
_PROVIDERS = {
    "api.anthropic.com": "anthropic",
    "api.cohere.ai": "cohere",
    "api.deepseek.com": "deepseek",
    "api.groq.com": "groq",
    "api.mistral.ai": "mistral_ai",
    "api.perplexity.ai": "perplexity",
    "api.x.ai": "x_ai",
    "generativelanguage.googleapis.com": "gcp.gemini",
}
_PORTS = {"https": 443, "http": 80}
# A provider of logs holds this many at most before it drops some.
_EVENTS_BEFORE_A_FLUSH = 1_000


class CallMetrics:
    """Duration and tokens of each attempt: a `CallMeter`.

    Args:
        meters: where they are counted.
    """

    def __init__(self, meters: "MeterProvider") -> None:
        meter = meters.get_meter("judge", version("judge"))
        self._duration = meter.create_histogram(
            "gen_ai.client.operation.duration",
            unit="s",
            description="GenAI operation duration.",
            explicit_bucket_boundaries_advisory=_SECONDS,
        )
        self._tokens = meter.create_histogram(
            "gen_ai.client.token.usage",
            unit="{token}",
            description="Number of input and output tokens used.",
            explicit_bucket_boundaries_advisory=_TOKENS,
        )

    def answered(
        self, identity: Mapping[str, str], completion: Completion, *, seconds: float
    ) -> None:
        """Record how long an answer took and its tokens, where the endpoint counted them."""
        call = _call(identity)
        if completion.model:
            call["gen_ai.response.model"] = completion.model
        self._duration.record(seconds, call)
        for kind, tokens in (
            ("input", completion.input_tokens),
            ("output", completion.output_tokens),
        ):
            if tokens is not None:
                self._tokens.record(tokens, {**call, "gen_ai.token.type": kind})

    def failed(self, identity: Mapping[str, str], fate: str, *, seconds: float) -> None:
        """Record how long an attempt without an answer took, and why there is none."""
        self._duration.record(seconds, {**_call(identity), "error.type": fate})


def emit_evaluations(report: Report, logs: "LoggerProvider", *, texts: bool = False) -> int:
    """Emit an event for each outcome of a report; return how many.

    Args:
        report: of a run.
        logs: what takes the events.
        texts: whether judges' reasons go with them, which may quote what was judged.
    """
    from opentelemetry._logs import SeverityNumber

    logger = logs.get_logger("judge", version("judge"))
    n_events = 0
    for example in report.examples:
        for attributes in _evaluations(example, texts=texts):
            logger.emit(
                event_name=EVALUATION,
                severity_number=SeverityNumber.INFO,
                attributes={"judge.run.id": report.manifest.run_id, **attributes},
            )
            n_events += 1
            if n_events % _EVENTS_BEFORE_A_FLUSH == 0:
                logs.force_flush()
    return n_events


def _evaluations(example: Example, *, texts: bool) -> Iterator[Attributes]:
    record = example.record
    for metric, outcome in example.outcomes.items():
        if isinstance(outcome, NotApplicable):
            continue
        found: Attributes = {
            "gen_ai.evaluation.name": metric,
            "judge.item.id": record.item_id,
            "judge.system": record.system,
            "judge.trusted": example.trusted[metric],
            **{f"judge.slice.{name}": value for name, value in record.slices.items()},
        }
        if isinstance(outcome, Fate):
            found["error.type"] = outcome.code.value
        else:
            found["gen_ai.evaluation.score.value"] = outcome.value
            if outcome.label:
                found["gen_ai.evaluation.score.label"] = outcome.label
            if texts and outcome.rationale:
                found["gen_ai.evaluation.explanation"] = outcome.rationale
        yield found


def _call(identity: Mapping[str, str]) -> Attributes:
    found: Attributes = {
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": identity.get("model", ""),
    }
    parts = urlsplit(identity.get("endpoint", ""))
    host = parts.hostname or ""
    found["gen_ai.provider.name"] = _provider(host)
    if host:
        found["server.address"] = host
        if port := parts.port or _PORTS.get(parts.scheme):
            found["server.port"] = port
    return found


def _provider(host: str) -> str:
    if host.endswith(".openai.azure.com"):
        return "azure.ai.openai"
    # Every other endpoint is spoken to in the form of OpenAI's, which is what the name tells.
    return _PROVIDERS.get(host, "openai")
