"""Judging an output claim by claim, where its source is longer than the judge can read.

Each claim of the output is judged over the passages of the source that bear on it. The share of the
claims that are supported is the value of the verdict, and only an output all of whose claims are
has the best label. Nothing is cut silently: what was shown for each claim, which parts of the
source were never shown, and which parts of the output claim nothing, stand among the details.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from judge.errors import ConfigError, InputTooLong
from judge.judges.asking import (
    Asked,
    Question,
    account_of_lost,
    ask_all,
    fingerprint_of,
    stop_where_one_is_lost_for_good,
    sums_of,
    with_what_is_known,
)
from judge.judges.claim_texts import CLAIMS_VERSION, Claim, Claims, claims_of
from judge.judges.judge import Judge, JudgedCase, Judgement
from judge.judges.passages import PASSAGES_VERSION, Source, by_meaning
from judge.judges.sentences import SENTENCES_VERSION, Span
from judge.models.context import ample_tokens
from judge.models.embedding import SharedEmbedder
from judge.records.record import Target
from judge.records.scale import Scale, ScaleKind
from judge.results.served import together

CLAIM_LOST = "claim_lost"

_MOST_SHOWN = 3
_MOST_GAPS = 50


class ByClaim(StrEnum):
    """When an output is judged claim by claim."""

    OVER_CONTEXT = "over_context"
    """Where its source may not fit into the judge's context."""
    ALWAYS = "always"


class LostClaim(StrEnum):
    """What becomes of a record when one of its claims gets no verdict."""

    FATE = "fate"
    """It has no verdict either."""
    UNSUPPORTED = "unsupported"
    """The claim counts as unsupported, and the verdict is flagged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How much of a source is shown to the judge of a claim.

    Attributes:
        passages: sentences looked for; each comes with its neighbours.
        passage_tokens: room for all of them.
        context_tokens: what the judge can read; None where that is not known.
        reserved_tokens: of these, for the prompt's own words and the longest reply.
        most_claims: of one output; more are refused, since each of them is a call.
    """

    passages: int = 6
    passage_tokens: int = 1500
    context_tokens: int | None = None
    reserved_tokens: int = 2048
    most_claims: int = 200


