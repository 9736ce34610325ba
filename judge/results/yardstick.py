"""What a similarity means in one run: kept beside it, so that a report needs no model."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from judge.stats.estimate import Estimate

YARDSTICK_KIND = "yardstick"
"""Kind of the stored document."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BlindSpot:
    """How an embedder fared on sentences of which one thing was changed.

    Attributes:
        change: what: number, negation, entity or direction.
        n: sentences.
        paraphrase: mean cosine with the same in other words, in [-1, 1].
        altered: mean cosine with what says something else, in [-1, 1].
        blind: of `n`, how many altered sentences were at least as close as the paraphrase.
        told: of `n`, how many the numbers-and-names check told apart.
    """

    change: str
    n: int
    paraphrase: float
    altered: float
    blind: int
    told: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Yardstick:
    """The baselines of one similarity on the texts of one run.

    Attributes:
        metric: whose.
        figures: ``random``, the mean of an output with the answer to another item;
            ``random_high``, what 19 of 20 of those stay under; ``paraphrase``, the mean of two
            right answers to an item.
        undefined: of those that are not there, why.
        token_limit: tokens of a text that the model reads; 0 where nobody can count them.
        blind_spots: of the model, on a small set of sentences that ships.
    """

    run_id: str
    metric: str
    figures: Mapping[str, Estimate]
    undefined: Mapping[str, str] = field(default_factory=dict)
    token_limit: int = 0
    blind_spots: tuple[BlindSpot, ...] = ()

    @property
    def document_id(self) -> str:
        return f"{self.run_id}/{self.metric}"

    def place(self, similarity: float) -> float | None:
        """Return where a similarity lies between random pairs (0) and paraphrases (1).

        None where one of them is unknown, or paraphrases are no more alike than random pairs.
        """
        random, paraphrase = self.figures.get("random"), self.figures.get("paraphrase")
        if random is None or paraphrase is None or paraphrase.value <= random.value:
            return None
        return (similarity - random.value) / (paraphrase.value - random.value)


def encode_yardstick(yardstick: Yardstick) -> bytes:
    """Return it as the bytes that are stored."""
    return msgspec.json.encode(yardstick)


def decode_yardstick(body: bytes) -> Yardstick:
    """Read a stored one."""
    return msgspec.json.decode(body, type=Yardstick)
