from judge.web.metrics import Metrics


def test_requests_are_counted_by_route_and_status() -> None:
    metrics = Metrics()

    metrics.answered({"type": "http"}, 404, 0.1)
    metrics.answered({"type": "http"}, 404, 0.2)

    assert 'judge_http_requests_total{route="none",status="404"} 2.0' in metrics.text().decode()


def test_jobs_are_counted_when_somebody_looks() -> None:
    metrics, states = Metrics(), {"queued": 1}
    metrics.watch_jobs(lambda: states)

    states["queued"] = 3

    assert 'judge_jobs{state="queued"} 3.0' in metrics.text().decode()
