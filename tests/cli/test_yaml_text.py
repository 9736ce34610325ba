from pathlib import Path

import pytest
import yaml

from judge.cli.yaml_text import flow, relative, scalar


@pytest.mark.parametrize(
    "value", ["1", "true", "no", "a: b #c", "- x", "", "caf\u00e9 " * 40, "?", "~"]
)
def test_a_text_is_one_line_that_yaml_reads_back(value: str) -> None:
    assert "\n" not in scalar(value)
    assert yaml.safe_load(f"key: {scalar(value)}") == {"key": value}
    assert yaml.safe_load(f"key: [{scalar(value)}]") == {"key": [value]}


def test_a_mapping_is_one_line_that_yaml_reads_back() -> None:
    pairs = {"1": "yes", "a: b": "c, d", "no": "{x}"}

    assert yaml.safe_load(flow(pairs)) == pairs


def test_a_path_is_named_from_the_folder_of_the_config() -> None:
    assert relative(Path("data/items.jsonl"), Path("configs")) == "../data/items.jsonl"
