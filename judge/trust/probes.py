"""What moves a judge that should not: the order of a pair, asking again, length, family ties."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from judge.records.scale import Scale, ScaleKind
from judge.results.outcome import Vote
from judge.stats.estimate import Estimate, Undefined
from judge.stats.intervals import proportion
from judge.stats.regression import slope
from judge.trust.agreement import Figure
from judge.trust.labels import LabelledVerdict, Labels

FIRST_IS_A, FIRST_IS_B = "ab", "ba"
"""How a verdict says which output of a pair stood first."""

JUDGE_FAMILY = "judge"
"""Name under which the families of a config hold the judge's own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderProbe:
    """Pairs judged in both orders.

    Attributes:
        n_pairs: with a verdict in both; of a panel whose members are asked so, of each member.
        same_winner: share of them with the same verdict in both orders, in [0, 1].
        first_slot: share of all verdicts without a tie that prefer what stood first; 1/2 for a
            judge that does not care, where people prefer either output as often.
        accuracy: share of verdicts that say what people say, by order.
    """

    n_pairs: int
    same_winner: Figure
    first_slot: Figure
    accuracy: Mapping[str, Figure]


@dataclass(frozen=True, slots=True, kw_only=True)
class FamilyProbe:
    """A judge that is of the same model family as a system it judges.

    Attributes:
        family: of the judge.
        related: systems of that family.
        excess: how much more the judge overrates them than the others: judge less human there,
            less judge less human elsewhere, with the scale mapped to [0, 1].
    """

    family: str
    related: tuple[str, ...]
    excess: Figure


@dataclass(frozen=True, slots=True, kw_only=True)
class Probes:
    """What was asked of a judge's verdicts beside how well they agree.

    Attributes:
        order: None without a pair judged in both orders.
        repeat: share of records with the same verdict when asked again; None where none was.
        length: how much judge less human grows when the output is twice as long, with the scale
            mapped to [0, 1].
        family: None where the judge is of no system's family, or nobody says.
    """

    order: OrderProbe | None
    repeat: Figure | None
    length: Figure
    family: FamilyProbe | None


def probe(
    verdicts: Sequence[LabelledVerdict],
    labels: Labels,
    *,
    families: Mapping[str, str],
    level: float,
) -> Probes:
    """Return what the labelled verdicts say of position, repeat, length and family bias.

    Args:
        verdicts: each labelled record once.
        labels: the same as arrays.
        families: declared model family of each system, and of the judge under ``judge``.
        level: two-sided coverage aimed at, in (0, 1).
    """
    return Probes(
        order=_order(verdicts, labels.scale, level=level),
        repeat=_repeat(verdicts, level=level),
        length=slope(
            np.log2(1 + labels.length), _gaps(labels), clusters=labels.cluster, level=level
        ),
        family=_family(verdicts, labels, families, level=level),
    )


def _order(verdicts: Sequence[LabelledVerdict], scale: Scale, *, level: float) -> OrderProbe | None:
    if scale.kind is not ScaleKind.PAIRWISE:
        return None
    clusters = _clusters(verdicts)
    ordered = [_in_an_order(verdict) for verdict in verdicts]
    both = [
        (cluster, found)
        for cluster, votes in zip(clusters, ordered, strict=True)
        for found in _by_order(votes)
        if {FIRST_IS_A, FIRST_IS_B} <= found.keys()
    ]
    if not both:
        return None
    votes = [
        (cluster, vote, verdict)
        for cluster, verdict, found in zip(clusters, verdicts, ordered, strict=True)
        for vote in found
    ]
    decided = [(code, vote) for code, vote, _ in votes if _prefers_first(vote, scale) is not None]
    return OrderProbe(
        n_pairs=len(both),
        same_winner=proportion(
            np.array([found[FIRST_IS_A].label == found[FIRST_IS_B].label for _, found in both]),
            _codes([cluster for cluster, _ in both]),
            level=level,
        ),
        first_slot=proportion(
            np.array([bool(_prefers_first(vote, scale)) for _, vote in decided]),
            _codes([cluster for cluster, _ in decided]),
            level=level,
        ),
        accuracy={
            order: proportion(
                np.array([vote.label == v.human for _, vote, v in votes if vote.order == order]),
                _codes([cluster for cluster, vote, _ in votes if vote.order == order]),
                level=level,
            )
            for order in (FIRST_IS_A, FIRST_IS_B)
        },
    )


