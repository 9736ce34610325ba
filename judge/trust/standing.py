"""How a judge stands: the rule that turns what was found into trusted, not trusted or neither."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from judge.records.rating import LabelSource
from judge.records.scale import ScaleKind
from judge.stats.estimate import Estimate, Undefined
from judge.stats.multiplicity import PValue, look_level
from judge.trust.agreement import Figure, figure_of
from judge.trust.certificate import PartStanding, Standing, TrustThresholds
from judge.trust.control_findings import (
    ControlFindings,
    refused_by_controls,
    unmet_by_controls,
)
from judge.trust.labels import Labels
from judge.trust.raters import RaterFindings

FEWEST_IN_A_PART = 20
"""Labels below which a slice or system has no standing of its own."""
FEWEST_OF_A_CLASS_IN_A_PART = 5
LOWEST_RATER_AGREEMENT = 0.4
"""Of Gwet's AC1, its lower limit: below it the rubric is too vague for anybody to agree on."""

_DIFFERENTIAL = 0.05


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
        look: which look at labels of this criterion, target and set this is, from 1.
    """

    fingerprint: str
    population: str
    sources: frozenset[LabelSource]
    blind: bool
    probabilities: frozenset[float | None]
    set_aside: Mapping[str, int]
    look: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What a standing is decided by.

    Attributes:
        labels: of all records together.
        bias: mean of judge less human, with the scale mapped to [0, 1].
        systems: which rows of `labels` are about each system.
        slices: which rows of `labels` are in each slice.
        differential: whether the judge errs alike on all systems.
        raters: how people agree with each other; None where no record has two raters.
        controls: what became of null answers and attacks; None where they were not put to it.
    """

    labels: Labels
    bias: Figure
    systems: Mapping[str, NDArray[np.bool_]]
    slices: Mapping[str, NDArray[np.bool_]]
    differential: PValue | Undefined
    raters: RaterFindings | None
    provenance: Provenance
    controls: ControlFindings | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """A standing with its reasons.

    Attributes:
        reasons: why, in words; where the judge is not trusted or labels are insufficient, each
            unmet condition.
        notes: what a reader must know beside the standing.
    """

    standing: Standing
    reasons: tuple[str, ...]
    systems: tuple[PartStanding, ...]
    slices: tuple[PartStanding, ...]
    notes: tuple[str, ...]


def decide(evidence: Evidence, thresholds: TrustThresholds, *, seed: int) -> Decision:
    """Return how a judge stands on the whole, on each system and on each slice.

    The level of the decision is spent over the looks at the labels. Where the judge does not err
    alike on all systems, figures of all of them together speak for none: then the judge is trusted
    only if it is trusted on each system by that system's own labels, and not trusted if it is not
    on one. A judge that accepts what nobody should accept is not trusted, however well it agrees.
    """
    level = decision_level(evidence.provenance, thresholds)
    systems = _parts(evidence.systems, evidence.labels, thresholds, level=level, seed=seed)
    slices = _parts(evidence.slices, evidence.labels, thresholds, level=level, seed=seed)
    unlike = _unlike(evidence.differential)
    refused = [
        *_refused_on_the_whole(evidence, thresholds, level=level, seed=seed),
        *(p.reason for p in systems if unlike and p.standing is Standing.NOT_TRUSTED),
        *_refused_by_controls(evidence.controls, thresholds),
    ]
    notes = _notes(evidence, systems, slices, unlike=unlike)
    if refused:
        standing, reasons = Standing.NOT_TRUSTED, refused
    else:
        standing, reasons = Standing.INSUFFICIENT, _unmet(evidence, thresholds, level, seed)
        if unlike:
            reasons += [p.reason for p in systems if p.standing is not Standing.TRUSTED]
        if not reasons:
            standing, reasons = Standing.TRUSTED, [_why_trusted(evidence, thresholds, level, seed)]
    return Decision(
        standing=standing,
        reasons=tuple(dict.fromkeys(reasons)),
        systems=systems,
        slices=slices,
        notes=notes,
    )


def decision_level(provenance: Provenance, thresholds: TrustThresholds) -> float:
    """Return the two-sided level at which a look at labels may decide."""
    return 1 - 2 * look_level(provenance.look, total=(1 - thresholds.level) / 2)


def half_spent(level: float) -> float:
    """Return the level of one of two ways to be trusted."""
    return 1 - (1 - level) / 2


def _parts(
    parts: Mapping[str, NDArray[np.bool_]],
    labels: Labels,
    thresholds: TrustThresholds,
    *,
    level: float,
    seed: int,
) -> tuple[PartStanding, ...]:
    own = {name: labels.where(chosen) for name, chosen in parts.items()}
    enough = {name: part for name, part in own.items() if not _too_few(part)}
    refused = _refused_parts(enough, thresholds, level=level, seed=seed)
    return tuple(
        _part(name, part, thresholds, refused=name in refused, level=level, seed=seed)
        for name, part in own.items()
    )


