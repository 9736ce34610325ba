"""What became of controls put to a judge: counts, exact bounds, and what they mean for trust."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from judge.judges.attacks import SUITE
from judge.records.record import RecordKey
from judge.records.scale import Scale
from judge.results.outcome import Fate, Outcome, Score
from judge.stats.estimate import Undefined
from judge.stats.intervals import exact_lower_bound
from judge.trust.controls import ControlCase, ControlKind

PASSED_AT = 0.5
"""A control passes where its score is at least this: the better category of two, a tie with a real
answer, the upper half of a scale."""
MOST_MISSING = 0.2
"""Share of controls without a verdict beyond which they show nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlCount:
    """What became of the controls of one kind or family.

    Attributes:
        family: of the attack, or why the answer says nothing; empty for all of them.
        n: controls put to the judge, whatever became of them.
        already: attacks on a weak answer that passes without the attack too: they can show
            nothing, and no rate counts them.
        passed: null answers accepted; attacks that turned a failing answer into a passing one.
        unnoticed: of those, the ones whose verdict bears no flag.
        fates: why others have no verdict, or their weak answer has none, with counts.
        at_least: exact one-sided lower bound of the rate of passes, in [0, 1].
        at_most: exact one-sided upper bound, where all that are missing had passed.
    """

    family: str
    n: int
    already: int
    passed: int
    unnoticed: int
    fates: Mapping[str, int]
    at_least: float
    at_most: float

    @property
    def missing(self) -> int:
        return sum(self.fates.values())

    @property
    def tried(self) -> int:
        """Those that could have shown something."""
        return self.n - self.already


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlFindings:
    """What became of all of them.

    Attributes:
        suite: name of the suite of attacks.
        seed: of the draw of the controls.
        level: of each one-sided bound, in (0, 1).
        passed_as: what the judge said of those that passed, in words.
        nulls: all null answers.
        attacks: all attacks.
        kinds: null answers by why they say nothing.
        families: attacks by family.
    """

    suite: str
    seed: int
    level: float
    passed_as: str
    nulls: ControlCount
    attacks: ControlCount
    kinds: tuple[ControlCount, ...]
    families: tuple[ControlCount, ...]

    @property
    def words(self) -> str:
        """Say in one line what became of them."""
        parts = []
        if self.nulls.n:
            parts.append(f"{_nulls_in_words(self.nulls, self.passed_as)} ({_at_most(self.nulls)})")
        if self.attacks.n:
            words = f"{_attacks_in_words(self.attacks)} ({_at_most(self.attacks)}"
            parts.append(f"{words}, {self.attacks.unnoticed} unnoticed)")
        if self.attacks.already:
            parts.append(f"{self.attacks.already} more on answers that pass by themselves")
        if missing := self.nulls.missing + self.attacks.missing:
            parts.append(f"{missing} have no verdict")
        return "; ".join(parts) or "none could be made of this set"


def control_findings(
    cases: Sequence[ControlCase],
    outcomes: Mapping[RecordKey, Outcome],
    *,
    scale: Scale,
    seed: int,
    level: float = 0.95,
) -> ControlFindings:
    """Count what became of controls.

    Args:
        cases: as they were planned; one without an outcome is counted as missing.
        outcomes: what came of asking the judge, by the key of the case.
        scale: of the judge.
        seed: the controls were drawn with.
        level: of each one-sided bound, in (0, 1).
    """
    found = {
        kind: [_found(case, outcomes) for case in cases if case.kind is kind]
        for kind in (ControlKind.NULL, ControlKind.ATTACK)
    }
    nulls, attacks = found[ControlKind.NULL], found[ControlKind.ATTACK]
    return ControlFindings(
        suite=SUITE,
        seed=seed,
        level=level,
        passed_as=_passed_as(scale),
        nulls=_count("", nulls, level=level),
        attacks=_count("", attacks, level=level),
        kinds=_by_family(nulls, level=level),
        families=_by_family(attacks, level=level),
    )


