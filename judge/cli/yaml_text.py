"""Values as one line of YAML, for configs that are written with comments."""

import os
from collections.abc import Mapping
from pathlib import Path


def scalar(value: object) -> str:
    """Return a value on one line, quoted where YAML would read it as something else."""
    import yaml

    # One line, however long: a folded path would be no YAML where it is put. In a list, as a comma
    # or a bracket means something within braces.
    text: str = yaml.safe_dump(
        [value], default_flow_style=True, width=float("inf"), allow_unicode=True
    )
    return text.strip()[1:-1]


def relative(path: Path, folder: Path) -> str:
    """Return a path as a config in that folder names it."""
    return scalar(os.path.relpath(path, folder))


def flow(pairs: Mapping[str, str]) -> str:
    """Return a mapping in braces."""
    return f"{{{', '.join(f'{scalar(name)}: {scalar(value)}' for name, value in pairs.items())}}}"
