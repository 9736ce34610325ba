"""Reports and validations to render, and the snapshots they are compared with.

A snapshot is reviewed like code. After a change that is meant, write them anew and read the diff:

    REFRESH_SNAPSHOTS=1 pytest tests/render && git diff tests/render/snapshots
"""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeAlias

import numpy as np
import pytest

from judge.records.dataset import Dataset
from judge.records.production import Production
from judge.records.rating import LabelSource
from judge.records.record import Item, RecordKey, Role, Slices, System, Target
from judge.records.scale import EQUIVALENCE as SCALE
from judge.reports.report import Report, report_on
from judge.results.outcome import Fate, FateCode, NotApplicable, Outcome, Score
from judge.results.run import ADHERENCE, EQUIVALENCE, SIMILARITY, Measure, Result, RunManifest
from judge.results.spending import Attempt, spending
from judge.stats.estimate import Estimate
from judge.trust.admission import admit
from judge.trust.certificate import Certificate, Standing, TrustThresholds
from judge.trust.labels import LabelledVerdict
from judge.trust.standing import Provenance
from judge.trust.validation import Validation, validate

NOW = datetime(2026, 5, 1, tzinfo=UTC)
SNAPSHOTS = Path(__file__).parent / "snapshots"
ROLES = {"teacher": Role.TEACHER, "sft": Role.SFT}

OPENED = "2026-04-30T12:00:00+00:00"
ATTEMPTS = [
    Attempt(
        call_id="equivalence.reference/sft/i0#1",
        opened=OPENED,
        closed=OPENED,
        input_tokens=1200,
        output_tokens=80,
        cost=0.0012,
    ),
    Attempt(call_id="equivalence.reference/sft/i1#1", opened=OPENED),
    Attempt(call_id="equivalence.teacher/sft/i0#1", opened=OPENED, closed=OPENED),
]

Cell: TypeAlias = float | tuple[float, str] | FateCode | str | None
"""A value, a value with a flag, a fate, why it does not apply, or None for not yet scored."""

JUDGED = Measure(
    scorer=EQUIVALENCE,
    target=Target.REFERENCE,
    judged=True,
    criterion="equivalence",
    lower=0.0,
    upper=1.0,
    categories=SCALE.categories,
    identity={"model": "judge-1"},
    empty_value=0.0,
)
BY_TEACHER = Measure(
    scorer=EQUIVALENCE,
    target=Target.TEACHER,
    judged=True,
    criterion="equivalence",
    lower=0.0,
    upper=1.0,
    categories=SCALE.categories,
    identity={"model": "judge-1"},
    empty_value=0.0,
)
ALIKE = Measure(
    scorer=SIMILARITY,
    target=Target.REFERENCE,
    judged=False,
    criterion="similarity",
    lower=-1.0,
    upper=1.0,
    identity={"embedder": "x"},
)
FORMAT = Measure(
    scorer=ADHERENCE,
    target=Target.SCHEMA,
    judged=False,
    criterion="adherence",
    lower=0.0,
    upper=1.0,
    identity={"parser": "1"},
)
MEASURES = {m.metric: m for m in (JUDGED, BY_TEACHER, ALIKE, FORMAT)}


def _outcome(cell: Cell, measure: Measure, rationale: str) -> Outcome:
    scorer, target = measure.scorer, measure.target
    if isinstance(cell, FateCode):
        return Fate(scorer=scorer, target=target, code=cell, message=f"no score: {rationale}")
    if isinstance(cell, str):
        return NotApplicable(scorer=scorer, target=target, reason=cell)
    value, *flags = cell if isinstance(cell, tuple) else (cell,)
    assert isinstance(value, float | int)
    return Score(
        scorer=scorer,
        target=target,
        value=value,
        signature=measure.signature,
        label=measure.categories[round(value)] if measure.categories else "",
        rationale=rationale if measure.judged else "",
        flags=tuple(str(flag) for flag in flags),
    )


