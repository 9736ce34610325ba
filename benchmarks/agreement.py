"""Cohen's kappa with its interval: ours beside a bootstrap that loops scikit-learn.

Prints the median of interleaved repeats and the ratio; absolute times hold for this machine only.
"""

import argparse
import time
from collections.abc import Callable
from statistics import median

import numpy as np
from rich.console import Console
from rich.table import Table
from sklearn.metrics import cohen_kappa_score

from judge.stats.agreement import cohen_kappa, confusion

DRAWS = 10_000
LOOPED = 200
"""Resamples the loop really makes; its time is scaled to DRAWS, which the table says."""
REPEATS = 5
RIGHT = 0.9
"""How often the judge says what people say."""


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--labels", type=int, nargs="+", default=[1_000, 100_000])
    table = Table("labels", "ours, s", f"scikit-learn loop, s (x {DRAWS // LOOPED})", "ratio")
    for n in parser.parse_args().labels:
        ours, loop = _measured(n)
        table.add_row(f"{n:,}", f"{ours:.4f}", f"{loop:.1f}", f"{loop / ours:,.0f} x")
    Console().print(table)


def _measured(n: int) -> tuple[float, float]:
    rng = np.random.default_rng(7)
    human = rng.integers(0, 2, n)
    judge = np.where(rng.random(n) < RIGHT, human, 1 - human)

    def ours() -> None:
        cohen_kappa(confusion(human, judge, n_categories=2), rng=rng, draws=DRAWS)

    def loop() -> None:
        for _ in range(LOOPED):
            rows = rng.integers(0, n, n)
            cohen_kappa_score(human[rows], judge[rows])

    times = [(_seconds(ours), _seconds(loop)) for _ in range(REPEATS)]
    return median(t[0] for t in times), median(t[1] for t in times) * DRAWS / LOOPED


def _seconds(work: Callable[[], None]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
