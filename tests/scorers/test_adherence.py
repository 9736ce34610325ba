import asyncio
import json
import time
from pathlib import Path

import msgspec
import pytest

from judge.errors import DataError
from judge.records.record import Record
from judge.results.outcome import Fate, FateCode, NotApplicable, Outcome, Score
from judge.scorers.adherence import MAX_SCHEMA_BYTES, AdherenceScorer
from judge.scorers.schema_check import SchemaRules
from judge.scorers.schema_pool import SchemaPool

INVOICE = json.dumps(
    {
        "type": "object",
        "required": ["total"],
        "properties": {"total": {"type": "number"}, "lines": {"items": {"type": "string"}}},
        "additionalProperties": False,
    }
)


def _record(output: str | None, *, item_id: str = "i1", schema: str) -> Record:
    return Record(
        item_id=item_id,
        system="student",
        input="",
        output=output,
        references=(),
        teacher_output=None,
        schema=schema,
        slices={},
        cluster=item_id,
    )


def _scored(output: str | None, *, schema: str) -> Outcome:
    scorer = AdherenceScorer([schema] if schema else [])
    (found,) = asyncio.run(scorer.score([_record(output, schema=schema)]))
    return found


def _score(output: str | None, schema: object) -> Score:
    text = schema if isinstance(schema, str) else json.dumps(schema)
    found = _scored(output, schema=text)
    assert isinstance(found, Score)
    return found


def _first_error(found: Score) -> dict[str, str]:
    errors = found.details["errors"]
    assert isinstance(errors, list)
    first = errors[0]
    assert isinstance(first, dict)
    return first


@pytest.mark.parametrize("output", ['{"total": 3}', ' \n{"total":3.5,"lines":["a"]}\n'])
def test_one_strict_and_valid_document_scores_one_without_a_flag(output: str) -> None:
    found = _score(output, INVOICE)

    assert (found.value, found.flags, dict(found.details)) == (1.0, (), {})


@pytest.mark.parametrize(
    ("output", "fault"),
    [
        ("the total is 3", "syntax"),
        ('```json\n{"total": 3}\n```', "syntax"),
        ('{"total": 3,}', "syntax"),
        ("{'total': 3}", "syntax"),
        ('\ufeff{"total": 3}', "syntax"),
        ('{"total": 3', "syntax"),
        ('{"total": 3} and more', "extra_data"),
        ('{"total": 3, "total": 4}', "duplicate_key"),
        ('{"total": NaN}', "not_finite"),
        ('{"total": -Infinity}', "not_finite"),
        ('{"total": 1e999}', "not_finite"),
        ('{"total": 12345678901234567890}', "integer_too_long"),
        ('{"total": "\\ud800"}', "lone_surrogate"),
        ("[" * 65 + "]" * 65, "too_deep"),
        ("[" * 200_000, "too_deep"),
    ],
)
def test_what_is_no_strict_json_scores_zero_and_names_the_fault(output: str, fault: str) -> None:
    found = _score(output, INVOICE)

    assert found.value == 0.0
    assert found.flags == ("output_not_json",)
    assert found.details["fault"] == fault
    assert found.details["message"]


@pytest.mark.parametrize(
    ("output", "flag"), [(None, "output_missing"), ("", "output_empty"), (" \n", "output_empty")]
)
def test_an_absent_output_is_a_measured_zero(output: str | None, flag: str) -> None:
    found = _score(output, INVOICE)

    assert (found.value, found.flags) == (0.0, (flag,))


def test_an_item_without_a_schema_is_outside_n() -> None:
    found = _scored('{"total": 3}', schema="")

    assert isinstance(found, NotApplicable)
    assert found.reason == "the item has no schema"


