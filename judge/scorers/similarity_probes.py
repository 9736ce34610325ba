"""What an embedding does not see, shown on small changes that turn a sentence's meaning round."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from judge.models.embedding import SharedEmbedder
from judge.scorers.numbers_and_names import one_sided

PROBES_VERSION = "1"


class Change(StrEnum):
    """What was changed in a sentence."""

    NUMBER = "number"
    NEGATION = "negation"
    ENTITY = "entity"
    DIRECTION = "direction"


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """A sentence, the same in other words, and one that says something else in almost the same.

    Attributes:
        change: what the altered one differs in.
    """

    change: Change
    text: str
    paraphrase: str
    altered: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeFinding:
    """How an embedder and the numbers-and-names check fared on one kind of change.

    Attributes:
        n: probes.
        paraphrase: mean cosine of a sentence with its paraphrase, in [-1, 1].
        altered: mean cosine with the sentence that says something else.
        blind: probes on which the altered sentence was at least as close as the paraphrase.
        seen: probes whose altered sentence the numbers-and-names check told from the first.
    """

    change: Change
    n: int
    paraphrase: float
    altered: float
    blind: int
    seen: int


def _of(change: Change, *sentences: tuple[str, str, str]) -> tuple[Probe, ...]:
    return tuple(
        Probe(change=change, text=text, paraphrase=paraphrase, altered=altered)
        for text, paraphrase, altered in sentences
    )


PROBES = (
    *_of(
        Change.NUMBER,
        (
            "The invoice of 1,240 euros is due on 3 May.",
            "By the third of May, 1,240 euros have to be paid for the invoice.",
            "The invoice of 1,420 euros is due on 3 May.",
        ),
        (
            "Take two tablets every 8 hours.",
            "Every 8 hours you should swallow two of the tablets.",
            "Take two tablets every 3 hours.",
        ),
        (
            "Sales rose by 4.5 percent in 2021.",
            "In 2021 there was a 4.5 percent increase in sales.",
            "Sales rose by 45 percent in 2021.",
        ),
        (
            "The bridge was opened in 1932.",
            "1932 was the year in which traffic first crossed the bridge.",
            "The bridge was opened in 1923.",
        ),
        (
            "The lift carries at most 8 people.",
            "No more than 8 persons may ride the elevator.",
            "The lift carries at most 18 people.",
        ),
        (
            "The warranty lasts 24 months.",
            "You are covered for 24 months after the purchase.",
            "The warranty lasts 12 months.",
        ),
    ),
    *_of(
        Change.NEGATION,
        (
            "The patient is allergic to penicillin.",
            "Penicillin sets off an allergic reaction in this patient.",
            "The patient is not allergic to penicillin.",
        ),
        (
            "The contract can be cancelled at any time.",
            "You are free to end the agreement whenever you like.",
            "The contract cannot be cancelled at any time.",
        ),
        (
            "The update fixes the crash on start-up.",
            "After updating, the program starts without crashing.",
            "The update does not fix the crash on start-up.",
        ),
        (
            "Dogs are allowed in the garden.",
            "You may bring your dog along into the garden.",
            "Dogs are never allowed in the garden.",
        ),
        (
            "She agreed with the proposal.",
            "The proposal had her support.",
            "She disagreed with the proposal.",
        ),
        (
            "The water is safe to drink.",
            "You can drink this water without danger.",
            "The water is unsafe to drink.",
        ),
    ),
    *_of(
        Change.ENTITY,
        (
            "The next meeting takes place in Vienna.",
            "We will be gathering in Vienna for the meeting that follows.",
            "The next meeting takes place in Prague.",
        ),
        (
            "The telephone was patented by Alexander Graham Bell.",
            "Alexander Graham Bell held the patent on the telephone.",
            "The telephone was patented by Thomas Edison.",
        ),
        (
            "Please send the report to Anna Keller.",
            "Anna Keller should be the one who gets the report.",
            "Please send the report to Anna Kessler.",
        ),
        (
            "Ottawa is the capital of Canada.",
            "The Canadian seat of government, the capital, is Ottawa.",
            "Toronto is the capital of Canada.",
        ),
        (
            "The file was uploaded on a Monday by the Berlin office.",
            "It was on a Monday that the office in Berlin put the file online.",
            "The file was uploaded on a Monday by the Bern office.",
        ),
        (
            "Pfizer recalled the drug.",
            "The drug has been taken back from the market by Pfizer.",
            "Bayer recalled the drug.",
        ),
    ),
    *_of(
        Change.DIRECTION,
        (
            "The company sold the factory to its competitor.",
            "A competitor bought the factory from the company.",
            "The competitor sold the factory to the company.",
        ),
        (
            "Prices went up after the merger.",
            "Following the merger, things became more expensive.",
            "Prices went down after the merger.",
        ),
        (
            "Turn the valve to the left to open it.",
            "It opens when the valve is turned left.",
            "Turn the valve to the right to open it.",
        ),
        (
            "The teacher praised the student before the exam.",
            "Ahead of the exam the student was praised by the teacher.",
            "The teacher praised the student after the exam.",
        ),
        (
            "Smoking causes the disease.",
            "The disease is brought about by smoking.",
            "The disease causes smoking.",
        ),
        (
            "The new model is faster than the old one.",
            "Compared with the new model, the old one is slow.",
            "The old model is faster than the new one.",
        ),
    ),
)
"""Every probe is a sentence of our own."""


async def probe_similarity(
    embedder: SharedEmbedder, probes: Sequence[Probe] = PROBES
) -> list[ProbeFinding]:
    """Show which changes of meaning an embedder takes for smaller than other words."""
    texts = [text for probe in probes for text in (probe.text, probe.paraphrase, probe.altered)]
    vectors = (await embedder.embed(texts)).reshape(len(probes), 3, -1)
    same = np.einsum("ij,ij->i", vectors[:, 0], vectors[:, 1])
    other = np.einsum("ij,ij->i", vectors[:, 0], vectors[:, 2])
    told = np.array([_is_told(probe) for probe in probes])
    findings = []
    for change in dict.fromkeys(probe.change for probe in probes):
        of = np.array([probe.change is change for probe in probes])
        findings.append(
            ProbeFinding(
                change=change,
                n=int(of.sum()),
                paraphrase=float(same[of].mean()),
                altered=float(other[of].mean()),
                blind=int((other[of] >= same[of]).sum()),
                seen=int(told[of].sum()),
            )
        )
    return findings


def _is_told(probe: Probe) -> bool:
    found = one_sided(probe.altered, probe.text)
    return bool(found.missing)