class ClaimJudge:
    """Judges the claims of an output one by one, always or where the whole is too long.

    Args:
        claims: judges one claim, the candidate, against passages of the source.
        claim_scale: what that answers on; binary.
        scale: of the verdict on the output; binary.
        whole: judges an output against its whole source, where that fits; None judges all outputs
            claim by claim.
        reading: what of the source is shown.
        embedder: finds passages by meaning too; None finds them by words alone.
        lost: what becomes of a claim without a verdict.
    """

    def __init__(
        self,
        claims: Judge,
        *,
        claim_scale: Scale,
        scale: Scale,
        whole: Judge | None = None,
        reading: Reading | None = None,
        embedder: SharedEmbedder | None = None,
        lost: LostClaim = LostClaim.FATE,
    ) -> None:
        for one in (scale, claim_scale):
            if one.kind is not ScaleKind.BINARY:
                raise ConfigError(
                    f"claims are supported or not: the scale must be binary, not {one.kind.value}"
                )
        self._reading = reading or Reading()
        if whole is not None and self._reading.context_tokens is None:
            raise ConfigError(
                "which sources are over the judge's context is not known; give 'context_tokens', "
                f"or judge all of them claim by claim ('claims: {ByClaim.ALWAYS.value}')"
            )
        self._claims = claims
        self._claim_scale = claim_scale
        self._scale = scale
        self._whole = whole
        self._embedder = embedder
        self._lost = lost

    @property
    def identity(self) -> Mapping[str, str]:
        when = ByClaim.ALWAYS if self._whole is None else ByClaim.OVER_CONTEXT
        reading, context = self._reading, self._reading.context_tokens
        embedder = self._embedder.identity if self._embedder else {"embedder": "none"}
        return {
            **(self._whole.identity if self._whole else {}),
            "claims": when.value,
            "claims.lost": self._lost.value,
            "claims.scale": "/".join(self._claim_scale.categories),
            "claims.splitter": f"{SENTENCES_VERSION}.{CLAIMS_VERSION}",
            "claims.retriever": PASSAGES_VERSION,
            "claims.passages": str(reading.passages),
            "claims.passage_tokens": str(reading.passage_tokens),
            "claims.context_tokens": "unset" if context is None else str(context),
            "claims.reserved_tokens": str(reading.reserved_tokens),
            **{f"claims.{key}": part for key, part in embedder.items()},
            **{f"claims.judge.{key}": part for key, part in self._claims.identity.items()},
        }

    async def judge(self, case: JudgedCase) -> Judgement:
        if self._whole is not None and self._fits(case):
            return await self._whole.judge(case)
        found = self._claims_in(case.candidate)
        # Any text that an output is held against may support a claim.
        source = await asyncio.to_thread(Source, "\n\n".join(case.against))
        shown = await self._shown(found.claims, source)
        asked = await ask_all(
            [
                self._question(case, claim, source, passages, number=number)
                for number, (claim, passages) in enumerate(
                    zip(found.claims, shown, strict=True), start=1
                )
            ]
        )
        stop_where_one_is_lost_for_good(asked, (), whole="claims")
        if asked.lost and self._lost is LostClaim.FATE:
            name, error = next(iter(asked.lost.items()))
            error.args = (f"claim {name.removeprefix('c')} has no verdict: {error}",)
            raise with_what_is_known(error, asked, ())
        return self._verdict(found, shown, source, asked)

    def _claims_in(self, output: str) -> Claims:
        found = claims_of(output)
        if not found.claims:
            # It says nothing, and is judged as what it is: no share of nothing is the best one.
            whole = Span(start=0, end=len(output))
            return Claims(claims=(Claim(text=output, span=whole),), skipped=())
        if len(found.claims) > self._reading.most_claims:
            raise InputTooLong(
                f"the output makes {len(found.claims)} claims, {self._reading.most_claims} are "
                "judged at most, each in a call of its own",
                attempts=0,
            )
        return found

    def _question(
        self,
        case: JudgedCase,
        claim: Claim,
        source: Source,
        passages: Sequence[Span],
        *,
        number: int,
    ) -> Question:
        name = f"c{number}"
        about = replace(
            case.asked_as(name),
            target=Target.SOURCE,
            input="",
            candidate=claim.text,
            against=tuple(span.of(source.text) for span in passages),
        )
        return Question(name=name, judge=self._claims, case=about)

    def _fits(self, case: JudgedCase) -> bool:
        reading = self._reading
        texts = [case.candidate, *case.against]
        if case.target is not Target.SOURCE:  # of which the input is the source
            texts.append(case.input)
        needed = reading.reserved_tokens + sum(map(ample_tokens, texts))
        return reading.context_tokens is None or needed <= reading.context_tokens

    async def _shown(self, claims: Sequence[Claim], source: Source) -> list[tuple[Span, ...]]:
        """Return for each claim the parts of the source that its judge reads."""
        everything = ample_tokens(source.text)
        rooms = [self._room(claim, everything) for claim in claims]
        if all(everything <= room for room in rooms):
            return [(Span(start=0, end=len(source.text)),)] * len(claims)
        meanings = None
        if self._embedder is not None and source.sentences:
            texts = [span.of(source.text) for span in source.sentences]
            vectors = await self._embedder.embed([*texts, *(claim.text for claim in claims)])
            meanings = [by_meaning(one, vectors[: len(texts)]) for one in vectors[len(texts) :]]

        def search() -> list[tuple[Span, ...]]:
            return [
                source.passages(
                    [
                        *source.rankings(claim.text, around=claim.around),
                        *([] if meanings is None else [meanings[place]]),
                    ],
                    most=self._reading.passages,
                    tokens=rooms[place],
                )
                for place, claim in enumerate(claims)
            ]

        shown = await asyncio.to_thread(search)
        for place, passages in enumerate(shown):
            if not passages and source.sentences:
                raise self._too_long(claims[place])
        return shown

    def _room(self, claim: Claim, everything: int) -> int:
        """Return how many tokens of the source fit beside a claim.

        Raises:
            InputTooLong: none do.
        """
        reading = self._reading
        room = reading.passage_tokens
        if reading.context_tokens is not None:
            beside = reading.context_tokens - reading.reserved_tokens - ample_tokens(claim.text)
            room = min(room, beside)
        if room <= 0 < everything:
            raise self._too_long(claim)
        return room

    def _too_long(self, claim: Claim) -> InputTooLong:
        words = " ".join(claim.text.split()[:8])
        return InputTooLong(
            f"no passage fits into the judge's context beside the claim '{words[:80]}'; nothing "
            "was cut, and nothing was sent",
            attempts=0,
        )

    def _verdict(
        self, found: Claims, shown: Sequence[tuple[Span, ...]], source: Source, asked: Asked
    ) -> Judgement:
        supported = [
            name
            for name, one in asked.answers.items()
            if one.label == self._claim_scale.categories[-1]
        ]
        n = len(found.claims)
        answers = list(asked.answers.values())
        flags = [flag for one in answers for flag in one.flags]
        return Judgement(
            label=self._scale.categories[-1 if len(supported) == n else 0],
            value=len(supported) / n,
            rationale=_rationale(found.claims, asked, supported),
            served=together(one.served for one in answers),
            flags=tuple(dict.fromkeys([*flags, *([CLAIM_LOST] if asked.lost else [])])),
            details={
                **sums_of(answers),
                "asked": asked.attempts,
                "fingerprint": together(map(fingerprint_of, answers)),
                **_evidence(found, shown, source, asked),
            },
        )


