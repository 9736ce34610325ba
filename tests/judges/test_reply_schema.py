import json
from collections.abc import Mapping

import pytest

from judge.judges.reply_schema import built_schema, given_schema, reply_validator
from judge.records.scale import EQUIVALENCE, Scale, ScaleKind

GRADES = Scale(kind=ScaleKind.ORDINAL, categories=("1", "2"))
BOTH = {"meaning": EQUIVALENCE, "grade": GRADES}


def test_the_reply_to_one_criterion_says_why_and_then_what() -> None:
    schema = json.loads(built_schema({"equivalence": EQUIVALENCE}))

    assert list(schema["properties"]) == schema["required"] == ["rationale", "verdict"]
    assert schema["properties"]["verdict"]["enum"] == ["different", "equivalent"]
    assert schema["additionalProperties"] is False


def test_the_reply_to_several_criteria_does_so_for_each_of_them() -> None:
    schema = json.loads(built_schema(BOTH))

    assert list(schema["properties"]) == schema["required"] == ["meaning", "grade"]
    assert schema["properties"]["grade"] == json.loads(built_schema({"grade": GRADES}))


@pytest.mark.parametrize("schema", [built_schema({"a": GRADES}), built_schema(BOTH)])
def test_what_is_built_is_a_schema_that_fits_itself(schema: str) -> None:
    scales = {"a": GRADES} if "meaning" not in schema else BOTH

    assert given_schema(json.loads(schema), scales) == schema


@pytest.mark.parametrize("listed", [["2", "1"], [1, 2], ["1", 2]])
def test_a_given_schema_may_list_categories_in_any_order_and_as_numbers(
    listed: list[str | int],
) -> None:
    schema = {"title": "Reply", "properties": {"verdict": {"enum": listed}}}

    assert given_schema(schema, {"grade": GRADES}) == json.dumps(schema)


@pytest.mark.parametrize(
    ("schema", "scales", "words"),
    [
        ({}, {"a": GRADES}, "reply.properties: Field required"),
        (
            {"properties": {"verdict": {"type": "string"}}},
            {"a": GRADES},
            "reply.properties.verdict.enum: Field required",
        ),
        (
            {"properties": {"verdict": {"enum": ["1"]}}},
            {"a": GRADES},
            "reply.properties.verdict.enum is 1, the scale's categories are 1, 2",
        ),
        (
            {"properties": {"verdict": {"enum": ["1", 1, "2"]}}},
            {"a": GRADES},
            "reply.properties.verdict.enum is 1, 1, 2, the scale's",
        ),
        (
            {"properties": {"verdict": {"enum": [True, "2"]}}},
            {"a": GRADES},
            "reply.properties.verdict.enum.0",
        ),
        ({"properties": {}}, BOTH, "reply.properties are none, the criteria meaning, grade"),
        (
            {"properties": {"verdict": {"enum": ["1", "2"]}}, "type": "strange"},
            {"a": GRADES},
            "reply is no JSON Schema that can be used",
        ),
    ],
)
def test_a_schema_that_does_not_fit_the_scale_is_refused_with_the_place(
    schema: Mapping[str, object], scales: Mapping[str, Scale], words: str
) -> None:
    with pytest.raises(ValueError, match="reply") as refused:
        given_schema(schema, scales)

    assert str(refused.value).startswith(words)


def test_a_schema_of_replies_is_never_fetched() -> None:
    with pytest.raises(ValueError, match=r"https://example\.com/s, and nothing is ever fetched"):
        reply_validator('{"$ref": "https://example.com/s"}')
