from collections.abc import Callable
from subprocess import CompletedProcess

import pytest


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--queues", "cpu"), "must be io, gpu"),
        ((), "needs --store postgresql://"),
        (("--store", "here.sqlite"), "judge serve"),
    ],
)
def test_a_worker_says_what_it_needs(
    words: tuple[str, ...], said: str, judge: Callable[..., CompletedProcess[str]]
) -> None:
    found = judge("worker", *words)

    assert (found.returncode, said in found.stderr) == (2, True)
