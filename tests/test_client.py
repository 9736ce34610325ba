import pytest

from judge.client import RemoteJob


@pytest.mark.parametrize(
    ("state", "is_over"),
    [("queued", False), ("running", False), ("paused", True), ("finished", True), ("failed", True)],
)
def test_a_job_that_nobody_works_on_is_over(state: str, is_over: bool) -> None:  # noqa: FBT001 - a row
    job = RemoteJob(
        job_id="j", name="n", state=state, priority=0, submitted="", changed="", run_id="",
        done=0, total=0, error="",
    )  # fmt: skip

    assert job.is_over is is_over
