"""A validation as it is kept, read back so that a page can show it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from judge.stats.estimate import Estimate, Undefined

_NOT_FIGURES = frozenset({"n_labels", "n_items", "confusion", "fates"})


class Figure(msgspec.Struct, frozen=True):
    """An estimate with its limits, or the reason why there is none."""

    undefined: str = ""
    value: float = 0.0
    low: float = 0.0
    high: float = 0.0
    level: float = 0.95
    n: int = 0
    n_clusters: int = 0
    method: str = ""

    @property
    def estimate(self) -> Estimate | Undefined:
        """The same as our own value."""
        if self.undefined:
            return Undefined(reason=self.undefined)
        return Estimate(
            value=self.value,
            low=self.low,
            high=self.high,
            level=self.level,
            n=self.n,
            n_clusters=self.n_clusters,
            method=self.method,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """How well judge and people agree on a part of the labels.

    Attributes:
        confusion: rows are what people said, columns what the judge said.
    """

    figures: Mapping[str, Estimate | Undefined]
    n_labels: int
    n_items: int
    confusion: Sequence[Sequence[int]]
    fates: Mapping[str, int]


class DisagreementRow(msgspec.Struct, frozen=True):
    """One record on which the judge and people differ."""

    id: str
    system: str
    human: str
    judge: str
    gap: float
    rationale: str


class _PartStanding(msgspec.Struct, frozen=True):
    name: str
    standing: str


class _CertificateRow(msgspec.Struct, frozen=True):
    id: str
    criterion: str
    target: str
    judge: dict[str, str]
    source: str
    n_labels: int
    n_items: int
    n_raters: int
    look: int
    controls: str
    issued: str
    valid_until: str
    systems: list[_PartStanding] = []
    slices: list[_PartStanding] = []


class _RaterRow(msgspec.Struct, frozen=True):
    rater: str
    human: Figure
    judge: Figure
    delta: Figure


class _Ceiling(msgspec.Struct, frozen=True):
    score: str
    human: Figure
    judge: Figure
    delta: Figure
    raters: list[_RaterRow]


class _Raters(msgspec.Struct, frozen=True):
    raters: list[str]
    n_shared: int
    ac: Figure
    alpha: Figure
    ceiling: _Ceiling


class _Kept(msgspec.Struct, frozen=True):
    standing: str
    reasons: list[str]
    agreement: dict[str, msgspec.Raw]
    systems: dict[str, dict[str, msgspec.Raw]]
    slices: dict[str, dict[str, msgspec.Raw]]
    disagreements: list[DisagreementRow]
    baseline: dict[str, msgspec.Raw] | None
    certificate: _CertificateRow
    notes: list[str]
    set_aside: dict[str, int]
    categories: list[str] = []
    raters: _Raters | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundValidation:
    """What a validation found.

    Attributes:
        raters: how people agree with each other; None where no record has two raters.
        standings: of each system and slice, by name.
    """

    standing: str
    reasons: Sequence[str]
    notes: Sequence[str]
    overall: Part
    baseline: Part | None
    parts: Mapping[str, Part]
    disagreements: Sequence[DisagreementRow]
    certificate: _CertificateRow
    raters: _Raters | None
    categories: Sequence[str]
    set_aside: Mapping[str, int]
    standings: Mapping[str, str] = field(default_factory=dict)


def read_validation(body: bytes) -> FoundValidation:
    """Read what a validation found, as `judge.render.validation_json` writes it."""
    kept = msgspec.json.decode(body, type=_Kept)
    certificate = kept.certificate
    overall = _part(kept.agreement)
    return FoundValidation(
        standing=kept.standing,
        reasons=kept.reasons,
        notes=kept.notes,
        overall=overall,
        baseline=_part(kept.baseline) if kept.baseline else None,
        parts={name: _part(one) for name, one in {**kept.systems, **kept.slices}.items()},
        disagreements=kept.disagreements,
        certificate=certificate,
        raters=kept.raters,
        categories=kept.categories or [str(n) for n in range(len(overall.confusion))],
        set_aside=kept.set_aside,
        standings={one.name: one.standing for one in (*certificate.systems, *certificate.slices)},
    )


def _part(kept: Mapping[str, msgspec.Raw]) -> Part:
    return Part(
        figures={
            name: msgspec.json.decode(raw, type=Figure).estimate
            for name, raw in kept.items()
            if name not in _NOT_FIGURES
        },
        n_labels=msgspec.json.decode(kept["n_labels"], type=int),
        n_items=msgspec.json.decode(kept["n_items"], type=int),
        confusion=msgspec.json.decode(kept["confusion"], type=list[list[int]]),
        fates=msgspec.json.decode(kept["fates"], type=dict[str, int]),
    )
