"""Fakes for users and our own tests: endpoint, chat model, embedder, ledger, labelled verdicts."""

import asyncio
import hashlib
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from judge.fault_server.bodies import always_equivalent, chat_completion, fault, verdict
from judge.fault_server.endpoint import FakeEndpoint
from judge.fault_server.exchange import Answer, Received, Responder
from judge.judges.judge import JudgedCase, Judgement
from judge.models.chat import ChatCall, Completion
from judge.models.embedding import Vectors
from judge.records.rating import LabelSource
from judge.records.record import RecordKey, Target
from judge.records.scale import EQUIVALENCE as EQUIVALENCE_SCALE
from judge.records.scale import Scale
from judge.results.outcome import Fate, FateCode, NotApplicable, Outcome, Score
from judge.results.run import EQUIVALENCE, Measure
from judge.trust.labels import LabelledVerdict
from judge.trust.standing import Provenance

__all__ = [
    "Answer",
    "Attempt",
    "FakeChat",
    "FakeEndpoint",
    "FakeJudge",
    "HashEmbedder",
    "MemoryAttemptLog",
    "Received",
    "Responder",
    "always_equivalent",
    "chat_completion",
    "completion",
    "fault",
    "judged_measure",
    "labelled_verdicts",
    "random_sample_by_people",
    "verdict",
]

_WORD = re.compile(r"\w+")


def completion(
    text: str, *, finish_reason: str = "stop", refusal: str = "", model: str = "fake-judge"
) -> Completion:
    """Return what a `FakeChat` may answer with."""
    return Completion(
        text=text,
        finish_reason=finish_reason,
        refusal=refusal,
        model=model,
        input_tokens=100,
        output_tokens=20,
        latency_s=0.0,
    )


class FakeChat:
    """A chat model that answers from a script.

    Args:
        script: returns the answer to a call, or raises the error the call ends with.
    """

    def __init__(self, script: Callable[[ChatCall], Completion] | None = None) -> None:
        self._script = script or (lambda _: completion(verdict()))
        self.calls: list[ChatCall] = []
        """Every call, in order."""

    @property
    def identity(self) -> Mapping[str, str]:
        return {"model": "fake-judge", "endpoint": "fake"}

    async def complete(self, call: ChatCall) -> Completion:
        self.calls.append(call)
        await asyncio.sleep(0)  # no real model answers without letting others run
        return self._script(call)


class FakeJudge:
    """A judge that answers from a script.

    Args:
        script: returns the verdict on a case, a category or a whole judgement, or raises the error
            the question ends with.
        name: stands in its identity.
    """

    def __init__(
        self, script: Callable[[JudgedCase], str | Judgement], *, name: str = "fake"
    ) -> None:
        self._script = script
        self._name = name
        self.cases: list[JudgedCase] = []
        """Every case, in order."""

    @property
    def identity(self) -> Mapping[str, str]:
        return {"judge": self._name}

    async def judge(self, case: JudgedCase) -> Judgement:
        self.cases.append(case)
        await asyncio.sleep(0)  # no real judge answers without letting others run
        said = self._script(case)
        if isinstance(said, Judgement):
            return said
        return Judgement(label=said, rationale="because", served=f"{self._name}-0501")


class HashEmbedder:
    """A deterministic embedder without a model: hashed bags of words.

    Texts that share words are alike, texts that share none are about orthogonal.
    """

    def __init__(self, *, dim: int = 256) -> None:
        self._dim = dim
        self.asked: Counter[str] = Counter()
        """How often each text was asked for."""

    @property
    def identity(self) -> Mapping[str, str]:
        return {"embedder": "hashed-words", "dim": str(self._dim)}

    def embed(self, texts: Sequence[str]) -> Vectors:
        self.asked.update(texts)
        vectors = np.zeros((len(texts), self._dim), dtype=np.float32)
        for place, text in enumerate(texts):
            # A text without words is known by its characters.
            for word in _WORD.findall(text.casefold()) or [f"not words: {text}"]:
                vectors[place, _hash(word) % self._dim] += 1
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        return vectors

    @property
    def token_limit(self) -> int:
        """Words of a text that are read: all of them, but whoever asks wants a number."""
        return 1_000

    @property
    def tells_tokens(self) -> bool:
        """Whether words can be counted, and their vectors told apart."""
        return True

    def token_counts(self, texts: Sequence[str]) -> NDArray[np.int64]:
        """Count the words of texts."""
        return np.array([len(_WORD.findall(text)) for text in texts], dtype=np.int64)

    def token_vectors(self, texts: Sequence[str]) -> list[Vectors]:
        """Return the unit vectors of the words of each text."""
        words = [_WORD.findall(text) for text in texts]
        return [
            self.embed(found) if found else np.empty((0, self._dim), np.float32) for found in words
        ]