def _in_an_order(verdict: LabelledVerdict) -> list[Vote]:
    """Return the votes that say which output stood first: the judge's own where it has such."""
    own = [vote for vote in verdict.votes if vote.order in {FIRST_IS_A, FIRST_IS_B}]
    return own or [v for v in verdict.single_votes if v.order in {FIRST_IS_A, FIRST_IS_B}]


def _by_order(votes: Sequence[Vote]) -> Iterable[Mapping[str, Vote]]:
    """Return, for each member of a panel, its first vote in each order."""
    members: dict[str, dict[str, Vote]] = {}
    for vote in votes:
        members.setdefault(vote.judge, {}).setdefault(vote.order, vote)
    return members.values()


def _prefers_first(vote: Vote, scale: Scale) -> bool | None:
    """Whether a verdict prefers the output that stood first; None for a tie."""
    second_wins, first_wins = scale.categories[0], scale.categories[-1]
    if vote.label not in {second_wins, first_wins}:
        return None
    return (vote.label == first_wins) == (vote.order == FIRST_IS_A)


def _repeat(verdicts: Sequence[LabelledVerdict], *, level: float) -> Figure | None:
    same = []
    for cluster, verdict in zip(_clusters(verdicts), verdicts, strict=True):
        asked: dict[tuple[str, str], list[Vote]] = {}
        for vote in verdict.single_votes:
            asked.setdefault((vote.judge, vote.order), []).append(vote)
        again = [sorted(votes, key=_by_repeat)[:2] for votes in asked.values()]
        same += [(cluster, pair[0].label == pair[1].label) for pair in again if len(pair) > 1]
    if not same:
        return None
    codes, alike = zip(*same, strict=True)
    return proportion(np.array(alike), _codes(codes), level=level)


def _by_repeat(vote: Vote) -> int:
    return vote.repeat


def _family(
    verdicts: Sequence[LabelledVerdict],
    labels: Labels,
    families: Mapping[str, str],
    *,
    level: float,
) -> FamilyProbe | None:
    own = families.get(JUDGE_FAMILY, "")
    related = tuple(
        name for name, family in families.items() if name != JUDGE_FAMILY and family == own
    )
    if not own or not related:
        return None
    is_related = np.array([verdict.key.system in related for verdict in verdicts])
    rows = is_related[labels.record]
    excess: Figure
    if rows.all() or not rows.any():
        excess = Undefined(
            reason="there are no labels on systems of another family to compare with", n=rows.size
        )
    else:
        excess = slope(rows.astype(np.float64), _gaps(labels), clusters=labels.cluster, level=level)
    return FamilyProbe(family=own, related=related, excess=excess)


def _gaps(labels: Labels) -> NDArray[np.float64]:
    values = np.array(labels.scale.values)
    return np.asarray(values[labels.judge] - values[labels.human], dtype=np.float64)


def _clusters(verdicts: Sequence[LabelledVerdict]) -> list[int]:
    codes: dict[str, int] = {}
    return [codes.setdefault(verdict.cluster, len(codes)) for verdict in verdicts]


def _codes(places: Sequence[int]) -> NDArray[np.int64]:
    return np.array(places, dtype=np.int64)


def suspicions(probes: Probes) -> tuple[str, ...]:
    """Return in words what the probes found, where they found something."""
    found = []
    if probes.family is not None:
        names = ", ".join(probes.family.related)
        found.append(
            f"the judge is of the family {probes.family.family}, like {names}: judges favour "
            "their own family"
        )
        if isinstance(probes.family.excess, Estimate) and probes.family.excess.low > 0:
            found.append(f"and it does: it overrates {names} more than the others")
    if isinstance(probes.length, Estimate) and not probes.length.low <= 0 <= probes.length.high:
        direction = "longer" if probes.length.value > 0 else "shorter"
        found.append(f"the judge overrates {direction} outputs")
    order = probes.order
    if order and isinstance(order.first_slot, Estimate):
        low, high = order.first_slot.low, order.first_slot.high
        if not low <= 0.5 <= high:  # noqa: PLR2004 - as often as not
            slot = "first" if low > 0.5 else "second"  # noqa: PLR2004 - as often as not
            found.append(f"the judge prefers what stands {slot}")
    return tuple(found)
