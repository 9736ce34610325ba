"""What a judge was certified for: written after every validation, whatever it found."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType

import msgspec

from judge.records.rating import LabelSource
from judge.records.record import Target
from judge.records.scale import Scale, ScaleKind
from judge.results.run import Measure
from judge.stats.estimate import Estimate
from judge.trust.control_findings import ControlFindings
from judge.trust.sentinels import Again, Drift, changed_mind, drift_of

CERTIFICATE_KIND = "certificate"
"""Kind of the stored document."""


_JUDGE_AGAIN = "a run judges the certified texts again at its end, judge resume too; or "
_ELSEWHERE = (
    "validated on another evaluation set, which lengths and slices do not tell apart from this one"
)


class Standing(StrEnum):
    """Whether a judge is believed."""

    TRUSTED = "trusted"
    NOT_TRUSTED = "not_trusted"
    INSUFFICIENT = "insufficient"
    STALE = "stale"
    UNVALIDATED = "unvalidated"


class Primary(StrEnum):
    """The metric that decides."""

    INFORMEDNESS = "informedness"
    KAPPA = "kappa"
    KAPPA_QUADRATIC = "kappa_quadratic"
    ALPHA = "alpha"


def default_primary(scale: Scale) -> Primary:
    """Return the metric that decides on a scale unless the config names another."""
    if scale.kind is ScaleKind.BINARY:
        return Primary.INFORMEDNESS
    return Primary.KAPPA_QUADRATIC if scale.ordered else Primary.KAPPA


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustThresholds:
    """What a judge must reach; written on every certificate.

    Attributes:
        at_least: compared with the lower limit of the primary metric.
        delta_max: or instead: how far below people's agreement with each other the judge's may
            be, for the lower limit of the difference.
        max_bias: compared with the upper limit of the mean of judge less human, whatever its sign,
            with the scale mapped to [0, 1].
        min_items: rated items (not ratings), a floor.
        min_class: labels in each class of a binary scale.
        valid_days: how long a certificate holds.
        max_shift: compared with the lower limit of the area under the curve, less 1/2, of a
            classifier that tells scored records from rated ones.
        sentinels: certified verdicts that later runs are compared with.
        sentinel_disagreement: compared with the lower limit of the share that differs.
        epsilon: what a judge may win less than a rater in the alternative annotator test: .2
            beside experts, .15 beside skilled raters, .1 beside a crowd.
        max_null_pass: compared with the lower bound of the share of null answers that pass.
        max_attack_success: compared with the lower bound of the share of attacks that turn a
            failing answer into a passing one.
        level: two-sided level of every interval.
    """

    primary: Primary = Primary.INFORMEDNESS
    at_least: float = 0.6
    delta_max: float = 0.05
    max_bias: float = 0.10
    min_items: int = 50
    min_class: int = 20
    valid_days: int = 90
    max_shift: float = 0.1
    sentinels: int = 30
    sentinel_disagreement: float = 0.05
    epsilon: float = 0.15
    max_null_pass: float = 0.05
    max_attack_success: float = 0.05
    level: float = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class PartStanding:
    """How a judge stands on the outputs of one system, or on one slice.

    Attributes:
        name: of the system, or ``dimension=value``.
        standing: trusted by its own labels, not_trusted there, or insufficient: pooled evidence
            only, which cannot carry a decision about the part alone.
        primary: the deciding figure on the part; None where it does not exist.
        reason: in words.
    """

    name: str
    standing: Standing
    n_labels: int
    primary: Estimate | None
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """The outcome of one validation, bound to what was validated.

    Attributes:
        identity: everything requested of the judge that could change a verdict, by name.
        served: the models that answered, as the endpoint named them; empty for a local judge.
        fingerprints: of the serving systems, as the endpoint named them; empty where it named none.
        ratings: fingerprint of what people said.
        population: fingerprint of the evaluation set whose outputs they rated.
        findings: the agreement figures that exist, by name.
        undefined: why the others do not.
        systems: how the judge stands on each system.
        slices: how the judge stands on each slice.
        n_raters: different people behind the labels.
        look: which look at labels of this criterion, target and set this was, from 1.
        controls: whether null answers and attacks were put to the judge, and what became of them.
        control_findings: the same as counts with bounds; None where they were not run.
        sentinels: content of some certified records to the verdict on each.
        notes: what a reader must know beside the standing, in words.
        standing: trusted, not_trusted or insufficient; time and change can make it stale.
    """

    scorer: str
    criterion: str
    target: Target
    categories: tuple[str, ...]
    signature: str
    identity: Mapping[str, str]
    served: tuple[str, ...]
    fingerprints: tuple[str, ...] = ()
    ratings: str
    population: str
    source: LabelSource
    n_labels: int
    n_items: int
    findings: Mapping[str, Estimate]
    undefined: Mapping[str, str]
    systems: tuple[PartStanding, ...] = ()
    slices: tuple[PartStanding, ...] = ()
    n_raters: int = 1
    look: int = 1
    controls: str = "not run"
    control_findings: ControlFindings | None = None
    sentinels: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    thresholds: TrustThresholds
    standing: Standing
    reasons: tuple[str, ...]
    issued: datetime

    @property
    def certificate_id(self) -> str:
        return hashlib.sha256(encode_certificate(self)).hexdigest()[:16]

    @property
    def valid_until(self) -> datetime:
        return self.issued + timedelta(days=self.thresholds.valid_days)


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeTrust:
    """How one judged measure stands right now.

    Attributes:
        reasons: why, in words.
        remedy: what to do next; empty where nothing is to be done.
        certificate: the one that was looked at; None where there is none.
        judge_again: contents of certified texts that must be judged again before it can be told
            whether the judge is still the same; see `judge.trust.sentinels`.
    """

    measure: Measure
    standing: Standing
    reasons: tuple[str, ...]
    remedy: str
    certificate: Certificate | None
    judge_again: tuple[str, ...] = ()

    @property
    def believed(self) -> bool:
        return self.standing is Standing.TRUSTED

    def why_not_there(self, system: str, slice_name: str) -> str:
        """Return why a judge that is believed on the whole is not on a part; empty if it is."""
        if self.certificate is None:
            return ""
        found = [
            part.reason
            for name, parts in (
                (system, self.certificate.systems),
                (slice_name, self.certificate.slices),
            )
            for part in parts
            if part.name == name and part.standing is Standing.NOT_TRUSTED
        ]
        return "; ".join(found)


def encode_certificate(certificate: Certificate) -> bytes:
    """Return the certificate as the bytes that are stored."""
    return msgspec.json.encode(certificate)


def decode_certificate(body: bytes) -> Certificate:
    """Read a stored certificate."""
    return msgspec.json.decode(body, type=Certificate)


def _another_set(certificate: Certificate) -> str:
    del certificate  # whatever it says
    return "this judge was validated on another evaluation set; nobody knows how it does here"


def standing_of(
    measure: Measure,
    certificates: list[Certificate],
    *,
    served: frozenset[str],
    population: str,
    now: datetime,
    validate_command: str,
    verdicts: Mapping[str, str] = MappingProxyType({}),
    fingerprints: frozenset[str] = frozenset(),
    again: Sequence[Again] = (),
    moved: Callable[[Certificate], str] = _another_set,
) -> JudgeTrust:
    """Return how a judged measure stands, by the newest certificate that speaks of it.

    Args:
        measure: what a run measured, and with which judge.
        certificates: all there are, oldest first.
        served: the models that answered in the run.
        population: fingerprint of the evaluation set the run belongs to.
        now: the time at which to believe or not.
        validate_command: what to type to validate the judge.
        verdicts: of the run, by content: what the sentinels are compared with.
        fingerprints: of the systems that served the run.
        again: verdicts of the run, and of certified texts that were judged again since, with the
            systems that served them.
        moved: says why a certificate of another evaluation set does not speak for this one; empty
            where it does.
    """
    about = [c for c in certificates if _speaks_of(c, measure)]
    same = [c for c in about if c.signature == measure.signature]
    if not about:
        return _trust(
            measure,
            Standing.UNVALIDATED,
            f"this judge was never measured against ratings of {measure.criterion} "
            f"to the {measure.target.value}",
            remedy=validate_command,
        )
    if not same:
        return _trust(
            measure, Standing.STALE, _what_changed(about[-1], measure), remedy=validate_command
        )
    here = [c for c in same if c.population == population]
    newest = (here or same)[-1]
    if not here and (elsewhere := moved(newest)):
        return _trust(
            measure, Standing.STALE, elsewhere, remedy=validate_command, certificate=newest
        )
    if stale := _why_stale(newest, served=served, now=now, verdicts=verdicts):
        return _trust(measure, Standing.STALE, stale, remedy=validate_command, certificate=newest)
    drift = Drift()
    if newest.standing is Standing.TRUSTED:  # there is nothing to lose for the others
        drift = drift_of(
            newest.sentinels,
            again,
            certified=newest.fingerprints,
            seen=fingerprints,
            allowed=newest.thresholds.sentinel_disagreement,
            level=newest.thresholds.level,
        )
    if drift.reason:
        return JudgeTrust(
            measure=measure,
            standing=Standing.STALE,
            reasons=(drift.reason,),
            remedy=f"{_JUDGE_AGAIN}{validate_command}" if drift.judge_again else validate_command,
            certificate=newest,
            judge_again=drift.judge_again,
        )
    notes = (*(() if here else (_ELSEWHERE,)), *([drift.note] if drift.note else ()))
    return JudgeTrust(
        measure=measure,
        standing=newest.standing,
        reasons=(*newest.reasons, *notes),
        remedy="" if newest.standing is Standing.TRUSTED else _remedy(newest, validate_command),
        certificate=newest,
    )


def _speaks_of(certificate: Certificate, measure: Measure) -> bool:
    return (
        certificate.criterion == measure.criterion
        and certificate.target is measure.target
        and certificate.categories == measure.categories
    )


def _what_changed(certificate: Certificate, measure: Measure) -> str:
    before, now = certificate.identity, measure.identity
    changed = [
        f"{name} was {before.get(name, 'absent')!r}, is {now.get(name, 'absent')!r}"
        for name in sorted({*before, *now})
        if before.get(name) != now.get(name)
    ]
    return f"the newest certificate is for another judge: {'; '.join(changed)}"


def _why_stale(
    certificate: Certificate,
    *,
    served: frozenset[str],
    now: datetime,
    verdicts: Mapping[str, str],
) -> str:
    if unknown := sorted(served - set(certificate.served)):
        certified = ", ".join(certificate.served) or "none"
        return f"{', '.join(unknown)} answered, but the certificate is for {certified}"
    if now > certificate.valid_until:
        return f"the certificate expired on {certificate.valid_until:%Y-%m-%d}"
    return changed_mind(
        certificate.sentinels,
        verdicts,
        allowed=certificate.thresholds.sentinel_disagreement,
        level=certificate.thresholds.level,
    )


def _remedy(certificate: Certificate, validate_command: str) -> str:
    if certificate.source is LabelSource.CONSTRUCTED:
        return f"have people rate outputs (source: human), then {validate_command}"
    if certificate.standing is Standing.INSUFFICIENT:
        return f"meet what is unmet (more ratings, or how they were made), then {validate_command}"
    return f"try another judge or prompt, then {validate_command}"


def _trust(
    measure: Measure,
    standing: Standing,
    reason: str,
    *,
    remedy: str,
    certificate: Certificate | None = None,
) -> JudgeTrust:
    return JudgeTrust(
        measure=measure,
        standing=standing,
        reasons=(reason,),
        remedy=remedy,
        certificate=certificate,
    )
