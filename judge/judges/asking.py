"""Several questions put side by side: to each an answer, or the error that says why not."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from judge.errors import ScoringError
from judge.judges.judge import Judge, JudgedCase, Judgement
from judge.results.outcome import Vote


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One of several questions about a record.

    Attributes:
        name: which one, for a reader.
        judge: who is asked.
    """

    name: str
    judge: Judge
    case: JudgedCase


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What came of questions, by their names and in their order.

    Attributes:
        answers: of those that were answered.
        lost: why the others were not.
    """

    answers: Mapping[str, Judgement]
    lost: Mapping[str, ScoringError]

    @property
    def attempts(self) -> int:
        """How often a judge was asked, all questions together."""
        return sum(map(_attempts, self.answers.values())) + sum(
            error.attempts for error in self.lost.values()
        )


async def ask_all(questions: Sequence[Question]) -> Asked:
    """Ask every question at once and wait for all of them: what is paid for is not thrown away."""
    try:
        async with asyncio.TaskGroup() as asking:
            tasks = {q.name: asking.create_task(_answer(q.judge, q.case)) for q in questions}
    except ExceptionGroup as group:
        if len(group.exceptions) > 1:
            raise
        raise group.exceptions[0] from group.exceptions[0].__cause__
    found = {name: task.result() for name, task in tasks.items()}
    return Asked(
        answers={name: one for name, one in found.items() if isinstance(one, Judgement)},
        lost={name: one for name, one in found.items() if isinstance(one, ScoringError)},
    )


def votes_of(judgement: Judgement, *, judge: str = "") -> tuple[Vote, ...]:
    """Return a judgement's votes as ones from which a rule makes a verdict.

    Args:
        judgement: one of several on a record.
        judge: which member of a panel gave it; empty where one judge is asked again.
    """
    votes = judgement.votes or (Vote(label=judgement.label),)
    return tuple(
        replace(vote, judge="/".join(filter(None, (judge, vote.judge))), own=False)
        for vote in votes
    )


def account_of(name: str, judgement: Judgement) -> dict[str, object]:
    """Return one of several judgements on a record as evidence for a reader."""
    return {
        "name": name,
        "label": judgement.label,
        **({} if judgement.value is None else {"value": judgement.value}),
        "rationale": judgement.rationale,
        "served": judgement.served,
        "flags": list(judgement.flags),
        "details": dict(judgement.details),
    }


def account_of_lost(name: str, error: ScoringError) -> dict[str, object]:
    """Return a question without an answer as evidence for a reader."""
    return {
        "name": name,
        "fate": error.fate,
        "message": str(error),
        "attempts": error.attempts,
    }


def stop_where_one_is_lost_for_good(asked: Asked, votes: Sequence[Vote], *, whole: str) -> None:
    """Raise the first error after which no later call can do better.

    Args:
        asked: all the questions about a record.
        votes: what was answered.
        whole: what the questions are part of, for a reader.

    Raises:
        ScoringError: there is such a one.
    """
    for name, error in asked.lost.items():
        if error.halts:
            error.args = (f"{whole}: {name}: {error}",)
            raise with_what_is_known(error, asked, votes)


def with_what_is_known(error: ScoringError, asked: Asked, votes: Sequence[Vote]) -> ScoringError:
    """Return the error of a record with what its questions cost and found nonetheless."""
    error.attempts = asked.attempts
    error.possibly_paid = any(lost.possibly_paid for lost in asked.lost.values())
    error.votes = tuple(votes)
    return error


def fingerprint_of(judgement: Judgement) -> str:
    """Return which serving system answered, as the endpoint named it; empty where it did not."""
    found = judgement.details.get("fingerprint")
    return found if isinstance(found, str) else ""


def sums_of(judgements: Sequence[Judgement]) -> dict[str, object]:
    """Return what several answers took together: how often asked, the tokens and the cost.

    What is not known of one of them is not known of all.
    """
    sums: dict[str, object] = {"asked": sum(map(_attempts, judgements))}
    for name in ("input_tokens", "output_tokens", "cost"):
        found = [one.details.get(name) for one in judgements]
        known = [number for number in found if isinstance(number, int | float)]
        sums[name] = sum(known) if len(known) == len(found) else None
    return sums


async def _answer(judge: Judge, case: JudgedCase) -> Judgement | ScoringError:
    try:
        return await judge.judge(case)
    except ScoringError as error:
        return error


def _numbers(found: Sequence[object]) -> list[float]:
    return [one for one in found if isinstance(one, float)]


def _attempts(judgement: Judgement) -> int:
    asked = judgement.details.get("asked", 1)
    return asked if isinstance(asked, int) else 1