def _rationale(claims: Sequence[Claim], asked: Asked, supported: Sequence[str]) -> str:
    lines = [f"{len(supported)} of {len(claims)} claims are supported by the source"]
    not_so = []
    for number, claim in enumerate(claims, start=1):
        if (name := f"c{number}") not in supported:
            why = asked.answers[name].rationale if name in asked.answers else "no verdict"
            not_so.append(f"{claim.text!r}: {why}")
    lines += not_so[:_MOST_SHOWN]
    if len(not_so) > _MOST_SHOWN:
        lines.append(f"and {len(not_so) - _MOST_SHOWN} more")
    return "\n".join(lines)


def _evidence(
    found: Claims, shown: Sequence[tuple[Span, ...]], source: Source, asked: Asked
) -> dict[str, object]:
    passages = sorted({span for spans in shown for span in spans}, key=lambda one: one.start)
    numbers = {span: number for number, span in enumerate(passages)}
    claims: list[dict[str, object]] = []
    for number, (claim, spans) in enumerate(zip(found.claims, shown, strict=True), start=1):
        name = f"c{number}"
        account: dict[str, object] = {
            "claim": claim.text,
            "start": claim.span.start,
            "end": claim.span.end,
            "passages": [numbers[span] for span in spans],
        }
        if (one := asked.answers.get(name)) is not None:
            account |= {
                "label": one.label,
                "rationale": one.rationale,
                "reply": one.details.get("reply"),
            }
        else:
            account |= account_of_lost(name, asked.lost[name])
        claims.append(account)
    return {
        "claims": claims,
        "skipped": list(found.skipped),
        "passages": [
            {"start": span.start, "end": span.end, "text": span.of(source.text)}
            for span in passages
        ],
        "coverage": _coverage(passages, source),
    }


def _coverage(passages: Sequence[Span], source: Source) -> dict[str, object]:
    """Say how many characters of the source were shown for any claim, and where none were."""
    gaps, end, unread = [], 0, 0
    for start, stop in [*((one.start, one.end) for one in passages), (len(source.text),) * 2]:
        if source.text[end:start].strip():
            gaps.append([end, start])
            unread += start - end
        end = max(end, stop)
    return {
        "characters": len(source.text),
        "shown": len(source.text) - unread,
        "gaps": len(gaps),
        "not_shown": gaps[:_MOST_GAPS],
    }