@dataclass(slots=True, kw_only=True)
class Attempt:
    """One row of a `MemoryAttemptLog`; open while it has neither a reply nor an error."""

    call_id: str
    reply: bytes = b""
    error: str = ""
    possibly_paid: bool = False
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost: float | None = None


class MemoryAttemptLog:
    """An attempt ledger that a test can look into.

    Args:
        earlier: call id to the answer that an earlier process received.
    """

    def __init__(self, earlier: Mapping[str, bytes] | None = None) -> None:
        self._earlier = earlier or {}
        self.attempts: list[Attempt] = []
        """Every attempt, in the order they were opened."""

    async def opened(self, call_id: str) -> int:
        self.attempts.append(Attempt(call_id=call_id))
        return len(self.attempts) - 1

    async def closed(
        self,
        attempt: int,
        *,
        reply: bytes = b"",
        error: str = "",
        possibly_paid: bool = False,
        input_tokens: int | None = None,
        output_tokens: int | None = None,
        cost: float | None = None,
        wait: bool = True,
    ) -> None:
        del wait  # it is there at once
        self.attempts[attempt] = Attempt(
            call_id=self.attempts[attempt].call_id,
            reply=reply,
            error=error,
            possibly_paid=possibly_paid,
            input_tokens=input_tokens,
            output_tokens=output_tokens,
            cost=cost,
        )

    def answered(self, call_id: str) -> bytes | None:
        return self._earlier.get(call_id)


def judged_measure(scale: Scale = EQUIVALENCE_SCALE, *, model: str = "fake-judge") -> Measure:
    """Return what a judge of that model measures against the reference."""
    return Measure(
        scorer=EQUIVALENCE,
        target=Target.REFERENCE,
        judged=True,
        criterion="equivalence",
        lower=0.0,
        upper=1.0,
        categories=scale.categories,
        category_values=scale.values,
        identity={"model": model},
    )


def labelled_verdicts(
    human: Sequence[int],
    judge: Sequence[int | FateCode | None],
    *,
    scale: Scale = EQUIVALENCE_SCALE,
    per_cluster: int = 1,
    system: str = "student",
    slices: Mapping[str, str] | None = None,
) -> list[LabelledVerdict]:
    """Return labels beside verdicts, item by item.

    Args:
        human: codes of what people said, in the order of the scale.
        judge: codes of what the judge said; a fate where it said nothing, None where the scorer
            does not apply.
        scale: of both.
        per_cluster: items that share a cluster.
        system: all of them are about its outputs.
        slices: all of them are in.
    """
    return [
        LabelledVerdict(
            key=RecordKey(item_id=f"i{place}", system=system),
            cluster=f"c{place // per_cluster}",
            slices=slices or {},
            human=scale.categories[label],
            outcome=_judged_outcome(verdict, scale),
        )
        for place, (label, verdict) in enumerate(zip(human, judge, strict=True))
    ]


def random_sample_by_people(*, look: int = 1) -> Provenance:
    """Return the provenance of labels that nothing is wrong with."""
    return Provenance(
        fingerprint="ratings",
        population="population",
        sources=frozenset({LabelSource.HUMAN}),
        blind=True,
        probabilities=frozenset({1.0}),
        set_aside={},
        look=look,
    )


def _judged_outcome(verdict: int | FateCode | None, scale: Scale) -> Outcome:
    if verdict is None:
        return NotApplicable(scorer=EQUIVALENCE, target=Target.REFERENCE, reason="no reference")
    if isinstance(verdict, FateCode):
        return Fate(scorer=EQUIVALENCE, target=Target.REFERENCE, code=verdict, message="no verdict")
    return Score(
        scorer=EQUIVALENCE,
        target=Target.REFERENCE,
        value=scale.values[verdict],
        signature=judged_measure(scale).signature,
        label=scale.categories[verdict],
        rationale="because",
        served="fake-judge-0501",
    )


def _hash(word: str) -> int:
    return int.from_bytes(hashlib.blake2b(word.encode(), digest_size=8).digest())
