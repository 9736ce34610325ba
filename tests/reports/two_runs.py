"""Runs on one set whose outputs, judge and labels a test may choose."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from judge.records.dataset import Dataset
from judge.records.rating import LabelSource, text_hash
from judge.records.record import Item, RecordKey, Role, Slices, System, Target
from judge.results.outcome import Fate, FateCode, Score
from judge.results.run import EQUIVALENCE, SIMILARITY, Measure, Result, RunManifest, content_of
from judge.trust.admission import AdmittedResults, admit
from judge.trust.certificate import Certificate, Standing, TrustThresholds
from judge.trust.gold import GoldLabel, GoldSet

NOW = datetime(2026, 5, 1, tzinfo=UTC)
SCALE = ("different", "equivalent")


def judged(model: str = "judge-1", *, target: Target = Target.REFERENCE) -> Measure:
    """Return what a judge measures."""
    return Measure(
        scorer=EQUIVALENCE,
        target=target,
        judged=True,
        criterion="equivalence",
        lower=0.0,
        upper=1.0,
        categories=SCALE,
        identity={"model": model},
        empty_value=0.0,
    )


def alike(embedder: str = "x") -> Measure:
    """Return what an embedder measures."""
    return Measure(
        scorer=SIMILARITY,
        target=Target.REFERENCE,
        judged=False,
        criterion="similarity",
        lower=-1.0,
        upper=1.0,
        identity={"embedder": embedder},
    )


def score(measure: Measure, value: float, *, served: str = "served-1") -> Score:
    """Return a score of a measure."""
    return Score(
        scorer=measure.scorer,
        target=measure.target,
        value=value,
        signature=measure.signature,
        label=SCALE[round(value)] if measure.judged else "",
        served=served if measure.judged else "",
    )


def run_of(
    measure: Measure,
    values: Mapping[str, Sequence[float | None]],
    *,
    texts: Mapping[str, Sequence[str]],
    run_id: str = "r",
    served: str = "served-1",
    standing: Standing | None = Standing.TRUSTED,
    slices: Sequence[Slices] | None = None,
    labels: Mapping[str, Mapping[int, int]] | None = None,
    config: str = "",
    versions: Mapping[str, str] | None = None,
    dataset_name: str = "d",
) -> AdmittedResults:
    """Return a run, admitted.

    Args:
        measure: all it measures.
        values: by system and item; None where the judge refused.
        texts: the outputs, likewise.
        run_id: of the run.
        served: the model that answered.
        standing: of the judge; None where there is no certificate.
        slices: of each item.
        labels: by system, item to what people said of these very texts, all drawn alike.
        config: the config's text.
        versions: of what was used.
        dataset_name: its fingerprint.
    """
    n = len(next(iter(texts.values())))
    dataset = Dataset(
        items=tuple(
            Item(
                item_id=f"i{k}",
                cluster=f"i{k}",
                references=(f"right {k}",),
                slices=slices[k] if slices else {},
            )
            for k in range(n)
        ),
        systems=tuple(
            System(name=name, role=Role.TEACHER if name == "teacher" else Role.STUDENT)
            for name in texts
        ),
        outputs={name: {f"i{k}": text for k, text in enumerate(of)} for name, of in texts.items()},
    )
    manifest = RunManifest(
        run_id=run_id,
        name="test",
        purpose="score",
        started=NOW,
        dataset=dataset_name,
        population="p",
        outputs={name: str(hash(tuple(of))) for name, of in texts.items()},
        n_items=n,
        systems=dataset.systems,
        slices=dataset.slice_values,
        measures=(measure,),
        seed=0,
        rated=True,
        versions=versions or {},
        config=config,
        config_path="c.yaml",
    )
    results = [
        Result(
            run_id=run_id,
            key=record.key,
            outcome=Fate(
                scorer=measure.scorer,
                target=measure.target,
                code=FateCode.JUDGE_REFUSED,
                message="no",
            )
            if (value := values[record.system][int(record.item_id[1:])]) is None
            else score(measure, value, served=served),
            content=content_of(record, measure.target),
            duration_s=0.0,
        )
        for record in dataset.records()
    ]
    return admit(
        manifest,
        dataset,
        results,
        certificates=[_certificate(measure, standing, served)] if standing else [],
        left_open=frozenset(),
        now=NOW,
        gold=[_gold(measure, texts, labels)] if labels else [],
    )


def contents(run: AdmittedResults, measure: Measure) -> dict[RecordKey, str]:
    """Return the hash of the texts of each record."""
    return {record.key: content_of(record, measure.target) for record in run.records}


def _certificate(measure: Measure, standing: Standing, served: str) -> Certificate:
    return Certificate(
        scorer=measure.scorer,
        criterion=measure.criterion,
        target=measure.target,
        categories=measure.categories,
        signature=measure.signature,
        identity=measure.identity,
        served=(served,),
        ratings="ratings",
        population="p",
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


def _gold(
    measure: Measure,
    texts: Mapping[str, Sequence[str]],
    labels: Mapping[str, Mapping[int, int]],
) -> GoldSet:
    return GoldSet(
        criterion=measure.criterion,
        target=measure.target,
        categories=measure.categories,
        population="p",
        fingerprint="f",
        source=LabelSource.HUMAN,
        blind=True,
        labels=tuple(
            GoldLabel(
                item_id=f"i{k}",
                system=system,
                output_hash=text_hash(texts[system][k]),
                label=SCALE[label],
                inclusion=0.5,
            )
            for system, of in labels.items()
            for k, label in of.items()
        ),
    )
