import re
from collections.abc import Iterator

import pytest

from judge import errors
from judge.errors import (
    JudgeError,
    JudgeUnavailable,
    MissingExtra,
    OutputAbsent,
    ScoringError,
    did_you_mean,
)
from judge.results.outcome import FateCode


def _below(kind: type[JudgeError], depth: int = 0) -> Iterator[tuple[int, type[JudgeError]]]:
    yield depth, kind
    for child in kind.__subclasses__():
        yield from _below(child, depth + 1)


TREE = [(depth, kind) for depth, kind in _below(JudgeError) if kind.__module__ == "judge.errors"]
SCORING = [kind for _, kind in TREE if issubclass(kind, ScoringError)]


def test_the_tree_in_the_docstring_is_the_tree() -> None:
    drawing = re.findall(r"^([│├└─ ]*)(\w+)", str(errors.__doc__).split("\n\n")[1], re.MULTILINE)

    drawn = [(len(branches) // 4, name) for branches, name in drawing]

    assert sorted(drawn) == sorted((depth, kind.__name__) for depth, kind in TREE)


def test_every_error_the_module_holds_is_in_the_tree() -> None:
    held = {
        kind
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, BaseException)
    }

    assert held == {kind for _, kind in TREE}


@pytest.mark.parametrize("kind", SCORING)
def test_every_scoring_error_that_is_raised_has_a_named_fate(kind: type[ScoringError]) -> None:
    fate = FateCode(kind.fate)

    assert (fate is FateCode.INTERNAL_ERROR) == (kind in {ScoringError, OutputAbsent})


def test_only_what_no_later_call_can_mend_halts_a_run() -> None:
    halting = {kind.__name__ for kind in SCORING if kind.halts}

    assert halting == {
        "AccessDenied",
        "BudgetExhausted",
        "EndpointPaused",
        "JudgeIdentityChanged",
        "QuotaExhausted",
    }


def test_a_scoring_error_says_how_often_it_was_tried() -> None:
    once, often = ScoringError("no"), JudgeUnavailable("busy", attempts=5, retry_after_s=2.5)

    assert (str(once), once.attempts) == ("no", 1)
    assert (str(often), often.attempts, often.retry_after_s) == ("busy", 5, 2.5)


def test_a_missing_extra_names_the_command_that_installs_it() -> None:
    error = MissingExtra("parquet", needed_for="reading items.parquet")

    assert str(error) == "reading items.parquet needs an extra: pip install 'judge[parquet]'"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("datset", " (did you mean 'dataset'?)"),
        ("seeds", " (did you mean 'seed'?)"),
        ("dataset", " (did you mean 'dataset'?)"),
        ("weather", ""),
        ("", ""),
    ],
)
def test_a_misspelt_name_is_guessed_and_a_strange_one_is_not(name: str, expected: str) -> None:
    assert did_you_mean(name, iter(["dataset", "systems", "seed"])) == expected


def test_of_nothing_nothing_is_guessed() -> None:
    assert did_you_mean("dataset", []) == ""
