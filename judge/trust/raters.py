"""How people agree with each other, and whether the judge agrees with them as well."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from judge.records.rating import Aggregate
from judge.records.scale import Scale, ScaleKind
from judge.stats.alternative import AlternativeAnnotatorTest, alternative_annotator_test
from judge.stats.ceiling import HumanCeiling, human_ceiling
from judge.stats.estimate import Undefined
from judge.stats.reliability import gwet_ac, krippendorff_alpha
from judge.trust.agreement import Figure
from judge.trust.labels import UNLABELLED, LabelledVerdict, rater_codes

_SEVERAL = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class RaterFindings:
    """What several raters say of each other and of the judge.

    Attributes:
        raters: their names, in the order of the rows of `ceiling` and `alternative`.
        n_shared: records that two of them or more labelled.
        ac: Gwet's AC1, on an ordered scale AC2 with quadratic weights.
        alpha: Krippendorff's, ordinal on an ordered scale.
        ceiling: each rater against the others together, and the judge on the same targets.
        alternative: whether the judge may stand in for a rater.
    """

    raters: tuple[str, ...]
    n_shared: int
    ac: Figure
    alpha: Figure
    ceiling: HumanCeiling
    alternative: AlternativeAnnotatorTest | Undefined


def rater_findings(
    verdicts: Sequence[LabelledVerdict],
    scale: Scale,
    *,
    aggregate: Aggregate,
    epsilon: float,
    level: float,
    ceiling_level: float,
    seed: int,
) -> RaterFindings | None:
    """Return what several raters of the same records say; None where no record has two.

    Args:
        verdicts: each labelled record once.
        scale: of the labels.
        aggregate: how several labels become one; never with the rater that is compared with it.
        epsilon: what the judge may win less than a rater, see `alternative_annotator_test`.
        level: two-sided coverage aimed at, in (0, 1).
        ceiling_level: the same for the ceiling, by which a judge can be trusted.
        seed: of the draws behind the limits.
    """
    raters, codes = rater_codes(verdicts, scale)
    shared = (codes != UNLABELLED).sum(axis=1) >= _SEVERAL
    if not shared.any():
        return None
    judge = np.array(
        [scale.code(v.votes[0].label) if v.votes else UNLABELLED for v in verdicts], dtype=np.int64
    )
    clusters, n_categories = _clusters(verdicts), len(scale.categories)
    binary = scale.kind is ScaleKind.BINARY
    values = np.array(scale.values)
    return RaterFindings(
        raters=raters,
        n_shared=int(shared.sum()),
        ac=gwet_ac(
            codes,
            n_categories=n_categories,
            weights="quadratic" if scale.ordered else "none",
            clusters=clusters,
            level=level,
        ),
        alpha=krippendorff_alpha(
            codes,
            n_categories=n_categories,
            metric="ordinal" if scale.ordered else "nominal",
            rng=np.random.default_rng(seed),
            clusters=clusters,
            level=level,
        ),
        ceiling=human_ceiling(
            codes,
            judge,
            n_categories=n_categories,
            score="informedness" if binary else "negative_mae" if scale.ordered else "match",
            aggregate=aggregate.value,
            rng=np.random.default_rng(seed),
            values=values if scale.ordered else None,
            clusters=clusters,
            level=ceiling_level,
        ),
        alternative=alternative_annotator_test(
            codes,
            judge,
            n_categories=n_categories,
            epsilon=epsilon,
            score="rmse" if scale.ordered else "match",
            values=values if scale.ordered else None,
        ),
    )


def _clusters(verdicts: Sequence[LabelledVerdict]) -> np.ndarray | None:
    codes: dict[str, int] = {}
    found = np.array([codes.setdefault(v.cluster, len(codes)) for v in verdicts], dtype=np.int64)
    return found if len(codes) < len(verdicts) else None
