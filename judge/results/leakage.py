"""What training files had of a run's evaluation set, kept beside the run."""

from dataclasses import dataclass
from pathlib import Path

import msgspec

from judge.errors import StoreError
from judge.records.overlap import Overlap

LEAKAGE_KIND = "training overlap"


@dataclass(frozen=True, slots=True, kw_only=True)
class Leakage:
    """The overlap that was found when a run began."""

    run_id: str
    overlap: Overlap


def encode_leakage(leakage: Leakage) -> bytes:
    """Return it as JSON."""
    return msgspec.json.encode(leakage, enc_hook=str)


def decode_leakage(body: bytes) -> Leakage:
    """Read what `encode_leakage` wrote.

    Raises:
        StoreError: it is something else.
    """
    try:
        return msgspec.json.decode(body, type=Leakage, dec_hook=lambda _, value: Path(value))
    except msgspec.MsgspecError as error:
        raise StoreError(f"the overlap that was kept with a run cannot be read: {error}") from error
