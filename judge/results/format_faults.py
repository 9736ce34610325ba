"""The words in which a format score says what is wrong with an output."""

from enum import StrEnum

OUTPUT_MISSING = "output_missing"
OUTPUT_EMPTY = "output_empty"
OUTPUT_NOT_JSON = "output_not_json"
OUTPUT_SCHEMA_INVALID = "output_schema_invalid"
OUTPUT_TEXT_INVALID = "output_text_invalid"


class Shape(StrEnum):
    """What stands between a text and being exactly one strict JSON document."""

    FENCED = "fenced"
    PROSE_AROUND = "prose_around"
    TRAILING_COMMA = "trailing_comma"
    TRUNCATED = "truncated"
    SEVERAL_DOCUMENTS = "several_documents"
    AMBIGUOUS = "ambiguous"
    """One document that two parsers may read differently: a key that stands twice, NaN, ..."""
    NOT_JSON = "not_json"


class ErrorKind(StrEnum):
    """What is wrong at a place of an output."""

    MISSING = "missing"
    EXTRA = "extra"
    TYPE = "type"
    ENUM = "enum"
    FORMAT = "format"
    BOUND = "bound"
    PATTERN = "pattern"
    ALTERNATIVE = "alternative"
    """None of several schemas accepts the value, more than one does, or one that must not does."""
    OTHER = "other"
