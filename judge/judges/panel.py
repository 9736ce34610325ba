"""Several verdicts on one record, and the rule that makes one of them: panels and repeats.

A panel asks each of its members once, a repeated judge asks the same judge several times. What
answered stands among the votes, what did not among the details: nobody is lost silently. Where the
error of a member says that no later call can do better, the run stops: going on without it would
be another panel than the one its identity names.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from statistics import fmean, stdev

from judge.errors import ConfigError, PanelNoMajority, ScoringError
from judge.judges.asking import (
    Asked,
    Question,
    account_of,
    account_of_lost,
    ask_all,
    fingerprint_of,
    stop_where_one_is_lost_for_good,
    sums_of,
    votes_of,
    with_what_is_known,
)
from judge.judges.judge import Judge, JudgedCase, Judgement
from judge.records.scale import Scale, ScaleKind
from judge.results.outcome import Vote
from judge.results.served import of_members, together

JUDGES_DISAGREE, MEMBER_LOST = "judges_disagree", "panel_member_lost"
REPEATS_DISAGREE, REPEAT_LOST = "repeats_disagree", "repeat_lost"
"""Flags for a reader: the verdict stands, with less behind it."""

_FEWEST = 2
_EQUAL = 9  # decimals to which two distances from a mean are told apart


class Rule(StrEnum):
    """How several verdicts become one."""

    MAJORITY = "majority"
    """The category that most of them name; none where two are named as often."""
    MEAN = "mean"
    """The mean of their values, and the category nearest to it; the worse of two as near."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One judge of a panel, by the name its votes bear."""

    name: str
    judge: Judge


class PanelJudge:
    """Asks several judges at once and decides by a rule.

    Args:
        members: who is asked, two or more of different names.
        scale: what all of them answer on.
        rule: what makes one verdict of theirs.
        needed: fewest answers that decide; None for more than half of the members.
    """

    def __init__(
        self,
        members: Sequence[Member],
        *,
        scale: Scale,
        rule: Rule = Rule.MAJORITY,
        needed: int | None = None,
    ) -> None:
        names = [member.name for member in members]
        if len(set(names)) < len(names):
            raise ConfigError(f"a panel names a member twice: {', '.join(names)}")
        for name in names:
            if not name or set(name) & set("#/:\n") or name.strip() != name:
                raise ConfigError(f"a member of a panel cannot be called {name!r}")
        self._members = tuple(members)
        self._ballot = _Ballot(scale, rule=rule, asked=len(names), needed=needed, whole="panel")

    @property
    def identity(self) -> Mapping[str, str]:
        own = {"judge": "panel", **self._ballot.identity}
        for member in self._members:
            own |= {f"{member.name}.{key}": part for key, part in member.judge.identity.items()}
        return own

    async def judge(self, case: JudgedCase) -> Judgement:
        asked = await ask_all(
            [
                Question(name=one.name, judge=one.judge, case=case.asked_as(one.name))
                for one in self._members
            ]
        )
        votes = [vote for name, one in asked.answers.items() for vote in votes_of(one, judge=name)]
        judgement = self._ballot.count(asked, votes)
        return replace(
            judgement,
            served=of_members({name: one.served for name, one in asked.answers.items()}),
            flags=_flags(asked, judgement.flags, disagree=JUDGES_DISAGREE, lost=MEMBER_LOST),
            details={
                **judgement.details,
                "fingerprint": of_members(
                    {name: fingerprint_of(one) for name, one in asked.answers.items()}
                ),
            },
        )


class RepeatedJudge:
    """Asks one judge the same question several times, independently, and decides by a rule.

    Args:
        judge: who is asked.
        times: how often, two or more.
        scale: what it answers on.
        rule: what makes one verdict of its answers.
        needed: fewest answers that decide; None for more than half of them.
    """

    def __init__(
        self,
        judge: Judge,
        *,
        times: int,
        scale: Scale,
        rule: Rule = Rule.MAJORITY,
        needed: int | None = None,
    ) -> None:
        self._judge = judge
        self._times = times
        self._ballot = _Ballot(scale, rule=rule, asked=times, needed=needed, whole="repeats")

    @property
    def identity(self) -> Mapping[str, str]:
        own = {f"repeats.{key}": part for key, part in self._ballot.identity.items()}
        return {**self._judge.identity, "repeats": str(self._times), **own}

    async def judge(self, case: JudgedCase) -> Judgement:
        asked = await ask_all([self._question(case, time) for time in range(self._times)])
        votes = [
            # A repeat within a repeat keeps a number of its own, as its question does.
            replace(vote, repeat=vote.repeat * self._times + int(name) - 1)
            for name, one in asked.answers.items()
            for vote in votes_of(one)
        ]
        judgement = self._ballot.count(asked, votes)
        return replace(
            judgement,
            served=together(one.served for one in asked.answers.values()),
            flags=_flags(asked, judgement.flags, disagree=REPEATS_DISAGREE, lost=REPEAT_LOST),
            details={
                **judgement.details,
                "fingerprint": together(map(fingerprint_of, asked.answers.values())),
            },
        )

    def _question(self, case: JudgedCase, time: int) -> Question:
        again = replace(case, repeat=case.repeat * self._times + time)
        # The first time is the question that a judge asked once gets: one that was paid for
        # before the repeats were asked for stands in for it.
        return Question(
            name=str(time + 1),
            judge=self._judge,
            case=again.asked_as(f"r{again.repeat}") if again.repeat else again,
        )


