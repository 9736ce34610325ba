"""A whole validation report beside a bootstrap that loops scikit-learn over one figure of it.

Ours: every figure with its interval, overall and on ten slices, the standing, the probes and the
disagreements. The loop: Cohen's kappa alone, overall alone. Prints CPU seconds (median of
interleaved repeats) and the ratio.
"""

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from statistics import median

import numpy as np
from rich.console import Console
from rich.table import Table
from sklearn.metrics import cohen_kappa_score

from judge.records.scale import EQUIVALENCE
from judge.testing import judged_measure, labelled_verdicts, random_sample_by_people
from judge.trust.certificate import TrustThresholds
from judge.trust.labels import LabelledVerdict
from judge.trust.validation import validate

SLICES = 10
RESAMPLES = 10_000
LOOPED = 10
"""Resamples the loop really makes; its time is scaled to RESAMPLES, which the table says."""
REPEATS = 3
RIGHT = 0.9


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--labels", type=int, nargs="+", default=[1_000, 100_000])
    scaled = RESAMPLES // LOOPED
    table = Table("labels", "whole report, s", f"scikit-learn kappa loop, s (x {scaled})", "ratio")
    for n in parser.parse_args().labels:
        ours, loop = _measured(n)
        table.add_row(f"{n:,}", f"{ours:.3f}", f"{loop:.1f}", f"{loop / ours:,.0f} x")
    Console().print("CPU seconds", table)


def _measured(n: int) -> tuple[float, float]:
    rng = np.random.default_rng(7)
    human = rng.integers(0, 2, n)
    judge = np.where(rng.random(n) < RIGHT, human, 1 - human)
    verdicts = [
        replace(verdict, slices={"slice": str(place % SLICES)}, length=50 + place % 400)
        for place, verdict in enumerate(labelled_verdicts(human.tolist(), judge.tolist()))
    ]

    def loop() -> None:
        for _ in range(LOOPED):
            rows = rng.integers(0, n, n)
            cohen_kappa_score(human[rows], judge[rows])

    times = [(_seconds(lambda: _report(verdicts)), _seconds(loop)) for _ in range(REPEATS)]
    return median(t[0] for t in times), median(t[1] for t in times) * RESAMPLES / LOOPED


def _report(verdicts: Sequence[LabelledVerdict]) -> None:
    validate(
        verdicts,
        measure=judged_measure(),
        scale=EQUIVALENCE,
        provenance=random_sample_by_people(),
        thresholds=TrustThresholds(),
        baseline=None,
        now=datetime.now(UTC),
        seed=0,
    )


def _seconds(work: Callable[[], None]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started


if __name__ == "__main__":
    main()
