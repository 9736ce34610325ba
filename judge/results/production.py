"""What the outputs of a run took to make, kept beside the run."""

import msgspec

from judge.errors import StoreError
from judge.records.production import Production

_KIND = "production"


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