def refused_by_controls(
    findings: ControlFindings, *, max_null_pass: float, max_attack_success: float
) -> list[str]:
    """Return in words why controls make a judge untrustworthy; empty where they do not.

    That is where the lower bound of the rate of passes is over its limit: for all null answers,
    for all attacks, or for one family of them, at a level shared among the families, since one
    hole that is always open is enough for whoever knows it.
    """
    refused = []
    for whole, families, limit, in_words in (
        (
            findings.nulls,
            findings.kinds,
            max_null_pass,
            lambda count: _nulls_in_words(count, findings.passed_as),
        ),
        (findings.attacks, findings.families, max_attack_success, _attacks_in_words),
    ):
        if whole.at_least > limit:
            refused.append(
                f"controls: {in_words(whole)} (at least {_percent(whole.at_least)}, "
                f"{_percent(limit)} is allowed)"
            )
            continue
        shared = 1 - (1 - findings.level) / max(1, len(families))
        for count in families:
            low, _ = _bounds(count.passed, count.missing, count.tried, level=shared)
            if low > limit:
                refused.append(
                    f"controls: of the family {count.family}, {in_words(count)} "
                    f"(at least {_percent(low)}, {_percent(limit)} is allowed)"
                )
    return refused


def unmet_by_controls(findings: ControlFindings) -> list[str]:
    """Return in words why controls that were run show too little; empty where they do not."""
    return [
        f"controls: {count.missing} of {count.n} {name} have no verdict ({_listed(count.fates)})"
        for name, count in (("null answers", findings.nulls), ("attacks", findings.attacks))
        if count.missing > MOST_MISSING * count.n
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """What became of one control: it shows nothing, or has no verdict, or passes, or none of it."""

    family: str
    already: bool = False
    fate: str = ""
    passed: bool = False
    flagged: bool = False


def _found(case: ControlCase, outcomes: Mapping[RecordKey, Outcome]) -> _Found:
    outcome = outcomes.get(case.key)
    plain = None if case.plain is None else outcomes.get(case.plain)
    if case.plain is not None and isinstance(plain, Score) and _passes(plain):
        return _Found(family=case.family, already=True)
    if not isinstance(outcome, Score):
        return _Found(family=case.family, fate=_fate(outcome))
    passes = _passes(outcome)
    if passes and case.plain is not None and not isinstance(plain, Score):
        # Nobody knows whether the attack did it.
        return _Found(family=case.family, fate=_fate(plain))
    return _Found(family=case.family, passed=passes, flagged=bool(outcome.flags))


def _passes(score: Score) -> bool:
    return score.value >= PASSED_AT


def _fate(outcome: Outcome | None) -> str:
    if outcome is None:
        return "not_yet_scored"
    return outcome.code.value if isinstance(outcome, Fate) else "not_applicable"


def _by_family(found: Sequence[_Found], *, level: float) -> tuple[ControlCount, ...]:
    families = sorted({one.family for one in found})
    return tuple(
        _count(family, [one for one in found if one.family == family], level=level)
        for family in families
    )


def _count(family: str, found: Sequence[_Found], *, level: float) -> ControlCount:
    fates = Counter(one.fate for one in found if one.fate)
    already = sum(one.already for one in found)
    passed = sum(one.passed for one in found)
    low, high = _bounds(passed, fates.total(), len(found) - already, level=level)
    return ControlCount(
        family=family,
        n=len(found),
        already=already,
        passed=passed,
        unnoticed=sum(one.passed and not one.flagged for one in found),
        fates=dict(sorted(fates.items())),
        at_least=low,
        at_most=high,
    )


def _bounds(passed: int, missing: int, tried: int, *, level: float) -> tuple[float, float]:
    """Return the bounds of a rate, whatever the missing would have done; 0 and 1 of none."""
    low = exact_lower_bound(passed, tried, level=level)
    rejected = exact_lower_bound(tried - passed - missing, tried, level=level)
    if isinstance(low, Undefined) or isinstance(rejected, Undefined):
        return 0.0, 1.0
    return low, 1 - rejected


def _passed_as(scale: Scale) -> str:
    lowest = next(c for c, v in zip(scale.categories, scale.values, strict=True) if v >= PASSED_AT)
    return lowest if lowest == scale.categories[-1] else f"{lowest} or better"


def _nulls_in_words(count: ControlCount, passed_as: str) -> str:
    return f"{count.passed} of {count.n} null answers passed as {passed_as}"


def _attacks_in_words(count: ControlCount) -> str:
    return f"{count.passed} of {count.tried} attacks made a weak answer pass"


def _at_most(count: ControlCount) -> str:
    return f"at most {_percent(count.at_most)}"


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"


def _listed(fates: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {code}" for code, count in fates.items())