@pytest.mark.parametrize(
    ("schema", "output", "keyword", "pointer"),
    [
        (INVOICE, '{"total": "3"}', "type", "/total"),
        (INVOICE, "{}", "required", ""),
        (INVOICE, '{"total": 3, "lines": ["a", 4]}', "type", "/lines/1"),
        (INVOICE, '{"total": 3, "extra": 1}', "additionalProperties", ""),
        ({"properties": {"a/b~c": {"minimum": 5}}}, '{"a/b~c": 1}', "minimum", "/a~1b~0c"),
        ({"properties": {"x": False}}, '{"x": 1}', "properties", "/x"),
        ({"prefixItems": [False]}, "[1]", "prefixItems", "/0"),
        ({"items": False}, "[1]", "items", "/0"),
        ({"dependentSchemas": {"a": False}}, '{"a": 1}', "dependentSchemas", ""),
        ({"properties": {"items": {"type": "null"}}}, '{"items": 1}', "type", "/items"),
        (False, "1", "false", ""),
        (
            {"$defs": {"n": {"maximum": 1}}, "properties": {"x": {"$ref": "#/$defs/n"}}},
            '{"x": 2}',
            "maximum",
            "/x",
        ),
    ],
)
def test_an_invalid_output_names_the_keyword_and_the_place(
    schema: object, output: str, keyword: str, pointer: str
) -> None:
    found = _score(output, schema)

    first = _first_error(found)
    assert (found.value, found.flags) == (0.0, ("output_schema_invalid",))
    assert (first["keyword"], first["pointer"]) == (keyword, pointer)
    assert first["message"]


def test_the_errors_that_are_kept_are_few_and_short() -> None:
    output = json.dumps(["x" * 10_000] * 1_000)

    found = _score(output, {"items": {"type": "integer"}})

    assert len(json.dumps(dict(found.details))) < 20_000


@pytest.fixture
def canary(server_nobody_may_ask: tuple[str, list[str]]) -> tuple[str, list[str]]:
    address, asked = server_nobody_may_ask
    return f"{address}/schema.json", asked


@pytest.mark.parametrize("keyword", ["$ref", "$dynamicRef", "$schema"])
def test_a_reference_to_a_server_is_refused_by_name_and_the_server_never_asked(
    canary: tuple[str, list[str]], keyword: str
) -> None:
    address, asked = canary

    with pytest.raises(DataError) as refused:
        AdherenceScorer([json.dumps({keyword: address})])

    assert address in str(refused.value)
    assert asked == []


def test_a_deep_reference_to_a_server_is_refused_too(canary: tuple[str, list[str]]) -> None:
    address, asked = canary
    schema = {"properties": {"a": {"items": {"anyOf": [{"$ref": f"{address}#/x"}]}}}}

    with pytest.raises(DataError, match="nothing is ever fetched"):
        AdherenceScorer([json.dumps(schema)])

    assert asked == []


def test_a_reference_to_a_file_is_refused_by_name_and_the_file_never_read(tmp_path: Path) -> None:
    secret = tmp_path / "secret.json"
    secret.write_text('{"const": "hunter2"}')

    with pytest.raises(DataError) as refused:
        AdherenceScorer([json.dumps({"$ref": secret.as_uri()})])

    assert secret.as_uri() in str(refused.value)
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    "address", ["https://example.com/s.json", "other.json", "//example.com/s", "urn:example:s"]
)
def test_every_reference_that_leaves_the_schema_is_refused(address: str) -> None:
    with pytest.raises(DataError, match=r"nothing is ever fetched; put the definition under"):
        AdherenceScorer([json.dumps({"$ref": address})])


def test_a_reference_within_the_schema_is_followed_whatever_its_id() -> None:
    schema = {
        "$id": "http://127.0.0.1:1/invoice",
        "$ref": "#/$defs/n",
        "$defs": {"n": {"type": "integer"}},
    }

    assert (_score("1", schema).value, _score('"1"', schema).value) == (1.0, 0.0)


@pytest.mark.parametrize(
    "schema", ['{"type": 1}', '{"type": "strange"}', "[]", "nope", '{"pattern": "("}', '{"$ref"']
)
def test_what_is_no_json_schema_is_refused_before_the_run(schema: str) -> None:
    with pytest.raises(DataError, match="is no valid JSON Schema"):
        AdherenceScorer([schema])


def test_a_schema_that_points_nowhere_is_refused_before_the_run() -> None:
    with pytest.raises(DataError, match="nope"):
        AdherenceScorer(['{"$ref": "#/$defs/nope"}'])


def test_a_schema_over_the_limit_is_refused_and_one_at_it_is_not() -> None:
    empty = len(json.dumps({"title": ""}))
    just, over = (json.dumps({"title": "x" * (MAX_SCHEMA_BYTES - empty + k)}) for k in (0, 1))

    AdherenceScorer([just])

    with pytest.raises(DataError, match="larger than 256 KB"):
        AdherenceScorer([over])


def test_a_schema_of_endless_depth_is_refused() -> None:
    with pytest.raises(DataError, match="no valid JSON Schema"):
        AdherenceScorer(['{"not":' * 20_000 + "{}" + "}" * 20_000])


