"""The scale a verdict or a rating stands on: its categories and their order."""

from dataclasses import dataclass
from enum import StrEnum


class ScaleKind(StrEnum):
    """How the categories of a scale relate."""

    BINARY = "binary"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """Categories in order, worst first.

    Attributes:
        categories: their names; of a binary scale the second is the positive one.
    """

    kind: ScaleKind
    categories: tuple[str, ...]

    def __post_init__(self) -> None:
        if len(set(self.categories)) != len(self.categories):
            raise ValueError(f"a scale names a category twice: {', '.join(self.categories)}")
        if self.kind is ScaleKind.BINARY and len(self.categories) != 2:  # noqa: PLR2004
            raise ValueError(
                f"a binary scale has two categories, not {len(self.categories)}: "
                "the negative one first, the positive one second"
            )

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
        """Return the category's score, from 0 for the worst to 1 for the best."""
        return self.code(category) / (len(self.categories) - 1)


EQUIVALENCE = Scale(kind=ScaleKind.BINARY, categories=("different", "equivalent"))
"""The scale of the shipped equivalence prompts."""