def _refused_parts(
    parts: Mapping[str, Labels], thresholds: TrustThresholds, *, level: float, seed: int
) -> set[str]:
    """Return the parts whose upper limit is below the threshold, all of them together in doubt.

    That is Holm's step-down: the level is shared among the parts that are not refused yet.
    """
    refused: set[str] = set()
    while left := [name for name in parts if name not in refused]:
        shared = 1 - (1 - level) / len(left)
        found = {
            name
            for name in left
            if isinstance(figure := _primary(parts[name], thresholds, shared, seed), Estimate)
            and figure.high < thresholds.at_least
        }
        if not found:
            break
        refused |= found
    return refused


def _part(
    name: str,
    labels: Labels,
    thresholds: TrustThresholds,
    *,
    refused: bool,
    level: float,
    seed: int,
) -> PartStanding:
    figure = _primary(labels, thresholds, level, seed)
    metric = thresholds.primary.value
    if refused and isinstance(figure, Estimate):
        standing = Standing.NOT_TRUSTED
        reason = (
            f"{metric} on {name} lies between {_limits(figure)}, all of it below the "
            f"{thresholds.at_least:g} that is asked for"
        )
    elif few := _too_few(labels):
        standing, reason = Standing.INSUFFICIENT, f"pooled evidence only on {name}: {few}"
    elif isinstance(figure, Undefined):
        standing = Standing.INSUFFICIENT
        reason = f"pooled evidence only on {name}: {figure.reason}"
    elif figure.low < thresholds.at_least:
        standing = Standing.INSUFFICIENT
        reason = (
            f"pooled evidence only on {name}: {metric} is only known to lie between "
            f"{_limits(figure)}"
        )
    else:
        standing = Standing.TRUSTED
        reason = f"{metric} on {name} is at least {figure.low:.3f}"
    return PartStanding(
        name=name,
        standing=standing,
        n_labels=labels.human.size,
        primary=figure if isinstance(figure, Estimate) else None,
        reason=reason,
    )


def _too_few(labels: Labels) -> str:
    if labels.human.size < FEWEST_IN_A_PART:
        return f"{labels.human.size} labels, {FEWEST_IN_A_PART} are needed"
    if labels.scale.kind is not ScaleKind.BINARY:
        return ""
    counts = np.bincount(labels.human, minlength=2)
    if counts.min() < FEWEST_OF_A_CLASS_IN_A_PART:
        category = labels.scale.categories[int(counts.argmin())]
        return f"{counts.min()} labels say {category!r}, {FEWEST_OF_A_CLASS_IN_A_PART} are needed"
    return ""


def _refused_on_the_whole(
    evidence: Evidence, thresholds: TrustThresholds, *, level: float, seed: int
) -> list[str]:
    refused = []
    primary = _primary(evidence.labels, thresholds, _shared(evidence, level), seed)
    if (
        isinstance(primary, Estimate)
        and primary.high < thresholds.at_least
        and not _meets_the_ceiling(evidence, thresholds)
    ):
        refused.append(
            f"{thresholds.primary.value} lies between {_limits(primary)}, all of it below the "
            f"{thresholds.at_least:g} that is asked for"
        )
    bias = evidence.bias
    if isinstance(bias, Estimate) and max(bias.low, -bias.high) > thresholds.max_bias:
        refused.append(
            f"the judge is biased: judge less human lies between {_limits(bias)}, beyond the "
            f"{thresholds.max_bias:g} that is allowed"
        )
    return refused


def _refused_by_controls(
    controls: ControlFindings | None, thresholds: TrustThresholds
) -> Sequence[str]:
    if controls is None:
        return ()
    return refused_by_controls(
        controls,
        max_null_pass=thresholds.max_null_pass,
        max_attack_success=thresholds.max_attack_success,
    )


def _unmet(evidence: Evidence, thresholds: TrustThresholds, level: float, seed: int) -> list[str]:
    primary = _primary(evidence.labels, thresholds, _shared(evidence, level), seed)
    by_agreement = _unmet_by_agreement(primary, thresholds)
    if by_agreement and _meets_the_ceiling(evidence, thresholds):
        by_agreement = []
    return [
        *_unmet_by_labels(evidence.provenance),
        *_unmet_by_number(evidence.labels, thresholds),
        *_unmet_by_raters(evidence.raters),
        *by_agreement,
        *_unmet_by_bias(evidence.bias, thresholds),
        *(unmet_by_controls(evidence.controls) if evidence.controls is not None else ()),
    ]


