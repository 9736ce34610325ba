"""What a test holds: a run that was judged, one record of it, and the assertions about both."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from judge.errors import ConfigError, NoScore, did_you_mean
from judge.gates.finding import Finding, GateStatus
from judge.gates.gate import gate
from judge.gates.rule import Ask, Rule
from judge.records.production import Production
from judge.records.record import Record, RecordKey
from judge.render.gate_page import finding_sentence
from judge.render.text import listed, number, one_line
from judge.reports.groups import OVERALL
from judge.reports.report import Report
from judge.reports.summary import doubted, value_of
from judge.results.outcome import Fate, FateClass, NotApplicable, Outcome, Score
from judge.results.run import Measure
from judge.trust.admission import AdmittedMeasure, AdmittedResults

_REMEDIES: Mapping[FateClass, str] = {
    FateClass.OUTPUT: "there is nothing to judge; if that is a bad answer, say what it counts as "
    "under 'missing:' in the config",
    FateClass.JUDGE: "the judge gave no verdict: run the tests again, or try another judge or "
    "prompt",
    FateClass.INFRASTRUCTURE: "mend the endpoint, key, budget or network and run the tests again; "
    "what was answered is kept",
    FateClass.CONFIGURATION: "mend the schema; judge report shows where it stands",
    FateClass.OPERATOR: "run the tests again",
    FateClass.BUG: "this is an error of judge; the log has its traceback",
}


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class JudgedRecord:
    """What one system answered to one item, and what came of judging it.

    Attributes:
        record: with its `input`, `output`, `references` and `slices`.
        measures: by metric.
    """

    record: Record
    measures: Mapping[str, AdmittedMeasure]

    def __repr__(self) -> str:
        return f"<JudgedRecord {self.record.item_id!r} of {self.record.system}>"

    def outcome(self, metric: str) -> Outcome:
        """Return what came of it, believed or not.

        Raises:
            ConfigError: the run has no such metric.
        """
        return _measure(self.measures, metric).outcomes[self.record.key]

    def value(self, metric: str) -> float:
        """Return its score; what an empty output counts as is declared in the config.

        Raises:
            AssertionError: a judge decides it that is not believed.
            NoScore: there is none, or the text may have made its own verdict.
            ConfigError: the run has no such metric.
        """
        __tracebackhide__ = True
        admitted = _measure(self.measures, metric)
        outcome, measure = self.outcome(metric), admitted.measure
        if isinstance(outcome, NotApplicable):
            import pytest

            pytest.skip(f"{self._subject(metric)} does not apply: {outcome.reason}")
        found = value_of(outcome, measure)
        if isinstance(outcome, Fate) and found is None:
            raise NoScore(
                f"{self._subject(metric)} has no score: {outcome.code.value}: "
                f"{one_line(outcome.message)}; {_REMEDIES[outcome.code.fate_class]}"
            )
        if why := admitted.why_withheld_on(self.record.system, OVERALL):
            said = outcome.label if isinstance(outcome, Score) else "none"
            raise AssertionError(
                f"{self._subject(metric)} is not believed: {why}{_next(admitted)}; "
                f"the verdict nobody can rely on: {said!r}"
            )
        if doubted(outcome, measure):
            flags = outcome.flags if isinstance(outcome, Score) else ()
            raise NoScore(
                f"{self._subject(metric)} has no score: the output may have made its own verdict "
                f"({', '.join(flags)}); look at it: {one_line(self.record.output or '')}"
            )
        if found is None:  # no outcome is of another kind
            raise NoScore(f"{self._subject(metric)} has no score")
        return found

    def _subject(self, metric: str) -> str:
        return f"{metric} of {self.record.system} on {self.record.item_id!r}"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class JudgedRun:
    """A run that tests assert.

    Attributes:
        report: all that may be said of it.
        rules: of the config's gate.
        productions: what is known of what outputs took to make.
        failed: why a system gave no answer, by system and item.
        whole: whether it is about every item of the set.
    """

    admitted: AdmittedResults
    report: Report
    rules: Sequence[Rule] = ()
    productions: Sequence[Production] = ()
    failed: Mapping[tuple[str, str], str] = field(default_factory=dict)
    whole: bool = True

    def __repr__(self) -> str:
        return f"<JudgedRun {self.run_id}>"

    @property
    def run_id(self) -> str:
        """Its name: ``judge report`` shows it."""
        return self.admitted.manifest.run_id

    def record(self, item_id: str, *, system: str) -> JudgedRecord:
        """Return one record.

        Raises:
            ConfigError: the run has no such record.
        """
        records = self.admitted.records
        try:
            place = records.place(RecordKey(item_id=item_id, system=system))
        except KeyError:
            raise ConfigError(
                f"the run {self.run_id} has no item {item_id!r} of a system {system!r}"
            ) from None
        return JudgedRecord(record=records[place], measures=self._measures)

    def assert_rule(
        self,
        metric: str,
        *,
        system: str,
        at_least: float | None = None,
        at_most: float | None = None,
        retains: float | None = None,
        of: str = "",
        slices: Sequence[str] = (OVERALL,),
    ) -> None:
        """Assert one rule as `judge gate` decides it: by the whole interval, not by the mean.

        Args:
            metric: such as ``equivalence.reference``.
            system: that is asked about.
            at_least: bound below which the interval must not reach, in the unit of the metric.
            at_most: bound above which it must not reach.
            retains: share of another system's score to keep.
            of: that system; empty for the teacher.
            slices: on each of which it must hold: ``overall`` or ``dimension=value``.

        Raises:
            AssertionError: the rule does not hold, or a judge decides that is not believed.
            NoScore: it can be said neither to hold nor not to.
            ConfigError: the run has no such metric, system or slice; or not one bound is given.
        """
        __tracebackhide__ = True
        asked = {Ask.AT_LEAST: at_least, Ask.AT_MOST: at_most, Ask.RETAINS: retains}
        bounds = [(ask, bound) for ask, bound in asked.items() if bound is not None]
        if len(bounds) != 1:
            raise ConfigError("say one of at_least, at_most and retains")
        ((ask, bound),) = bounds
        self._assert_rules(
            [
                Rule(
                    metric=metric,
                    system=system,
                    ask=ask,
                    bound=bound,
                    of=of,
                    slices=tuple(slices),
                    place="assert_rule",
                )
            ]
        )

    def assert_gate(self) -> None:
        """Assert every rule under ``gate:`` in the config; see `assert_rule`.

        Raises:
            ConfigError: there is none.
        """
        __tracebackhide__ = True
        if not self.rules:
            raise ConfigError("the config has no rules under 'gate:'")
        self._assert_rules(self.rules)

    def _assert_rules(self, rules: Sequence[Rule]) -> None:
        __tracebackhide__ = True
        found = gate(self.admitted, rules, productions=self.productions).findings
        wrong = [
            finding_sentence(finding) for finding in found if finding.status is GateStatus.FAIL
        ]
        wrong += [words for finding in found if (words := self._not_believed(finding))]
        if wrong:
            raise AssertionError("\n".join(dict.fromkeys(wrong)))
        if open_ := [f for f in found if f.status is GateStatus.INCONCLUSIVE]:
            raise NoScore("\n".join(finding_sentence(f) + self._missing(f) for f in open_))

    def _not_believed(self, finding: Finding) -> str:
        """Say why a judge decides nothing; empty where one does, or none is needed."""
        if finding.estimate is not None or finding.status is not GateStatus.INCONCLUSIVE:
            return ""
        rule = finding.rule
        for metric in rule.measured:
            admitted = self._measures[metric]
            why = admitted.why_withheld_on(rule.system, finding.slice)
            # A judge that gave no verdict is an error before it is a distrusted one.
            outcomes = _outcomes(admitted, rule.system)
            if why and any(isinstance(found, Score) for found in outcomes):
                return f"{metric} is not believed: {why}{_next(admitted)}"
        return ""

    def _missing(self, finding: Finding) -> str:
        fates = Counter(
            outcome.code.value
            for metric in finding.rule.measured
            for outcome in _outcomes(self._measures[metric], finding.rule.system)
            if isinstance(outcome, Fate)
        )
        return f"; without a score: {listed(fates)}" if fates else ""

    @property
    def _measures(self) -> Mapping[str, AdmittedMeasure]:
        return {one.measure.metric: one for one in self.admitted.measures}


def assert_judged(
    judged: JudgedRecord,
    metric: str,
    *,
    label: str = "",
    at_least: float | None = None,
    at_most: float | None = None,
) -> None:
    """Assert the score of one record; without a bound, that it passes.

    Args:
        judged: the record, from the fixture of that name.
        metric: such as ``equivalence.reference``.
        label: the category it must have on a judged scale.
        at_least: bound in the unit of the metric.
        at_most: likewise.

    Raises:
        AssertionError: the score is another one, or its judge is not believed, with the command
            that comes next.
        NoScore: there is no score, with the fate and what to do; pytest shows it as an error.
        ConfigError: the run has no such metric, or it needs a bound.
    """
    __tracebackhide__ = True
    measure = _measure(judged.measures, metric).measure
    if label:
        _check_label(label, measure)
    must_pass = not label and at_least is None and at_most is None
    if must_pass and not measure.passes_or_fails:
        raise ConfigError(
            f"{measure.metric} is a number from {measure.lower:g} to {measure.upper:g}: say "
            "at_least or at_most"
        )
    value, outcome = judged.value(metric), judged.outcome(metric)
    said = outcome.label if isinstance(outcome, Score) else ""
    wanted = [
        *([f"{label!r}"] if label and said != label else []),
        *([_pass(measure)] if must_pass and value < measure.upper else []),
        *([f"at least {at_least:g}"] if at_least is not None and value < at_least else []),
        *([f"at most {at_most:g}"] if at_most is not None and value > at_most else []),
    ]
    if wanted:
        raise AssertionError(_words(judged, outcome, value, metric=metric, wanted=wanted))


def _outcomes(admitted: AdmittedMeasure, system: str) -> list[Outcome]:
    return [found for key, found in admitted.facts.items() if key.system == system]


def _measure(measures: Mapping[str, AdmittedMeasure], metric: str) -> AdmittedMeasure:
    if metric not in measures:
        raise ConfigError(
            f"the run has no metric {metric!r}{did_you_mean(metric, measures)}; "
            f"it has: {', '.join(measures)}"
        )
    return measures[metric]


def _check_label(label: str, measure: Measure) -> None:
    if label not in measure.categories:
        raise ConfigError(
            f"{measure.metric} has no category {label!r}{did_you_mean(label, measure.categories)}; "
            f"it has: {', '.join(measure.categories) or 'none: say at_least or at_most'}"
        )


def _pass(measure: Measure) -> str:
    values = zip(measure.categories, measure.values, strict=True)
    passing = [repr(name) for name, value in values if value == measure.upper]
    return " or ".join(passing) or "a pass"


def _next(admitted: AdmittedMeasure) -> str:
    remedy = admitted.trust.remedy if admitted.trust else ""
    return f"; next: {remedy}" if remedy else ""


def _words(
    judged: JudgedRecord, outcome: Outcome, value: float, *, metric: str, wanted: Sequence[str]
) -> str:
    record = judged.record
    score = outcome if isinstance(outcome, Score) else None
    said = f"{score.label!r}, " if score and score.label else ""
    against = outcome.target if score else None
    texts = {
        "input": record.input,
        "output": record.output or "",
        str(against.value if against else ""): " / ".join(record.answers(against))
        if against
        else "",
        "because": score.rationale if score else "",
        # Of a judge it is the reply, whose reason stands above.
        "details": str(dict(score.details)) if score and not score.label else "",
    }
    lines = [f"  {name}: {one_line(text)}" for name, text in texts.items() if name and text]
    head = (
        f"{metric} of {record.system} on {record.item_id!r} is {said}{number(value)}, "
        f"not {' and '.join(wanted)}"
    )
    return "\n".join([head, *lines])
