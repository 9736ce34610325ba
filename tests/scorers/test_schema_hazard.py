import pytest

from judge.records.strict_json import JsonValue
from judge.scorers.schema_hazard import MOST_CHARACTERS, WORK_LIMIT, hazard_of


def _fan(depth: int) -> dict[str, JsonValue]:
    """Return definitions of which each refers twice to the next."""
    definitions: dict[str, JsonValue] = {
        f"a{k}": {"allOf": [{"$ref": f"#/$defs/a{k + 1}"}, {"$ref": f"#/$defs/a{k + 1}"}]}
        for k in range(depth)
    }
    return {"$ref": "#/$defs/a0", "$defs": {**definitions, f"a{depth}": {"type": "integer"}}}


@pytest.mark.parametrize(
    "schema",
    [
        True,
        {"type": "object", "properties": {"a": {"type": "string", "pattern": r"^\w+-[0-9]{2}$"}}},
        {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": "https://e.org/own"},
        {"$ref": "#/$defs/a~1b", "$defs": {"a/b": {"enum": [1, 2]}}},
        {
            "properties": {"a": {"$ref": "#/$defs/n"}, "b": {"$ref": "#/$defs/n"}},
            "$defs": {"n": {}},
        },
    ],
)
def test_an_ordinary_schema_is_checked_at_once(schema: JsonValue) -> None:
    found = hazard_of(schema)

    assert (found.endless, found.backtracks) == (False, False)
    assert found.most_characters == MOST_CHARACTERS


def test_parts_count_as_often_as_references_reach_them() -> None:
    small, large = hazard_of(_fan(10)), hazard_of(_fan(40))

    assert 2**10 < small.parts < 2**15
    assert large.parts > 2**40
    assert small.most_characters == WORK_LIMIT // small.parts
    assert large.most_characters == 0


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "#"},
        {"$ref": "#/$defs/n", "$defs": {"n": {"items": {"$ref": "#/$defs/n"}}}},
        {"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}},
        {"$ref": "https://example.org/other"},
        {"$ref": "#anchor", "$defs": {"n": {"$anchor": "anchor"}}},
        {"$ref": "#/$defs/a%25b", "$defs": {"a%b": {}}},
        {"$ref": "#/$defs/nowhere"},
        {"$dynamicRef": "#node"},
        {"$recursiveRef": "#"},
        {"$schema": "https://example.org/own-dialect"},
        {"$defs": {"n": {"$id": "https://example.org/n"}}},
    ],
)
def test_where_no_bound_can_be_seen_no_output_is_checked_here(schema: JsonValue) -> None:
    found = hazard_of(schema)

    assert (found.endless, found.most_characters) == (True, 0)


@pytest.mark.parametrize(
    "pattern",
    ["^(?=a)", "(?!x)y", "(?<=a)b", "(?<!a)b", r"(a)\1", r"(?<n>a)\k<n>", "(?>a+)", "a++"],
)
def test_a_pattern_that_needs_backtracking_is_not_run_here(pattern: str) -> None:
    schemas: list[JsonValue] = [
        {"properties": {"a": {"pattern": pattern}}},
        {"patternProperties": {pattern: {}}},
        {"$ref": "#/$defs/n", "$defs": {"n": {"pattern": pattern}}},
    ]

    found = [hazard_of(schema) for schema in schemas]

    assert [(hazard.backtracks, hazard.most_characters) for hazard in found] == [(True, 0)] * 3


@pytest.mark.parametrize("pattern", ["^(a+)+$", r"\d{4}-\d\d", "(?:a|b)*", "[^/]+", "(?i)a"])
def test_a_pattern_of_linear_time_is(pattern: str) -> None:
    assert not hazard_of({"pattern": pattern}).backtracks
