from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from subprocess import CompletedProcess

from judge.testing import FakeEndpoint

Run = Callable[..., CompletedProcess[str]]


def test_a_run_on_one_database_is_reported_the_same_from_the_other(
    judge: Run,
    write_set: Callable[..., None],
    serving: Callable[..., AbstractContextManager[FakeEndpoint]],
    postgres: str,
) -> None:
    write_set()
    with serving():
        judge("run", "judge.yaml", "--store", postgres)

    copied = judge("backup", postgres, "copy.sqlite")
    restored = judge("restore", "copy.sqlite", "kept.sqlite")

    assert (copied.returncode, restored.returncode) == (0, 0), copied.stderr + restored.stderr
    for store in (postgres, "kept.sqlite"):
        judge("report", "--store", store, "-o", f"{len(store)}.json", "-o", f"{len(store)}.jsonl")
    for ending in ("json", "jsonl"):
        one, other = (Path(f"{len(store)}.{ending}") for store in (postgres, "kept.sqlite"))
        assert one.read_bytes() == other.read_bytes()


def test_a_store_that_is_not_there_is_not_copied(judge: Run, folder: Path) -> None:
    found = judge("backup", "gone.sqlite", "copy.sqlite")

    assert found.returncode == 2
    assert "there is no store gone.sqlite" in found.stderr
    assert list(folder.iterdir()) == []