def _certificate(measure: Measure, standing: Standing, population: str) -> Certificate:
    found = Estimate(
        value=0.8, low=0.71, high=0.88, level=0.95, n=120, n_clusters=120, method="beta draws"
    )
    return Certificate(
        scorer=measure.scorer,
        criterion=measure.criterion,
        target=measure.target,
        categories=measure.categories,
        signature=measure.signature,
        identity=measure.identity,
        served=(),
        ratings="ratings",
        population=population,
        source=LabelSource.HUMAN,
        n_labels=120,
        n_items=120,
        findings={"informedness": found},
        undefined={"kappa": "one class only"},
        thresholds=TrustThresholds(),
        standing=standing,
        reasons=("so it was found",),
        issued=NOW,
    )


def _report(
    columns: Mapping[str, Mapping[str, Sequence[Cell]]],
    *,
    slices: Sequence[Slices] | None = None,
    standing: Standing | None = Standing.TRUSTED,
    ids: Sequence[str] | None = None,
    text: str = "some text",
    name: str = "small",
    productions: Sequence[Production] = (),
) -> Report:
    systems = list(next(iter(columns.values())))
    n = len(next(iter(columns.values()))[systems[0]])
    names = ids or [f"i{place}" for place in range(n)]
    dataset = Dataset(
        items=tuple(
            Item(
                item_id=item_id,
                cluster=item_id,
                input=text,
                references=(text,),
                slices=slices[place] if slices else {},
            )
            for place, item_id in enumerate(names)
        ),
        systems=tuple(System(name=s, role=ROLES.get(s, Role.STUDENT)) for s in systems),
        outputs={system: dict.fromkeys(names, text) for system in systems},
    )
    measures = tuple(MEASURES[metric] for metric in columns)
    manifest = RunManifest(
        run_id="20260501-120000-abcdef",
        name=name,
        purpose="score",
        started=NOW,
        dataset="d",
        population="p",
        outputs=dict.fromkeys(systems, "o"),
        n_items=n,
        systems=dataset.systems,
        slices=dataset.slice_values,
        measures=measures,
        seed=0,
        rated=True,
        versions={"judge": "0"},
        config="",
        config_path="c.yaml",
    )
    results = [
        Result(
            run_id=manifest.run_id,
            key=RecordKey(item_id=names[place], system=system),
            outcome=_outcome(cell, MEASURES[metric], text),
            content="x",
            duration_s=0.0,
        )
        for metric, cells in columns.items()
        for system in systems
        for place, cell in enumerate(cells[system])
        if cell is not None
    ]
    certificates = [_certificate(JUDGED, standing, "p")] if standing else []
    return report_on(
        admit(
            manifest,
            dataset,
            results,
            certificates=certificates,
            left_open=frozenset({"equivalence.reference/sft/i1#1"}),
            now=NOW,
        ),
        productions=productions,
    )


def _small_report() -> Report:
    rng = np.random.default_rng(4)
    n = 60

    def shares(share: float) -> list[Cell]:
        return [float(one) for one in rng.random(n) < share]

    refused, empty = FateCode.JUDGE_REFUSED, FateCode.OUTPUT_EMPTY
    bad = (0.0, "output_not_json")
    systems = ("teacher", "sft", "distilled")
    judged = dict(zip(systems, map(shares, (0.9, 0.6, 0.8)), strict=True))
    judged["sft"][:6] = [refused, refused, empty, None, (1.0, "fence_look_alike"), 1.0]
    by_teacher = {s: shares(0.8) for s in systems}
    by_teacher["teacher"] = ["its own answer"] * n
    alike: dict[str, list[Cell]] = {
        s: [float(v) for v in rng.uniform(0.4, 1, n).round(3)] for s in systems
    }
    adherence: dict[str, list[Cell]] = {
        s: ["the item has no schema"] * 30 + [1.0] * (30 - k) + [bad] * k
        for s, k in zip(systems, (0, 9, 3), strict=True)
    }
    report = _report(
        {
            "equivalence.reference": judged,
            "equivalence.teacher": by_teacher,
            "similarity.reference": alike,
            "adherence.strict": adherence,
        },
        slices=[{"difficulty": "easy" if place < 45 else "tricky"} for place in range(n)],
    )
    spent = spending(ATTEMPTS, {"equivalence.reference/sft/i0": "score"})
    return replace(report, spending=spent)