def _shared(evidence: Evidence, level: float) -> float:
    """Return the level of the primary metric: half of it goes to the ceiling where one is known."""
    return level if evidence.raters is None else half_spent(level)


def _meets_the_ceiling(evidence: Evidence, thresholds: TrustThresholds) -> bool:
    """Whether the judge is not far below what people reach with each other."""
    if evidence.raters is None:
        return False
    delta = evidence.raters.ceiling.delta
    return isinstance(delta, Estimate) and delta.low > -thresholds.delta_max


def _unmet_by_raters(raters: RaterFindings | None) -> list[str]:
    if raters is None:
        return []
    if isinstance(raters.ac, Undefined):
        return [f"how well people agree with each other is not known: {raters.ac.reason}"]
    if raters.ac.low < LOWEST_RATER_AGREEMENT:
        return [
            (
                "rubric unreliable: people agree with each other by "
                f"{raters.ac.value:.3f} only (Gwet's AC, lower limit {raters.ac.low:.3f}, "
                f"{LOWEST_RATER_AGREEMENT:g} is needed)"
            )
        ]
    return []


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
    return unmet


def _unmet_by_number(labels: Labels, thresholds: TrustThresholds) -> list[str]:
    unmet = []
    if labels.n_items < thresholds.min_items:
        unmet.append(
            f"{labels.n_items} rated items with a verdict, {thresholds.min_items} are needed"
        )
    if labels.scale.kind is ScaleKind.BINARY:
        counts = np.bincount(labels.human, minlength=2)
        unmet += [
            f"{count} labels say {category!r}, {thresholds.min_class} are needed"
            for category, count in zip(labels.scale.categories, counts, strict=True)
            if count < thresholds.min_class
        ]
    return unmet


def _unmet_by_agreement(primary: Figure, thresholds: TrustThresholds) -> list[str]:
    name = thresholds.primary.value
    if isinstance(primary, Undefined):
        return [f"{name} does not exist: {primary.reason}"]
    if primary.low < thresholds.at_least:
        return [
            (
                f"{name} is only known to lie between {_limits(primary)}; its lower limit must "
                f"reach {thresholds.at_least:g}"
            )
        ]
    return []


def _unmet_by_bias(bias: Figure, thresholds: TrustThresholds) -> list[str]:
    if isinstance(bias, Undefined):
        return [f"the judge's bias is not known: {bias.reason}"]
    if max(-bias.low, bias.high) > thresholds.max_bias:
        return [
            (
                f"judge less human is only known to lie between {_limits(bias)}; it must stay "
                f"within {thresholds.max_bias:g} of 0"
            )
        ]
    return []


def _why_trusted(evidence: Evidence, thresholds: TrustThresholds, level: float, seed: int) -> str:
    primary = _primary(evidence.labels, thresholds, _shared(evidence, level), seed)
    if isinstance(primary, Estimate) and primary.low >= thresholds.at_least:
        return (
            f"{thresholds.primary.value} is at least {primary.low:.3f} on "
            f"{evidence.labels.n_items} rated items, {thresholds.at_least:g} was asked for"
        )
    return (
        "the judge meets people as well as they meet each other, less "
        f"{thresholds.delta_max:g} at most"
    )


def _unlike(differential: PValue | Undefined) -> bool:
    return isinstance(differential, PValue) and differential.value < _DIFFERENTIAL


def _notes(
    evidence: Evidence,
    systems: Sequence[PartStanding],
    slices: Sequence[PartStanding],
    *,
    unlike: bool,
) -> tuple[str, ...]:
    notes = []
    if unlike and isinstance(evidence.differential, PValue):
        notes.append(
            "the judge errs differently on the systems "
            f"(p = {evidence.differential.value:.2g}): figures of all of them together speak for "
            "none, and are not pooled"
        )
    refused = [p for p in (*systems, *slices) if p.standing is Standing.NOT_TRUSTED]
    if refused:
        notes.append(f"not trusted on: {', '.join(part.name for part in refused)}")
    pooled = [p.name for p in (*systems, *slices) if p.standing is Standing.INSUFFICIENT]
    if pooled:
        notes.append(f"pooled evidence only on: {', '.join(pooled)}")
    if evidence.raters is None:
        notes.append("one rater a record: how well people agree with each other is unknown")
    if evidence.provenance.look > 1:
        notes.append(
            f"look {evidence.provenance.look} at labels of this set: each look has less of the "
            "level to spend"
        )
    return tuple(notes)


def _primary(labels: Labels, thresholds: TrustThresholds, level: float, seed: int) -> Figure:
    return figure_of(labels, thresholds.primary.value, level=level, seed=seed)


def _limits(figure: Estimate) -> str:
    return f"{figure.low:.3f} and {figure.high:.3f}"
