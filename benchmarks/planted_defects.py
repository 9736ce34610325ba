"""Does the diagnosis name what is wrong, and nothing else? Planted defects and their clean twins.

Each defect is planted in the distilled student of a synthetic set of 600 items, written to files,
and goes the whole way: config, recorded verdicts of a judge, JSON Schema, labels by people, run,
report. Its clean twin is made by the same chances without the defect. Counted are the seeds in
which the report names the defect with its slice, and the clean reports that name anything.

    python benchmarks/planted_defects.py --seeds 20
"""

import argparse
import asyncio
import json
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import judge
from judge.records.rating import LabelSource
from judge.reports.diagnosis import Finding
from judge.reports.suspicions import Pattern
from judge.results.run import Measure
from judge.trust.certificate import (
    CERTIFICATE_KIND,
    Certificate,
    Standing,
    TrustThresholds,
    encode_certificate,
)

N_ITEMS = 600
TOPICS = ("billing", "legal", "refund", "travel")
SYSTEMS = ("teacher", "sft", "distilled")
RIGHT = {"teacher": 0.92, "sft": 0.84, "distilled": 0.91}
VALID, LONG = 0.98, 0.3
LABELLED = 0.5
LEAKED = 0.2
NOW = datetime(2026, 5, 1, tzinfo=UTC)

Flags = NDArray[np.bool_]


@dataclass(slots=True, kw_only=True)
class World:
    """What became of every item: arrays of shape (N_ITEMS,), by system where they are by system.

    Attributes:
        long: whether the output is padded.
        favoured: the judge's chance to pass what is wrong and long; None where length is nothing
            to it.
    """

    rng: np.random.Generator
    topic: NDArray[np.int64]
    leaked: Flags
    right: dict[str, Flags]
    valid: dict[str, Flags]
    sure: dict[str, NDArray[np.float64]]
    long: dict[str, Flags]
    favoured: float | None = None

    def chance(self, share: float) -> Flags:
        """Draw so many items."""
        return np.asarray(self.rng.random(N_ITEMS) < share)


@dataclass(frozen=True, slots=True, kw_only=True)
class Defect:
    """A defect with its clean twin.

    Attributes:
        plant: makes a sound world the one with the defect, or its twin.
        slice: that the report should name.
        systems: that the defect may be named of.
    """

    pattern: Pattern
    plant: Callable[[World, bool], None]
    slice: str = "overall"
    systems: tuple[str, ...] = ("distilled",)


def sound_world(seed: int) -> World:
    """Return a world in which nothing is wrong."""
    rng = np.random.default_rng(seed)
    hard = rng.normal(size=N_ITEMS)  # what is hard is hard for all
    sure, right = {}, {}
    for system in SYSTEMS:
        luck = 0.5 * hard + np.sqrt(0.75) * rng.normal(size=N_ITEMS)
        ranks = luck.argsort().argsort() / N_ITEMS
        right[system] = ranks >= 1 - RIGHT[system]
        sure[system] = np.clip(RIGHT[system] + rng.normal(scale=0.05, size=N_ITEMS), 0, 0.99)
    return World(
        rng=rng,
        topic=rng.permutation(np.arange(N_ITEMS) % len(TOPICS)),
        leaked=np.asarray(rng.random(N_ITEMS) < LEAKED),
        right=right,
        valid={system: np.asarray(rng.random(N_ITEMS) < VALID) for system in SYSTEMS},
        sure=sure,
        long={system: np.asarray(rng.random(N_ITEMS) < LONG) for system in SYSTEMS},
    )


def _ceiling(world: World, planted: bool) -> None:  # noqa: FBT001  one signature for all
    if planted:
        world.right["teacher"] = world.chance(0.72)
    copied = world.chance(0.97)
    world.right["distilled"] = np.where(copied, world.right["teacher"], world.chance(0.9))
    world.right["sft"] = world.right["distilled"] & world.chance(0.94)
    for system in ("sft", "distilled"):
        world.sure[system] = np.full(N_ITEMS, world.right[system].mean())


def _regressed(world: World, planted: bool) -> None:  # noqa: FBT001
    if planted:
        world.right["distilled"] &= (world.topic != TOPICS.index("legal")) | world.chance(0.6)


