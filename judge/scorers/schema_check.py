"""Holding one output against one schema, and naming everything that is wrong with it."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from types import MappingProxyType
from typing import NoReturn

import jsonschema_rs
from jsonschema_rs import FancyRegexOptions, RegexOptions

from judge.errors import ConfigError, DataError
from judge.records.strict_json import JsonValue, StrictJsonError
from judge.results.format_faults import OUTPUT_NOT_JSON, OUTPUT_SCHEMA_INVALID
from judge.scorers.json_reading import read_document, read_leniently
from judge.scorers.schema_errors import describe
from judge.scorers.schema_hazard import Hazard

MAX_SCHEMA_BYTES = 256 * 1024

DIALECTS: Mapping[str, tuple[str, type[jsonschema_rs.Validator]]] = MappingProxyType(
    {
        "draft-07": ("http://json-schema.org/draft-07/schema#", jsonschema_rs.Draft7Validator),
        "2019-09": (
            "https://json-schema.org/draft/2019-09/schema",
            jsonschema_rs.Draft201909Validator,
        ),
        "2020-12": (
            "https://json-schema.org/draft/2020-12/schema",
            jsonschema_rs.Draft202012Validator,
        ),
    }
)

_MOST_ERRORS = 20
_DEEPEST_EXPLAINED = 8
# The engine that backtracks gives up after so many steps and then calls the text no match, which
# under a `not` would be a wrong verdict: there, time is the limit instead.
_NEVER = 1 << 62
_MOST_PROGRAM_BYTES = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemaRules:
    """How schemas are read.

    Attributes:
        assert_formats: whether a `format` that is not met makes an output invalid.
        dialect: of schemas without a `$schema`; one of `DIALECTS`.
        bundle: schemas that others may refer to, by their URI, as JSON text.

    Raises:
        ConfigError: there is no such dialect.
    """

    assert_formats: bool = False
    dialect: str = "2020-12"
    bundle: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.dialect not in DIALECTS:
            known = ", ".join(DIALECTS)
            raise ConfigError(f"there is no JSON Schema dialect {self.dialect!r}; known: {known}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What is wrong with an output; no flag where nothing is."""

    flag: str = ""
    details: Mapping[str, object]


NOTHING_WRONG = Finding(details={})


class SchemaCheck:
    """One schema, compiled.

    Nothing is ever fetched: a reference must lead into the schema itself or into the bundle.

    Args:
        schema: as JSON text.
        hazard: of the schema. Where its patterns do not backtrack, only patterns are accepted
            whose time is linear in the text; where it is endless, errors are only looked for in
            outputs of little depth.

    Raises:
        DataError: it is no JSON Schema, is too large, or refers to what is not there.
    """

    def __init__(self, schema: str, *, rules: SchemaRules, hazard: Hazard) -> None:
        self._validator = _validator(schema, rules, backtracks=hazard.backtracks)
        self._branches = hazard.endless

    def find(self, output: str) -> Finding:
        """Say what is wrong with an output, which is not empty."""
        try:
            document = read_document(output)
        except StrictJsonError as error:
            return self._not_json(output, error)
        if self._validator.is_valid(document):
            return NOTHING_WRONG
        return Finding(flag=OUTPUT_SCHEMA_INVALID, details=self._explained(document))

    def _not_json(self, output: str, error: StrictJsonError) -> Finding:
        reading = read_leniently(output, error)
        lenient = {
            "shapes": [shape.value for shape in reading.shapes],
            "valid": reading.readable and self._validator.is_valid(reading.document),
            "distance": reading.distance,
        }
        details = {"fault": error.fault.value, "message": str(error), "lenient": lenient}
        return Finding(flag=OUTPUT_NOT_JSON, details=details)

    def _explained(self, document: JsonValue) -> Mapping[str, object]:
        # Whether it is valid takes linear time. Where it is not may take exponential time: under
        # a `oneOf` that refers to itself, 18 levels took 29 s and 30 would never end.
        if self._branches and _depth(document) > _DEEPEST_EXPLAINED:
            return {
                "message": f"invalid; nested deeper than {_DEEPEST_EXPLAINED} levels, where the "
                "errors of a schema that refers to itself are not looked for"
            }
        errors = list(islice(self._validator.iter_errors(document), _MOST_ERRORS))
        return {"errors": [described for error in errors for described in describe(error)]}


def read_schema_text(schema: str) -> JsonValue:
    """Return a schema as a value.

    Raises:
        DataError: it is too large, no JSON, or nested too deeply to be read.
    """
    if len(schema.encode(errors="surrogatepass")) > MAX_SCHEMA_BYTES:
        raise DataError(f"{_named(schema)} is larger than {MAX_SCHEMA_BYTES // 1024} KB")
    try:
        value: JsonValue = json.loads(schema)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{_named(schema)} is no valid JSON Schema: {error}") from error
    return value


def _validator(schema: str, rules: SchemaRules, *, backtracks: bool) -> jsonschema_rs.Validator:
    asked: list[str] = []

    def refuse_retrieval(uri: str) -> NoReturn:
        asked.append(uri)
        raise ValueError("nothing is ever fetched")

    try:
        return _compiled(schema, rules, backtracks=backtracks, retriever=refuse_retrieval)
    except ValueError as error:
        if asked:
            raise DataError(
                f"{_named(schema)} refers to {asked[0]}, and nothing is ever fetched; "
                "put the definition under '$defs' of the schema itself"
            ) from error
        message = str(error).splitlines()[0]
        raise DataError(f"{_named(schema)} is no valid JSON Schema: {message}") from error


def _compiled(
    schema: str, rules: SchemaRules, *, backtracks: bool, retriever: Callable[[str], NoReturn]
) -> jsonschema_rs.Validator:
    dialect, of_dialect = DIALECTS[rules.dialect]
    value = read_schema_text(schema)
    own = isinstance(value, dict) and "$schema" in value
    registry = None
    if rules.bundle:
        resources = [
            (uri, _with_dialect(read_schema_text(text), dialect))
            for uri, text in rules.bundle.items()
        ]
        registry = jsonschema_rs.Registry(resources, retriever=retriever)
    compiler = jsonschema_rs.validator_for if own else of_dialect
    return compiler(
        schema,
        validate_formats=rules.assert_formats,
        retriever=retriever,
        registry=registry,
        pattern_options=(
            FancyRegexOptions(backtrack_limit=_NEVER)
            if backtracks
            else RegexOptions(size_limit=_MOST_PROGRAM_BYTES)
        ),
    )


def _with_dialect(schema: JsonValue, dialect: str) -> JsonValue:
    return {"$schema": dialect, **schema} if isinstance(schema, dict) else schema


def _named(schema: str) -> str:
    return f"the schema {schema[:60]}..."


def _depth(value: JsonValue) -> int:
    if isinstance(value, dict):
        return 1 + max(map(_depth, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(_depth, value), default=0)
    return 0
