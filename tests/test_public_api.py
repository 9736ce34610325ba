import ast
import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import judge

SNAPSHOT = Path(__file__).parent / "snapshots" / "public_api.txt"
HEAVY = frozenset(
    {
        "httpx2",
        "mlflow",
        "numpy",
        "openai",
        "opentelemetry",
        "scipy",
        "sentence_transformers",
        "sklearn",
        "sqlalchemy",
        "torch",
        "transformers",
        "yaml",
    }
)


def test_the_public_names_are_sorted_and_exactly_what_the_package_exports() -> None:
    homes = judge._HOMES.values()  # noqa: SLF001 - the table of what is exported

    exported = {name for names in homes for name in names}

    assert judge.__all__ == sorted(judge.__all__)
    assert set(judge.__all__) == exported


def test_a_type_checker_sees_exactly_the_public_names() -> None:
    tree = ast.parse(Path(judge.__file__).read_text(encoding="utf-8"))

    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    seen = {
        (node.module, alias.name)
        for node in imports
        for alias in node.names
        if node.module and node.module.startswith("judge.")
    }

    assert sorted(name for _, name in seen) == judge.__all__
    for module, name in seen:
        assert getattr(judge, name) is getattr(import_module(module), name)


def test_the_public_names_are_the_reviewed_ones() -> None:
    names = "".join(f"{name}\n" for name in judge.__all__)
    if os.environ.get("REFRESH_SNAPSHOTS"):
        SNAPSHOT.write_text(names, encoding="utf-8")

    assert names == SNAPSHOT.read_text(encoding="utf-8")


def test_a_name_that_is_not_public_is_no_attribute() -> None:
    with pytest.raises(AttributeError, match="module 'judge' has no attribute 'OpenAIChat'"):
        _ = judge.OpenAIChat


@pytest.mark.parametrize(
    "use",
    [
        "import judge",
        "from judge.cli.app import app; app(['--help'], standalone_mode=False)",
        "from judge.cli.app import app; app(['run', '--help'], standalone_mode=False)",
    ],
)
def test_nothing_heavy_is_loaded_before_it_is_used(use: str) -> None:
    script = f"{use}\nimport sys\nprint(*sys.modules)"

    found = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )

    loaded = set(found.stdout.splitlines()[-1].split())
    assert "judge" in loaded
    assert not loaded & HEAVY
