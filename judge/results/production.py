"""What files of outputs said beside them, kept beside a run."""

from collections.abc import Iterable
from dataclasses import replace

import msgspec

from judge.errors import StoreError
from judge.records.production import Conditions, Produced, Production

_KIND = "production"

CONFIDENCE_KIND = "observed"
"""Kind of the documents in which confidences were kept before they stood with the rest."""


def production_kind(run_id: str) -> str:
    """Return the kind of the documents in which a run's are kept: large ones, read with it only."""
    return f"{_KIND} {run_id}"


def encode_production(production: Production) -> bytes:
    """Return it as JSON."""
    return msgspec.json.encode(production)


def decode_production(body: bytes) -> Production:
    """Read what `encode_production` wrote.

    Raises:
        StoreError: it is something else.
    """
    try:
        return msgspec.json.decode(body, type=Production)
    except msgspec.MsgspecError as error:
        raise StoreError(
            f"what was kept of the outputs of a run cannot be read: {error}"
        ) from error


class _Confidence(msgspec.Struct):
    item_id: str
    system: str
    confidence: float | None = None


class _Confidences(msgspec.Struct):
    run_id: str
    records: list[_Confidence]


def with_confidences(
    productions: Iterable[Production], documents: Iterable[bytes], run_id: str
) -> tuple[Production, ...]:
    """Return what is known of a run with the confidences that an earlier version kept apart.

    Args:
        productions: of the run.
        documents: all of `CONFIDENCE_KIND`.
        run_id: of the run.

    Raises:
        StoreError: a document is something else.
    """
    known = {one.system: one for one in productions}
    sure: dict[str, dict[str, Produced]] = {}
    for body in documents:
        for one in _confidences(body, run_id):
            outputs = known[one.system].outputs if one.system in known else {}
            sure.setdefault(one.system, {})[one.item_id] = replace(
                outputs.get(one.item_id, Produced()), declared_confidence=one.confidence
            )
    for system, said in sure.items():
        before = known.get(system) or Production(system=system, conditions=Conditions(), outputs={})
        known[system] = replace(before, outputs={**before.outputs, **said})
    return tuple(known.values())


def _confidences(body: bytes, run_id: str) -> list[_Confidence]:
    try:
        kept = msgspec.json.decode(body, type=_Confidences)
    except msgspec.MsgspecError as error:
        raise StoreError(f"kept confidences cannot be read: {error}") from error
    return kept.records if kept.run_id == run_id else []
