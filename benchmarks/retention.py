"""Is a student below the margin ever passed? On EVOUNA-NQ, where every answer is rated.

The teacher is gpt4. Labels are drawn again and again as `judge plan` draws them for teacher and
student, with the verdicts of the baseline judge; from each draw the answer is taken that reports
give: does the student keep at least so much of the teacher? Beside it stand labels without a judge,
drawn at random: as many, and twice as many. A student below the margin should be passed in at most
2.5 % of the draws, and as few labels as possible should leave it undecided.

    export JUDGE_DATA=the folder that holds evouna_nq/
    python benchmarks/retention.py
"""

import argparse
import asyncio
import json
import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

import judge
from judge.api.running import outcomes_of
from judge.records.record import Record, RecordKey, Target
from judge.results.outcome import Outcome, Score
from judge.results.run import EQUIVALENCE, SIMILARITY
from judge.stats.estimate import Undefined
from judge.stats.retention import non_inferiority
from judge.trust.draw import Strata, draw, strata_of

CONFIG = Path(__file__).parents[1] / "configs" / "evouna_nq.yaml"
TEACHER = "gpt4"
STUDENTS = ("chatgpt", "gpt35", "newbing", "fid")
QUESTIONS = (150, 300)
MARGINS = (0.80, 0.85, 0.90, 0.95)
ANSWERS = ("yes", "no", "undecided")


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What a judge and a similarity said of every answer."""

    records: Sequence[Record]
    outcomes: Mapping[RecordKey, Outcome]
    cosines: Mapping[RecordKey, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairs:
    """Teacher and one student on the same questions.

    Attributes:
        records: of both.
        outcomes: what the judge said of each record.
        cosines: similarity of each output to the reference.
        items: ids of the questions, in the order of the arrays.
        judged: verdicts of student and teacher, no verdict as 0, shape (N, 2).
        human: what people said of them, shape (N, 2).
    """

    records: Sequence[Record]
    outcomes: Mapping[RecordKey, Outcome]
    cosines: Mapping[RecordKey, float]
    items: Sequence[str]
    student: str
    judged: NDArray[np.float64]
    human: NDArray[np.float64]

    @property
    def kept(self) -> float:
        """Share of the teacher's quality that the student keeps, as all people say."""
        student, teacher = self.human.mean(axis=0)
        return float(student / teacher)


@dataclass(frozen=True, slots=True, kw_only=True)
class Labelled:
    """Questions of which both answers are labelled.

    Attributes:
        places: of the questions, shape (n,).
        chances: that both were drawn, shape (n,); None where they were drawn without a judge.
    """

    places: NDArray[np.int64]
    chances: NDArray[np.float64] | None


