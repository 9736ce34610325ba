"""What a system might have said beside what it said: distributions over tokens or classes."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import fsum, isfinite

from judge.records.reading import OutputSource
from judge.records.rows import Row, mentions, read_rows
from judge.records.strict_json import StrictJsonError, read_strict_json
from judge.records.token_logprobs import TokenLogprob, read_token_logprobs

_FORCED, _OWN, _CLASSES = "forced_logprobs", "logprobs", "probabilities"
_ROUNDING = 0.02
"""By which probabilities that were rounded may miss a sum of 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Distributions:
    """What one row of outputs says.

    Attributes:
        tokens: at each place of a text; none where the row does not say it.
        classes: class to probability, of sum 1; none where the row does not say it.
    """

    item_id: str
    tokens: tuple[TokenLogprob, ...]
    classes: Mapping[str, float]


def speaks_of_distributions(source: OutputSource) -> bool:
    """Look whether a file gives distributions at places that another system's can be held to."""
    if source.given is not None:
        return False
    return mentions(source.path, [source.fields.get(field, field) for field in (_FORCED, _CLASSES)])


def read_distributions(source: OutputSource, *, own: bool) -> Iterator[Distributions]:
    """Yield what each row of a file of outputs says of distributions, if it says any.

    Args:
        source: the file.
        own: whether the tokens of a system's own output count where it was forced to no other.

    Raises:
        DataError: something is no probability; the message names file, row and remedy.
    """
    for row in read_rows(source.path, source.fields):
        tokens = read_token_logprobs(row, _FORCED)
        if own and not tokens:
            tokens = read_token_logprobs(row, _OWN)
        classes = _classes(row)
        if tokens or classes:
            yield Distributions(item_id=row.identifier("id"), tokens=tokens, classes=classes)


def _classes(row: Row) -> Mapping[str, float]:
    column = row.column(_CLASSES)
    value = row.values.get(column)
    if isinstance(value, str) and not row.typed:
        if not value.strip():
            return {}
        try:
            value = read_strict_json(value)
        except StrictJsonError as error:
            raise _wrong(row, f"is no JSON: {error}") from error
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise _wrong(row, "is no object of classes and their probabilities")
    found = {}
    for name, one in value.items():
        if isinstance(one, bool) or not isinstance(one, int | float) or not isfinite(one):
            raise _wrong(row, f"gives {name!r:.40} no number")
        if not 0 <= one <= 1:
            raise _wrong(row, f"gives {name!r:.40} the probability {one:g}")
        found[name] = float(one)
    total = fsum(found.values())
    if abs(total - 1) > _ROUNDING:
        raise _wrong(row, f"sums to {total:g}")
    return {name: one / total for name, one in found.items()}


def _wrong(row: Row, what: str) -> Exception:
    return row.error(
        f"{row.column(_CLASSES)!r} {what}; give every class its probability from 0 to 1, 1 in all, "
        'such as {"yes": 0.9, "no": 0.1}; leave it out or use null where it is not known'
    )
