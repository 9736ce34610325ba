import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
# Tests that are about more than one module.
NOT_ABOUT_ONE_MODULE = ("architecture", "contracts", "docs", "public_data")
ACROSS_MODULES = frozenset(
    {
        "test_authorisation.py",
        "test_end_to_end.py",
        "test_crash.py",
        "test_every_page.py",
        "test_evouna.py",
        "test_fault_salad.py",
        "test_judging.py",
        "test_llama_cpp.py",
        "test_public_api.py",
        "test_reply_gallery.py",
        "test_serve_crash.py",
        "test_workers.py",
    }
)
# Packages whose modules are parts of one thing, tested as a whole in one file.
TESTED_AS_A_WHOLE = ("api", "fault_server", "pytest_plugin", "wiring")
# Values and protocols without behaviour, tested wherever they are used.
WITHOUT_BEHAVIOUR = frozenset(
    {
        "judges/judge.py",
        "gates/rule.py",
        "results/terms.py",
        "tracking/tracker.py",
        "models/chat.py",
        "render/page.py",
        "results/format_faults.py",
        "cli/options.py",
        "cli/config_text.py",
        "cli/loop.py",
        "results/database.py",
        "results/tables.py",
        "cli/serving.py",
    }
)


# What alembic runs; `results/layout.py` calls it.
MIGRATIONS = "results/migrations/"


def _modules() -> set[str]:
    found = (path.relative_to(ROOT / "judge") for path in (ROOT / "judge").rglob("*.py"))
    return {
        path.as_posix()
        for path in found
        if not path.name.startswith("__") and not path.as_posix().startswith(MIGRATIONS)
    }


def _tests() -> set[str]:
    found = (path.relative_to(ROOT / "tests") for path in (ROOT / "tests").rglob("test_*.py"))
    return {
        path.as_posix()
        for path in found
        if path.parts[0] not in NOT_ABOUT_ONE_MODULE and path.name not in ACROSS_MODULES
    }


def _test_of(module: str) -> str:
    folder, _, name = module.rpartition("/")
    if folder in TESTED_AS_A_WHOLE:
        return f"test_{folder}.py"
    return f"{folder}/test_{name}" if folder else f"test_{name}"


def test_each_test_file_is_about_a_module_that_exists() -> None:
    known = {_test_of(module) for module in _modules()}

    assert sorted(_tests() - known) == []


def test_each_module_with_behaviour_has_its_tests() -> None:
    wanted = {_test_of(module) for module in _modules() - WITHOUT_BEHAVIOUR}

    assert sorted(wanted - _tests()) == []


def test_sub_packages_hold_a_docstring_only() -> None:
    for path in (ROOT / "judge").glob("*/__init__.py"):
        assert re.fullmatch(r'""".*?"""\n', path.read_text(), re.DOTALL), path
