import json
from pathlib import Path

from judge.render.generated_page import generated_json, generated_page
from judge.results.generated import Generated
from judge.stats.money import total

HALTED = Generated(
    system="s",
    path=Path("s.jsonl"),
    kept=1,
    made=2,
    failed={"unavailable": 1},
    left=3,
    halted="no more money",
    cost=total([None, None, None]),
)


def test_what_failed_and_what_is_left_is_said_with_what_to_do() -> None:
    (section,) = generated_page("small", [HALTED]).sections

    (row,) = section.tables[0].rows
    assert row == ["s", "1", "2", "1", "3", "unknown (3 calls)", "s.jsonl"]
    assert section.lines[:2] == ["s: no output: unavailable 1", "s: stopped: no more money"]
    assert "goes on where this one ended" in section.lines[2]


def test_an_unknown_cost_is_no_number_for_machines_either() -> None:
    (found,) = json.loads(generated_json([HALTED]))["systems"]

    assert "cost_usd" not in found
    assert found["calls_of_unknown_cost"] == 3
    assert found["halted"] == "no more money"
