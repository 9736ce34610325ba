"""Recorded verdicts of published judges on LLMBar's natural set, in both orders.

Zeng et al. (2024), arXiv 2310.07641, table 2: on this set GPT-4 with the vanilla prompt is right
95.5 % of the time, ChatGPT 81.5 %, averaged over both orders.
"""

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

import judge
from judge.stats.estimate import Estimate
from judge.trust.certificate import Standing
from judge.trust.validation import Validation

NOW = datetime(2026, 5, 1, tzinfo=UTC)
CONFIG = Path(__file__).parents[2] / "configs" / "llmbar_natural.yaml"


def _validated(name: str, data: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Validation:
    monkeypatch.setenv("JUDGE_DATA", str(data))
    config = folder / "judge.yaml"
    config.write_text(CONFIG.read_text().replace("name: GPT-4/Vanilla", f"name: {name}"))
    project = judge.open_project(config)
    found = asyncio.run(judge.validate_judge(project, judge.MemoryStore(), now=lambda: NOW))
    assert found is not None
    return found


def _rows(path: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def _share(found: list[bool]) -> float:
    return sum(found) / len(found)


def _by_hand(name: str, data: Path) -> tuple[float, float, float]:
    """Count accuracy, same winner and first slot from the files themselves."""
    folder = data / "llmbar_natural"
    own = [row for row in _rows(folder / "recorded_verdicts.jsonl") if row["judge"] == name]
    people = {row["id"]: row["preferred"] for row in _rows(folder / "ratings.jsonl")}
    said = {(row["id"], row["order"]): row["preferred"] for row in own}
    right = [row["preferred"] == people[row["id"]] for row in own]
    same = [said[item, "ab"] == said[item, "ba"] for item in people]
    first = [row["preferred"] == row["order"][0] for row in own]
    return _share(right), _share(same), _share(first)


def _value(figure: object) -> float:
    assert isinstance(figure, Estimate)
    return figure.value


@pytest.mark.parametrize(
    ("name", "accuracy"),
    [("GPT-4/Vanilla", 0.955), ("ChatGPT/Vanilla", 0.815), ("GPT-4/CoT", None)],
)
def test_accuracy_same_winner_and_first_slot_are_those_of_the_files(
    name: str,
    accuracy: float | None,
    public_data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = _validated(name, public_data, tmp_path, monkeypatch)

    order = found.probes.order
    assert order is not None
    figures = (found.overall.figures["percent"], order.same_winner, order.first_slot)
    assert tuple(map(_value, figures)) == pytest.approx(_by_hand(name, public_data))
    assert order.n_pairs == 100
    assert (found.overall.n_labels, found.overall.n_items) == (200, 100)
    if accuracy is not None:
        assert _value(found.overall.figures["percent"]) == pytest.approx(accuracy)


@pytest.mark.parametrize(
    ("name", "standing"),
    [
        ("GPT-4/Vanilla", Standing.TRUSTED),
        ("ChatGPT/Vanilla", Standing.INSUFFICIENT),
        ("Falcon/Vanilla", Standing.NOT_TRUSTED),
    ],
)
def test_a_judge_that_ran_elsewhere_stands_as_its_verdicts_deserve(
    name: str,
    standing: Standing,
    public_data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert _validated(name, public_data, tmp_path, monkeypatch).standing is standing
