from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from judge.client import ServiceError
from judge.web.access import Role
from judge.web.retention import Retention, sweep
from tests.web.conftest import FILES, Live, config_of, live

DAY = timedelta(days=1)


def _sweep(service: Live, *, days: float, retention: Retention) -> None:
    rules = service.server.rules
    now = datetime.now(UTC) + days * DAY
    sweep(service.server.store, rules.folder, retention, now=now)


def _files(service: Live) -> set[str]:
    return {path.name for path in service.server.rules.folder.glob("*-*/")}


def test_files_of_a_finished_job_go_after_their_days_and_its_run_stays(service: Live) -> None:
    client = service.client()
    job = client.wait(client.submit(config=config_of(None), files=FILES).job_id)
    retention = Retention(files_days=7)

    _sweep(service, days=6, retention=retention)
    before = _files(service)
    _sweep(service, days=8, retention=retention)

    assert before == {job.job_id}
    assert _files(service) == set()
    assert client.job(job.job_id).state == "finished"
    assert client.report(job.run_id)


def test_a_job_that_can_go_on_keeps_its_files(tmp_path: Path) -> None:
    with live(tmp_path, at_once=0) as service:
        client = service.client()
        waiting, paused, cancelled = (
            client.submit(config=config_of(None), files=FILES) for _ in range(3)
        )
        client.pause(paused.job_id)
        client.cancel(cancelled.job_id)

        _sweep(service, days=999, retention=Retention(files_days=1))

        assert _files(service) == {waiting.job_id, paused.job_id}


def test_runs_are_kept_for_good_unless_somebody_says_for_how_long(service: Live) -> None:
    client = service.client()
    job = client.wait(client.submit(config=config_of(None), files=FILES).job_id)

    _sweep(service, days=9999, retention=Retention())

    assert len(list(client.results(job.job_id))) == job.total


def test_jobs_and_runs_go_after_their_days_and_the_audit_log_says_so(service: Live) -> None:
    client = service.client()
    old = client.wait(client.submit(config=config_of(None), files=FILES).job_id)
    client.score([{"id": "a", "output": "x", "references": ["y"]}], config=config_of(None))
    retention = Retention(runs_days=10)

    _sweep(service, days=9, retention=retention)
    kept = client.job(old.job_id).state
    _sweep(service, days=11, retention=retention)

    assert kept == "finished"
    for ask in (lambda: client.job(old.job_id), lambda: client.report(old.run_id)):
        with pytest.raises(ServiceError) as caught:
            ask()
        assert caught.value.status == 404
    assert service.server.store.manifests() == []
    assert _files(service) == set()
    entry = service.http(Role.ADMIN).get("/v1/audit").json()[0]
    assert (entry["who"], entry["what"], entry["about"]) == ("server", "job.expire", old.job_id)


def test_what_a_submission_left_that_died_goes_after_a_day(service: Live, tmp_path: Path) -> None:
    left = service.server.rules.folder / "job-0123456789abcdef"
    other = service.server.rules.folder / "other-things"
    left.mkdir(parents=True)
    other.mkdir()

    _sweep(service, days=0, retention=Retention())
    young = left.exists()
    _sweep(service, days=2, retention=Retention())

    assert young
    assert not left.exists()
    assert other.exists()
