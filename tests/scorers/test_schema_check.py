import json
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Literal

import pytest
from jsonschema.validators import validator_for
from pydantic import BaseModel, Field

from benchmarks.adherence_documents import SCHEMAS, outputs
from judge.errors import ConfigError, DataError
from judge.scorers.schema_check import NOTHING_WRONG, Finding, SchemaCheck, SchemaRules
from judge.scorers.schema_hazard import hazard_of


def _check(schema: object, rules: SchemaRules | None = None) -> SchemaCheck:
    text = json.dumps(schema)
    return SchemaCheck(text, rules=rules or SchemaRules(), hazard=hazard_of(json.loads(text)))


def _is_valid(schema: object, document: object, rules: SchemaRules | None = None) -> bool:
    return _check(schema, rules).find(json.dumps(document)) is NOTHING_WRONG


@pytest.mark.parametrize("dialect", ["draft-07", "2019-09", "2020-12"])
def test_a_schema_without_a_dialect_is_read_in_that_of_the_rules(dialect: str) -> None:
    rules = SchemaRules(dialect=dialect)

    tuples = _is_valid({"prefixItems": [{"type": "string"}]}, [1], rules)
    dependents = _is_valid({"dependentRequired": {"a": ["b"]}}, {"a": 1}, rules)

    assert tuples == (dialect != "2020-12")
    assert dependents == (dialect == "draft-07")


def test_a_schema_that_names_its_dialect_is_read_in_that_one() -> None:
    schema = {"$schema": "http://json-schema.org/draft-07/schema#", "prefixItems": [False]}

    assert _is_valid(schema, [1], SchemaRules(dialect="2020-12"))


def test_a_dialect_that_nobody_knows_is_refused_with_those_that_are_known() -> None:
    with pytest.raises(ConfigError, match="known: draft-07, 2019-09, 2020-12"):
        SchemaRules(dialect="2021")


@pytest.mark.parametrize("draft", ["http://json-schema.org/draft-07/schema#", None])
def test_a_format_is_asserted_only_where_that_is_asked_for(draft: str | None) -> None:
    schema = {"format": "date"} if draft is None else {"$schema": draft, "format": "date"}

    asked, unasked = (SchemaRules(assert_formats=asserted) for asserted in (True, False))

    assert _is_valid(schema, "tomorrow", unasked)
    assert not _is_valid(schema, "tomorrow", asked)
    assert _is_valid(schema, "2024-02-29", asked)


BUNDLE = {
    "https://example.org/money": '{"type": "object", "required": ["amount"]}',
    "https://example.org/order": '{"properties": {"price": {"$ref": "money"}}}',
}


def test_a_reference_into_the_bundle_is_followed_also_from_within_it() -> None:
    schema = {"$ref": "https://example.org/order"}
    rules = SchemaRules(bundle=BUNDLE)

    assert _is_valid(schema, {"price": {"amount": 3}}, rules)
    assert not _is_valid(schema, {"price": {}}, rules)


@pytest.mark.parametrize(
    "bundle",
    [{}, {"https://example.org/other": "{}"}, {"https://example.org/order": '{"$ref": "x"}'}],
)
def test_a_reference_that_leaves_the_bundle_is_refused_by_name(bundle: Mapping[str, str]) -> None:
    schema = {"$ref": "https://example.org/order"}

    with pytest.raises(DataError, match=r"refers to https://example\.org/(order|x)\b"):
        _check(schema, SchemaRules(bundle=bundle))


@pytest.mark.parametrize(
    ("output", "lenient"),
    [
        ('```json\n{"total": 3}\n```', ("fenced", True, 10)),
        ('```json\n{"total": "3"}\n```', ("fenced", False, 10)),
        ('{"total": 3', ("truncated", True, 1)),
        ('{"total": 3}{"total": 4}', ("several_documents", False, 11)),
        ("three", ("not_json", False, None)),
    ],
)
def test_what_fails_strictly_is_held_against_the_schema_leniently_as_well(
    output: str, lenient: tuple[str, bool, int | None]
) -> None:
    check = _check({"properties": {"total": {"type": "integer"}}, "required": ["total"]})

    found = check.find(output)

    shape, valid, distance = lenient
    assert found.flag == "output_not_json"
    assert found.details["lenient"] == {"shapes": [shape], "valid": valid, "distance": distance}


def test_what_is_strict_is_not_read_leniently() -> None:
    found = _check({"type": "string"}).find("3")

    assert found.flag == "output_schema_invalid"
    assert set(found.details) == {"errors"}


def test_a_pattern_that_backtracks_is_never_given_up_for_no_match() -> None:
    # The first alternative takes 2^18 steps to fail. Beyond its own limit the engine calls a
    # text no match: wrong here, and wrong the other way under a `not`.
    slow = {"pattern": "^(?:(?=a)a|a)*$|b$"}
    text = "a" * 18 + "b"

    assert _is_valid(slow, text)
    assert not _is_valid({"not": slow}, text)


class Price(BaseModel):
    amount: Decimal = Field(ge=0)
    currency: Literal["EUR", "USD"]
    note: str | None = None


class Order(BaseModel):
    prices: dict[str, Price]
    parts: list["Order"] = []


def test_the_schema_that_a_pydantic_model_exports_accepts_what_the_model_accepts() -> None:
    check = _check(Order.model_json_schema())
    price = {"amount": "12.50", "currency": "EUR"}
    right = {"prices": {"a": price}, "parts": [{"prices": {}}]}
    wrong = {"prices": {"a": {**price, "currency": "GBP"}}, "parts": [{"prices": 3}]}

    assert check.find(json.dumps(right)) is NOTHING_WRONG
    assert _places(check.find(json.dumps(wrong))) == {"/prices/a/currency", "/parts/0/prices"}


def _places(found: Finding) -> set[str]:
    errors = found.details.get("errors", [])
    assert isinstance(errors, list)
    return {error["pointer"] for error in errors}


def _documents() -> Iterator[tuple[int, str]]:
    for place, text in outputs(600, broken=0.9, seed=3):
        try:
            json.loads(text)
        except ValueError:
            continue
        yield place, text


def test_a_second_validator_agrees_on_verdicts_and_on_the_places_of_errors() -> None:
    ours = [_check(schema) for schema in SCHEMAS]
    theirs = [validator_for(schema)(schema) for schema in SCHEMAS]
    documents = list(_documents())

    for place, text in documents:
        found = ours[place].find(text)
        errors = list(theirs[place].iter_errors(json.loads(text)))

        assert bool(found.flag) == bool(errors), text
        if not any(error.context for error in errors):  # there, we name what was meant
            assert _places(found) == {
                "".join(f"/{step}" for step in error.absolute_path) for error in errors
            }
    assert len(documents) > 400
