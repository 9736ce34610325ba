"""Whether two runs were judged by the same judge, and what the second one says of old outputs.

Texts that did not change, and those that were judged again, are sentinels: a difference on them is
the judge's doing and nobody else's.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from judge.records.record import Record, RecordKey
from judge.reports.run_changes import identity_changes
from judge.results.outcome import Outcome, Score
from judge.results.run import content_of
from judge.results.served import models_in
from judge.stats.estimate import Undefined
from judge.stats.intervals import exact_lower_bound
from judge.trust.admission import AdmittedMeasure, AdmittedResults

MOST_UNJUDGED = 0.05
"""Share of the first run's outputs that the second run's judge may leave without a verdict."""

_ROUNDING = 1e-9
_ALLOWED = 0.05
_LEVEL = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeChange:
    """How the judge of a second run stands to that of a first, for one metric.

    Attributes:
        reasons: why it is another one, in words; empty where it is the same.
        n_again: outputs of the first run that the second run's judge has a verdict on.
        n_same: those of them on which both say the same.
        n_judged: outputs of the first run that its own judge has a verdict on.
        n_lacking: those of them that the second run's judge has none on.
        verdicts: of the second run's judge on the first run's outputs.
    """

    metric: str
    reasons: tuple[str, ...]
    n_again: int
    n_same: int
    n_judged: int
    n_lacking: int
    verdicts: Mapping[RecordKey, Outcome]

    @property
    def undecided(self) -> bool:
        """Whether nothing tells the judge's part of a difference from the student's."""
        return bool(self.reasons) and self.n_lacking > MOST_UNJUDGED * self.n_judged

    @property
    def words(self) -> str:
        """What the verdicts on the same texts say."""
        if not self.n_again:
            return "no text was judged in both runs: nothing tells the judge from the student"
        return f"{self.n_same} of {self.n_again} texts judged by both have the same verdict"


def judge_change(
    before: AdmittedResults,
    after: AdmittedResults,
    *,
    metric: str,
    again: Mapping[str, Score] = MappingProxyType({}),
) -> JudgeChange:
    """Return whether the judge of a metric is the same in two runs on the same set.

    Args:
        before: the first run.
        after: the second run.
        metric: judged in both.
        again: what the second run's judge said of other texts, by content.
    """
    old, new = measure_of(before, metric), measure_of(after, metric)
    verdicts = _verdicts(before.records, after.records, new=new, again=again)
    both = [
        (said.label, now.label)
        for key, now in verdicts.items()
        if isinstance(said := old.facts[key], Score) and isinstance(now, Score)
    ]
    same = sum(first == second for first, second in both)
    reasons = [*identity_changes(old.measure, new.measure), *_served_changes(old, new)]
    if not reasons and _changed_mind(len(both) - same, len(both), new):
        reasons.append(
            f"{len(both) - same} of {len(both)} texts that did not change have another verdict"
        )
    systems = {record.system for record in after.records}
    judged = [
        key
        for key, outcome in old.facts.items()
        if isinstance(outcome, Score) and key.system in systems
    ]
    return JudgeChange(
        metric=metric,
        reasons=tuple(reasons),
        n_again=len(both),
        n_same=same,
        n_judged=len(judged),
        n_lacking=sum(key not in verdicts for key in judged),
        verdicts=verdicts,
    )


def measure_of(admitted: AdmittedResults, metric: str) -> AdmittedMeasure:
    """Return the measure of a metric that the run has."""
    return next(one for one in admitted.measures if one.measure.metric == metric)


def served_by(outcomes: Iterable[Outcome]) -> frozenset[str]:
    """Return the models that answered."""
    return models_in({outcome.served for outcome in outcomes if isinstance(outcome, Score)})


def _verdicts(
    before: Iterable[Record],
    after: Iterable[Record],
    *,
    new: AdmittedMeasure,
    again: Mapping[str, Score],
) -> dict[RecordKey, Outcome]:
    target = new.measure.target
    contents = {record.key: content_of(record, target) for record in after}
    verdicts: dict[RecordKey, Outcome] = {}
    for record in before:
        content = content_of(record, target)
        if contents.get(record.key) == content:
            verdicts[record.key] = new.facts[record.key]
        elif content in again:
            verdicts[record.key] = again[content]
    return verdicts


def _served_changes(old: AdmittedMeasure, new: AdmittedMeasure) -> list[str]:
    earlier, later = served_by(old.facts.values()), served_by(new.facts.values())
    if earlier == later:
        return []
    names = [", ".join(sorted(one)) or "nobody" for one in (earlier, later)]
    return [f"{names[0]} answered, now {names[1]}"]


def _changed_mind(differ: int, n: int, judged: AdmittedMeasure) -> bool:
    certificate = judged.trust.certificate if judged.trust else None
    allowed = certificate.thresholds.sentinel_disagreement if certificate else _ALLOWED
    found = exact_lower_bound(differ, n, level=_LEVEL)
    return not isinstance(found, Undefined) and found > allowed + _ROUNDING
