"""Classification: does the output name the right one of the declared labels, and nothing else?"""

from collections.abc import Iterable, Mapping, Sequence

from judge.errors import ConfigError
from judge.records.record import Item
from judge.records.strict_json import JsonValue, StrictJsonError, dump_json, read_strict_json
from judge.results.run import ACCURACY
from judge.scorers.task import Compared, Incomparable
from judge.scorers.words import fold

OUTPUT_NOT_A_LABEL = "output_not_a_label"
READING = "1"

_FEWEST_LABELS = 2
_SHOWN = 80


class LabelAccuracy:
    """1 where the output is the right label, 0 where it is another one or none.

    A label is read strictly: it is the whole output but for white space around it, or the whole
    value at the declared place of a JSON output. No label is looked for within a sentence: "not
    spam" would be spam. Punctuation, quotes and explanations make it no label, under the flag
    `output_not_a_label`.

    Args:
        labels: every label there is.
        place: JSON Pointer to the label in a JSON output, such as ``/label``; empty where the
            output is the label.
        ignore_case: whether a label may be written in any case.

    Raises:
        ConfigError: there are not two labels, two read the same, or the place is no pointer.
    """

    scorer = ACCURACY
    continuous = False

    def __init__(
        self, labels: Sequence[str], *, place: str = "", ignore_case: bool = False
    ) -> None:
        self._place = place
        self._ignore_case = ignore_case
        self._labels = {self._form(label): label for label in labels}
        _check(labels, distinct=len(self._labels), place=place)

    @property
    def identity(self) -> Mapping[str, str]:
        return {
            "reading": READING,
            "labels": dump_json([*sorted(self._labels.values())]),
            "place": self._place,
            "case": "ignored" if self._ignore_case else "kept",
        }

    def compare(self, output: str, answers: Sequence[str]) -> Compared | Incomparable:
        expected = [label for answer in answers if (label := self.expected(answer)) is not None]
        if not expected:
            return Incomparable(reason="the answer it is held against is none of the labels")
        found = self.read(output)
        if found is None:
            return Compared(
                value=0.0,
                flags=(OUTPUT_NOT_A_LABEL,),
                details={"expected": expected[0], "output": output.strip()[:_SHOWN]},
            )
        right = found in expected
        return Compared(
            value=float(right),
            details={"expected": found if right else expected[0], "found": found},
        )

    def read(self, output: str) -> str | None:
        """Return the label that an output names; None where it names none."""
        return self._known(_at(output, self._place) if self._place else output)

    def expected(self, answer: str) -> str | None:
        """Return the label of a right answer, which may be written as the outputs are, or alone."""
        label = self._known(answer)
        return self.read(answer) if label is None and self._place else label

    def off_labels(self, items: Iterable[Item]) -> list[str]:
        """Return the ids of the items with a reference of which none is a label."""
        return [
            item.item_id
            for item in items
            if item.references and all(self.expected(one) is None for one in item.references)
        ]

    def _known(self, text: str | None) -> str | None:
        return None if text is None else self._labels.get(self._form(text))

    def _form(self, text: str) -> str:
        return fold(text.strip()) if self._ignore_case else text.strip()


def _at(text: str, place: str) -> str | None:
    """Return the text at a place of a JSON document, numbers and truths as JSON writes them."""
    try:
        value: JsonValue = read_strict_json(text)
    except StrictJsonError:
        return None
    for step in place.split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        if not isinstance(value, dict) or name not in value:
            return None
        value = value[name]
    if isinstance(value, str):
        return value
    return None if value is None or isinstance(value, list | dict) else dump_json(value)


def _check(labels: Sequence[str], *, distinct: int, place: str) -> None:
    if place and not place.startswith("/"):
        raise ConfigError(f"the place of a label is a JSON Pointer such as '/label', not {place!r}")
    if not all(label.strip() for label in labels):
        raise ConfigError("a label is not blank")
    if distinct < len(labels):
        raise ConfigError(f"two of the labels read the same: {', '.join(labels)}")
    if distinct < _FEWEST_LABELS:
        raise ConfigError("a classification needs at least two labels")
