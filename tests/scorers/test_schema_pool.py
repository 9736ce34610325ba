import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from judge.errors import DataError, SchemaRejected, SchemaTimeout
from judge.scorers.schema_check import Finding, SchemaRules
from judge.scorers.schema_pool import SchemaPool

INTEGER = '{"type": "integer"}'
SLOW = json.dumps({"pattern": r"^(?:(?=a)a|a)*$"})
"""Twice the time for each further letter of a text that ends in something else."""
CHILDREN = Path(f"/proc/self/task/{os.getpid()}/children")
ENDLESS = json.dumps("a" * 60 + "!")


@pytest.fixture(scope="module")
def pool() -> Iterator[SchemaPool]:
    pool = SchemaPool(SchemaRules(), cpu_s=0.3)
    yield pool
    pool.close()


def _flags(found: list[Finding | SchemaTimeout]) -> list[str]:
    return [one.flag if isinstance(one, Finding) else one.fate for one in found]


def test_outputs_are_checked_as_in_our_own_process(pool: SchemaPool) -> None:
    outputs = ["1", '"x"', "no", '["\ud800"]', *["2"] * 200]

    found = pool.find(INTEGER, outputs)

    assert _flags(found) == [
        "",
        "output_schema_invalid",
        "output_not_json",
        "output_not_json",
        *[""] * 200,
    ]
    assert isinstance(found[1], Finding)
    assert found[1].details["errors"] == [
        {
            "keyword": "type",
            "pointer": "",
            "kind": "type",
            "wanted": "integer",
            "message": '"x" is not of type "integer"',
        }
    ]


def test_an_output_that_takes_too_long_costs_itself_alone(pool: SchemaPool) -> None:
    found = pool.find(SLOW, ['"a"', ENDLESS, '"b"', ENDLESS, '"aa"'])

    assert _flags(found) == ["", "schema_timeout", "output_schema_invalid", "schema_timeout", ""]
    assert "took more than 0.3 s of the processor" in str(found[1])


def test_an_output_that_takes_too_much_memory_costs_itself_alone(pool: SchemaPool) -> None:
    many = "[" + ",".join('"0123456789"' for _ in range(3_000_000)) + "]"
    small = SchemaPool(SchemaRules(), cpu_s=20.0)

    found = small.find(INTEGER, ["1", many, "2"])

    small.close()
    assert _flags(found) == ["", "schema_timeout", ""]
    assert "took more than 256 MB of memory" in str(found[1])


def test_what_is_no_schema_is_refused_and_what_cannot_be_prepared_rejected(
    pool: SchemaPool,
) -> None:
    hasty = SchemaPool(SchemaRules(), cpu_s=0.001)
    large = json.dumps({"enum": [f"value {k}" for k in range(15_000)], "$dynamicRef": "#"})

    with pytest.raises(DataError, match="no valid JSON Schema"):
        pool.prepare('{"type": 1}')
    with pytest.raises(SchemaRejected, match=r"preparing the schema took more than 0\.001 s"):
        hasty.prepare(large)

    hasty.close()


def _children() -> set[str]:
    return set(CHILDREN.read_text().split())


@pytest.mark.skipif(not CHILDREN.exists(), reason="needs Linux's /proc")
def test_a_process_is_used_again_knows_no_secret_and_ends_with_its_pool(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    before = _children()
    pool = SchemaPool(SchemaRules())

    pool.prepare(INTEGER)
    (first,) = _children() - before
    pool.find(INTEGER, ["1"])
    (second,) = _children() - before
    known = Path(f"/proc/{first}/environ").read_text()
    del pool

    assert first == second
    assert "sk-secret" not in known
    assert _children() == before
