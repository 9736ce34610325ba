"""Admitted results made from a table of cells."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TypeAlias

import pytest

from judge.records.dataset import Dataset
from judge.records.rating import LabelSource
from judge.records.record import Item, RecordKey, Role, Slices, System
from judge.results.outcome import Fate, FateCode, NotApplicable, Outcome, Score
from judge.results.run import Measure, Result, RunManifest
from judge.trust.admission import AdmittedResults, admit
from judge.trust.certificate import Certificate, Standing, TrustThresholds

NOW = datetime(2026, 5, 1, tzinfo=UTC)
ROLES = {"teacher": Role.TEACHER, "sft": Role.SFT}

Cell: TypeAlias = float | tuple[float, str] | FateCode | str | None
"""A value, a value with a flag, a fate, why it does not apply, or None for not yet scored."""
Column: TypeAlias = tuple[Measure, Mapping[str, Sequence[Cell]]]


def _outcome(cell: Cell, measure: Measure) -> Outcome:
    scorer, target = measure.scorer, measure.target
    if isinstance(cell, FateCode):
        return Fate(scorer=scorer, target=target, code=cell, message="no score")
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
        flags=tuple(str(flag) for flag in flags),
    )


def _certificate(measure: Measure, standing: Standing, population: str) -> Certificate:
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
        n_labels=100,
        n_items=100,
        findings={},
        undefined={},
        thresholds=TrustThresholds(),
        standing=standing,
        reasons=("so it was found",),
        issued=NOW,
    )


def _admitted(
    *columns: Column,
    slices: Sequence[Slices] | None = None,
    clusters: Sequence[str] | None = None,
    standing: Standing | None = Standing.TRUSTED,
) -> AdmittedResults:
    systems = list(columns[0][1])
    n = len(columns[0][1][systems[0]])
    items = tuple(
        Item(
            item_id=f"i{place}",
            cluster=clusters[place] if clusters else f"i{place}",
            slices=slices[place] if slices else {},
        )
        for place in range(n)
    )
    dataset = Dataset(
        items=items,
        systems=tuple(System(name=s, role=ROLES.get(s, Role.STUDENT)) for s in systems),
        outputs={system: {} for system in systems},
    )
    manifest = RunManifest(
        run_id="r",
        name="test",
        purpose="score",
        started=NOW,
        dataset="d",
        population="p",
        outputs={},
        n_items=n,
        systems=dataset.systems,
        slices=dataset.slice_values,
        measures=tuple(measure for measure, _ in columns),
        seed=0,
        rated=True,
        versions={},
        config="",
        config_path="c.yaml",
    )
    results = [
        Result(
            run_id="r",
            key=RecordKey(item_id=f"i{place}", system=system),
            outcome=_outcome(cell, measure),
            content="x",
            duration_s=0.0,
        )
        for measure, cells in columns
        for system in systems
        for place, cell in enumerate(cells[system])
        if cell is not None
    ]
    judged = [measure for measure, _ in columns if measure.judged]
    certificates = [_certificate(m, standing, "p") for m in judged] if standing else []
    return admit(
        manifest,
        dataset,
        results,
        certificates=certificates,
        left_open=frozenset(),
        now=NOW,
    )


@pytest.fixture(scope="session")
def admitted() -> Callable[..., AdmittedResults]:
    """Return what makes admitted results: columns of a measure with cells per system."""
    return _admitted