def _padder(world: World, planted: bool) -> None:  # noqa: FBT001
    world.right["distilled"] = world.chance(0.8)
    world.right["sft"] = world.right["distilled"] & world.chance(0.92)
    world.sure["distilled"], world.sure["sft"] = np.full(N_ITEMS, 0.8), np.full(N_ITEMS, 0.73)
    world.right["teacher"] = world.chance(0.85)
    world.long["distilled"] = world.chance(0.8)
    if planted:
        world.favoured = 0.9


def _format_only(world: World, planted: bool) -> None:  # noqa: FBT001
    if planted:
        world.right["distilled"] &= world.chance(0.7)
        world.sure["distilled"] *= 0.7
        world.right["sft"] &= world.chance(0.6)
        world.sure["sft"] *= 0.6


def _overconfident(world: World, planted: bool) -> None:  # noqa: FBT001
    if planted:
        world.sure["distilled"] = 1 - (1 - world.sure["distilled"]) / 10
        world.right["distilled"] &= world.chance(0.93)
        world.right["sft"] &= world.chance(0.93)
        world.sure["sft"] *= 0.93


def _same_as_sft(world: World, planted: bool) -> None:  # noqa: FBT001
    if planted:
        world.right["distilled"] = world.right["sft"] ^ world.chance(0.03)
        world.sure["distilled"] = world.sure["sft"] * 0.98


def _leaks(world: World, planted: bool) -> None:  # noqa: FBT001
    if planted:
        fresh = world.right["distilled"] & world.chance(0.8)
        world.right["distilled"] = np.where(world.leaked, world.chance(0.99), fresh)
        world.sure["distilled"] = np.full(N_ITEMS, world.right["distilled"].mean())
        world.right["sft"] &= world.chance(0.85)
        world.sure["sft"] *= 0.85


DEFECTS: Mapping[str, Defect] = {
    "teacher ceiling": Defect(
        pattern=Pattern.TEACHER_IS_CEILING, plant=_ceiling, systems=("distilled", "sft")
    ),
    "one slice regressed": Defect(
        pattern=Pattern.COVERAGE_GAP, plant=_regressed, slice="topic=legal"
    ),
    "length padder": Defect(pattern=Pattern.JUDGE_PREFERS_LENGTH, plant=_padder),
    "format-only learner": Defect(pattern=Pattern.VALID_BUT_WRONG, plant=_format_only),
    "overconfident": Defect(pattern=Pattern.OVERCONFIDENT, plant=_overconfident),
    "distilled = SFT": Defect(pattern=Pattern.DISTILLATION_ADDS_NOTHING, plant=_same_as_sft),
    "leaked training items": Defect(
        pattern=Pattern.LEAKED_ITEMS, plant=_leaks, slice="leaked items"
    ),
}


def findings(defect: Defect, *, seed: int, planted: bool, folder: Path) -> Sequence[Finding]:
    """Return what the report of one world finds.

    Args:
        defect: which one.
        seed: of the world.
        planted: the defect, or its clean twin.
        folder: to write the world's files to.
    """
    world = sound_world(seed)
    defect.plant(world, planted)
    _write(world, folder)
    project, store = judge.open_project(folder / "config.yaml"), judge.MemoryStore()
    run = asyncio.run(judge.evaluate(project, store, now=lambda: NOW))
    for measure in run.measures:
        if measure.judged:
            certificate = _certificate(measure, run.population)
            body = encode_certificate(certificate)
            store.put_document(CERTIFICATE_KIND, certificate.certificate_id, body)
    return judge.report(store, run, now=NOW).diagnosis


def names(defect: Defect, found: Sequence[Finding]) -> bool:
    """Return whether the defect is among what was found, with its system and slice."""
    return any(
        one.suspicion.pattern is defect.pattern
        and one.suspicion.slice == defect.slice
        and one.suspicion.system in defect.systems
        for one in found
    )


