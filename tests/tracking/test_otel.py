from collections import Counter
from typing import Any

import pytest
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from judge import Report
from judge.testing import completion
from judge.tracking.otel import CallMetrics, emit_evaluations

OPENAI = {"model": "gpt-4.1-mini", "endpoint": "https://api.openai.com"}
LOCAL = {"model": "small", "endpoint": "http://127.0.0.1:8000"}


def _events(report: Report, *, texts: bool = False) -> list[dict[str, Any]]:
    kept = InMemoryLogRecordExporter()  # type: ignore[no-untyped-call]  # of the SDK
    logs = LoggerProvider(shutdown_on_exit=False)
    logs.add_log_record_processor(SimpleLogRecordProcessor(kept))
    n_events = emit_evaluations(report, logs, texts=texts)
    records = [one.log_record for one in kept.get_finished_logs()]
    assert n_events == len(records)
    assert {record.event_name for record in records} == {"gen_ai.evaluation.result"}
    return [dict(record.attributes or {}) for record in records]


def _points(reader: InMemoryMetricReader) -> dict[str, list[Any]]:
    found = reader.get_metrics_data()
    assert found is not None
    return {
        metric.name: list(metric.data.data_points)
        for resource in found.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
    }


def test_each_outcome_is_an_event_and_a_fate_is_an_error_without_a_score(report: Report) -> None:
    events = _events(report)

    # 24 items of two systems: the judge against the reference, and the schema.
    assert Counter(event["gen_ai.evaluation.name"] for event in events) == {
        "equivalence.reference": 48,
        "adherence.strict": 48,
    }
    (empty,) = [event for event in events if "error.type" in event]
    assert empty["error.type"] == "output_empty"
    assert (empty["judge.item.id"], empty["judge.system"]) == ("i0", "student")
    assert "gen_ai.evaluation.score.value" not in empty
    judged = next(event for event in events if "gen_ai.evaluation.score.label" in event)
    assert judged["gen_ai.evaluation.score.label"] == "equivalent"
    assert judged["gen_ai.evaluation.score.value"] == 1.0
    assert judged["judge.slice.kind"] in {"even", "odd"}
    assert judged["judge.run.id"] == report.manifest.run_id


def test_an_event_says_whether_its_number_may_be_believed(report: Report) -> None:
    trusted = {
        (event["gen_ai.evaluation.name"], event["judge.trusted"]) for event in _events(report)
    }

    assert trusted == {("equivalence.reference", False), ("adherence.strict", True)}


def test_a_judges_words_leave_only_where_they_are_asked_for(report: Report) -> None:
    reason = "gen_ai.evaluation.explanation"

    assert not [event for event in _events(report) if reason in event]
    assert [event for event in _events(report, texts=True) if event.get(reason)]


def test_no_text_that_was_judged_is_in_an_event(report: Report) -> None:
    said = str(_events(report, texts=False))

    assert "true 3" not in said
    assert "ask" not in said.split()


def test_answers_are_counted_by_the_conventions_names_units_and_buckets() -> None:
    reader = InMemoryMetricReader()
    metrics = CallMetrics(MeterProvider([reader], shutdown_on_exit=False))

    metrics.answered(OPENAI, completion("yes", model="gpt-4.1-mini-2025"), seconds=0.5)

    points = _points(reader)
    assert points.keys() == {"gen_ai.client.operation.duration", "gen_ai.client.token.usage"}
    (duration,) = points["gen_ai.client.operation.duration"]
    assert dict(duration.attributes) == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4.1-mini",
        "gen_ai.response.model": "gpt-4.1-mini-2025",
        "server.address": "api.openai.com",
        "server.port": 443,
    }
    assert (duration.sum, duration.count) == (0.5, 1)
    assert duration.explicit_bounds[:3] == (0.01, 0.02, 0.04)
    kinds = {point.attributes["gen_ai.token.type"] for point in points["gen_ai.client.token.usage"]}
    assert kinds == {"input", "output"}
    assert points["gen_ai.client.token.usage"][0].explicit_bounds[-1] == 67108864


def test_a_failed_attempt_has_its_fate_and_no_tokens() -> None:
    reader = InMemoryMetricReader()
    metrics = CallMetrics(MeterProvider([reader], shutdown_on_exit=False))

    metrics.failed(LOCAL, "judge_unavailable", seconds=2.0)

    points = _points(reader)
    assert points.keys() == {"gen_ai.client.operation.duration"}
    (duration,) = points["gen_ai.client.operation.duration"]
    assert duration.attributes["error.type"] == "judge_unavailable"
    assert duration.attributes["server.port"] == 8000


@pytest.mark.parametrize(
    ("endpoint", "provider"),
    [
        ("https://api.mistral.ai", "mistral_ai"),
        ("https://mine.openai.azure.com", "azure.ai.openai"),
        ("http://127.0.0.1:8000", "openai"),
    ],
)
def test_a_provider_is_named_as_the_conventions_name_it(endpoint: str, provider: str) -> None:
    reader = InMemoryMetricReader()
    metrics = CallMetrics(MeterProvider([reader], shutdown_on_exit=False))

    metrics.failed({"model": "m", "endpoint": endpoint}, "judge_rejected", seconds=1.0)

    (duration,) = _points(reader)["gen_ai.client.operation.duration"]
    assert duration.attributes["gen_ai.provider.name"] == provider
