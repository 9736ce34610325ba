"""The one run of a test session: what it asks, made once, whoever needs it first."""

import asyncio
import fcntl
import inspect
import os
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TypeAlias

import msgspec
import pytest

from judge.api.producing import kept_production
from judge.api.reporting import admitted_results, report
from judge.api.scoring import evaluate
from judge.errors import ConfigError, JudgeError, did_you_mean
from judge.pytest_plugin.judged import JudgedRun
from judge.pytest_plugin.summary import summary_lines
from judge.records.dataset import Dataset
from judge.records.record import Item, Role, System
from judge.results.run import RunManifest
from judge.results.store import Store, find_run
from judge.wiring.deciding import gate_rules
from judge.wiring.endpoint import CallLimits, call_limits_of_environment
from judge.wiring.project import open_project
from judge.wiring.sources import Outputs, read_items_of
from judge.wiring.store import open_store, vectors_beside

Maker: TypeAlias = Callable[[str], object]
"""Makes a system's answer from an item's input: text, or None where the system gives none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One record that a test is about."""

    system: str
    item_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Note:
    """What the process that scored tells the others.

    Attributes:
        failed: system, item, and why there is no answer.
    """

    run_id: str
    failed: tuple[tuple[str, str, str], ...]
    whole: bool


class JudgeSession:
    """The run of one config that the tests of a session share.

    Args:
        config: the config file.
        store: where results and certificates are kept.
        max_cost: US dollars that the run may spend; None leaves it to JUDGE_MAX_COST.
    """

    def __init__(self, config: Path, *, store: str, max_cost: float | None = None) -> None:
        self._config = Path(os.path.relpath(config))  # as messages and commands name it
        self._store = store
        self._max_cost = max_cost
        self._found: JudgedRun | JudgeError | None = None
        self.scored_here = False
        """Whether it was this process that scored."""

    def cases(self, mark: pytest.Mark) -> list[Case]:
        """Return the records that a marked test is about.

        Raises:
            InputError: the config or its items cannot be used, or have no such system or slice.
        """
        system, _, where = _arguments(mark)
        dataset = self._items.selected(filters=where) if where else self._items
        name = self._system(system)
        return [Case(system=name, item_id=item.item_id) for item in dataset.items]

    def run(
        self,
        tests: Sequence[pytest.Item],
        *,
        whole: bool,
        note: Path | None,
        say: Callable[[str], None],
    ) -> JudgedRun:
        """Return the run; it is made when it is first asked for.

        Args:
            tests: all that will run: their records are scored together.
            whole: whether the asking test is about every item of the set.
            note: a file through which the processes of a session share the run; None where there
                is one.
            say: tells the user what takes time.

        Raises:
            JudgeError: it cannot be made.
        """
        if self._found is None:
            try:
                self._found = self._shared(tests, note, say) if note else self._made(tests, say)
            except JudgeError as error:
                self._found = error
        if isinstance(self._found, JudgeError):
            raise self._found
        if whole and not self._found.whole:
            raise ConfigError(
                "the fixture 'judge' was asked for while tests ran, and only what they named was "
                "scored: name it among the arguments of the test"
            )
        return self._found

    def summary(self) -> list[str]:
        """Return what the run says, in lines; none where there was none."""
        return summary_lines(self._found) if isinstance(self._found, JudgedRun) else []

    @cached_property
    def _items(self) -> Dataset:
        if not self._config.is_file():
            raise ConfigError(
                f"there is no config {self._config}; name it by --judge-config, or by "
                "judge_config in pytest's settings (judge init makes one)"
            )
        return read_items_of(self._config)

    def _system(self, name: str) -> str:
        systems = self._items.systems
        if name:
            if name not in (known := [system.name for system in systems]):
                raise ConfigError(
                    f"there is no system {name!r}{did_you_mean(name, known)}; the config has: "
                    f"{', '.join(known)}"
                )
            return name
        students: list[System] = [one for one in systems if one.role is not Role.TEACHER]
        if len(students) != 1:
            raise ConfigError(
                f"say which system a test is about: judged(system=...), one of "
                f"{', '.join(one.name for one in systems)}"
            )
        return students[0].name

    def _shared(
        self, tests: Sequence[pytest.Item], note: Path, say: Callable[[str], None]
    ) -> JudgedRun:
        """Score in one process; the others wait for it and read what it stored."""
        with _alone(note):
            if not note.exists():
                made = self._made(tests, say)
                told = _Note(
                    run_id=made.run_id,
                    failed=tuple((*key, why) for key, why in made.failed.items()),
                    whole=made.whole,
                )
                note.write_bytes(msgspec.json.encode(told))
                return made
            told = msgspec.json.decode(note.read_bytes(), type=_Note)
            with open_store(self._store, existing=True) as store:
                manifest = find_run(store, told.run_id)
                failed = {(system, item): why for system, item, why in told.failed}
                return _judged(store, manifest, failed=failed, whole=told.whole)

    def _made(self, tests: Sequence[pytest.Item], say: Callable[[str], None]) -> JudgedRun:
        whole = any("judge" in getattr(test, "fixturenames", ()) for test in tests)
        ids = None if whole else _item_ids(tests)
        makers = self._makers(tests)
        outputs, failed = self._outputs(makers, ids, say)
        project = open_project(self._config, ids=ids, outputs=outputs, calls=self._limits())
        n_items, n_systems = len(project.dataset.items), len(project.dataset.systems)
        say(f"judge: scoring {n_items} items of {n_systems} systems by {self._config}")
        with open_store(self._store) as store:
            manifest = asyncio.run(evaluate(project, store, now=_now))
            self.scored_here = True
            return _judged(store, manifest, failed=failed, whole=whole)

    def _limits(self) -> CallLimits:
        return call_limits_of_environment(
            max_cost=self._max_cost, vectors=vectors_beside(self._store)
        )

    def _makers(self, tests: Sequence[pytest.Item]) -> Mapping[str, Maker]:
        found: dict[str, Maker] = {}
        for test in tests:
            for mark in test.iter_markers("judged"):
                system, maker, _ = _arguments(mark)
                if maker is None:
                    continue
                if found.setdefault(name := self._system(system), maker) is not maker:
                    raise ConfigError(
                        f"{name} has two functions that make its outputs, {_name(found[name])} and "
                        f"{_name(maker)}: it is one system in one run; name two in the config"
                    )
        return found

    def _outputs(
        self,
        makers: Mapping[str, Maker],
        ids: frozenset[str] | None,
        say: Callable[[str], None],
    ) -> tuple[Outputs, Mapping[tuple[str, str], str]]:
        """Let systems answer; return their answers, and why there is none."""
        outputs: dict[str, dict[str, str]] = {}
        failed: dict[tuple[str, str], str] = {}
        items = [item for item in self._items.items if ids is None or item.item_id in ids]
        for system, maker in makers.items():
            say(f"judge: {_name(maker)} answers {len(items)} items as {system}")
            answers = outputs[system] = {}
            for item in items:
                answer, why = _answer(maker, item)
                if why:
                    failed[system, item.item_id] = why
                elif answer is not None:
                    answers[item.item_id] = answer
        return outputs, failed


