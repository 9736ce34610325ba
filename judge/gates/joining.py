"""Several metrics asked for together: of each record, whether it has enough of all."""

from collections.abc import Mapping, Sequence

from judge.records.record import RecordKey, Target
from judge.reports.summary import doubted, value_of
from judge.results.outcome import Fate, NotApplicable, Outcome, Score
from judge.results.run import Measure
from judge.trust.admission import AdmittedMeasure

_SCORER, _TARGET = "together", Target.REFERENCE


def together(parts: Sequence[AdmittedMeasure], least: Mapping[str, float]) -> AdmittedMeasure:
    """Return a measure of whether records have enough of several: 1 or 0.

    One metric that is surely short decides a record, whatever the others say; else one without a
    score leaves it without, and one in doubt leaves it in doubt. A metric that does not apply asks
    nothing of it. Labels by people are of one metric each and say nothing of all together.

    Args:
        parts: the measures; whether their judges are believed is for the caller to ask.
        least: what a record must have, by metric.
    """
    measure = Measure(
        scorer=_SCORER,
        target=_TARGET,
        judged=any(part.measure.judged for part in parts),
        criterion=_SCORER,
        lower=0.0,
        upper=1.0,
        categories=("short", "enough"),
        identity={
            **{f"least {name}": repr(value) for name, value in least.items()},
            **{part.measure.metric: part.measure.signature for part in parts},
        },
    )
    return AdmittedMeasure(
        measure=measure,
        outcomes={key: _joined(key, parts, least, measure) for key in parts[0].facts},
        trust=None,
    )


def _joined(
    key: RecordKey, parts: Sequence[AdmittedMeasure], least: Mapping[str, float], measure: Measure
) -> Outcome:
    asked = [(part.measure, part.facts[key]) for part in parts if part.applies(key)]
    if not asked:
        return NotApplicable(scorer=_SCORER, target=_TARGET, reason="none of the metrics applies")
    missing: Fate | None = None
    flags: list[str] = []
    enough = True
    for of, outcome in asked:
        value = value_of(outcome, of)
        if value is None:
            missing = outcome if isinstance(outcome, Fate) else missing
        elif not doubted(outcome, of):
            if value < least[of.metric]:
                return _score(measure, enough=False)
        else:
            enough = enough and value >= least[of.metric]
            flags.extend(outcome.flags if isinstance(outcome, Score) else ())
    if missing is not None:
        return Fate(scorer=_SCORER, target=_TARGET, code=missing.code, message=missing.message)
    return _score(measure, enough=enough, flags=tuple(dict.fromkeys(flags)))


def _score(measure: Measure, *, enough: bool, flags: tuple[str, ...] = ()) -> Score:
    return Score(
        scorer=_SCORER,
        target=_TARGET,
        value=float(enough),
        signature=measure.signature,
        label=measure.categories[enough],
        flags=flags,
    )
