"""What may be wrong with the instruments: suspicions about judge, similarity and coverage."""

from collections import Counter
from collections.abc import Iterator, Mapping
from math import log

import numpy as np

from judge.records.record import RecordKey, Target
from judge.reports.summary import MIN_RECORDS, value_of
from judge.reports.suspicions import MATERIAL, Pattern, Seen, Suspicion, suspicion
from judge.results.outcome import Fate, FateCode, Outcome, Score
from judge.results.run import NUMBERS_AND_NAMES, SIMILARITY
from judge.stats.excess import excess
from judge.trust.admission import AdmittedMeasure

_NUMBERS_DIFFER = "numbers_differ"
_ALIKE = 0.85
_MISSING = 0.02
_LONG = 2 / 3
_BY_SIMILARITY = 0.1  # a cosine says less of right and wrong than people do


def instrument_suspicions(seen: Seen) -> Iterator[Suspicion]:
    """Yield what is suspected of the run's instruments."""
    for measure in seen.admitted.measures:
        if measure.measure.judged:
            yield from _prefers_length(seen, measure)
        if len(seen.admitted.manifest.systems) > 1:
            yield from _missing(seen, measure)
    for student in seen.students:
        yield from _similarity_blind(seen, student)


def _prefers_length(seen: Seen, measure: AdmittedMeasure) -> Iterator[Suspicion]:
    """The judge overrates the longest third of the outputs, by labels or else by similarity."""
    over, chances, bound, name = _overrated(seen, measure)
    records = seen.admitted.records
    found_lengths = {key: len(records.output(key) or "") for key in over}
    keys = [key for key in over if found_lengths[key]]
    lengths = np.array([log(1 + found_lengths[key]) for key in keys])
    if not keys or np.ptp(lengths) == 0:
        return
    longest = lengths >= np.quantile(lengths, _LONG)  # many may be equally long
    if min(longest.sum(), (~longest).sum()) < MIN_RECORDS:
        return
    found = excess(
        np.array([over[key] for key in keys]),
        over=bound,
        inside=longest,
        weights=np.array([1 / chances[key] for key in keys]),
        clusters=seen.clusters([key.item_id for key in keys]),
        span=2.0,
    )
    chosen = [key for key, is_long in zip(keys, longest, strict=True) if is_long]
    padder = Counter(key.system for key in chosen).most_common(1)[0][0]
    yield from suspicion(
        Pattern.JUDGE_PREFERS_LENGTH,
        padder,
        {name: found},
        examples=(key.item_id for key in chosen if key.system == padder and over[key] > 0),
        metric=measure.measure.metric,
    )


def _overrated(
    seen: Seen, measure: AdmittedMeasure
) -> tuple[Mapping[RecordKey, float], Mapping[RecordKey, float], float, str]:
    """Return by how much the judge is above people, or above what similarity lets expect."""
    facts, gold = measure.facts, measure.gold
    if gold is not None and not gold.why_not:
        scale = dict(zip(measure.measure.categories, measure.measure.values, strict=True))
        # Nobody can overrate what people find best: counted in, it would hide what a judge does.
        labels = {
            key: label
            for key, label in gold.labels.items()
            if isinstance(facts.get(key), Score) and scale[label.label] < measure.measure.upper
        }
        if len(labels) >= 3 * MIN_RECORDS:
            return (
                {key: _value(facts[key]) - scale[label.label] for key, label in labels.items()},
                {key: label.inclusion or 1.0 for key, label in labels.items()},
                MATERIAL,
                "judge less people where people do not find it best, long outputs less others",
            )
    alike = seen.measure(SIMILARITY, measure.measure.target)
    if alike is None or measure.withheld:
        return {}, {}, _BY_SIMILARITY, ""
    cosines = {
        key: outcome.value
        for key, outcome in alike.facts.items()
        if isinstance(outcome, Score) and isinstance(facts[key], Score)
    }
    judged = np.array([_value(facts[key]) for key in cosines])
    cosine = np.array(list(cosines.values()))
    if len(cosines) < 3 * MIN_RECORDS or np.ptp(cosine) == 0:
        return {}, {}, _BY_SIMILARITY, ""
    expected = np.polyval(np.polyfit(cosine, judged, 1), cosine)
    rests = (judged - expected).tolist()
    return (
        dict(zip(cosines, rests, strict=True)),
        dict.fromkeys(cosines, 1.0),
        _BY_SIMILARITY,
        "judge less similarity, long outputs less others",
    )


def _value(outcome: Outcome) -> float:
    if not isinstance(outcome, Score):
        raise TypeError(f"only a score has a value, not {outcome!r}")
    return outcome.value


def _missing(seen: Seen, measure: AdmittedMeasure) -> Iterator[Suspicion]:
    """Scores are missing of one system more than of the others."""
    lost: dict[RecordKey, float] = {}
    for key, outcome in measure.facts.items():
        waits = isinstance(outcome, Fate) and outcome.code is FateCode.NOT_YET_SCORED
        if measure.applies(key) and not waits:
            lost[key] = float(value_of(outcome, measure.measure) is None)
    keys = list(lost)
    if not any(lost.values()):
        return
    values = np.array([lost[key] for key in keys])
    clusters = seen.clusters([key.item_id for key in keys])
    for system in seen.admitted.manifest.systems:
        inside = np.array([key.system == system.name for key in keys], dtype=bool)
        if min(inside.sum(), (~inside).sum()) < MIN_RECORDS:
            continue
        yield from suspicion(
            Pattern.MISSING_IN_ONE_SYSTEM,
            system.name,
            {
                "share missing less that of the others": excess(
                    values, over=_MISSING, inside=inside, clusters=clusters
                )
            },
            examples=(key.item_id for key in keys if key.system == system.name and lost[key]),
            metric=measure.measure.metric,
        )


def _similarity_blind(seen: Seen, student: str) -> Iterator[Suspicion]:
    """Outputs that an embedding finds alike say other numbers."""
    alike = seen.measure(SIMILARITY, Target.REFERENCE)
    facts = seen.measure(NUMBERS_AND_NAMES, Target.REFERENCE)
    if alike is None or facts is None:
        return
    differ = {}
    for item in seen.items:
        key = RecordKey(item_id=item, system=student)
        cosine, listed = alike.facts[key], facts.facts[key]
        if isinstance(cosine, Score) and isinstance(listed, Score) and cosine.value >= _ALIKE:
            differ[item] = float(_NUMBERS_DIFFER in listed.flags)
    yield from suspicion(
        Pattern.SIMILARITY_BLIND,
        student,
        {f"share of other numbers at a cosine from {_ALIKE}": seen.mean(differ, over=MATERIAL)},
        examples=(item for item in differ if differ[item]),
        metric=alike.measure.metric,
    )
