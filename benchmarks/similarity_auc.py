"""How well each similarity tells right from wrong answers: AUC against people's verdicts.

Prints, for EVOUNA (Natural Questions), the area under the ROC curve of cosine, alignment, token
matching and the numbers-and-names check, pooled and by system, with limits that take the answers
to a question to depend on each other; then what a cosine means on this set, and the threshold
that tells the labels apart best.
"""

import argparse
import asyncio
import json
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from judge.models.embedding import SharedEmbedder
from judge.models.encoder import EncoderEmbedder
from judge.records.record import Record, Target
from judge.results.outcome import Outcome, Score
from judge.results.run import TRUNCATED
from judge.scorers.alignment import AlignmentScorer
from judge.scorers.baselines import similarity_baselines
from judge.scorers.numbers_and_names import NumbersAndNamesScorer
from judge.scorers.scorer import Scorer
from judge.scorers.similarity import SimilarityScorer
from judge.scorers.similarity_probes import probe_similarity
from judge.scorers.token_matching import TokenMatchingScorer
from judge.stats.auc import auc
from judge.stats.estimate import Estimate, Undefined
from judge.stats.intervals import proportion
from judge.stats.threshold import fit_threshold

ROOT = Path(__file__).parents[1]
DATA = Path(os.environ.get("JUDGE_DATA", ROOT.parent / "shared" / "data"))
SYSTEMS = ("gpt4", "chatgpt", "gpt35", "newbing", "fid")
BATCH = 512

Floats = NDArray[np.float64]
Row = Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Labelled:
    """Records with what people said of them.

    Attributes:
        right: 1 where they said it is right, shape (n,).
        question: code of its question, shape (n,).
        system: its name, shape (n,).
    """

    records: Sequence[Record]
    right: NDArray[np.int64]
    question: NDArray[np.int64]
    system: NDArray[np.str_]


