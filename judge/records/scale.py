"""The scale a verdict or a rating stands on: its categories, their order and their values."""

from dataclasses import dataclass
from enum import StrEnum

_BINARY = 2
_PAIRWISE = (2, 3)


class ScaleKind(StrEnum):
    """How the categories of a scale relate."""

    BINARY = "binary"
    """Two, the negative one first."""
    ORDINAL = "ordinal"
    """Two or more in order, worst first, in equal steps."""
    NOMINAL = "nominal"
    """Two or more without an order; the share of the last one is what is reported."""
    PAIRWISE = "pairwise"
    """Which of two outputs is better: the second wins, perhaps a tie, the first wins."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """Categories in order, worst first.

    Attributes:
        categories: their names; of a binary scale the second is the positive one, of a pairwise
            scale the last one says that the first output wins, the first one that the second
            does, and a third between them is a tie.
    """

    kind: ScaleKind
    categories: tuple[str, ...]

    def __post_init__(self) -> None:
        found = len(self.categories)
        if len(set(self.categories)) != found:
            raise ValueError(f"a scale names a category twice: {', '.join(self.categories)}")
        if self.kind is ScaleKind.BINARY and found != _BINARY:
            raise ValueError(
                f"a binary scale has two categories, not {found}: "
                "the negative one first, the positive one second"
            )
        if self.kind is ScaleKind.PAIRWISE and found not in _PAIRWISE:
            raise ValueError(
                f"a pairwise scale has two categories, or three with a tie, not {found}: "
                "the second output wins, tie, the first output wins"
            )
        if found < _BINARY:
            raise ValueError(f"a scale has at least two categories, not {found}")

    @property
    def ordered(self) -> bool:
        """Whether a category can be further from another than from a third."""
        return self.kind is not ScaleKind.NOMINAL and len(self.categories) > _BINARY

    @property
    def values(self) -> tuple[float, ...]:
        """Each category's score, from 0 for the worst to 1 for the best.

        A nominal scale has no worst and no best: its last category counts 1, the others 0.
        """
        last = len(self.categories) - 1
        if self.kind is ScaleKind.NOMINAL:
            return tuple(float(place == last) for place in range(last + 1))
        return tuple(place / last for place in range(last + 1))

    def code(self, category: str) -> int:
        """Return the category's place in the order, from 0.

        Raises:
            ValueError: the scale has no such category.
        """
        try:
            return self.categories.index(category)
        except ValueError as error:
            raise ValueError(
                f"{category!r} is not on the scale {', '.join(self.categories)}"
            ) from error

    def value(self, category: str) -> float:
        """Return the category's score in [0, 1]; see `values`."""
        return self.values[self.code(category)]


EQUIVALENCE = Scale(kind=ScaleKind.BINARY, categories=("different", "equivalent"))
"""The scale of the shipped equivalence prompts."""
