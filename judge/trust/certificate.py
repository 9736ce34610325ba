"""What a judge was certified for: written after every validation, whatever it found."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

import msgspec

from judge.records.rating import LabelSource
from judge.records.record import Target
from judge.results.run import Measure
from judge.stats.estimate import Estimate

CERTIFICATE_KIND = "certificate"
"""Kind of the stored document."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustThresholds:
    """What a judge must reach; written on every certificate.

    Attributes:
        at_least: compared with the lower limit of the primary metric.
        min_items: rated items (not ratings), a floor.
        min_class: labels in each class.
        valid_days: how long a certificate holds.
        level: two-sided level of every interval.
    """

    primary: Primary = Primary.INFORMEDNESS
    at_least: float = 0.6
    min_items: int = 50
    min_class: int = 20
    valid_days: int = 90
    level: float = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """The outcome of one validation, bound to what was validated.

    Attributes:
        identity: everything requested of the judge that could change a verdict, by name.
        served: the models that answered, as the endpoint named them; empty for a local judge.
        ratings: fingerprint of what people said.
        population: fingerprint of the evaluation set whose outputs they rated.
        findings: the agreement figures that exist, by name.
        undefined: why the others do not.
        standing: trusted, not_trusted or insufficient; time and change can make it stale.
    """

    scorer: str
    criterion: str
    target: Target
    categories: tuple[str, ...]
    signature: str
    identity: Mapping[str, str]
    served: tuple[str, ...]
    ratings: str
    population: str
    source: LabelSource
    n_labels: int
    n_items: int
    findings: Mapping[str, Estimate]
    undefined: Mapping[str, str]
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
    """

    measure: Measure
    standing: Standing
    reasons: tuple[str, ...]
    remedy: str
    certificate: Certificate | None

    @property
    def believed(self) -> bool:
        return self.standing is Standing.TRUSTED


def encode_certificate(certificate: Certificate) -> bytes:
    """Return the certificate as the bytes that are stored."""
    return msgspec.json.encode(certificate)


def decode_certificate(body: bytes) -> Certificate:
    """Read a stored certificate."""
    return msgspec.json.decode(body, type=Certificate)


def standing_of(
    measure: Measure,
    certificates: list[Certificate],
    *,
    served: frozenset[str],
    population: str,
    now: datetime,
    validate_command: str,
) -> JudgeTrust:
    """Return how a judged measure stands, by the newest certificate that speaks of it.

    Args:
        measure: what a run measured, and with which judge.
        certificates: all there are, oldest first.
        served: the models that answered in the run.
        population: fingerprint of the evaluation set the run belongs to.
        now: the time at which to believe or not.
        validate_command: what to type to validate the judge.
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
    if not here:
        return _trust(
            measure,
            Standing.STALE,
            "this judge was validated on another evaluation set; nobody knows how it does here",
            remedy=validate_command,
            certificate=newest,
        )
    if stale := _why_stale(newest, served=served, now=now):
        return _trust(measure, Standing.STALE, stale, remedy=validate_command, certificate=newest)
    return JudgeTrust(
        measure=measure,
        standing=newest.standing,
        reasons=newest.reasons,
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


def _why_stale(certificate: Certificate, *, served: frozenset[str], now: datetime) -> str:
    if unknown := sorted(served - set(certificate.served)):
        certified = ", ".join(certificate.served) or "none"
        return f"{', '.join(unknown)} answered, but the certificate is for {certified}"
    if now > certificate.valid_until:
        return f"the certificate expired on {certificate.valid_until:%Y-%m-%d}"
    return ""


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