def main() -> None:
    """Measure and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA / "evouna_nq")
    parser.add_argument("--questions", type=int, default=0, help="0: all of them")
    parser.add_argument("--model", default="all-MiniLM-L6-v2")
    asked = parser.parse_args()
    asyncio.run(_measured(labelled(asked.data, questions=asked.questions), asked.model))


def labelled(folder: Path, *, questions: int) -> Labelled:
    """Read the answers that were rated."""
    items = {row["question_id"]: row for row in _rows(folder / "questions.jsonl")}
    kept = {key: place for place, key in enumerate(list(items)[: questions or None])}
    answers = {
        (row["question_id"], system): row["answer"]
        for system in SYSTEMS
        for row in _rows(folder / f"{system}.jsonl")
    }
    rated = [
        row
        for row in _rows(folder / "ratings.jsonl")
        if row["question_id"] in kept and answers.get((row["question_id"], row["system"]))
    ]
    records = [
        Record(
            item_id=row["question_id"],
            system=row["system"],
            input=items[row["question_id"]]["question"],
            output=answers[row["question_id"], row["system"]],
            references=tuple(items[row["question_id"]]["golden_answer"].split("/")),
            teacher_output=None,
            schema="",
            slices={},
            cluster=row["question_id"],
        )
        for row in rated
    ]
    return Labelled(
        records=records,
        right=np.array([int(row["correct"]) for row in rated]),
        question=np.array([kept[row["question_id"]] for row in rated]),
        system=np.array([row["system"] for row in rated]),
    )


async def _measured(data: Labelled, model: str) -> None:
    encoder = EncoderEmbedder(model)
    shared = SharedEmbedder(encoder)
    cosine = SimilarityScorer(shared, target=Target.REFERENCE, empty_value=None, counter=encoder)
    alignment = AlignmentScorer(shared, target=Target.REFERENCE, empty_value=None)
    tokens = TokenMatchingScorer(encoder, target=Target.REFERENCE, empty_value=None)
    facts = NumbersAndNamesScorer(target=Target.REFERENCE, empty_value=None)
    outcomes = {
        "cosine": await _outcomes(cosine, data.records),
        "alignment": await _outcomes(alignment, data.records),
        "token matching": await _outcomes(tokens, data.records),
        "numbers and names": await _outcomes(facts, data.records),
    }
    values = {name: _values(found) for name, found in outcomes.items()}
    values["alignment, kept only"] = _values(outcomes["alignment"], part="kept")
    values["token matching, recall only"] = _values(outcomes["token matching"], part="recall")
    console = Console(width=150)
    _print_areas(console, data, values)
    _print_thresholds(console, data, values)
    await _print_meaning(console, data, shared, outcomes["cosine"])


async def _outcomes(scorer: Scorer, records: Sequence[Record]) -> list[Outcome]:
    started = time.perf_counter()
    found: list[Outcome] = []
    for start in range(0, len(records), BATCH):
        found += await scorer.score(records[start : start + BATCH])
    took = time.perf_counter() - started
    print(f"{scorer.measure.scorer}: {len(records):,} records in {took:.1f} s")
    return found


def _values(outcomes: Sequence[Outcome], *, part: str = "") -> Floats:
    """Return the values, or a part of the evidence for them; NaN where the scorer has none."""

    def value(score: Score) -> float:
        return float(str(score.details[part])) if part else score.value

    return np.array([value(one) if isinstance(one, Score) else np.nan for one in outcomes])


def _print_areas(console: Console, data: Labelled, values: Mapping[str, Floats]) -> None:
    table = Table("AUC [95 %]", "n", "all", *SYSTEMS, "with facts only")
    with_facts = np.isfinite(values["numbers and names"])
    everyone = np.ones(len(data.records), dtype=np.bool_)
    for name, found in values.items():
        scored = np.isfinite(found)
        groups = [everyone, *(data.system == system for system in SYSTEMS), with_facts]
        cells = [_area(data, found, where=group & scored) for group in groups]
        table.add_row(name, f"{scored.sum():,}", *cells)
    console.print(table)


def _area(data: Labelled, values: Floats, *, where: NDArray[np.bool_]) -> str:
    return _shown(auc(data.right[where], values[where], clusters=data.question[where]))


def _print_thresholds(console: Console, data: Labelled, values: Mapping[str, Floats]) -> None:
    table = Table("threshold", "system", "from [95 %]", "informedness where not fitted [95 %]")
    rng = np.random.default_rng(7)
    for name in ("cosine", "alignment, kept only", "token matching, recall only"):
        for system in ("", *SYSTEMS):
            where = (data.system == system) | (system == "")
            found = fit_threshold(
                data.right[where], values[name][where], rng=rng, clusters=data.question[where]
            )
            if isinstance(found, Undefined):
                table.add_row(name, system or "all", found.reason, "")
            else:
                shown = _shown(found.threshold), _shown(found.informedness)
                table.add_row(name, system or "all", *shown)
    console.print(table)


async def _print_meaning(
    console: Console, data: Labelled, shared: SharedEmbedder, outcomes: Sequence[Outcome]
) -> None:
    rng = np.random.default_rng(7)
    found = await similarity_baselines(data.records, shared, target=Target.REFERENCE, rng=rng)
    cut = np.array([isinstance(one, Score) and TRUNCATED in one.flags for one in outcomes])
    rows: Mapping[str, Estimate | Undefined] = {
        "cosine of an answer with that to another question": found.random,
        "what 19 of 20 of those stay under": found.random_high,
        "cosine of two right answers to a question": found.paraphrase,
        "share of records with a text over the model's limit": proportion(
            cut, clusters=data.question
        ),
    }
    table = Table("what a cosine means here", "[95 %]")
    for name, estimate in rows.items():
        table.add_row(name, _shown(estimate))
    console.print(table)
    table = Table("probe", "paraphrase", "altered", "altered as close or closer", "told by facts")
    for one in await probe_similarity(shared):
        shown = f"{one.blind} of {one.n}", f"{one.seen} of {one.n}"
        table.add_row(one.change, f"{one.paraphrase:.2f}", f"{one.altered:.2f}", *shown)
    console.print(table)


def _shown(found: Estimate | Undefined) -> str:
    if isinstance(found, Undefined):
        return found.reason
    return f"{found.value:.3f} [{found.low:.3f}, {found.high:.3f}]"


def _rows(path: Path) -> list[Row]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


if __name__ == "__main__":
    main()
