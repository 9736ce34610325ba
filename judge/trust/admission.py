"""The only door from results to reports: judged numbers pass with a certificate or not at all."""

from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from types import MappingProxyType

from judge.records.dataset import Dataset
from judge.records.lazy_records import Records
from judge.records.record import RecordKey, Target, Unit
from judge.results.outcome import Fate, FateCode, NotApplicable, Outcome, Score
from judge.results.run import Measure, Result, RunManifest
from judge.results.served import models_in
from judge.trust.certificate import (
    Certificate,
    JudgeTrust,
    Standing,
    TrustThresholds,
    standing_of,
)
from judge.trust.control_findings import ControlFindings, control_findings, refused_by_controls
from judge.trust.controls import ControlPlan, is_control
from judge.trust.gold import Gold, GoldSet, gold_for
from judge.trust.kept_outcomes import Facts, KeptOutcomes, OutcomeWriter
from judge.trust.population import RatedPopulation, why_moved
from judge.trust.sentinels import FINGERPRINT, again_in


@dataclass(frozen=True, slots=True, kw_only=True)
class AdmittedMeasure:
    """The outcomes of one measure, and whether their aggregates may be shown.

    Attributes:
        outcomes: one for every record of the run; what was never scored has its fate.
        trust: of a judged measure; None for the others, which need none.
        gold: of a judged measure: labels by people that hold for these outputs, which correct a
            judge whether or not it is believed; None for the others.
        controls: what became of null answers and attacks that were mixed into the run; None where
            there were none.
    """

    measure: Measure
    outcomes: Mapping[RecordKey, Outcome]
    trust: JudgeTrust | None
    gold: Gold | None = None
    controls: ControlFindings | None = None

    @property
    def facts(self) -> Mapping[RecordKey, Outcome]:
        """The outcomes for whoever asks for no rationale, votes or details: often much faster."""
        return self.outcomes.facts if isinstance(self.outcomes, KeptOutcomes) else self.outcomes

    @property
    def withheld(self) -> bool:
        return self.trust is not None and not self.trust.believed

    @property
    def why_withheld(self) -> str:
        """The standing and its reasons, in words; empty where nothing is withheld."""
        if self.trust is None or self.trust.believed:
            return ""
        return f"judge {self.trust.standing.value}: {'; '.join(self.trust.reasons)}"

    def why_withheld_on(self, system: str, slice_name: str) -> str:
        """Why the numbers of one system on one slice are withheld; empty where they are not."""
        if self.trust is None or not self.trust.believed:
            return self.why_withheld
        return self.trust.why_not_there(system, slice_name)

    @property
    def resumable(self) -> int:
        """Number of records a plain resume would score."""
        outcomes = self.facts.values()
        return sum(isinstance(found, Fate) and found.code.resumable for found in outcomes)

    def applies(self, key: RecordKey) -> bool:
        """Whether the record counts in this measure's N."""
        facts = self.facts
        found = facts.like(key) if isinstance(facts, Facts) else facts[key]
        return not isinstance(found, NotApplicable)


@dataclass(frozen=True, slots=True, kw_only=True)
class AdmittedResults:
    """What a report may say of a run.

    Attributes:
        possibly_paid: calls that were sent before a crash and never answered.
        gold: every set of labels on this evaluation set, oldest first.
    """

    manifest: RunManifest
    possibly_paid: int
    records: Records
    measures: tuple[AdmittedMeasure, ...]
    gold: tuple[GoldSet, ...] = ()

    @property
    def units(self) -> Sequence[Unit]:
        """The records for whoever asks for no text of theirs: they are in memory."""
        return self.records.units


