"""A judge against human ratings: how well it agrees, where it does not, and how it stands."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from judge.records.rating import Aggregate
from judge.records.record import RecordKey
from judge.records.scale import Scale, ScaleKind
from judge.results.outcome import Fate, Score
from judge.results.run import Measure
from judge.results.served import models_in
from judge.stats.correction import equal_rates
from judge.stats.correlation_levels import CorrelationLevel, LevelCorrelation, correlation_at
from judge.stats.estimate import Estimate, Undefined
from judge.stats.multiplicity import PValue
from judge.trust.agreement import Agreement, agreement
from judge.trust.certificate import Certificate, Standing, TrustThresholds
from judge.trust.confidence import ConfidenceFindings, confidence_findings
from judge.trust.control_findings import ControlFindings
from judge.trust.gold import weakest
from judge.trust.labels import LabelledVerdict, Labels, labels_of, parts_of
from judge.trust.probes import Probes, probe, suspicions
from judge.trust.raters import RaterFindings, rater_findings
from judge.trust.sentinels import fingerprints_of
from judge.trust.spread import Spread, spread_of
from judge.trust.standing import (
    Evidence,
    Provenance,
    decide,
    decision_level,
    half_spent,
)

_LEVELS: tuple[CorrelationLevel, ...] = ("pooled", "within", "system")


@dataclass(frozen=True, slots=True, kw_only=True)
class Disagreement:
    """One record on which the judge and people differ.

    Attributes:
        gap: judge less human, with the scale mapped to [0, 1].
    """

    key: RecordKey
    human: str
    judge: str
    gap: float
    rationale: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Validation:
    """Everything a validation found.

    Attributes:
        baseline: the baseline judge on the same labels; None where it is the judge itself, or
            does not know the scale.
        differential: whether the judge errs alike on all systems.
        raters: how people agree with each other; None where no record has two raters.
        correlations: Spearman's at each level it can be declared at; of an ordinal scale only.
        confidence: whether the judge's probabilities fit; None where it gives none.
        spread: where the spread of verdicts comes from; None where no output was judged twice.
        probes: what moves the judge that should not.
        disagreements: the widest first.
    """

    measure: Measure
    overall: Agreement
    systems: Mapping[str, Agreement]
    slices: Mapping[str, Agreement]
    baseline: Agreement | None
    differential: PValue | Undefined
    raters: RaterFindings | None
    correlations: tuple[LevelCorrelation, ...]
    confidence: ConfidenceFindings | None
    spread: Spread | None
    probes: Probes
    disagreements: tuple[Disagreement, ...]
    provenance: Provenance
    certificate: Certificate

    @property
    def standing(self) -> Standing:
        return self.certificate.standing

    @property
    def reasons(self) -> tuple[str, ...]:
        return self.certificate.reasons


def validate(
    verdicts: Sequence[LabelledVerdict],
    *,
    measure: Measure,
    scale: Scale,
    provenance: Provenance,
    thresholds: TrustThresholds,
    baseline: Sequence[LabelledVerdict] | None,
    now: datetime,
    seed: int,
    contents: Mapping[RecordKey, str] = MappingProxyType({}),
    families: Mapping[str, str] = MappingProxyType({}),
    aggregate: Aggregate = Aggregate.MAJORITY,
    controls: ControlFindings | None = None,
) -> Validation:
    """Measure a judge against human labels and decide how it stands.

    Args:
        verdicts: each labelled record once, with what came of asking the judge.
        measure: the judged measure.
        scale: of the labels and verdicts.
        provenance: where the labels come from.
        thresholds: what the judge must reach.
        baseline: the same labels beside the baseline judge's verdicts; None where the judge is
            the baseline itself.
        now: written on the certificate.
        seed: of the draws behind the intervals.
        contents: hash of the texts behind each verdict, by which sentinels are found again.
        families: declared model family of each system, and of the judge under ``judge``.
        aggregate: how several raters' labels became the one of each record.
        controls: what became of null answers and attacks; None where they were not put to it.
    """
    level = thresholds.level
    labels = labels_of(verdicts, scale)
    by_system = parts_of([[v.key.system] for v in verdicts])
    by_slice = {
        f"{dimension}={value}": chosen
        for (dimension, value), chosen in parts_of([v.slices.items() for v in verdicts]).items()
    }
    differential = _differential(labels, by_system)
    raters = rater_findings(
        verdicts,
        scale,
        aggregate=aggregate,
        epsilon=thresholds.epsilon,
        level=level,
        ceiling_level=half_spent(decision_level(provenance, thresholds)),
        seed=seed,
    )
    overall = agreement(labels, level=level, seed=seed, fates=_fates(verdicts))
    probes = probe(verdicts, labels, families=families, level=level)
    decision = decide(
        Evidence(
            labels=labels,
            bias=overall.figures["mean_bias"],
            systems=_rows(labels, by_system),
            slices=_rows(labels, by_slice),
            differential=differential,
            raters=raters,
            provenance=provenance,
            controls=controls,
        ),
        thresholds,
        seed=seed,
    )
    figures = overall.figures
    return Validation(
        measure=measure,
        overall=overall,
        systems=_agreements(verdicts, labels, by_system, level=level, seed=seed),
        slices=_agreements(verdicts, labels, by_slice, level=level, seed=seed),
        baseline=None
        if baseline is None
        else agreement(labels_of(baseline, scale), level=level, seed=seed, fates=_fates(baseline)),
        differential=differential,
        raters=raters,
        correlations=_correlations(labels, by_system, level=level, seed=seed),
        confidence=confidence_findings(verdicts, scale, level=level, seed=seed),
        spread=spread_of(labels_of(verdicts, scale, single_votes=True), level=level, seed=seed),
        probes=probes,
        disagreements=_disagreements(verdicts, scale),
        provenance=provenance,
        certificate=Certificate(
            scorer=measure.scorer,
            criterion=measure.criterion,
            target=measure.target,
            categories=measure.categories,
            signature=measure.signature,
            identity=measure.identity,
            served=_served(verdicts),
            fingerprints=_fingerprints(verdicts),
            ratings=provenance.fingerprint,
            population=provenance.population,
            source=weakest(provenance.sources),
            n_labels=overall.n_labels,
            n_items=overall.n_items,
            findings={n: f for n, f in figures.items() if isinstance(f, Estimate)},
            undefined={n: f.reason for n, f in figures.items() if isinstance(f, Undefined)},
            systems=decision.systems,
            slices=decision.slices,
            n_raters=len({rater for verdict in verdicts for rater in verdict.ratings}),
            look=provenance.look,
            controls=_controls(measure, controls),
            control_findings=controls,
            sentinels=_sentinels(verdicts, contents, thresholds, seed=seed),
            notes=(*decision.notes, *suspicions(probes)),
            thresholds=thresholds,
            standing=decision.standing,
            reasons=decision.reasons,
            issued=now,
        ),
    )


def _rows(labels: Labels, parts: Mapping[str, NDArray[np.bool_]]) -> dict[str, NDArray[np.bool_]]:
    """Return which rows of the labels belong to each part of the records."""
    return {name: chosen[labels.record] for name, chosen in parts.items()}


def _agreements(
    verdicts: Sequence[LabelledVerdict],
    labels: Labels,
    parts: Mapping[str, NDArray[np.bool_]],
    *,
    level: float,
    seed: int,
) -> dict[str, Agreement]:
    judged = np.zeros(len(verdicts), dtype=np.bool_)
    judged[labels.record] = True
    return {
        name: agreement(
            labels.where(chosen[labels.record]),
            level=level,
            seed=seed,
            fates=_fates([verdicts[place] for place in np.flatnonzero(chosen & ~judged).tolist()]),
        )
        for name, chosen in parts.items()
    }


def _correlations(
    labels: Labels, by_system: Mapping[str, NDArray[np.bool_]], *, level: float, seed: int
) -> tuple[LevelCorrelation, ...]:
    if labels.scale.kind is not ScaleKind.ORDINAL:
        return ()
    values = np.array(labels.scale.values)
    return tuple(
        correlation_at(
            values[labels.judge],
            values[labels.human],
            at=at,
            statistic="spearman",
            rng=np.random.default_rng(seed),
            documents=labels.cluster,
            systems=_system_codes(labels, by_system),
            level=level,
        )
        for at in _LEVELS
    )


def _system_codes(labels: Labels, by_system: Mapping[str, NDArray[np.bool_]]) -> NDArray[np.int64]:
    codes = np.zeros(labels.human.size, dtype=np.int64)
    for code, chosen in enumerate(by_system.values()):
        codes[chosen[labels.record]] = code
    return codes


def _differential(labels: Labels, by_system: Mapping[str, NDArray[np.bool_]]) -> PValue | Undefined:
    if labels.scale.kind is not ScaleKind.BINARY:
        return Undefined(reason="one error rate a class is a matter of two classes")
    systems = _system_codes(labels, by_system)
    return equal_rates(labels.human, labels.judge, systems=systems, clusters=labels.cluster)


def _controls(measure: Measure, found: ControlFindings | None) -> str:
    if found is not None:
        return found.words
    recorded_or_local = measure.identity.get("judge", "") in {"recorded", "baseline"}
    return "not applicable" if recorded_or_local else "not run"


def _sentinels(
    verdicts: Sequence[LabelledVerdict],
    contents: Mapping[RecordKey, str],
    thresholds: TrustThresholds,
    *,
    seed: int,
) -> dict[str, str]:
    if not contents:
        return {}
    judged = [(v.key, v.outcome) for v in verdicts if isinstance(v.outcome, Score)]
    wanted = min(thresholds.sentinels, len(judged))
    chosen = np.random.default_rng(seed).choice(len(judged), size=wanted, replace=False)
    return {contents[key]: score.label for key, score in (judged[p] for p in sorted(chosen))}


def _fates(verdicts: Sequence[LabelledVerdict]) -> dict[str, int]:
    found = (v.outcome for v in verdicts if not isinstance(v.outcome, Score))
    return dict(
        Counter(one.code.value if isinstance(one, Fate) else "not_applicable" for one in found)
    )


def _served(verdicts: Sequence[LabelledVerdict]) -> tuple[str, ...]:
    found = {v.outcome.served for v in verdicts if isinstance(v.outcome, Score)}
    return tuple(sorted(models_in(found)))


def _fingerprints(verdicts: Sequence[LabelledVerdict]) -> tuple[str, ...]:
    scores = [v.outcome for v in verdicts if isinstance(v.outcome, Score)]
    return tuple(sorted({one for score in scores for one in fingerprints_of(score)}))


def _disagreements(verdicts: Sequence[LabelledVerdict], scale: Scale) -> tuple[Disagreement, ...]:
    value = dict(zip(scale.categories, scale.values, strict=True))
    found = [
        Disagreement(
            key=v.key,
            human=v.human,
            judge=v.outcome.label,
            gap=value[v.outcome.label] - value[v.human],
            rationale=v.outcome.rationale,
        )
        for v in verdicts
        if isinstance(v.outcome, Score) and v.outcome.label != v.human
    ]
    return tuple(sorted(found, key=lambda one: -abs(one.gap)))
