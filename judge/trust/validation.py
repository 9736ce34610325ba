"""A judge against human ratings: how well it agrees, where it does not, and how it stands."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import TypeAlias

import numpy as np

from judge.records.rating import LabelSource
from judge.records.record import RecordKey, Slices
from judge.records.scale import Scale
from judge.results.outcome import Fate, Outcome, Score
from judge.results.run import Measure
from judge.stats.agreement import (
    agreement_design_effect,
    cohen_kappa,
    confusion,
    informedness,
    percent_agreement,
    true_negative_rate,
    true_positive_rate,
)
from judge.stats.estimate import Estimate, Undefined
from judge.trust.certificate import Certificate, Standing, TrustThresholds

Figure: TypeAlias = Estimate | Undefined


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledVerdict:
    """What people said of one record, and what came of asking the judge."""

    key: RecordKey
    cluster: str
    slices: Slices
    human: str
    outcome: Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """How a judge agrees with people on some set of records.

    Attributes:
        confusion: counts, rows what people said, columns what the judge said, worst first.
        n_items: distinct clusters among the labels that have a verdict.
        fates: why the judge gave no verdict on a labelled record, with counts.
    """

    n_labels: int
    n_items: int
    confusion: tuple[tuple[int, ...], ...]
    percent: Figure
    kappa: Figure
    true_positive_rate: Figure
    true_negative_rate: Figure
    informedness: Figure
    fates: Mapping[str, int]

    @property
    def figures(self) -> Mapping[str, Figure]:
        return {
            "percent": self.percent,
            "kappa": self.kappa,
            "true_positive_rate": self.true_positive_rate,
            "true_negative_rate": self.true_negative_rate,
            "informedness": self.informedness,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Disagreement:
    """One record on which the judge and people differ."""

    key: RecordKey
    human: str
    judge: str
    rationale: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """Where the labels come from.

    Attributes:
        fingerprint: of what people said.
        population: fingerprint of the evaluation set the rated records belong to.
        sources: every source that occurs.
        blind: whether all raters were blind.
        probabilities: the distinct inclusion probabilities that occur; None for unknown.
        set_aside: why ratings were not used, with counts.
        quoted: rated items that the judge's prompt quotes.
    """

    fingerprint: str
    population: str
    sources: frozenset[LabelSource]
    blind: bool
    probabilities: frozenset[float | None]
    set_aside: Mapping[str, int]
    quoted: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Validation:
    """Everything a validation found."""

    measure: Measure
    overall: Agreement
    systems: Mapping[str, Agreement]
    slices: Mapping[str, Agreement]
    baseline: Agreement | None
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
    """
    overall = agreement(verdicts, scale, level=thresholds.level, seed=seed)
    systems = _parts(verdicts, lambda v: [v.key.system], scale, level=thresholds.level, seed=seed)
    standing, reasons = decide(
        overall, systems=systems, scale=scale, provenance=provenance, thresholds=thresholds
    )
    figures = overall.figures
    return Validation(
        measure=measure,
        overall=overall,
        systems=systems,
        slices=_parts(verdicts, _slice_names, scale, level=thresholds.level, seed=seed),
        baseline=agreement(baseline, scale, level=thresholds.level, seed=seed)
        if baseline is not None
        else None,
        disagreements=_disagreements(verdicts),
        provenance=provenance,
        certificate=Certificate(
            scorer=measure.scorer,
            criterion=measure.criterion,
            target=measure.target,
            categories=measure.categories,
            signature=measure.signature,
            identity=measure.identity,
            served=_served(verdicts),
            ratings=provenance.fingerprint,
            population=provenance.population,
            source=_weakest(provenance.sources),
            n_labels=overall.n_labels,
            n_items=overall.n_items,
            findings={n: f for n, f in figures.items() if isinstance(f, Estimate)},
            undefined={n: f.reason for n, f in figures.items() if isinstance(f, Undefined)},
            thresholds=thresholds,
            standing=standing,
            reasons=reasons,
            issued=now,
        ),
    )