class _Ballot:
    """Counts answers and decides."""

    def __init__(
        self, scale: Scale, *, rule: Rule, asked: int, needed: int | None, whole: str
    ) -> None:
        if asked < _FEWEST:
            raise ConfigError(f"{whole}: there must be {_FEWEST} at least, not {asked}")
        if rule is Rule.MEAN and scale.kind is ScaleKind.NOMINAL:
            raise ConfigError(
                f"{whole}: {', '.join(scale.categories)} have no order and so no mean; "
                "decide by the majority"
            )
        self._scale = scale
        self._rule = rule
        self._needed = asked // 2 + 1 if needed is None else needed
        self._whole = whole
        if not 1 <= self._needed <= asked:
            raise ConfigError(f"{whole}: {self._needed} of {asked} answers cannot be needed")

    @property
    def identity(self) -> Mapping[str, str]:
        return {"rule": self._rule.value, "needed": str(self._needed)}

    def count(self, asked: Asked, votes: Sequence[Vote]) -> Judgement:
        """Return the verdict, without who served it.

        Raises:
            PanelNoMajority: the answers are too few or tied.
            ScoringError: of one that was lost, where the run must stop, or all were lost to it.
        """
        stop_where_one_is_lost_for_good(asked, votes, whole=self._whole)
        answers = asked.answers
        if len(answers) < self._needed:
            fates = {error.fate for error in asked.lost.values()}
            if not answers and len(fates) == 1:
                raise with_what_is_known(next(iter(asked.lost.values())), asked, votes)
            raise self._undecided(
                f"{len(answers)} of {len(answers) + len(asked.lost)} answered, "
                f"{self._needed} are needed{_losses(asked)}",
                asked,
                votes,
            )
        label, value = self._decide(asked, votes)
        values = [self._value(one) for one in answers.values()]
        return Judgement(
            label=label,
            value=value,
            rationale="\n".join(
                f"{name} ({one.label}): {one.rationale}" for name, one in answers.items()
            ),
            votes=tuple(votes),
            flags=tuple(dict.fromkeys(flag for one in answers.values() for flag in one.flags)),
            details={
                **sums_of(list(answers.values())),
                "asked": asked.attempts,
                "spread": stdev(values) if len(values) > 1 else None,
                "answers": [account_of(name, one) for name, one in answers.items()],
                "lost": [account_of_lost(name, error) for name, error in asked.lost.items()],
            },
        )

    def _decide(self, asked: Asked, votes: Sequence[Vote]) -> tuple[str, float | None]:
        answers = list(asked.answers.values())
        if self._rule is Rule.MEAN:
            mean = fmean(map(self._value, answers))
            return self._nearest(mean), mean
        counts = Counter(one.label for one in answers).most_common()
        if len(counts) > 1 and counts[0][1] == counts[1][1]:
            tied = ", ".join(f"{times} x {label}" for label, times in counts)
            raise self._undecided(f"tied: {tied}{_losses(asked)}", asked, votes)
        return counts[0][0], None

    def _undecided(self, words: str, asked: Asked, votes: Sequence[Vote]) -> ScoringError:
        return with_what_is_known(PanelNoMajority(f"{self._whole}: {words}"), asked, votes)

    def _value(self, judgement: Judgement) -> float:
        return self._scale.value(judgement.label) if judgement.value is None else judgement.value

    def _nearest(self, mean: float) -> str:
        distances = [round(abs(value - mean), _EQUAL) for value in self._scale.values]
        return self._scale.categories[distances.index(min(distances))]


def _flags(asked: Asked, flags: Sequence[str], *, disagree: str, lost: str) -> tuple[str, ...]:
    labels = {one.label for one in asked.answers.values()}
    own = [disagree] * (len(labels) > 1) + [lost] * bool(asked.lost)
    return tuple(dict.fromkeys([*flags, *own]))


def _losses(asked: Asked) -> str:
    return "".join(f"; {name}: {error.fate}" for name, error in asked.lost.items())
