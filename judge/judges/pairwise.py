"""Which of two outputs is better, asked in both orders: what stands first has an advantage.

A judge that asks once in each order hides no disagreement and makes no tie of it: both verdicts are
votes, in the frame of the pair, and one of them counts. Which one, and in which order a judge that
asks once puts a pair, a coin decides that is tossed by the name of the record: the same in every
run and for every judge, and about as often the one as the other, so that what a judge gives to the
first place cancels out of a mean.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace

from judge.errors import ConfigError
from judge.judges.asking import (
    Question,
    account_of,
    ask_all,
    fingerprint_of,
    stop_where_one_is_lost_for_good,
    sums_of,
    with_what_is_known,
)
from judge.judges.judge import Judge, JudgedCase, Judgement
from judge.records.record import RecordKey
from judge.records.scale import Scale, ScaleKind
from judge.results.outcome import Vote
from judge.results.served import together

OUTPUT_FIRST, OPPONENT_FIRST = "ab", "ba"
"""Which output of a pair stood first; also what the question is called in the ledger."""

ORDERS_DISAGREE = "orders_disagree"

_BOTH = 2


class PairwiseJudge:
    """Puts a record's output and its opponent to a judge in both orders, or in one by a coin.

    Args:
        judge: compares the candidate, which it is shown first, with the one text it is held
            against, which it is shown second.
        scale: pairwise; the last category says that the record's own output wins.
        orders: 2 for both, 1 for one.
    """

    def __init__(self, judge: Judge, *, scale: Scale, orders: int = _BOTH) -> None:
        if scale.kind is not ScaleKind.PAIRWISE:
            raise ConfigError(
                f"pairs are judged on a pairwise scale, not on a {scale.kind.value} one"
            )
        if orders not in {1, _BOTH}:
            raise ConfigError(f"a pair has 1 or 2 orders to be judged in, not {orders}")
        self._judge = judge
        self._scale = scale
        self._orders = orders

    @property
    def identity(self) -> Mapping[str, str]:
        return {**self._judge.identity, "orders": str(self._orders)}

    async def judge(self, case: JudgedCase) -> Judgement:
        if len(case.against) != 1:
            raise ValueError(f"a pair is two outputs, not {1 + len(case.against)}")
        orders = orders_of(case.key)[: self._orders]
        asked = await ask_all(
            [Question(name=o, judge=self._judge, case=_in_order(case, o)) for o in orders]
        )
        answers = {order: self._turned(one, order) for order, one in asked.answers.items()}
        votes = _votes(answers)
        stop_where_one_is_lost_for_good(asked, votes, whole="pair")
        if asked.lost:
            # One order alone would let what stands first decide: there is no verdict.
            raise with_what_is_known(next(iter(asked.lost.values())), asked, votes)
        return self._verdict(answers, votes)

    def _verdict(self, answers: Mapping[str, Judgement], votes: Sequence[Vote]) -> Judgement:
        counts = next(iter(answers.values()))
        flags = [flag for one in answers.values() for flag in one.flags]
        if len({one.label for one in answers.values()}) > 1:
            flags.append(ORDERS_DISAGREE)
        return replace(
            counts,
            served=together(one.served for one in answers.values()),
            flags=tuple(dict.fromkeys(flags)),
            votes=tuple(votes),
            details={
                **sums_of(list(answers.values())),
                "fingerprint": together(map(fingerprint_of, answers.values())),
                "answers": [account_of(order, one) for order, one in answers.items()],
            },
        )

    def _turned(self, judgement: Judgement, order: str) -> Judgement:
        """Return a verdict in the frame of the pair, whatever stood first."""
        if order == OUTPUT_FIRST:
            return judgement
        return replace(
            judgement,
            label=self._other_way_round(judgement.label),
            value=None if judgement.value is None else 1 - judgement.value,
            votes=tuple(
                replace(vote, label=self._other_way_round(vote.label)) for vote in judgement.votes
            ),
        )

    def _other_way_round(self, label: str) -> str:
        return self._scale.categories[-1 - self._scale.code(label)]


def orders_of(key: RecordKey) -> tuple[str, str]:
    """Return both orders of a pair, first the one whose verdict counts."""
    name = f"{key.system}\0{key.item_id}".encode("utf-8", "surrogatepass")
    heads = hashlib.sha256(name).digest()[0] % 2
    return (OUTPUT_FIRST, OPPONENT_FIRST) if heads else (OPPONENT_FIRST, OUTPUT_FIRST)


def _in_order(case: JudgedCase, order: str) -> JudgedCase:
    asked = case.asked_as(order)
    if order == OUTPUT_FIRST:
        return asked
    (opponent,) = case.against
    return replace(asked, candidate=opponent, against=(case.candidate,))


def _votes(answers: Mapping[str, Judgement]) -> list[Vote]:
    """Return the verdict in each order, and then the votes that a rule made them from."""
    own: list[Vote] = []
    single: list[Vote] = []
    for order, one in answers.items():
        given = [vote for vote in one.votes if vote.own] or [Vote(label=one.label)]
        own += [replace(vote, order=order) for vote in given]
        single += [replace(vote, order=order) for vote in one.votes if not vote.own]
    return own + single
