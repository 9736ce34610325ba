"""The tools that runs are told to."""

import os
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from judge.errors import MissingExtra
from judge.models.metering import CallMeter
from judge.reports.report import Report
from judge.tracking.tracker import Tracker

TEXTS = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
"""OpenTelemetry's own variable for whether texts may leave with its data."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tracking:
    """What is told of a run, and to whom.

    Attributes:
        meter: told of calls; None where nobody wants to know.
        tell: each takes a report, and returns what became of it in words.
    """

    meter: CallMeter | None = None
    tell: tuple[Callable[[Report], str], ...] = ()


@contextmanager
def open_tracking(trackers: Collection[Tracker]) -> Iterator[Tracking]:
    """Open tools before anything is spent; leaving the context lets them send the rest.

    Raises:
        MissingExtra: a tool's extra is not installed.
        ConfigError: a tool cannot be reached.
    """
    meter: CallMeter | None = None
    tell: list[Callable[[Report], str]] = []
    with ExitStack() as exits:
        if Tracker.MLFLOW in trackers:
            tell.append(_mlflow())
        if Tracker.OTEL in trackers:
            meter, told = _otel(exits)
            tell.append(told)
        yield Tracking(meter=meter, tell=tuple(tell))


def _mlflow() -> Callable[[Report], str]:
    from judge.tracking.mlflow_runs import MlflowRuns

    try:
        runs = MlflowRuns()
    except ImportError as error:
        raise MissingExtra("tracking", needed_for="--track mlflow") from error
    return lambda report: f"MLflow run {runs.write(report)}"


def _otel(exits: ExitStack) -> tuple[CallMeter, Callable[[Report], str]]:
    try:
        from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
        from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
        from opentelemetry.sdk._logs import LoggerProvider
        from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
        from opentelemetry.sdk.metrics import MeterProvider
        from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
        from opentelemetry.sdk.resources import Resource
    except ImportError as error:
        raise MissingExtra("otel", needed_for="--track otel") from error
    from judge.tracking.otel import CallMetrics, emit_evaluations

    # OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES win, where they are set.
    names = {} if os.environ.get("OTEL_SERVICE_NAME") else {"service.name": "judge"}
    resource = Resource.create(names)
    meters = MeterProvider([PeriodicExportingMetricReader(OTLPMetricExporter())], resource=resource)
    exits.callback(meters.shutdown)
    logs = LoggerProvider(resource=resource)
    logs.add_log_record_processor(BatchLogRecordProcessor(OTLPLogExporter()))
    exits.callback(logs.shutdown)
    texts = os.environ.get(TEXTS, "").lower() == "true"

    def told(report: Report) -> str:
        return f"{emit_evaluations(report, logs, texts=texts)} events to OpenTelemetry"

    return CallMetrics(meters), told