def _verdict(cell: Cell, rationale: str) -> Outcome:
    return _outcome(cell, JUDGED, rationale)


def _validation(
    pairs: Sequence[tuple[int, Cell]],
    *,
    ids: Sequence[str] | None = None,
    system: str = "student",
    text: str = "because",
    slices: Slices | None = None,
    baseline: bool = True,
) -> Validation:
    def verdicts(cells: Sequence[Cell]) -> list[LabelledVerdict]:
        return [
            LabelledVerdict(
                key=RecordKey(item_id=ids[place] if ids else f"i{place}", system=system),
                cluster=f"c{place}",
                slices=slices or {"kind": "mail" if place % 2 else "chat"},
                human=SCALE.categories[human],
                outcome=_verdict(cell, text),
            )
            for place, ((human, _), cell) in enumerate(zip(pairs, cells, strict=True))
        ]

    return validate(
        verdicts([cell for _, cell in pairs]),
        measure=JUDGED,
        scale=SCALE,
        provenance=Provenance(
            fingerprint="ratings",
            population="p",
            sources=frozenset({LabelSource.HUMAN}),
            blind=True,
            probabilities=frozenset({1.0}),
            set_aside={"of the system old, which is not in the config": 3},
        ),
        thresholds=TrustThresholds(),
        baseline=verdicts([1.0] * len(pairs)) if baseline else None,
        now=NOW,
        seed=0,
    )


def _small_validation() -> Validation:
    rng = np.random.default_rng(4)
    human = rng.integers(0, 2, 120)
    judge: list[Cell] = [float(j) for j in np.where(rng.random(120) < 0.93, human, 1 - human)]
    judge[0] = FateCode.JUDGE_UNPARSEABLE
    return _validation(list(zip(human.tolist(), judge, strict=True)))


def _matches(name: str, text: str) -> None:
    path = SNAPSHOTS / name
    if os.environ.get("REFRESH_SNAPSHOTS"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def report_of() -> Callable[..., Report]:
    """Return what makes a report from cells by metric and system."""
    return _report


@pytest.fixture(scope="session")
def validation_of() -> Callable[..., Validation]:
    """Return what makes a validation from pairs of a human label and a verdict."""
    return _validation


@pytest.fixture(scope="session")
def small_report() -> Report:
    """Return a report in which every status occurs."""
    return _small_report()


@pytest.fixture(scope="session")
def small_validation() -> Validation:
    """Return a validation with a fate, disagreements and a baseline."""
    return _small_validation()


@pytest.fixture(scope="session")
def matches_snapshot() -> Callable[[str, str], None]:
    """Return what compares a text with the snapshot of that name."""
    return _matches


@pytest.fixture(scope="session")
def hostile() -> Sequence[str]:
    """Return texts that try to become markup, a link, a control sequence or a line of ours."""
    return HOSTILE


HOSTILE = (
    "\x1b[31mred\x1b[0m",
    "\x1b]8;;http://evil.example\x07click\x1b]8;;\x07",
    "\x9b2J\x07\x08\r",
    "invoice\u202egnp.exe",
    "\u2066hidden\u2069\u200b\ufeff",
    "\U000e0041\U000e0042",
    "line\nTrust\n  equivalence trusted",
    "two\u2028lines\u2029here",
    "[red]red[/red] [link=http://evil.example]x[/link] :smile:",
    "[click](http://evil.example) ![image](http://evil.example/x.png)",
    "<script>alert(1)</script> &lt;b&gt; &amp;",
    "| a | b |\\| c \\\\| d",
    "`code` **bold** _em_ ~~gone~~ __strong__",
    "# heading #",
    "- item",
    "1. item",
    "12) item",
    "> quote",
    "~~~",
    "```",
    "---",
    "===",
    "[x]: http://evil.example",
    "<http://evil.example> https://evil.example www.evil.example me@evil.example",
)
