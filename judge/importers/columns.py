"""What people call their columns and labels, and which columns say of what kind a row is."""

from collections.abc import Mapping, Sequence

COLUMNS: Mapping[str, Sequence[str]] = {
    "id": ("id", "item_id", "question_id", "example_id", "doc_id", "sample_id", "uid", "key"),
    "input": (
        "input",
        "inputs",
        "question",
        "prompt",
        "instruction",
        "query",
        "document",
        "source",
        "article",
        "text",
        "context",
    ),
    "reference": (
        "reference",
        "references",
        "golden_answer",
        "gold",
        "answer",
        "answers",
        "target",
        "targets",
        "ground_truth",
        "expected",
        "__expected",
        "expected_output",
        "expected_response",
        "ideal",
        "summary",
        "highlights",
        "label",
    ),
    "output": (
        "output",
        "outputs",
        "actual_output",
        "answer",
        "response",
        "prediction",
        "predicted",
        "completion",
        "generated",
        "generated_text",
        "generation",
        "text",
    ),
    "label": ("label", "correct", "verdict", "rating", "score"),
    "system": ("system", "model", "system_id", "model_id", "model_name"),
    "rater": ("rater", "annotator", "annotator_id", "worker", "worker_id", "user", "user_id"),
}
"""What people call the columns of their rows, by our names of them; the first one found counts."""

POSITIVE = frozenset(
    {
        *("true", "1", "yes", "correct", "equivalent", "good", "pass", "passed", "right", "c"),
        *("positive", "faithful", "factual", "relevant", "acceptable", "accept", "accurate"),
    }
)
"""Labels, in small letters, by which people say that an output is right."""
NEGATIVE = frozenset(
    {
        *("false", "0", "no", "incorrect", "different", "bad", "fail", "failed", "wrong", "i"),
        *("negative", "unfaithful", "hallucinated", "irrelevant", "unacceptable", "reject"),
        *("inaccurate", "not equivalent"),
    }
)
"""Labels, in small letters, by which people say that an output is wrong."""

_FEWEST_VALUES, _MOST_VALUES = 2, 12


def column_for(field: str, columns: Sequence[str] | Mapping[str, object]) -> str | None:
    """Return the column that people call so; None where there is none."""
    return next((name for name in COLUMNS[field] if name in columns), None)


def few_values(values: Sequence[object]) -> bool:
    """Whether a column has so few values, in every row, that results can be told apart by it."""
    if not all(isinstance(value, str | bool | int) and str(value).strip() for value in values):
        return False
    distinct = len(set(map(str, values)))
    # As many values as rows is an id or a text, not a slice.
    return _FEWEST_VALUES <= distinct <= min(_MOST_VALUES, len(values) // 2)