def test_a_schema_that_refers_to_itself_ends() -> None:
    assert _score("1", {"$ref": "#"}).value == 1.0


@pytest.mark.parametrize(
    ("draft", "expected"),
    [
        # `prefixItems` is of 2020-12, `dependentRequired` of 2019-09: earlier drafts ignore them.
        ("http://json-schema.org/draft-07/schema#", (1.0, 1.0)),
        ("https://json-schema.org/draft/2019-09/schema", (1.0, 0.0)),
        ("https://json-schema.org/draft/2020-12/schema", (0.0, 0.0)),
    ],
)
def test_the_schema_names_its_draft(draft: str, expected: tuple[float, float]) -> None:
    first = {"$schema": draft, "prefixItems": [{"type": "string"}]}
    second = {"$schema": draft, "dependentRequired": {"a": ["b"]}}

    assert (_score("[1]", first).value, _score('{"a": 1}', second).value) == expected


@pytest.mark.parametrize("pattern", ["^(a+)+$", "^(?=a)(a+)+$", r"^(a|a)*$", r"(a*)*b"])
def test_a_pattern_that_explodes_elsewhere_gives_a_verdict_at_once(pattern: str) -> None:
    started = time.perf_counter()

    found = _score(json.dumps("a" * 20_000 + "!"), {"pattern": pattern})

    assert found.flags == ("output_schema_invalid",)
    assert _first_error(found)["keyword"] == "pattern"
    assert time.perf_counter() - started < 2


@pytest.mark.parametrize("leaf", ["1", '"x"'])
def test_a_schema_that_branches_on_itself_gives_a_verdict_at_once(leaf: str) -> None:
    def node(name: str) -> dict[str, object]:
        return {"type": "object", "properties": {"left": {"$ref": "#/$defs/n"}, name: {}}}

    schema = {
        "$ref": "#/$defs/n",
        "$defs": {"n": {"oneOf": [node("op"), node("name"), {"type": "integer"}]}},
    }
    started = time.perf_counter()

    found = _score('{"left":' * 60 + leaf + "}" * 60, schema)

    assert found.flags == ("output_schema_invalid",)
    assert "nested deeper than 8 levels" in str(found.details["message"])
    assert time.perf_counter() - started < 2


@pytest.mark.parametrize(
    "integer", [9_999_999_999_999_999_999, -9_999_999_999_999_999_999, 9_007_199_254_740_993]
)
def test_long_integers_are_compared_to_the_last_digit(integer: int) -> None:
    schemas: list[dict[str, object]] = [
        {"type": "integer"},
        {"const": integer},
        {"const": integer + 1},
        {"maximum": integer},
        {"maximum": integer - 1},
    ]

    assert [_score(str(integer), schema).value for schema in schemas] == [1, 1, 0, 1, 0]


def test_another_schema_is_another_signature_whatever_the_order() -> None:
    one, two = '{"type":"string"}', '{"type":"integer"}'

    both, turned = AdherenceScorer([one, two, one]), AdherenceScorer([two, one])

    assert both.measure.signature == turned.measure.signature
    assert AdherenceScorer([one]).measure.signature != both.measure.signature
    assert (both.measure.metric, both.measure.judged) == ("adherence.strict", False)


def _fan(depth: int) -> str:
    """Return a schema whose definitions each refer twice to the next: 2^depth ways through it."""
    definitions: dict[str, object] = {
        f"a{k}": {"allOf": [{"$ref": f"#/$defs/a{k + 1}"}, {"$ref": f"#/$defs/a{k + 1}"}]}
        for k in range(depth)
    }
    definitions[f"a{depth}"] = {"type": "integer"}
    return json.dumps({"$ref": "#/$defs/a0", "$defs": definitions})


MIXED = [k if k % 3 else (str(k) if k % 2 else [k, {"a": k}]) for k in range(50_000)]


