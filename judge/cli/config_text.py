"""Parts of a commented config that `judge init` writes, whatever it was made from."""

from collections.abc import Sequence
from pathlib import Path

from judge.cli.yaml_text import relative

_ROLES = ("teacher", "sft", "distilled", "student")


def head(output: Path) -> list[str]:
    """Return the first lines: the schema for editors, and the name."""
    from judge.cli.yaml_text import scalar
    from judge.shipped import shipped

    return [
        f"# yaml-language-server: $schema={shipped('configs/judge.schema.json').resolve()}",
        f"name: {scalar(output.stem)}",
    ]


def role_of(name: str) -> str:
    """Return the role that a system's name speaks of."""
    return next((role for role in _ROLES if role in name.lower()), "student")


def scorers(schema: Path | None, folder: Path, *, judged: Sequence[str] = ()) -> list[str]:
    """Return what is measured: everything that needs no key.

    Args:
        schema: of the outputs.
        folder: of the config.
        judged: lines about further judges.
    """
    adherence = f"{{schema: {relative(schema, folder)}}}" if schema else "{}"
    return [
        "",
        "scorers:",
        "  equivalence:",
        "    judge: baseline          # embedded: no key, no network; the line to beat",
        "    # judge: {model: gpt-4.1-mini, prompt: equivalence/v1, api_key_env: OPENAI_API_KEY}",
        "    # against: [reference, teacher]   # default: what there is",
        *judged,
        "  similarity: {}",
        f"  adherence: {adherence}   # a JSON Schema here, or a 'schema' column in the items",
    ]


NO_RATINGS = (
    "",
    "# Judged numbers stay withheld until people have rated some of the outputs:",
    "# ratings:",
    "#   path: ratings.jsonl      # id, system, rater, label",
    "#   labels: {true: equivalent, false: different}",
    "#   target: reference        # what raters compared the output with",
    "#   source: human",
    "#   blind: true              # raters saw neither verdict nor system",
    "#   sampling: random         # how the rated outputs were drawn",
)
"""What stands in a config without ratings."""


def rating_terms(target: str = "reference") -> list[str]:
    """Return what only a person can know of ratings, as carefully as it can be put."""
    return [
        f"  target: {target}          # what raters compared the output with: check this",
        "  source: human              # or constructed",
        "  blind: false               # set to true if raters saw neither verdict nor system",
        "  # sampling: random         # how the rated outputs were drawn: say it if you know",
    ]