def agreement(
    verdicts: Sequence[LabelledVerdict], scale: Scale, *, level: float, seed: int
) -> Agreement:
    """Return how verdicts agree with labels; records without a verdict are counted by fate."""
    judged = [v for v in verdicts if isinstance(v.outcome, Score)]
    human = np.array([scale.code(v.human) for v in judged], dtype=np.int64)
    judge = np.array([scale.code(_label(v)) for v in judged], dtype=np.int64)
    clusters = _cluster_codes(judged)
    table = confusion(human, judge, n_categories=len(scale.categories))
    rng = np.random.default_rng(seed)
    n_items = len(set(clusters.tolist()))
    everything, positive, negative = human >= 0, human == 1, human == 0
    effect = _effect_among(everything, human, judge, clusters, level=level)
    return Agreement(
        n_labels=len(judged),
        n_items=n_items,
        confusion=tuple(tuple(int(count) for count in row) for row in table),
        percent=percent_agreement(table, level=level, design_effect=effect, n_clusters=n_items),
        kappa=cohen_kappa(table, level=level, rng=rng, design_effect=effect, n_clusters=n_items),
        true_positive_rate=true_positive_rate(
            table,
            level=level,
            design_effect=_effect_among(positive, human, judge, clusters, level=level),
            n_clusters=len(set(clusters[positive].tolist())),
        ),
        true_negative_rate=true_negative_rate(
            table,
            level=level,
            design_effect=_effect_among(negative, human, judge, clusters, level=level),
            n_clusters=len(set(clusters[negative].tolist())),
        ),
        informedness=informedness(
            table, level=level, rng=rng, design_effect=effect, n_clusters=n_items
        ),
        fates=_fates(verdicts),
    )


def decide(
    found: Agreement,
    *,
    scale: Scale,
    provenance: Provenance,
    thresholds: TrustThresholds,
    systems: Mapping[str, Agreement] = MappingProxyType({}),
) -> tuple[Standing, tuple[str, ...]]:
    """Return the standing and the reasons for it, in words.

    Not trusted where the primary metric's upper limit is below the threshold, overall or on the
    outputs of one system: a judge that errs on one of them more cannot compare them, however well
    it does on all together. Insufficient where any condition of trust is unmet; trusted
    otherwise.
    """
    primary = found.figures[thresholds.primary.value]
    name = thresholds.primary.value
    parts = {"": found, **{f" on {system}": part for system, part in systems.items()}}
    if below := [
        f"{name}{part} lies between {_limits(figure)}, all of it below the "
        f"{thresholds.at_least:g} that is asked for"
        for part, agreed in parts.items()
        if isinstance(figure := agreed.figures[name], Estimate)
        and figure.high < thresholds.at_least
    ]:
        return Standing.NOT_TRUSTED, tuple(below)
    unmet = (
        *_unmet_by_labels(provenance),
        *_unmet_by_number(found, scale, thresholds),
        *_unmet_by_agreement(primary, thresholds),
    )
    if unmet:
        return Standing.INSUFFICIENT, unmet
    return Standing.TRUSTED, (
        (
            f"{name} is at least {_low(primary):.3f} on {found.n_items} rated items, "
            f"{thresholds.at_least:g} was asked for"
        ),
    )


def _unmet_by_labels(provenance: Provenance) -> list[str]:
    unmet = []
    if LabelSource.CONSTRUCTED in provenance.sources:
        unmet.append(
            "the labels are constructed: made together with the outputs they label, they show "
            "how this works and can never make a judge trusted"
        )
    if not provenance.blind:
        unmet.append("the raters were not blind to the system or the verdict, or nobody says so")
    if None in provenance.probabilities:
        unmet.append(
            "nobody says how the rated records were drawn (sampling: random, or the column with "
            "inclusion probabilities)"
        )
    elif len(provenance.probabilities) > 1:
        unmet.append(
            "the records were drawn with unequal probabilities, which these figures do not weight"
        )
    if provenance.quoted:
        shown = ", ".join(provenance.quoted[:5])
        unmet.append(f"the judge's prompt quotes rated items: {shown}")
    return unmet


