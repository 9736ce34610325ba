"""The official JSON Schema test suite, through the scorer that users have."""

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from judge.errors import DataError
from judge.records.record import Record
from judge.results.outcome import Score
from judge.scorers.adherence import AdherenceScorer
from judge.scorers.schema_check import SchemaRules
from judge.scorers.schema_pool import SchemaPool

DRAFTS: Mapping[str, str] = {
    "draft7": "draft-07",
    "draft2019-09": "2019-09",
    "draft2020-12": "2020-12",
}
ORIGIN = "http://localhost:1234"
"""Where the suite says its other schemas are; nobody listens there."""

# What the optional tests ask for and we do not do, with the reason.
LEFT_OUT: Mapping[str, str] = {
    "bignum.json": "an integer of more than 19 digits is no strict JSON here",
    "format-assertion.json": "whether formats are asserted is asked of us, not of a meta-schema",
}


@pytest.fixture(scope="module")
def suite(public_data: Path) -> Path:
    return public_data / "json_schema_test_suite"


def _bundle(suite: Path, draft: str) -> Mapping[str, str]:
    """Return the schemas to refer to: those of this draft, and those that name their own."""
    found = {}
    for path in sorted((suite / "remotes").rglob("*.json")):
        place, text = path.relative_to(suite / "remotes").as_posix(), path.read_text()
        folder = place.split("/")[0]
        ours = folder == draft or not (folder.startswith("draft") or folder == "v1")
        if ours or (folder in DRAFTS and "$schema" in json.loads(text)):
            found[f"{ORIGIN}/{place}"] = text
    return found


def _record(document: object, schema: str) -> Record:
    return Record(
        item_id="i1",
        system="student",
        input="",
        output=json.dumps(document),
        references=(),
        teacher_output=None,
        schema=schema,
        slices={},
        cluster="i1",
    )


def _wrong(folder: Path, rules: SchemaRules, *, left_out: Mapping[str, str]) -> list[str]:
    """Return the tests of a folder that have another verdict than the suite's."""
    pool = SchemaPool(rules)
    wrong, tried = [], 0
    for path in sorted(set(folder.glob("*.json")) - {folder / name for name in left_out}):
        for case in json.loads(path.read_text()):
            schema = json.dumps(case["schema"])
            scorer = AdherenceScorer([schema], rules=rules, pool=pool)
            records = [_record(test["data"], schema) for test in case["tests"]]
            outcomes = asyncio.run(scorer.score(records))
            for test, outcome in zip(case["tests"], outcomes, strict=True):
                tried += 1
                if not isinstance(outcome, Score) or bool(outcome.value) != test["valid"]:
                    wrong.append(f"{path.name}: {case['description']}: {test['description']}")
    pool.close()
    assert tried > 50
    return wrong


@pytest.mark.parametrize("draft", DRAFTS)
def test_every_required_test_of_the_suite_has_its_verdict(suite: Path, draft: str) -> None:
    rules = SchemaRules(dialect=DRAFTS[draft], bundle=_bundle(suite, draft))

    assert _wrong(suite / "tests" / draft, rules, left_out={}) == []


@pytest.mark.parametrize("draft", DRAFTS)
def test_so_has_every_optional_test_but_those_left_out(suite: Path, draft: str) -> None:
    rules = SchemaRules(dialect=DRAFTS[draft], bundle=_bundle(suite, draft))

    assert _wrong(suite / "tests" / draft / "optional", rules, left_out=LEFT_OUT) == []


@pytest.mark.parametrize("draft", DRAFTS)
def test_so_has_every_test_of_formats_where_they_are_asserted(suite: Path, draft: str) -> None:
    rules = SchemaRules(dialect=DRAFTS[draft], bundle=_bundle(suite, draft), assert_formats=True)

    assert _wrong(suite / "tests" / draft / "optional" / "format", rules, left_out={}) == []


@pytest.mark.parametrize("draft", DRAFTS)
def test_nothing_is_fetched_for_any_schema_of_the_suite(
    suite: Path, draft: str, server_nobody_may_ask: tuple[str, list[str]], tmp_path: Path
) -> None:
    address, asked = server_nobody_may_ask
    rules = SchemaRules(dialect=DRAFTS[draft])
    pool = SchemaPool(rules)
    refused = 0

    for path in sorted((suite / "tests" / draft).glob("*ef*.json")):
        for case in json.loads(path.read_text()):
            schema = json.dumps(case["schema"])
            if ORIGIN not in schema:
                continue
            for origin in (address, tmp_path.as_uri()):
                try:
                    AdherenceScorer([schema.replace(ORIGIN, origin)], rules=rules, pool=pool)
                except DataError:
                    refused += 1

    pool.close()
    assert asked == []
    assert refused > 10
