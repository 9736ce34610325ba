"""The outcomes of a finished run, and what people and judges said of it, for other tools."""

from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

from judge.api.reporting import kept_gold
from judge.errors import RunUnfinished
from judge.results.outcome import Fate, NotApplicable, Outcome, Score
from judge.results.run import Measure, Result, RunManifest
from judge.results.store import ResultStore, Store
from judge.runs.plan import unscored
from judge.trust.said import Said, said_of


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedRow:
    """One outcome; texts are empty and numbers None where there is nothing to say.

    Attributes:
        kind: ``score``, ``fate`` or ``not_applicable``.
        code: of a fate.
        message: of a fate, or why a measure does not apply.
        flags: JSON, as the three below.
        duration_s: seconds.
    """

    run_id: str
    item_id: str
    system: str
    slices: str
    metric: str
    scorer: str
    target: str
    judged: bool
    kind: str
    value: float | None
    label: str
    code: str
    message: str
    attempts: int | None
    rationale: str
    served: str
    flags: str
    votes: str
    details: str
    signature: str
    content: str
    revision: int
    duration_s: float


def exported(store: ResultStore, manifest: RunManifest) -> Iterator[ExportedRow]:
    """Return a row for each record and measure of a run, in the order of its items.

    These are the outcomes as they were stored. Nothing in them says whether a judge is believed:
    averages of judged values belong into `report`, which knows.

    Raises:
        RunUnfinished: a resume would score something yet.
    """
    dataset, results = store.dataset(manifest), store.results(manifest.run_id)
    for measure in manifest.measures:
        if missing := sum(1 for _ in unscored(dataset.records(), measure, results)):
            raise RunUnfinished(
                f"the run {manifest.run_id} is not finished: {missing} records wait for "
                f"{measure.metric}; finish it with: judge resume {manifest.run_id}"
            )
    places = {
        (one.key, one.outcome.scorer, one.outcome.target): place
        for place, one in enumerate(results)
    }
    slices = {item.item_id: _json(dict(item.slices)) for item in dataset.heads()}
    return (
        _row(
            measure,
            results[places[unit.key, measure.scorer, measure.target]],
            slices[unit.item_id],
        )
        for unit in dataset.records().units
        for measure in manifest.measures
    )


def said(store: Store, manifest: RunManifest) -> Said:
    """Return what people and judges said of a run's outputs, as far as it is known.

    The verdicts are as they were stored, whether or not their judge is believed.
    """
    dataset, results = store.dataset(manifest), store.results(manifest.run_id)
    return said_of(manifest, dataset, results, kept_gold(store))


def _row(measure: Measure, result: Result, slices: str) -> ExportedRow:
    outcome = result.outcome
    score = outcome if isinstance(outcome, Score) else None
    fate = outcome if isinstance(outcome, Fate) else None
    return ExportedRow(
        run_id=result.run_id,
        item_id=result.key.item_id,
        system=result.key.system,
        slices=slices,
        metric=measure.metric,
        scorer=measure.scorer,
        target=measure.target.value,
        judged=measure.judged,
        kind=_kind(outcome),
        value=score.value if score else None,
        label=score.label if score else "",
        code=fate.code.value if fate else "",
        message=_message(outcome),
        attempts=fate.attempts if fate else None,
        rationale=score.rationale if score else "",
        served=score.served if score else "",
        flags=_json(score.flags) if score else "[]",
        votes="[]" if isinstance(outcome, NotApplicable) else _json(outcome.votes),
        details=_json(score.details) if score else "{}",
        signature=measure.signature,
        content=result.content,
        revision=result.revision,
        duration_s=result.duration_s,
    )


def _kind(outcome: Outcome) -> str:
    if isinstance(outcome, Score):
        return "score"
    return "fate" if isinstance(outcome, Fate) else "not_applicable"


def _message(outcome: Outcome) -> str:
    if isinstance(outcome, Score):
        return ""
    return outcome.message if isinstance(outcome, Fate) else outcome.reason


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
