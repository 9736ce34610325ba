"""How far students' distributions are from their teacher's, item by item, kept beside a run."""

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from judge.errors import StoreError
from judge.stats.divergence import TextDivergence

TOKENS, CLASSES = "tokens", "classes"
"""What distributions are over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Divergence:
    """How far one student is from its teacher.

    Attributes:
        over: ``tokens`` of a text that both were given, or ``classes``.
        items: by item, where the two can be compared.
        refused: by item, why they cannot, where the student says something.
    """

    student: str
    teacher: str
    over: str
    items: Mapping[str, TextDivergence]
    refused: Mapping[str, str]


def divergence_kind(run_id: str) -> str:
    """Return the kind of the documents in which a run's are kept."""
    return f"divergence {run_id}"


def encode_divergence(found: Divergence) -> bytes:
    """Return it as JSON."""
    return msgspec.json.encode(found)


def decode_divergence(body: bytes) -> Divergence:
    """Read what `encode_divergence` wrote.

    Raises:
        StoreError: it is something else.
    """
    try:
        return msgspec.json.decode(body, type=Divergence)
    except msgspec.MsgspecError as error:
        raise StoreError(f"a kept divergence cannot be read: {error}") from error
