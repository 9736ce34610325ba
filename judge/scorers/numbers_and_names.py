"""Numbers, dates, units and names that stand on one side only, because embeddings miss them."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from judge.records.record import Record, Target
from judge.results.outcome import NotApplicable, Outcome, Score
from judge.results.run import NUMBERS_AND_NAMES, Measure
from judge.scorers.facts import FACTS_VERSION, Fact, FactKind, facts, plain_words
from judge.scorers.scorer import known_outcome

NUMBERS_DIFFER = "numbers_differ"
NAMES_DIFFER = "names_differ"

_VERSION = "1"
_MOST_LISTED = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class OneSided:
    """What only one of two texts says.

    Attributes:
        missing: facts of the trusted text that the output does not say.
        added: facts of the output that neither the trusted text nor the context says.
        wanted: facts of the trusted text.
    """

    missing: tuple[Fact, ...]
    added: tuple[Fact, ...]
    wanted: int

    @property
    def kept(self) -> float:
        """Share of the trusted text's facts that the output says; 1 where there are none."""
        return 1 - len(self.missing) / self.wanted if self.wanted else 1.0


class NumbersAndNamesScorer:
    """Scores in [0, 1]: the share of an answer's facts that the output says.

    What the output says besides is listed and does not change the value: an answer may well be
    longer than what it is compared with. A wrong fact that stands in place of a right one shows as
    both missing and added. Of several right answers the one that is kept best counts, and one
    without any number, date, quantity or name is nothing to be compared with.

    Args:
        target: what the output is held against.
        empty_value: what an empty or missing output counts as; None for a missing score.
    """

    def __init__(self, *, target: Target, empty_value: float | None) -> None:
        self._measure = Measure(
            scorer=NUMBERS_AND_NAMES,
            target=target,
            judged=False,
            criterion=NUMBERS_AND_NAMES,
            lower=0.0,
            upper=1.0,
            identity={"facts": FACTS_VERSION, "comparison": _VERSION},
            empty_value=empty_value,
            continuous=True,
        )
        self._signature = self._measure.signature

    @property
    def measure(self) -> Measure:
        return self._measure

    async def score(self, batch: Sequence[Record]) -> Sequence[Outcome]:
        return await asyncio.to_thread(lambda: [self._outcome(record) for record in batch])

    def _outcome(self, record: Record) -> Outcome:
        scorer, target = self._measure.scorer, self._measure.target
        known = known_outcome(record, self._measure)
        if isinstance(known, NotApplicable):
            return known
        # Whether there is anything to look for depends on the answers alone: a system cannot
        # leave the count by what it says.
        answers = [answer for answer in record.answers(target) if one_sided("", answer).wanted]
        if not answers:
            reason = "the answer holds no number, date, quantity or name"
            return NotApplicable(scorer=scorer, target=target, reason=reason)
        if known is not None:
            return known
        sides = [one_sided(record.output or "", one, context=record.input) for one in answers]
        best = max(sides, key=lambda side: (side.kept, -len(side.added)))
        return Score(
            scorer=scorer,
            target=target,
            value=best.kept,
            signature=self._signature,
            flags=tuple(_flags(best)),
            details=_details(best),
        )


def one_sided(output: str, answer: str, *, context: str = "") -> OneSided:
    """Compare the facts of two texts.

    Args:
        output: what is judged.
        answer: what is trusted.
        context: what an output may repeat, such as the question.
    """
    given, wanted = facts(output), facts(answer)
    asked = [fact for fact in wanted if not _is_aside(fact)]
    return OneSided(
        missing=_unsaid(asked, by=given, text=output),
        added=_unsaid(
            [fact for fact in given if not _is_aside(fact)],
            by=[*wanted, *facts(context)],
            text=f"{answer}\n{context}",
        ),
        wanted=len(asked),
    )


def _is_aside(fact: Fact) -> bool:
    """Whether it says something that nobody needs to repeat, as "one" does."""
    return fact.key not in fact.says


def _unsaid(wanted: Sequence[Fact], *, by: Sequence[Fact], text: str) -> tuple[Fact, ...]:
    said = frozenset().union(*(fact.says for fact in by if fact.kind is not FactKind.NAME))
    names: dict[str, list[Sequence[str]]] = {}
    for name in (fact.key.split() for fact in by if fact.kind is FactKind.NAME):
        names.setdefault(name[-1], []).append(name)
    words = frozenset(plain_words(text))
    return tuple(
        fact
        for fact in wanted
        if (
            not _is_named(fact.key.split(), names=names, words=words)
            if fact.kind is FactKind.NAME
            else fact.key not in said
        )
    )


def _is_named(
    name: Sequence[str], *, names: Mapping[str, Sequence[Sequence[str]]], words: frozenset[str]
) -> bool:
    """Whether a text names it: its last word, and its first where the text has another first.

    A surname alone will do, and so will a name without its middle; another first name will not.
    """
    if name[-1] not in words:
        return False
    if name[0] in words:
        return True
    alike = names.get(name[-1], ())
    return not alike or any(len(other) == 1 for other in alike)


def _flags(side: OneSided) -> list[str]:
    kinds = {fact.kind for fact in side.missing}
    flags = [NUMBERS_DIFFER] if kinds - {FactKind.NAME} else []
    return [*flags, NAMES_DIFFER] if FactKind.NAME in kinds else flags


def _details(side: OneSided) -> dict[str, object]:
    return {
        "missing": [_shown(fact) for fact in side.missing[:_MOST_LISTED]],
        "added": [_shown(fact) for fact in side.added[:_MOST_LISTED]],
        "wanted": side.wanted,
    }


def _shown(fact: Fact) -> dict[str, str]:
    return {"kind": fact.kind.value, "text": fact.text}
