from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from judge.errors import JobChanged
from judge.results.job import Job, JobState
from judge.results.sql import SqlStore
from judge.results.sql_service import KeyRow, SqlService, new_job_id

JOB = Job(
    job_id="job-1",
    workspace="w",
    name="n",
    config_path="judge.yaml",
    submitted="2026-01-01",
    changed="2026-01-01",
    fingerprint="f",
    idempotency_key="k",
)


@pytest.fixture
def service(place: Path | str) -> Iterator[SqlService]:
    with SqlStore(place) as store:
        yield store.service


def test_what_is_kept_of_a_job_is_the_job(service: SqlService) -> None:
    service.submit(JOB)

    assert service.job("job-1") == JOB
    assert service.job("job-2") is None


def test_two_submissions_under_one_key_are_one_job_in_a_workspace(service: SqlService) -> None:
    service.submit(JOB)

    again = service.submit(replace(JOB, job_id="job-2"))
    elsewhere = service.submit(replace(JOB, job_id="job-3", workspace="v"))
    unnamed = [service.submit(replace(JOB, job_id=i, idempotency_key="")) for i in ("a", "b")]

    assert again.job_id == "job-1"
    assert elsewhere.job_id == "job-3"
    assert [one.job_id for one in unnamed] == ["a", "b"]


def test_two_hundred_submissions_at_once_under_one_key_are_one_job(place: Path | str) -> None:
    n_processes = 4 if isinstance(place, str) else 1  # one process writes to a file
    with ExitStack() as exits:
        stores = [exits.enter_context(SqlStore(place)) for _ in range(n_processes)]

        def submit(n: int) -> str:
            job = replace(JOB, job_id=f"job-{n}")
            return stores[n % n_processes].service.submit(job).job_id

        with ThreadPoolExecutor(32) as threads:
            kept = set(threads.map(submit, range(200)))
        found = stores[0].service.jobs()

    assert len(kept) == 1
    assert {job.job_id for _, job in found} == kept


def test_a_change_of_what_was_changed_meanwhile_is_refused(service: SqlService) -> None:
    read = service.submit(JOB)
    service.change(read, read.moved(JobState.RUNNING))

    with pytest.raises(JobChanged):
        service.change(read, read.moved(JobState.CANCELLED))

    found = service.job("job-1")
    assert found is not None
    assert found.state is JobState.RUNNING


def test_jobs_are_listed_newest_first_in_pages(service: SqlService) -> None:
    for n in range(5):
        service.submit(replace(JOB, job_id=f"job-{n}", idempotency_key=str(n)))

    first = service.jobs(workspace="w", limit=2)
    second = service.jobs(workspace="w", limit=2, before=first[-1][0])

    assert [job.job_id for _, job in (*first, *second)] == ["job-4", "job-3", "job-2", "job-1"]
    assert service.jobs(workspace="elsewhere") == []


def test_the_audit_log_tells_a_workspace_what_was_done_in_it(service: SqlService) -> None:
    for workspace in ("w", "v"):
        service.note(who="k", workspace=workspace, what="x", about="y", details={"a": 1})

    (entry,) = service.audit(workspace="w")

    assert (entry.who, entry.what, entry.about, entry.details) == ("k", "x", "y", {"a": 1})


def test_a_key_is_kept_as_it_is(service: SqlService) -> None:
    row = KeyRow(
        key_id="a", workspace="w", name="n", roles=("read", "submit"), digest=b"\x00", created="c"
    )

    service.put_key(row)

    assert service.key_rows() == [row]


def test_names_of_jobs_are_not_guessed() -> None:
    names = {new_job_id() for _ in range(100)}

    assert len(names) == 100
    assert min(map(len, names)) >= 20
