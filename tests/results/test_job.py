from dataclasses import replace

import pytest

from judge.errors import IllegalTransition
from judge.results.job import LEGAL, Job, JobKind, JobState, Wish

JOB = Job(
    job_id="job-1",
    workspace="w",
    name="n",
    config_path="judge.yaml",
    submitted="2026-01-01",
    changed="2026-01-01",
    fingerprint="f",
)


def test_the_id_of_a_job_says_what_it_does() -> None:
    assert JOB.kind is JobKind.SCORING
    assert replace(JOB, job_id="validation-1").kind is JobKind.VALIDATION


def test_a_cancelled_job_goes_nowhere() -> None:
    assert LEGAL[JobState.CANCELLED] == frozenset()


@pytest.mark.parametrize("was", list(JobState))
@pytest.mark.parametrize("becomes", list(JobState))
def test_a_job_moves_as_the_table_says_or_is_refused_with_the_ways_there_are(
    was: JobState, becomes: JobState
) -> None:
    job = replace(JOB, state=was, wish=Wish.PAUSE)

    if becomes in LEGAL[was]:
        moved = job.moved(becomes, error="why")
        assert (moved.state, moved.wish, moved.error) == (becomes, Wish.NONE, "why")
    else:
        with pytest.raises(IllegalTransition, match=f"is {was}"):
            job.moved(becomes)


@pytest.mark.parametrize("state", list(JobState))
def test_nothing_happens_to_a_job_that_neither_waits_nor_runs(state: JobState) -> None:
    assert state.is_over is (state not in {JobState.QUEUED, JobState.RUNNING})
