"""Progress on stderr: a bar on a terminal, a line now and then elsewhere."""

import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)

from judge.render.money import money
from judge.results.outcome import Fate, Score
from judge.results.run import Result
from judge.stats.money import Money, total

_LINE_EVERY_S = 10.0


class RunProgress:
    """Counts results as they become durable.

    Args:
        clock: seconds that only grow.
    """

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._total = 0
        self._done = 0
        self._fates: Counter[str] = Counter()
        self._cost = Money()
        self._started = clock()
        self._last_line = self._started
        self._bar: Progress | None = None

    def __enter__(self) -> Self:
        if sys.stderr.isatty():
            self._bar = Progress(
                TextColumn("scoring"),
                BarColumn(),
                MofNCompleteColumn(),
                TimeRemainingColumn(),
                TextColumn("{task.fields[rate]}  {task.fields[fates]}"),
                console=Console(stderr=True),
                transient=True,
            )
            self._bar.add_task("scoring", total=None, rate="", fates="")
            self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.stop()
        elif self._done:
            self._say()

    def expect(self, more: int) -> None:
        """Say how many more results there will be."""
        self._total += more
        if self._bar is not None:
            self._bar.update(self._bar.task_ids[0], total=self._total)

    def watch(self, results: Sequence[Result]) -> None:
        """Count results that have just become durable."""
        self._done += len(results)
        self._fates.update(r.outcome.code.value for r in results if isinstance(r.outcome, Fate))
        self._cost += total(_costs(results))
        if self._bar is not None:
            self._bar.update(
                self._bar.task_ids[0],
                completed=self._done,
                rate=f"{self._rate():.0f}/s",
                fates=self._so_far(),
            )
        elif self._clock() - self._last_line > _LINE_EVERY_S:
            self._say()

    def _say(self) -> None:
        self._last_line = self._clock()
        rate = self._rate()
        words = [f"judge: {self._done} scores", f"{rate:.0f}/s"]
        if self._total:  # a resume finds out on the way how many there are
            words[0] = f"judge: {self._done} of {self._total} scores"
            words.append(f"{(self._total - self._done) / rate:.0f} s left")
        print(", ".join(filter(None, [*words, self._so_far()])), file=sys.stderr)

    def _rate(self) -> float:
        return self._done / max(1e-9, self._clock() - self._started)

    def _so_far(self) -> str:
        cost = [money(self._cost)] if self._cost.known else []
        return ", ".join([*cost, *(f"{code} {n}" for code, n in self._fates.most_common())])


def _costs(results: Sequence[Result]) -> Iterator[float | None]:
    """Yield what each score of a model cost; None where that is not known."""
    for result in results:
        outcome = result.outcome
        if isinstance(outcome, Score) and "cost" in outcome.details:
            cost = outcome.details["cost"]
            yield cost if isinstance(cost, float) else None
