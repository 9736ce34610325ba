import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from subprocess import CompletedProcess

import pytest

from judge.testing import FakeEndpoint


@pytest.fixture
def kept(
    judge: Callable[..., CompletedProcess[str]],
    write_set: Callable[..., None],
    serving: Callable[..., AbstractContextManager[FakeEndpoint]],
) -> int:
    """Fill the cache by a run; return the number of answers."""
    write_set()
    with serving() as endpoint:
        judge("run", "judge.yaml", "--cache")
        return len(endpoint.requests)


def test_the_kept_answers_are_counted_with_what_asking_again_would_cost(
    judge: Callable[..., CompletedProcess[str]], kept: int
) -> None:
    shown, as_json = judge("cache"), judge("cache", "--json")

    assert f"{kept} answers kept" in shown.stdout
    assert f"unknown ({kept} calls)" in shown.stdout
    assert json.loads(as_json.stdout)["entries"] == kept


def test_answers_are_forgotten_only_when_that_is_asked_for_and_only_those_old_enough(
    judge: Callable[..., CompletedProcess[str]], kept: int
) -> None:
    young = judge("cache", "--older-than", "1", "--json")
    cleared = judge("cache", "--clear", "--json")

    assert (json.loads(young.stdout)["entries"], kept > 0) == (kept, True)
    found = json.loads(cleared.stdout)
    assert (found["forgotten"], found["entries"]) == (kept, 0)


def test_a_store_that_is_not_there_is_not_made(judge: Callable[..., CompletedProcess[str]]) -> None:
    found = judge("cache", "--store", "nowhere.sqlite")

    assert found.returncode == 2
    assert "there is no store nowhere.sqlite" in found.stderr