def main() -> None:
    """Judge once, draw and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=2000)
    arguments = parser.parse_args()
    people = people_said()
    judged = baseline()
    console = Console(width=130)
    for student in STUDENTS:
        pairs = pairs_of(judged, people, student)
        margins = sorted({*MARGINS, round(pairs.kept, 4) + 1e-4})
        table = Table("questions", "labels from", "both labelled", *(f"{m:.4g}" for m in margins))
        for questions in QUESTIONS:
            for name, drawn in draws(pairs, questions=questions).items():
                answers, n_both = Counter[tuple[float, str]](), 0
                for seed in range(arguments.seeds):
                    labelled = drawn(seed)
                    n_both += labelled.places.size
                    for margin in margins:
                        answers[margin, answer(pairs, labelled, margin=margin)] += 1
                shares = [
                    " / ".join(f"{answers[m, a] / arguments.seeds:.1%}" for a in ANSWERS)
                    for m in margins
                ]
                table.add_row(str(questions), name, f"{n_both / arguments.seeds:.0f}", *shares)
        console.print(f"{student} keeps {pairs.kept:.4f}: yes / no / undecided by margin", table)


def people_said() -> dict[RecordKey, float]:
    """Return what people said of every answer, 1 for right."""
    path = Path(os.environ["JUDGE_DATA"]) / "evouna_nq" / "ratings.jsonl"
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return {
        RecordKey(item_id=row["question_id"], system=row["system"]): float(row["correct"])
        for row in rows
    }


def answers() -> Sequence[Record]:
    """Return every answer of every system."""
    return tuple(judge.open_project(CONFIG).dataset.records())


def baseline() -> Judged:
    """Judge every answer with the baseline judge, once."""
    project = judge.open_project(CONFIG)
    store = judge.MemoryStore()

    def now() -> datetime:
        return datetime.now(UTC)

    run = asyncio.run(judge.evaluate(project, store, now=now))
    found = store.results(run.run_id)
    alike = outcomes_of(found, SIMILARITY, Target.REFERENCE)
    return Judged(
        records=tuple(project.dataset.records()),
        outcomes=outcomes_of(found, EQUIVALENCE, Target.REFERENCE),
        cosines={key: one.value for key, one in alike.items() if isinstance(one, Score)},
    )


def pairs_of(judged: Judged, people: Mapping[RecordKey, float], student: str) -> Pairs:
    """Return what is known of a student and the teacher on every question."""
    items = [record.item_id for record in judged.records if record.system == student]
    keys = [[RecordKey(item_id=item, system=s) for s in (student, TEACHER)] for item in items]
    return Pairs(
        records=[one for one in judged.records if one.system in (student, TEACHER)],
        outcomes=judged.outcomes,
        cosines=judged.cosines,
        items=items,
        student=student,
        judged=np.array([[_passed(judged.outcomes[key]) for key in both] for both in keys]),
        human=np.array([[people[key] for key in both] for both in keys]),
    )


def draws(pairs: Pairs, *, questions: int) -> Mapping[str, Callable[[int], Labelled]]:
    """Return the ways to spend labels, by name: each draws by a seed."""
    strata = strata_of(pairs.records, pairs.outcomes, pairs.cosines, labels=2 * questions)

    def planned(seed: int) -> Labelled:
        return _planned(pairs, strata, labels=2 * questions, seed=seed)

    return {
        "planned draw and judge": planned,
        "people alone": partial(_alone, pairs, questions=questions),
        "people alone, twice as many": partial(_alone, pairs, questions=2 * questions),
    }


def answer(pairs: Pairs, labelled: Labelled, *, margin: float) -> str:
    """Return whether the labels say that the student keeps so much: yes, no or undecided.

    As reports ask it, but of this very set, whose every answer is known: reports ask about items
    like these, which allows for more chance and so says yes less often.
    """
    alone = labelled.chances is None
    found = non_inferiority(
        np.zeros_like(pairs.judged) if alone else pairs.judged,
        pairs.human[labelled.places],
        labelled=labelled.places,
        margin=margin,
        estimand="finite",
        inclusion=labelled.chances,
        passes=True,
    )
    return "undecided" if isinstance(found, Undefined) else found.decision


def _planned(pairs: Pairs, strata: Strata, *, labels: int, seed: int) -> Labelled:
    """Draw as `judge plan` does; a question was drawn in both systems with the lesser chance."""
    chances = {one.key: one.chance for one in draw(strata, labels=labels, seed=seed)}
    places, both = [], []
    for place, item in enumerate(pairs.items):
        found = [chances.get(RecordKey(item_id=item, system=s)) for s in (pairs.student, TEACHER)]
        known = [chance for chance in found if chance is not None]
        if len(known) == len(found):
            places.append(place)
            both.append(min(known))
    return Labelled(places=np.array(places, dtype=np.int64), chances=np.array(both))


def _alone(pairs: Pairs, seed: int, *, questions: int) -> Labelled:
    rng = np.random.default_rng(seed)
    drawn = rng.choice(len(pairs.items), size=min(questions, len(pairs.items)), replace=False)
    return Labelled(places=drawn, chances=None)


def _passed(outcome: Outcome) -> float:
    return outcome.value if isinstance(outcome, Score) else 0.0


if __name__ == "__main__":
    main()
