"""A set of short texts, and a config that has a judge behind an endpoint grade them."""

import json
from pathlib import Path

CONFIG = """\
name: {name}
cache: false
dataset: {{items: items.jsonl}}
systems:
  small: {{role: student, outputs: outputs.jsonl}}
scorers:
  equivalence:
    judge: {{model: fake-judge, base_url: "{base_url}", api_key_env: FAKE_KEY}}
    against: [reference]
"""
TEXT = "Both name the same four causes, in another order. "


def write_set(folder: Path, name: str, base_url: str, *, records: int) -> Path:
    """Write so many records and their config into a folder; return the config."""
    names = [f"i{n}" for n in range(records)]
    rows = {
        "items.jsonl": [{"id": i, "input": TEXT, "reference": f"{i} {TEXT * 4}"} for i in names],
        "outputs.jsonl": [{"id": i, "output": f"{TEXT * 4} {i}"} for i in names],
    }
    for file, lines in rows.items():
        (folder / file).write_text("".join(json.dumps(line) + "\n" for line in lines))
    config = folder / "judge.yaml"
    config.write_text(CONFIG.format(name=name, base_url=base_url))
    return config
