import jsonschema_rs
import pytest

from judge.scorers.schema_errors import Described, describe, pointer

DRAFT_7 = {"$schema": "http://json-schema.org/draft-07/schema#"}


def _found(schema: dict[str, object], document: object) -> list[Described]:
    validator = jsonschema_rs.validator_for(schema, validate_formats=True)
    return [found for error in validator.iter_errors(document) for found in describe(error)]


@pytest.mark.parametrize(
    ("schema", "document", "kind", "keyword", "wanted"),
    [
        ({"required": ["a"]}, {}, "missing", "required", "a"),
        ({"dependentRequired": {"a": ["b"]}}, {"a": 1}, "missing", "dependentRequired", "b"),
        (
            {"properties": {"a": {}}, "additionalProperties": False},
            {"x": 1, "y": 2},
            "extra",
            "additionalProperties",
            "x, y",
        ),
        ({"unevaluatedProperties": False}, {"x": 1}, "extra", "unevaluatedProperties", "x"),
        ({"prefixItems": [True], "items": False}, [1, 2], "extra", "items", ""),
        ({"unevaluatedItems": False}, [1], "extra", "unevaluatedItems", ""),
        (
            {**DRAFT_7, "items": [True], "additionalItems": False},
            [1, 2],
            "extra",
            "additionalItems",
            "",
        ),
        (
            {"propertyNames": {"maxLength": 1}},
            {"ab": 1},
            "extra",
            "propertyNames",
            "a name that satisfies 'maxLength'",
        ),
        ({"type": "string"}, 1, "type", "type", "string"),
        ({"type": ["string", "null"]}, 1, "type", "type", "null or string"),
        ({"enum": ["a", "ü"]}, "b", "enum", "enum", '"a", "ü"'),
        ({"const": {"a": 1}}, 2, "enum", "const", '{"a": 1}'),
        ({"format": "date"}, "x", "format", "format", "date"),
        (
            {**DRAFT_7, "contentMediaType": "application/json"},
            "{",
            "format",
            "contentMediaType",
            "",
        ),
        ({"minimum": 0}, -1, "bound", "minimum", "0"),
        ({"exclusiveMaximum": 2.5}, 3, "bound", "exclusiveMaximum", "2.5"),
        ({"multipleOf": 3}, 4, "bound", "multipleOf", "3"),
        ({"minLength": 2}, "a", "bound", "minLength", "2"),
        ({"maxItems": 1}, [1, 2], "bound", "maxItems", "1"),
        ({"minProperties": 1}, {}, "bound", "minProperties", "1"),
        ({"uniqueItems": True}, [1, 1], "bound", "uniqueItems", ""),
        ({"contains": {"type": "null"}}, [1], "bound", "contains", ""),
        ({"contains": {}, "maxContains": 1}, [1, 2], "bound", "maxContains", ""),
        ({"pattern": "^a"}, "b", "pattern", "pattern", "^a"),
        ({"not": {}}, 1, "alternative", "not", ""),
        ({"oneOf": [{"minimum": 1}, {"minimum": 2}]}, 3, "alternative", "oneOf", ""),
        ({"anyOf": [{"minimum": 5}, {"multipleOf": 7}]}, 3, "alternative", "anyOf", ""),
    ],
)
def test_an_error_has_a_kind_a_keyword_and_what_was_wanted(
    schema: dict[str, object], document: object, kind: str, keyword: str, wanted: str
) -> None:
    (found,) = _found(schema, document)

    assert (found["kind"], found["keyword"]) == (kind, keyword)
    assert found["wanted"] == wanted
    assert found["message"]


TAGGED = {
    "oneOf": [
        {
            "properties": {"tag": {"const": "circle"}, "radius": {"minimum": 0}},
            "required": ["radius"],
        },
        {
            "properties": {"tag": {"const": "square"}, "side": {"minimum": 0}},
            "required": ["side"],
        },
    ]
}


@pytest.mark.parametrize(
    ("schema", "document", "errors"),
    [
        # An optional number, as Pydantic writes it.
        (
            {"anyOf": [{"type": "integer"}, {"type": "null"}]},
            "x",
            [("type", "", "integer or null")],
        ),
        (
            {"anyOf": [{"type": "integer", "minimum": 0}, {"type": "null"}]},
            -1,
            [("minimum", "", "0")],
        ),
        (
            {"anyOf": [{"type": "object", "required": ["a", "b"]}, {"type": "string"}]},
            {},
            [("required", "", "a"), ("required", "", "b")],
        ),
        ({"items": TAGGED}, [{"tag": "square", "side": -1}], [("minimum", "/0/side", "0")]),
        ({"items": TAGGED}, [{"tag": "circle", "side": 1}], [("required", "/0", "radius")]),
        ({"items": TAGGED}, [{"tag": "star"}], [("oneOf", "/0", "")]),
        (
            {"anyOf": [{"anyOf": [{"type": "integer", "maximum": 3}, {"type": "null"}]}, False]},
            5,
            [("anyOf", "", "")],
        ),
    ],
)
def test_where_one_alternative_was_meant_its_errors_are_told(
    schema: dict[str, object], document: object, errors: list[tuple[str, str, str]]
) -> None:
    found = _found(schema, document)

    assert [(one["keyword"], one["pointer"], one["wanted"]) for one in found] == errors


def test_texts_are_short_however_long_the_output_and_the_schema_are() -> None:
    (found,) = _found({"enum": ["x" * 1_000, "y" * 1_000]}, "z" * 10_000)

    assert all(len(text) <= 300 for text in found.values())


def test_a_pointer_escapes_what_parts_it() -> None:
    assert (pointer([]), pointer(["a/b", 0, "c~d", ""])) == ("", "/a~1b/0/c~0d/")
