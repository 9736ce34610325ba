"""How a judge agrees with people on some set of records: every figure with its interval."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from judge.records.scale import Scale, ScaleKind
from judge.stats.agreement import (
    Weights,
    agreement_design_effect,
    cohen_kappa,
    confusion,
    mean_bias,
    percent_agreement,
    weighted_confusion,
)
from judge.stats.class_rates import (
    informedness,
    negative_predictive_value,
    positive_predictive_value,
    true_negative_rate,
    true_positive_rate,
)
from judge.stats.clusters import design_effect
from judge.stats.correlation import kendall_tau_b, pearson, spearman
from judge.stats.estimate import Estimate, Undefined
from judge.stats.reliability import gwet_ac, krippendorff_alpha
from judge.stats.weighting import Table
from judge.trust.labels import Labels

Figure: TypeAlias = Estimate | Undefined

_BINARY = 2


class _Rate(Protocol):
    """A rate of one of two classes."""

    def __call__(
        self, table: Table, *, level: float, design_effect: float, n_clusters: int | None
    ) -> Figure: ...


class _Correlation(Protocol):
    """A correlation of two sides."""

    def __call__(
        self,
        judge: NDArray[np.float64],
        human: NDArray[np.float64],
        *,
        rng: np.random.Generator,
        clusters: NDArray[np.int64] | None,
        level: float,
    ) -> Figure: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """How a judge agrees with people on some set of records.

    Attributes:
        n_labels: verdicts beside a label.
        n_items: distinct clusters among them.
        confusion: counts, rows what people said, columns what the judge said, worst first.
        figures: by name; which there are depends on the scale.
        fates: why the judge gave no verdict on a labelled record, with counts.
    """

    n_labels: int
    n_items: int
    confusion: tuple[tuple[int, ...], ...]
    figures: Mapping[str, Figure]
    fates: Mapping[str, int]


def agreement(labels: Labels, *, level: float, seed: int, fates: Mapping[str, int]) -> Agreement:
    """Return every figure of a set of labels.

    Args:
        labels: with the judge's verdicts.
        level: two-sided coverage aimed at, in (0, 1).
        seed: of the draws behind the limits.
        fates: why the judge gave no verdict on other labelled records, with counts.
    """
    subject = _Subject(labels, level=level, seed=seed)
    return Agreement(
        n_labels=labels.human.size,
        n_items=labels.n_items,
        confusion=tuple(tuple(int(count) for count in row) for row in subject.counts),
        figures=_all_figures(subject),
        fates=fates,
    )


def _all_figures(subject: "_Subject") -> dict[str, Figure]:
    figures: dict[str, Figure] = {}
    of_two = len(subject.labels.scale.categories) == _BINARY
    for name in figure_names(subject.labels.scale):
        # Of two categories every weighting of kappa is one number.
        known = figures["kappa"] if of_two and name.startswith("kappa_") else None
        figures[name] = known if known is not None else _FIGURES[name](subject)
    return figures


def figure_of(labels: Labels, name: str, *, level: float, seed: int) -> Figure:
    """Return one figure of a set of labels, at a level of its own.

    Raises:
        KeyError: there is no figure of that name.
    """
    return _FIGURES[name](_Subject(labels, level=level, seed=seed))


def figure_names(scale: Scale) -> tuple[str, ...]:
    """Return the figures that make sense on a scale, in the order they are shown."""
    if scale.kind is ScaleKind.NOMINAL:
        return ("percent", "kappa", "mean_bias", "alpha", "ac1")
    special = _OF_TWO_CLASSES if len(scale.categories) == _BINARY else _OF_AN_ORDER
    return (
        *("percent", "kappa", "kappa_linear", "kappa_quadratic"),
        *special,
        *("mean_bias", "alpha", "ac1"),
    )


class _Subject:
    """Labels, with what several figures need of them."""

    def __init__(self, labels: Labels, *, level: float, seed: int) -> None:
        self.labels = labels
        self.level = level
        self.seed = seed

    @cached_property
    def counts(self) -> NDArray[np.int64]:
        categories = len(self.labels.scale.categories)
        return confusion(self.labels.human, self.labels.judge, n_categories=categories)

    @cached_property
    def table(self) -> Table:
        """Counts, or weighted ones where some records were likelier to be rated than others."""
        if not self.labels.unequal:
            return self.counts
        return weighted_confusion(
            self.labels.human,
            self.labels.judge,
            n_categories=len(self.labels.scale.categories),
            inclusion=self.labels.inclusion,
        )

    @property
    def rng(self) -> np.random.Generator:
        """A generator of its own for each figure: none depends on which others were asked for."""
        return np.random.default_rng(self.seed)

    @cached_property
    def design_effect(self) -> float:
        return self._effect(self.labels)

    def among(self, chosen: NDArray[np.bool_]) -> tuple[float, int]:
        """Return design effect and number of clusters of some of the labels."""
        if not self.clustered:
            return 1.0, int(np.count_nonzero(chosen))
        labels = self.labels.where(chosen)
        return self._effect(labels), labels.n_items

    def effect_on(self, values: NDArray[np.float64]) -> float:
        """Design effect of the mean of some value of each label."""
        if not self.clustered:
            return 1.0
        labels = self.labels
        inclusion = labels.inclusion if labels.unequal else None
        return design_effect(values, labels.cluster, inclusion=inclusion, level=self.level)

    @cached_property
    def clustered(self) -> bool:
        return self.labels.clustered

    @cached_property
    def n_items(self) -> int:
        return self.labels.n_items

    @property
    def both(self) -> NDArray[np.int64]:
        """Labels of people and judge as of two raters, shape (n, 2)."""
        return np.column_stack([self.labels.human, self.labels.judge])

    @property
    def clusters(self) -> NDArray[np.int64] | None:
        return self.labels.cluster if self.clustered else None

    def _effect(self, labels: Labels) -> float:
        if labels.human.size == 0 or not self.clustered:
            return 1.0
        return agreement_design_effect(
            labels.human,
            labels.judge,
            clusters=labels.cluster,
            inclusion=labels.inclusion if labels.unequal else None,
            level=self.level,
        )


def _percent(of: _Subject) -> Figure:
    return percent_agreement(
        of.table, level=of.level, design_effect=of.design_effect, n_clusters=of.n_items
    )


def _kappa(weights: Weights) -> Callable[[_Subject], Figure]:
    def kappa(of: _Subject) -> Figure:
        return cohen_kappa(
            of.table,
            rng=of.rng,
            weights=weights,
            level=of.level,
            design_effect=of.design_effect,
            n_clusters=of.n_items,
        )

    return kappa


def _rate(make: _Rate, *, of_people: bool, positive: bool) -> Callable[[_Subject], Figure]:
    def rate(of: _Subject) -> Figure:
        side = of.labels.human if of_people else of.labels.judge
        effect, clusters = of.among(side == int(positive))
        return make(of.table, level=of.level, design_effect=effect, n_clusters=clusters)

    return rate


def _informedness(of: _Subject) -> Figure:
    return informedness(
        of.table,
        level=of.level,
        rng=of.rng,
        design_effect=of.design_effect,
        n_clusters=of.n_items,
    )


def _mean_bias(of: _Subject) -> Figure:
    values = np.array(of.labels.scale.values)
    return mean_bias(
        of.table,
        values=values,
        rng=of.rng,
        level=of.level,
        design_effect=of.effect_on(values[of.labels.judge] - values[of.labels.human]),
        n_clusters=of.n_items,
    )


def _unweighted(make: Callable[[_Subject], Figure]) -> Callable[[_Subject], Figure]:
    """Leave out a figure that has no weights where chances to be rated were unequal."""

    def found(of: _Subject) -> Figure:
        if of.labels.unequal:
            return Undefined(
                reason="it has no weights for unequal chances to be rated", n=of.labels.human.size
            )
        return make(of)

    return found


def _alpha(of: _Subject) -> Figure:
    return krippendorff_alpha(
        of.both,
        n_categories=len(of.labels.scale.categories),
        metric="ordinal" if of.labels.scale.ordered else "nominal",
        rng=of.rng,
        clusters=of.clusters,
        level=of.level,
    )


def _gwet(weights: Weights) -> Callable[[_Subject], Figure]:
    def coefficient(of: _Subject) -> Figure:
        return gwet_ac(
            of.both,
            n_categories=len(of.labels.scale.categories),
            weights=weights,
            clusters=of.clusters,
            level=of.level,
        )

    return coefficient


def _correlation(make: _Correlation) -> Callable[[_Subject], Figure]:
    def correlation(of: _Subject) -> Figure:
        values = np.array(of.labels.scale.values)
        return make(
            values[of.labels.judge],
            values[of.labels.human],
            rng=of.rng,
            clusters=of.clusters,
            level=of.level,
        )

    return correlation


_FIGURES: Mapping[str, Callable[[_Subject], Figure]] = {
    "percent": _percent,
    "kappa": _kappa("none"),
    "kappa_linear": _kappa("linear"),
    "kappa_quadratic": _kappa("quadratic"),
    "alpha": _unweighted(_alpha),
    "ac1": _unweighted(_gwet("none")),
    "ac2": _unweighted(_gwet("quadratic")),
    "spearman": _unweighted(_correlation(spearman)),
    "kendall_tau_b": _unweighted(_correlation(kendall_tau_b)),
    "pearson": _unweighted(_correlation(pearson)),
    "true_positive_rate": _rate(true_positive_rate, of_people=True, positive=True),
    "true_negative_rate": _rate(true_negative_rate, of_people=True, positive=False),
    "positive_predictive_value": _rate(positive_predictive_value, of_people=False, positive=True),
    "negative_predictive_value": _rate(negative_predictive_value, of_people=False, positive=False),
    "informedness": _informedness,
    "mean_bias": _mean_bias,
}
_OF_TWO_CLASSES = (
    "true_positive_rate",
    "true_negative_rate",
    "positive_predictive_value",
    "negative_predictive_value",
    "informedness",
)
_OF_AN_ORDER = ("ac2", "spearman", "kendall_tau_b", "pearson")