def _unmet_by_number(found: Agreement, scale: Scale, thresholds: TrustThresholds) -> list[str]:
    unmet = []
    if found.n_items < thresholds.min_items:
        unmet.append(
            f"{found.n_items} rated items with a verdict, {thresholds.min_items} are needed"
        )
    for category, row in zip(scale.categories, found.confusion, strict=True):
        if sum(row) < thresholds.min_class:
            unmet.append(f"{sum(row)} labels say {category!r}, {thresholds.min_class} are needed")
    return unmet


def _unmet_by_agreement(primary: Figure, thresholds: TrustThresholds) -> list[str]:
    name = thresholds.primary.value
    if isinstance(primary, Undefined):
        return [f"{name} does not exist: {primary.reason}"]
    if primary.low < thresholds.at_least:
        return [
            (
                f"{name} is only known to lie between {_limits(primary)}; its "
                f"lower limit must reach {thresholds.at_least:g}"
            )
        ]
    return []


def _limits(figure: Estimate) -> str:
    return f"{figure.low:.3f} and {figure.high:.3f}"


def _low(figure: Figure) -> float:
    if isinstance(figure, Undefined):
        raise TypeError("a trusted judge has a primary metric")  # pragma: no cover
    return figure.low


def _effect_among(
    chosen: np.ndarray,
    human: np.ndarray,
    judge: np.ndarray,
    clusters: np.ndarray,
    *,
    level: float,
) -> float:
    if not chosen.any():
        return 1.0
    return agreement_design_effect(
        human[chosen], judge[chosen], clusters=clusters[chosen], level=level
    )


def _parts(
    verdicts: Sequence[LabelledVerdict],
    names_of: Callable[[LabelledVerdict], Sequence[str]],
    scale: Scale,
    *,
    level: float,
    seed: int,
) -> Mapping[str, Agreement]:
    parts: dict[str, list[LabelledVerdict]] = {}
    for verdict in verdicts:
        for name in names_of(verdict):
            parts.setdefault(name, []).append(verdict)
    return {name: agreement(part, scale, level=level, seed=seed) for name, part in parts.items()}


def _slice_names(verdict: LabelledVerdict) -> list[str]:
    return [f"{dimension}={value}" for dimension, value in verdict.slices.items()]


def _cluster_codes(verdicts: Sequence[LabelledVerdict]) -> np.ndarray:
    codes: dict[str, int] = {}
    return np.array([codes.setdefault(v.cluster, len(codes)) for v in verdicts], dtype=np.int64)


def _label(verdict: LabelledVerdict) -> str:
    return verdict.outcome.label if isinstance(verdict.outcome, Score) else ""


def _fates(verdicts: Sequence[LabelledVerdict]) -> Mapping[str, int]:
    counts: dict[str, int] = {}
    for verdict in verdicts:
        if not isinstance(verdict.outcome, Score):
            found = verdict.outcome
            why = found.code.value if isinstance(found, Fate) else "not_applicable"
            counts[why] = counts.get(why, 0) + 1
    return counts


def _served(verdicts: Sequence[LabelledVerdict]) -> tuple[str, ...]:
    found = {v.outcome.served for v in verdicts if isinstance(v.outcome, Score)}
    return tuple(sorted(found - {""}))


def _weakest(sources: frozenset[LabelSource]) -> LabelSource:
    constructed = LabelSource.CONSTRUCTED in sources
    return LabelSource.CONSTRUCTED if constructed else LabelSource.HUMAN


def _disagreements(verdicts: Sequence[LabelledVerdict]) -> tuple[Disagreement, ...]:
    return tuple(
        Disagreement(key=v.key, human=v.human, judge=v.outcome.label, rationale=v.outcome.rationale)
        for v in verdicts
        if isinstance(v.outcome, Score) and v.outcome.label != v.human
    )