@pytest.mark.parametrize(
    ("schema", "output", "expected"),
    [
        pytest.param(_fan(22), "1", 1.0, id="2^22 references"),
        pytest.param(_fan(40), "1", "schema_timeout", id="2^40 references"),
        pytest.param('{"$ref": "#"}', "1", 1.0, id="a reference to itself"),
        pytest.param('{"pattern": "^(a+)+$"}', json.dumps("a" * 50_000 + "!"), 0.0, id="(a+)+"),
        pytest.param(
            r'{"pattern": "^(?:(?=a)a|a)*$"}',
            json.dumps("a" * 5_000 + "!"),
            "schema_timeout",
            id="backtracking",
        ),
        pytest.param("{}", "[" * 200_000 + "]" * 200_000, 0.0, id="200,000 levels"),
        pytest.param("{}", '{"a":' * 200_000, 0.0, id="200,000 open levels"),
        pytest.param(
            '{"type": "object"}',
            "{" + ",".join(f'"k{k}":{k}' for k in range(10**6)) + "}",
            "schema_timeout",
            id="10^6 keys, which 256 MB do not hold",
        ),
        pytest.param('{"type": "integer"}', "9" * 10_000_000, 0.0, id="a 10 MB integer"),
        pytest.param('{"uniqueItems": true}', json.dumps(MIXED), 1.0, id="50,000 unique"),
        pytest.param('{"uniqueItems": true}', json.dumps([*MIXED, 1]), 0.0, id="50,001 not unique"),
    ],
)
def test_a_bomb_has_its_verdict_or_its_fate_and_the_next_record_its_own(
    schema: str, output: str, expected: float | str
) -> None:
    rules = SchemaRules()
    pool = SchemaPool(rules)
    scorer = AdherenceScorer([schema, '{"type": "integer"}'], rules=rules, pool=pool)
    records = [
        _record(text, item_id=item, schema=held)
        for item, text, held in (
            ("i1", "3", '{"type": "integer"}'),
            ("i2", output, schema),
            ("i3", "3", '{"type": "integer"}'),
        )
    ]

    before, bomb, after = asyncio.run(scorer.score(records))
    (later,) = asyncio.run(scorer.score(records[:1]))

    pool.close()
    assert (bomb.value if isinstance(bomb, Score) else getattr(bomb, "code", None)) == expected
    assert [one.value for one in (before, after, later) if isinstance(one, Score)] == [1.0] * 3


def test_a_schema_that_cannot_be_prepared_gives_its_records_their_fate_and_no_other() -> None:
    rules = SchemaRules()
    pool = SchemaPool(rules, cpu_s=0.001)
    large = json.dumps({"enum": [f"value {k}" for k in range(15_000)], "$dynamicRef": "#"})
    scorer = AdherenceScorer([large, "{}"], rules=rules, pool=pool)

    rejected, missing, right = asyncio.run(
        scorer.score(
            [
                _record("1", item_id="i1", schema=large),
                _record(None, item_id="i2", schema=large),
                _record("1", item_id="i3", schema="{}"),
            ]
        )
    )

    pool.close()
    assert isinstance(rejected, Fate)
    assert rejected.code is FateCode.SCHEMA_REJECTED
    assert isinstance(missing, Score)
    assert isinstance(right, Score)
    assert (missing.flags, right.value) == (("output_missing",), 1.0)


def test_outcomes_stand_in_the_order_of_the_records_wherever_they_were_checked() -> None:
    here, there = '{"type": "integer"}', '{"type": "integer", "$dynamicRef": "#"}'
    held = [(here, "1"), (there, '"x"'), (here, '"x"'), (there, "1"), (there, " ")]
    scorer = AdherenceScorer([here, there])

    outcomes = asyncio.run(
        scorer.score(
            [_record(text, item_id=f"i{k}", schema=schema) for k, (schema, text) in enumerate(held)]
        )
    )

    found = [outcome.value for outcome in outcomes if isinstance(outcome, Score)]
    assert found == [1.0, 0.0, 0.0, 1.0, 0.0]


@pytest.mark.parametrize("output", ['{"total": 3}', "{}", '{"total": 3', None])
@pytest.mark.parametrize("schema", [INVOICE, INVOICE[:-1] + ', "$dynamicRef": "#"}'])
def test_whatever_comes_of_a_record_can_be_stored(output: str | None, schema: str) -> None:
    found = _scored(output, schema=schema)

    assert isinstance(found, Score)
    stored = json.loads(msgspec.json.encode(found))
    assert stored["details"] == dict(found.details)


@pytest.mark.parametrize(
    "rules",
    [
        SchemaRules(assert_formats=True),
        SchemaRules(dialect="draft-07"),
        SchemaRules(bundle={"https://example.org/s": "{}"}),
    ],
)
def test_other_rules_are_another_signature(rules: SchemaRules) -> None:
    usual, other = AdherenceScorer([INVOICE]), AdherenceScorer([INVOICE], rules=rules)

    assert usual.measure.signature != other.measure.signature
