"""Does the corrected rate hold what all people said? On EVOUNA-NQ, where every answer is rated.

Of 3,880 answers 300 labels are drawn, 60 of each system, balanced by the judge's verdict; the
interval of the corrected rate should hold the all-human rate of the system in .935 to .99 of the
draws, whoever the judge is. Beside it stands what the judge alone would have said. Judges: the
baseline, and a planted one that passes too much of one system and too little of another.

    export JUDGE_DATA=the folder that holds evouna_nq/
    python benchmarks/corrected_rates.py
"""

import argparse
import asyncio
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

import judge
from judge.results.outcome import Score
from judge.stats.correction import double_sampling
from judge.stats.estimate import Estimate

CONFIG = Path(__file__).parents[1] / "configs" / "evouna_nq.yaml"
METRIC = "equivalence.reference"
LABELS_A_SYSTEM = 60
TOO_MUCH, TOO_LITTLE = "chatgpt", "fid"
PLANTED_ERROR = 0.35


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """What came of many draws of labels of one system.

    Attributes:
        truth: share that people pass, of all its answers.
        raw: share that the judge passes.
        covered: share of the draws whose interval holds the truth.
        half_width: mean over the draws.
        worth: labels without a judge that would be as precise, by the mean half-width.
    """

    truth: float
    raw: float
    covered: float
    half_width: float
    worth: float


def main() -> None:
    """Judge, draw and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=2000)
    arguments = parser.parse_args()
    people = people_said()
    judges = {"baseline": _baseline(people), "planted": planted(people)}
    table = Table(
        "judge",
        "system",
        "all people",
        "judge alone",
        "its error",
        "covered",
        "half-width",
        "worth",
    )
    for name, verdicts in judges.items():
        for system, human in people.items():
            found = coverage(verdicts[system], human, seeds=arguments.seeds)
            table.add_row(
                name,
                system,
                f"{found.truth:.3f}",
                f"{found.raw:.3f}",
                f"{found.raw - found.truth:+.3f}",
                f"{found.covered:.3f}",
                f"{found.half_width:.3f}",
                f"{LABELS_A_SYSTEM} -> {found.worth:.0f}",
            )
    Console(width=110).print(f"{arguments.seeds} draws of {LABELS_A_SYSTEM} labels a system", table)


def coverage(
    judged: NDArray[np.int64], human: NDArray[np.int64], *, seeds: int, draws: int = 2_000
) -> Coverage:
    """Draw labels balanced by verdict again and again, and count what the intervals hold.

    Args:
        judged: verdicts, 0 or 1, shape (N,).
        human: labels, 0 or 1, shape (N,).
        seeds: how many times.
        draws: behind each interval.
    """
    truth, held, widths = float(human.mean()), 0, []
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        chosen = planned_draw(judged, rng)
        found = double_sampling(
            judged,
            human[chosen],
            labelled=chosen,
            estimand="finite",
            rng=rng,
            strata=judged,
            draws=draws,
        )
        if not isinstance(found, Estimate):
            raise TypeError(f"no corrected rate: {found.reason}")
        held += found.low <= truth <= found.high
        widths.append((found.high - found.low) / 2)
    half = float(np.mean(widths))
    size = len(human)
    # A share of n labels of N is known to z^2 p (1 - p) (1/n - 1/N) = half^2.
    needed = 1 / ((half / 1.96) ** 2 / (truth * (1 - truth)) + 1 / size)
    return Coverage(
        truth=truth,
        raw=float(judged.mean()),
        covered=held / seeds,
        half_width=half,
        worth=needed,
    )


def planned_draw(judged: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    """Draw labels balanced by verdict; what one verdict cannot fill the other does."""
    passes, fails = np.flatnonzero(judged == 1), np.flatnonzero(judged == 0)
    few = min(LABELS_A_SYSTEM // 2, passes.size, fails.size)
    sizes = (
        (LABELS_A_SYSTEM - few, few) if fails.size < passes.size else (few, LABELS_A_SYSTEM - few)
    )
    return np.concatenate(
        [
            rng.choice(passes, size=sizes[0], replace=False),
            rng.choice(fails, size=sizes[1], replace=False),
        ]
    )


def planted(people: Mapping[str, NDArray[np.int64]]) -> dict[str, NDArray[np.int64]]:
    """Return the verdicts of a judge that errs in opposite directions on two systems."""
    rng = np.random.default_rng(0)
    verdicts = {}
    for system, human in people.items():
        wrong = rng.random(human.size) < PLANTED_ERROR
        if system == TOO_MUCH:
            verdicts[system] = np.where(wrong, 1, human)
        elif system == TOO_LITTLE:
            verdicts[system] = np.where(wrong, 0, human)
        else:
            verdicts[system] = human.copy()
            verdicts[system][rng.random(human.size) < PLANTED_ERROR / 7] ^= 1
    return verdicts


def people_said() -> dict[str, NDArray[np.int64]]:
    """Return what people said of every answer, by system, in the order of the questions."""
    path = Path(os.environ["JUDGE_DATA"]) / "evouna_nq" / "ratings.jsonl"
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    said: dict[str, dict[str, int]] = {}
    for row in rows:
        said.setdefault(row["system"], {})[row["question_id"]] = int(row["correct"])
    return {
        system: np.array([found[item] for item in sorted(found)], dtype=np.int64)
        for system, found in said.items()
    }


def _baseline(people: Mapping[str, NDArray[np.int64]]) -> dict[str, NDArray[np.int64]]:
    """Return the baseline judge's verdicts; no verdict counts as a fail."""
    project = judge.open_project(CONFIG)
    store = judge.MemoryStore()

    def now() -> datetime:
        return datetime.now(UTC)

    run = asyncio.run(judge.evaluate(project, store, now=now))
    report = judge.report(store, run, now=now())
    passed: dict[str, dict[str, int]] = {system: {} for system in people}
    for example in report.examples:
        outcome = example.outcomes[METRIC]
        value = int(outcome.value) if isinstance(outcome, Score) else 0
        passed[example.record.system][example.record.item_id] = value
    return {
        system: np.array([found[item] for item in sorted(found)], dtype=np.int64)
        for system, found in passed.items()
    }


if __name__ == "__main__":
    main()