def admit(
    manifest: RunManifest,
    dataset: Dataset,
    results: Sequence[Result],
    *,
    certificates: list[Certificate],
    left_open: frozenset[str],
    now: datetime,
    gold: Sequence[GoldSet] = (),
    rated: Callable[[str], RatedPopulation | None] | None = None,
    controls: Mapping[str, ControlPlan] = MappingProxyType({}),
    sentinels: Sequence[Result] = (),
    few: bool = False,
) -> AdmittedResults:
    """Return a run's results as far as they may be believed.

    Args:
        manifest: of the run.
        dataset: the records it was to score.
        results: the newest of each record and measure.
        certificates: all there are, oldest first.
        left_open: ids of calls that were sent and never answered.
        now: the time at which to believe or not.
        gold: every set of labels by people there is, oldest first.
        rated: returns what is known of the records behind a certificate, by its id; None where
            nothing is.
        controls: what was mixed into the run to try its judges, by metric.
        sentinels: of every run that judged certified texts again, oldest first.
        few: whether these are single records that somebody asks about and no evaluation set: too
            few to tell whether they are like those a judge was validated on.
    """
    records = dataset.records()
    config = manifest.config_path or "CONFIG"
    command = f"judge validate {config}"
    if not manifest.rated:
        command = f"name ratings by people under 'ratings:' in {config}, then {command}"
    sent = {call_id.rpartition("#")[0] for call_id in left_open}
    came, certified = _by_measure(manifest, records, results, sent, _sentinels(certificates))
    admitted = []
    for measure in manifest.measures:
        found = came[measure.scorer, measure.target]
        outcomes = found.outcomes.outcomes(results)
        trust, labels, tried = None, None, None
        if measure.judged:
            labels = gold_for(measure, records, gold, population=manifest.population)
            trust = standing_of(
                measure,
                certificates,
                served=models_in(found.served),
                population=manifest.population,
                now=now,
                validate_command=command,
                verdicts=_verdicts(measure, certified),
                fingerprints=models_in(found.fingerprints),
                again=again_in([*certified, *sentinels], signature=measure.signature),
                moved=_cannot_be_told
                if few
                else partial(_moved, records=records, seed=manifest.seed, rated=rated),
            )
            if (plan := controls.get(measure.metric)) is not None:
                tried = control_findings(
                    plan.cases, found.controls, scale=plan.scale, seed=plan.seed
                )
                trust = _unless_refused(trust, tried)
        admitted.append(
            AdmittedMeasure(
                measure=measure, outcomes=outcomes, trust=trust, gold=labels, controls=tried
            )
        )
    return AdmittedResults(
        manifest=manifest,
        possibly_paid=len(left_open),
        records=records,
        measures=tuple(admitted),
        gold=tuple(found for found in gold if found.population == manifest.population),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Came:
    """What came of the records, and of the controls, by one measure.

    Attributes:
        served: the models that answered, as the endpoint named them.
        fingerprints: of the systems that served them.
    """

    outcomes: OutcomeWriter
    controls: dict[RecordKey, Outcome] = field(default_factory=dict)
    served: set[str] = field(default_factory=set)
    fingerprints: set[str] = field(default_factory=set)

    def add(self, place: int, result: Result) -> None:
        outcome = result.outcome
        if is_control(result.key):
            self.controls[result.key] = outcome
        elif self.outcomes.add(place, result) and isinstance(outcome, Score):
            self.served.add(outcome.served)
            if isinstance(named := outcome.details.get(FINGERPRINT), str):
                self.fingerprints.add(named)


def _by_measure(
    manifest: RunManifest,
    records: Records,
    results: Sequence[Result],
    sent: set[str],
    sentinels: AbstractSet[str],
) -> tuple[Mapping[tuple[str, Target], _Came], Sequence[Result]]:
    """Return what came of each measure, and the scores of texts that a certificate is about.

    Every record has an outcome: N never shrinks, also for a run that was cut off.
    """
    came = {
        (one.scorer, one.target): _Came(
            outcomes=OutcomeWriter(records, partial(_unscored, measure=one, sent=sent))
        )
        for one in manifest.measures
    }
    certified = []
    for place, result in enumerate(results):  # each is read once
        outcome = result.outcome
        if (found := came.get((outcome.scorer, outcome.target))) is not None:
            found.add(place, result)
        if isinstance(outcome, Score) and result.content in sentinels:
            certified.append(result)
    return came, certified


def _sentinels(certificates: Sequence[Certificate]) -> AbstractSet[str]:
    return {content for certificate in certificates for content in certificate.sentinels}


def _unless_refused(trust: JudgeTrust, tried: ControlFindings) -> JudgeTrust:
    """Believe no judge that accepted, in this very run, what nobody should accept."""
    thresholds = trust.certificate.thresholds if trust.certificate else TrustThresholds()
    refused = refused_by_controls(
        tried,
        max_null_pass=thresholds.max_null_pass,
        max_attack_success=thresholds.max_attack_success,
    )
    if not refused:
        return trust
    reasons = tuple(f"in this run, {words}" for words in refused)
    if trust.standing is Standing.NOT_TRUSTED:
        reasons = (*trust.reasons, *reasons)
    return replace(trust, standing=Standing.NOT_TRUSTED, reasons=reasons)


def _unscored(key: RecordKey, *, measure: Measure, sent: set[str]) -> Fate:
    if measure.case_id(key) in sent:
        code, words = FateCode.SENT_UNKNOWN, "sent before a crash; the answer was never received"
    else:
        code, words = FateCode.NOT_YET_SCORED, "the run ended before this record's turn"
    return Fate(scorer=measure.scorer, target=measure.target, code=code, message=words)


def _cannot_be_told(certificate: Certificate) -> str:
    del certificate
    return ""


def _moved(
    certificate: Certificate,
    *,
    records: Records,
    seed: int,
    rated: Callable[[str], RatedPopulation | None] | None,
) -> str:
    return why_moved(
        rated(certificate.certificate_id) if rated else None,
        records,
        certificate.target,
        max_shift=certificate.thresholds.max_shift,
        seed=seed,
    )


def _verdicts(measure: Measure, results: Sequence[Result]) -> Mapping[str, str]:
    """Return the run's own verdicts by the texts they are about."""
    return {
        result.content: result.outcome.label
        for result in results
        if isinstance(result.outcome, Score) and result.outcome.signature == measure.signature
    }