def _answer(maker: Maker, item: Item) -> tuple[str | None, str]:
    """Return an answer, or why there is none."""
    try:
        answer = maker(item.input)
    except Exception:  # noqa: BLE001 - whatever the system under test does
        return None, f"{_name(maker)} raised on {item.item_id!r}:\n{traceback.format_exc()}"
    if answer is None or isinstance(answer, str):
        return answer, ""
    if inspect.iscoroutine(answer):
        answer.close()
        return None, f"{_name(maker)} is async; give a function that returns the text itself"
    return None, (
        f"{_name(maker)} returned {type(answer).__name__} on {item.item_id!r}; an output is the "
        "text as the model wrote it"
    )


def _arguments(mark: pytest.Mark) -> tuple[str, Maker | None, Mapping[str, str]]:
    def read(
        system: str = "", outputs: Maker | None = None, where: Mapping[str, str] | None = None
    ) -> tuple[str, Maker | None, Mapping[str, str]]:
        return system, outputs, where or {}

    try:
        return read(*mark.args, **mark.kwargs)
    except TypeError as error:
        said = str(error).rpartition("read() ")[2]
        raise ConfigError(f"the marker judged takes system, outputs and where: {said}") from error


def _item_ids(tests: Sequence[pytest.Item]) -> frozenset[str]:
    params = (getattr(getattr(test, "callspec", None), "params", {}) for test in tests)
    cases = (found.get("judged") for found in params)
    return frozenset(case.item_id for case in cases if isinstance(case, Case))


def _judged(
    store: Store,
    manifest: RunManifest,
    *,
    failed: Mapping[tuple[str, str], str],
    whole: bool,
) -> JudgedRun:
    now = _now()
    return JudgedRun(
        admitted=admitted_results(store, manifest, now=now),
        report=report(store, manifest, now=now),
        rules=gate_rules(manifest),
        productions=kept_production(store, manifest.run_id),
        failed=failed,
        whole=whole,
    )


def _name(maker: Maker) -> str:
    return getattr(maker, "__qualname__", type(maker).__name__)


@contextmanager
def _alone(note: Path) -> Iterator[None]:
    """Let one process at a time in."""
    with note.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _now() -> datetime:
    return datetime.now(UTC)
