"""Format adherence: is the output exactly one JSON document that its schema accepts?

Where a format of texts stands in the place of the schema: is it such a text?
"""

import asyncio
import hashlib
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version

from judge.errors import DataError, SchemaRejected
from judge.records.record import Record, Target
from judge.results.format_faults import OUTPUT_EMPTY, OUTPUT_MISSING
from judge.results.outcome import Fate, FateCode, NotApplicable, Outcome, Score
from judge.results.run import ADHERENCE, Measure
from judge.scorers.schema_check import (
    MAX_SCHEMA_BYTES,
    NOTHING_WRONG,
    Finding,
    SchemaCheck,
    SchemaRules,
    read_schema_text,
)
from judge.scorers.schema_hazard import hazard_of
from judge.scorers.schema_pool import SchemaPool
from judge.scorers.text_format import TEXT_VERSION, TextCheck, read_text_format

__all__ = ["MAX_SCHEMA_BYTES", "AdherenceScorer"]

PARSER_VERSION = "2"

_ANY = sys.maxsize
_MISSING = Finding(flag=OUTPUT_MISSING, details={})
_EMPTY = Finding(flag=OUTPUT_EMPTY, details={})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plain:
    """A schema whose work is bounded, or a format of texts, which is checked here."""

    most_characters: int
    check: SchemaCheck | TextCheck


class AdherenceScorer:
    """Scores 1 where the output is strict JSON and valid, 0 where it is not, and says why.

    No schema is ever fetched: a `$ref` that leaves the schema and the bundle is refused before
    the run. A schema whose work cannot be bounded beforehand, and an output that is too large for
    that bound, is checked in a child process with little time and memory.

    Args:
        schemas: every schema the records name, as canonical JSON text; one of `text_schema` too.
        rules: how they are read.
        pool: where unbounded work is done; one of its own by default.

    Raises:
        DataError: a schema is no JSON Schema, is too large, or refers to another document.
    """

    def __init__(
        self,
        schemas: Sequence[str],
        *,
        rules: SchemaRules | None = None,
        pool: SchemaPool | None = None,
    ) -> None:
        self._rules = rules or SchemaRules()
        self._pool = pool or SchemaPool(self._rules)
        self._plain: dict[str, _Plain] = {}
        self._rejected: dict[str, str] = {}
        distinct = dict.fromkeys(schemas)
        for schema in distinct:
            self._admit(schema)
        self._measure = Measure(
            scorer=ADHERENCE,
            target=Target.SCHEMA,
            judged=False,
            criterion="adherence",
            lower=0.0,
            upper=1.0,
            identity={
                **_identity(sorted(distinct), self._rules),
                **({"texts": TEXT_VERSION} if self._has_texts else {}),
            },
        )
        self._signature = self._measure.signature
        self._right = self._scored(NOTHING_WRONG)

    @property
    def measure(self) -> Measure:
        return self._measure

    async def score(self, batch: Sequence[Record]) -> Sequence[Outcome]:
        return await asyncio.to_thread(self._outcomes, batch)

    @property
    def _has_texts(self) -> bool:
        return any(isinstance(plain.check, TextCheck) for plain in self._plain.values())

    def _admit(self, schema: str) -> None:
        value = read_schema_text(schema)
        if (wanted := read_text_format(value)) is not None:
            self._plain[schema] = _Plain(most_characters=_ANY, check=TextCheck(wanted))
            return
        hazard = hazard_of(value)
        if hazard.most_characters:
            try:
                check = SchemaCheck(schema, rules=self._rules, hazard=hazard)
            except DataError:
                if "pattern" not in schema:
                    raise
                # A pattern that is too large for the linear engine may do for the other one.
            else:
                self._plain[schema] = _Plain(most_characters=hazard.most_characters, check=check)
                return
        try:
            self._pool.prepare(schema)
        except SchemaRejected as error:
            self._rejected[schema] = str(error)

    def _outcomes(self, batch: Sequence[Record]) -> Sequence[Outcome]:
        found: list[Outcome | None] = []
        waiting: dict[str, list[int]] = {}
        for place, record in enumerate(batch):
            outcome = self._outcome_here(record)
            if outcome is None:
                waiting.setdefault(record.schema, []).append(place)
            found.append(outcome)
        for schema, places in waiting.items():
            outputs = [batch[place].output or "" for place in places]
            for place, outcome in zip(places, self._outcomes_there(schema, outputs), strict=True):
                found[place] = outcome
        return [outcome for outcome in found if outcome is not None]

    def _outcome_here(self, record: Record) -> Outcome | None:
        """Return what is known within this process; None where a child has to say."""
        output, schema = record.output, record.schema
        if not schema:
            return NotApplicable(
                scorer=ADHERENCE, target=Target.SCHEMA, reason="the item has no schema"
            )
        if output is None:
            return self._scored(_MISSING)
        plain = self._plain.get(schema)
        if plain is not None and len(output) <= plain.most_characters:
            finding = plain.check.find(output)
            if finding is NOTHING_WRONG:
                return self._right
            return self._scored(finding if output.strip() else _EMPTY)
        if schema in self._rejected:
            return _fate(FateCode.SCHEMA_REJECTED, self._rejected[schema])
        return self._scored(_EMPTY) if not output.strip() else None

    def _outcomes_there(self, schema: str, outputs: Sequence[str]) -> list[Outcome]:
        return [
            self._scored(found)
            if isinstance(found, Finding)
            else _fate(FateCode(found.fate), str(found))
            for found in self._pool.find(schema, outputs)
        ]

    def _scored(self, finding: Finding) -> Score:
        return Score(
            scorer=ADHERENCE,
            target=Target.SCHEMA,
            value=0.0 if finding.flag else 1.0,
            signature=self._signature,
            flags=(finding.flag,) if finding.flag else (),
            details=finding.details,
        )


def _fate(code: FateCode, message: str) -> Fate:
    return Fate(scorer=ADHERENCE, target=Target.SCHEMA, code=code, message=message)


def _identity(schemas: Sequence[str], rules: SchemaRules) -> Mapping[str, str]:
    bundle = json.dumps(dict(rules.bundle), sort_keys=True)
    return {
        "parser": PARSER_VERSION,
        "validator": f"jsonschema-rs {version('jsonschema-rs')}",
        "schemas": hashlib.sha256("\n".join(schemas).encode()).hexdigest(),
        "dialect": rules.dialect,
        "formats": "asserted" if rules.assert_formats else "annotations",
        "bundle": hashlib.sha256(bundle.encode()).hexdigest(),
    }
