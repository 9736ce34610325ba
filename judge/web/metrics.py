"""What the service counts, for Prometheus: numbers alone, no text and no key."""

from collections import Counter as Counts
from collections.abc import Callable, Iterator, Mapping

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.types import Scope

from judge.results.tallies import Tallies

_BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Metrics:
    """Requests by route and status, jobs by state, and what was scored and paid for."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "judge_http_requests", "Requests", ["route", "status"], registry=self._registry
        )
        self._seconds = Histogram(
            "judge_http_request_seconds",
            "Seconds to the end of an answer",
            ["route"],
            buckets=_BUCKETS_S,
            registry=self._registry,
        )

    def watch_jobs(self, states: Callable[[], Mapping[str, int]]) -> None:
        """Ask how many jobs are in each state whenever somebody looks."""
        self._registry.register(_Jobs(states))

    def watch_work(self, look: Callable[[], Tallies], waiting_s: Callable[[], float]) -> None:
        """Ask what was scored, what it cost and how long jobs wait whenever somebody looks."""
        self._registry.register(_Work(look, waiting_s))

    def answered(self, scope: Scope, status: int, seconds: float) -> None:
        """Count an answer."""
        # The route, not the path: that holds ids, and there is no end of them.
        route = getattr(scope.get("route"), "path", "none")
        self._requests.labels(route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def text(self) -> bytes:
        """Return all of it in the text format."""
        return generate_latest(self._registry)


class _Jobs(Collector):
    def __init__(self, states: Callable[[], Mapping[str, int]]) -> None:
        self._states = states

    def collect(self) -> Iterator[Metric]:
        family = GaugeMetricFamily("judge_jobs", "Jobs by state", labels=["state"])
        for state, n in Counts(self._states()).items():
            family.add_metric([state], n)
        yield family


class _Work(Collector):
    def __init__(self, look: Callable[[], Tallies], waiting_s: Callable[[], float]) -> None:
        self._look = look
        self._waiting_s = waiting_s

    def collect(self) -> Iterator[Metric]:
        yield GaugeMetricFamily(
            "judge_queue_oldest_seconds",
            "Seconds since the job that waits longest was queued; 0 where none waits",
            value=self._waiting_s(),
        )
        found = self._look()
        for name, words, label, counts in (
            ("judge_outcomes", "What came of records: score, or why there is none", "outcome",
             found.outcomes),
            ("judge_calls", "Calls to endpoints", "result", found.calls),
            ("judge_tokens", "Tokens, as far as endpoints count them", "direction", found.tokens),
        ):  # fmt: skip
            family = CounterMetricFamily(name, words, labels=[label])
            for value, n in counts.items():
                family.add_metric([value], n)
            yield family
        yield CounterMetricFamily(
            "judge_cost_dollars", "US dollars spent, as far as that is known", value=found.dollars
        )
        yield CounterMetricFamily(
            "judge_calls_unpriced", "Answered calls of unknown cost", value=found.unpriced
        )