def _write(world: World, folder: Path) -> None:
    schema = {"type": "object", "required": ["answer"]}
    _lines(
        folder / "items.jsonl",
        (
            {"id": f"i{i}", "input": _question(i), "reference": f"answer {i}", "schema": schema}
            | {"topic": TOPICS[world.topic[i]]}
            for i in range(N_ITEMS)
        ),
    )
    leaked = (_question(int(i)) for i in np.flatnonzero(world.leaked))
    _lines(folder / "training.jsonl", ({"text": text} for text in leaked))
    verdicts, ratings = [], []
    for system in SYSTEMS:
        rows = []
        generous, labelled = world.chance(world.favoured or 0.0), world.chance(LABELLED)
        slips = world.chance(0.02)
        for i in range(N_ITEMS):
            # As long as a right one: only what is padded is longer.
            text = f"answer {i}" if world.right[system][i] else f"guess! {i}"
            text += " and so on, as was to be expected" * (10 * int(world.long[system][i]))
            body = json.dumps({"answer": text})
            rows.append(
                {"id": f"i{i}", "output": body if world.valid[system][i] else body[:-1]}
                | {"confidence": round(float(world.sure[system][i]), 4)}
                | {"latency_ms": 900.0 if system == "teacher" else 200.0 + i % 7}
                | {"cost": 0.01 if system == "teacher" else 0.001}
            )
            said = bool(world.right[system][i]) ^ bool(slips[i])
            if world.long[system][i] and not world.right[system][i]:
                said |= bool(generous[i])
            row = {"id": f"i{i}", "system": system}
            verdicts.append(row | {"label": "equivalent" if said else "different"})
            if labelled[i]:
                people = "equivalent" if world.right[system][i] else "different"
                ratings.append(row | {"rater": "r1", "label": people})
        _lines(folder / f"{system}.jsonl", rows)
    _lines(folder / "verdicts.jsonl", verdicts)
    _lines(folder / "ratings.jsonl", ratings)
    (folder / "config.yaml").write_text(CONFIG, encoding="utf-8")


def _question(i: int) -> str:
    """Return a text that no two items share a run of words of."""
    return " ".join(f"word{i}x{place}" for place in range(12))


def _lines(path: Path, rows: Iterable[Mapping[str, object]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def _certificate(measure: Measure, population: str) -> Certificate:
    return Certificate(
        scorer=measure.scorer,
        criterion=measure.criterion,
        target=measure.target,
        categories=measure.categories,
        signature=measure.signature,
        identity=measure.identity,
        served=(),
        ratings="planted",
        population=population,
        source=LabelSource.HUMAN,
        n_labels=300,
        n_items=300,
        findings={},
        undefined={},
        thresholds=TrustThresholds(),
        standing=Standing.TRUSTED,
        reasons=("its errors were planted",),
        issued=NOW,
    )


CONFIG = """
name: planted
dataset: {items: items.jsonl, training: {files: [training.jsonl]}}
slices: [topic]
systems:
  teacher: {role: teacher, outputs: teacher.jsonl}
  sft: {role: sft, outputs: sft.jsonl}
  distilled: {role: distilled, outputs: distilled.jsonl}
scorers:
  equivalence: {judge: {recorded: verdicts.jsonl, name: planted}, against: [reference]}
  adherence: {}
ratings: {path: ratings.jsonl, target: reference, source: human, blind: true, sampling: random}
"""


def main() -> None:
    """Plant, look and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument(
        "--first-seed", type=int, default=0, help="for others than it was made with"
    )
    arguments = parser.parse_args()
    clean = loud = 0
    with tempfile.TemporaryDirectory() as name:
        for title, defect in DEFECTS.items():
            named, others = 0, []
            for seed in range(arguments.first_seed, arguments.first_seed + arguments.seeds):
                found = findings(defect, seed=seed, planted=True, folder=Path(name))
                named += names(defect, found)
                quiet = findings(defect, seed=1000 + seed, planted=False, folder=Path(name))
                clean, loud = clean + 1, loud + bool(quiet)
                others += [f"{f.suspicion.pattern}:{f.suspicion.slice}" for f in quiet]
            print(f"{title}: named in {named} of {arguments.seeds}; its twin shows {others}")
    print(f"clean reports that name anything: {loud} of {clean}")


if __name__ == "__main__":
    main()
