"""Format adherence: is the output exactly one JSON document that its schema accepts?"""

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import NoReturn

import jsonschema_rs
from jsonschema_rs import FancyRegexOptions, ValidationError

from judge.errors import DataError
from judge.records.record import Record, Target
from judge.records.strict_json import (
    JsonValue,
    StrictJsonError,
    read_strict_json,
)
from judge.results.outcome import NotApplicable, Outcome, Score
from judge.results.run import ADHERENCE, Measure

PARSER_VERSION = "1"
MAX_SCHEMA_BYTES = 256 * 1024

OUTPUT_MISSING = "output_missing"
OUTPUT_EMPTY = "output_empty"
OUTPUT_NOT_JSON = "output_not_json"
OUTPUT_SCHEMA_INVALID = "output_schema_invalid"

_BACKTRACK_LIMIT = 10_000
_MOST_ERRORS = 20
_DEEPEST_EXPLAINED = 8
_SCHEMAS_BY_PLACE = frozenset(
    {"properties", "patternProperties", "prefixItems", "items", "dependentSchemas", "dependencies"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Finding:
    """What is wrong with an output; no flag where nothing is."""

    flag: str = ""
    details: Mapping[str, object]


class AdherenceScorer:
    """Scores 1 where the output is strict JSON and valid, 0 where it is not, and says why.

    No schema is ever fetched: a `$ref` that leaves the schema is refused before the run.

    Args:
        schemas: every schema the records name, as canonical JSON text.

    Raises:
        DataError: a schema is no JSON Schema, is too large, or refers to another document.
    """

    def __init__(self, schemas: Sequence[str]) -> None:
        self._validators = {schema: _validator(schema) for schema in dict.fromkeys(schemas)}
        self._measure = Measure(
            scorer=ADHERENCE,
            target=Target.SCHEMA,
            judged=False,
            criterion="adherence",
            lower=0.0,
            upper=1.0,
            identity=_identity(sorted(self._validators)),
        )
        self._signature = self._measure.signature

    @property
    def measure(self) -> Measure:
        return self._measure

    async def score(self, batch: Sequence[Record]) -> Sequence[Outcome]:
        return await asyncio.to_thread(lambda: [self._outcome(record) for record in batch])

    def _outcome(self, record: Record) -> Outcome:
        if not record.schema:
            return NotApplicable(
                scorer=ADHERENCE, target=Target.SCHEMA, reason="the item has no schema"
            )
        finding = _finding(record.output, self._validators[record.schema])
        return Score(
            scorer=ADHERENCE,
            target=Target.SCHEMA,
            value=0.0 if finding.flag else 1.0,
            signature=self._signature,
            flags=(finding.flag,) if finding.flag else (),
            details=finding.details,
        )


def _validator(schema: str) -> jsonschema_rs.Validator:
    named = f"the schema {schema[:60]}..."
    if len(schema.encode()) > MAX_SCHEMA_BYTES:
        raise DataError(f"{named} is larger than {MAX_SCHEMA_BYTES // 1024} KB")
    asked: list[str] = []

    def refuse_retrieval(uri: str) -> NoReturn:
        asked.append(uri)
        raise ValueError("nothing is ever fetched")

    try:
        return jsonschema_rs.validator_for(
            schema,
            retriever=refuse_retrieval,
            pattern_options=FancyRegexOptions(backtrack_limit=_BACKTRACK_LIMIT),
        )
    except ValueError as error:
        if asked:
            raise DataError(
                f"{named} refers to {asked[0]}, and nothing is ever fetched; "
                "put the definition under '$defs' of the schema itself"
            ) from error
        message = str(error).splitlines()[0]
        raise DataError(f"{named} is no valid JSON Schema: {message}") from error


def _identity(schemas: Sequence[str]) -> Mapping[str, str]:
    return {
        "parser": PARSER_VERSION,
        "validator": f"jsonschema-rs {version('jsonschema-rs')}",
        "schemas": hashlib.sha256("\n".join(schemas).encode()).hexdigest(),
    }


def _finding(output: str | None, validator: jsonschema_rs.Validator) -> _Finding:
    if output is None:
        return _Finding(flag=OUTPUT_MISSING, details={})
    if not output.strip():
        return _Finding(flag=OUTPUT_EMPTY, details={})
    try:
        document = read_strict_json(output)
    except StrictJsonError as error:
        return _Finding(
            flag=OUTPUT_NOT_JSON, details={"fault": error.fault.value, "message": str(error)}
        )
    if validator.is_valid(document):
        return _Finding(details={})
    return _Finding(flag=OUTPUT_SCHEMA_INVALID, details=_explanation(document, validator))


def _explanation(document: JsonValue, validator: jsonschema_rs.Validator) -> Mapping[str, object]:
    # Whether it is valid takes linear time. Where it is not may take exponential time: under a
    # `oneOf` that refers to itself, 18 levels took 29 s and 30 would never end.
    if _depth(document) > _DEEPEST_EXPLAINED:
        why = f"invalid; nested deeper than {_DEEPEST_EXPLAINED} levels, where it is not looked for"
        return {"message": why}
    faults = zip(validator.iter_errors(document), range(_MOST_ERRORS), strict=False)
    return {"errors": [_described(fault) for fault, _ in faults]}


def _depth(value: JsonValue) -> int:
    if isinstance(value, dict):
        return 1 + max(map(_depth, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(_depth, value), default=0)
    return 0


def _described(fault: ValidationError) -> dict[str, str]:
    path = "".join(
        f"/{str(step).replace('~', '~0').replace('/', '~1')}" for step in fault.instance_path
    )
    return {
        "keyword": _keyword(fault),
        "pointer": path,
        "message": fault.message[:300],
    }


def _keyword(fault: ValidationError) -> str:
    path = [str(step) for step in fault.schema_path]
    if not path:
        return "false"  # the schema that accepts nothing
    # Where a `false` stands under a name or a place, that is no keyword, but what holds it is.
    named = fault.kind.name == "falseSchema" and len(path) > 1 and path[-2] in _SCHEMAS_BY_PLACE
    return path[-2] if named else path[-1]
