"""How a label that stands in a file reads on a scale."""

from collections.abc import Mapping
from typing import TypeAlias

from judge.records.rows import Row
from judge.records.scale import Scale

LabelKey: TypeAlias = bool | int | float | str
"""A label as it stands in a file: JSON keeps types apart, CSV has only text."""


def read_label(row: Row, field: str, *, labels: Mapping[LabelKey, str], scale: Scale) -> str:
    """Return the category that a row's label means.

    Types are compared too: in JSON ``true``, ``"true"`` and ``1`` are three labels, and ``3.0``
    is not ``3``. CSV has only text.

    Args:
        row: the row.
        field: our name of the field that holds the label.
        labels: a label as stored to the category it means; empty where they are the same, and
            then a whole number also stands for the category that is written like it.
        scale: what the label must stand on.

    Raises:
        DataError: the label is missing or off the scale.
    """
    value = row.value(field)
    accepted: Mapping[LabelKey, str] = labels or {name: name for name in scale.categories}
    for stored, category in accepted.items():
        same = type(stored) is type(value) and stored == value
        if same or (not row.typed and str(stored).casefold() == str(value).strip().casefold()):
            return category
    if not labels and type(value) is int and str(value) in scale.categories:
        return str(value)
    known = ", ".join(_shown(stored) for stored in accepted)
    raise row.error(
        f"the label {_shown(value)} is not on the scale; accepted are: {known} "
        "(map others under 'labels:')"
    )


def _shown(value: object) -> str:
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else repr(value)
