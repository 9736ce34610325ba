"""Extraction: the F1 of the fields of a JSON output against those of a JSON reference."""

from collections.abc import Iterable, Mapping, Sequence

from judge.records.record import Item
from judge.records.strict_json import JsonValue, StrictJsonError, read_strict_json
from judge.results.run import FIELD_F1
from judge.scorers.field_values import FieldRules, Scalar
from judge.scorers.fields import Difference, FieldComparison, compare_documents
from judge.scorers.overlap import Overlap
from judge.scorers.task import Compared, Incomparable

OTHER_FIELDS = "others"
"""What the fields of a record beyond the first `MOST_FIELDS` are counted as; no pointer."""
MOST_FIELDS = 100

OUTPUT_NOT_JSON = "output_not_json"
OUTPUT_FENCED = "output_fenced"
LISTS_IN_ORDER = "lists_in_order"
"""Some lists were too large to look for the best matching: the score may be too low."""

_FENCE = "```"
_SHORTEST_FENCED = 2
_MOST_LISTED = 20
_LONGEST_VALUE = 120


class FieldF1:
    """Harmonic mean of the share of given fields that are right and of wanted ones that are given.

    A document in one code fence is read, under the flag `output_fenced`; whatever else is no
    strict JSON has no field at all, under `output_not_json`. Whether outputs are valid is for the
    adherence scorer to say: this one says what is in them.

    Args:
        rules: when two values are the same.
    """

    scorer = FIELD_F1
    continuous = True

    def __init__(self, rules: FieldRules) -> None:
        self._rules = rules

    @property
    def identity(self) -> Mapping[str, str]:
        return self._rules.identity

    def compare(self, output: str, answers: Sequence[str]) -> Compared | Incomparable:
        wanted = [document for document, _ in map(_read, answers) if document is not None]
        if not wanted:
            return Incomparable(reason="the answer it is held against is no JSON document")
        given, flag = _read(output)
        fault = {} if given is not None else _fault(output)
        found = [
            compare_documents(None if given is None else given[0], document[0], self._rules)
            for document in wanted
        ]
        best = max(found, key=lambda one: one.overlap.f1)
        flags = (flag,) if flag else ()
        return Compared(
            value=0.0 if given is None else best.overlap.f1,
            flags=(*flags, LISTS_IN_ORDER) if best.in_order else flags,
            details={**_details(best), **fault},
        )


def unreadable_references(items: Iterable[Item]) -> list[str]:
    """Return the ids of the items with a reference of which none is a JSON document."""
    return [
        item.item_id
        for item in items
        if item.references and all(_read(answer)[0] is None for answer in item.references)
    ]


def without_fence(text: str) -> str:
    """Return what stands in the code fence that a text consists of, or the text as it is."""
    lines = text.strip().splitlines()
    if (
        len(lines) >= _SHORTEST_FENCED
        and lines[0].startswith(_FENCE)
        and lines[-1].strip() == _FENCE
    ):
        return "\n".join(lines[1:-1])
    return text


def _read(text: str) -> tuple[tuple[JsonValue] | None, str]:
    """Return the document in a tuple, None where there is none, and the flag of how it stood."""
    for plain, flag in ((text, ""), (without_fence(text), OUTPUT_FENCED)):
        try:
            return (read_strict_json(plain),), flag
        except StrictJsonError:
            continue
    return None, OUTPUT_NOT_JSON


def _fault(text: str) -> dict[str, object]:
    if not text.strip():
        return {}
    try:
        read_strict_json(without_fence(text))
    except StrictJsonError as error:
        return {"fault": error.fault.value, "message": str(error)}
    return {}


def _details(found: FieldComparison) -> dict[str, object]:
    overlap, differences = found.overlap, found.differences
    return {
        "precision": overlap.precision,
        "recall": overlap.recall,
        "missed": _listed(one for one in differences if one.given is None),
        "added": _listed(one for one in differences if one.wanted is None),
        "wrong": _listed(
            one for one in differences if one.given is not None and one.wanted is not None
        ),
        "fields": _counts(found.fields),
    }


def _counts(fields: Mapping[str, Overlap]) -> dict[str, list[int]]:
    """Return right, given and wanted of each field; of the last ones in one sum."""
    rows = {name: [one.right, one.given, one.wanted] for name, one in fields.items()}
    if len(rows) <= MOST_FIELDS:
        return rows
    names = list(rows)
    rest = [rows.pop(name) for name in names[MOST_FIELDS:]]
    return {**rows, OTHER_FIELDS: [sum(column) for column in zip(*rest, strict=True)]}


def _listed(differences: Iterable[Difference]) -> list[dict[str, object]]:
    shown = []
    for one, _ in zip(differences, range(_MOST_LISTED), strict=False):
        row: dict[str, object] = {"field": one.pointer[:_LONGEST_VALUE]}
        if one.wanted is not None:
            row["wanted"] = _short(one.wanted)
        if one.given is not None:
            row["given"] = _short(one.given)
        shown.append(row)
    return shown


def _short(value: Scalar) -> Scalar:
    return value[:_LONGEST_VALUE] if isinstance(value, str) else value
