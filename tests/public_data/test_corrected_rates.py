"""Corrected rates on EVOUNA-NQ, where what all people say is known; see also `benchmarks/`."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "corrected_rates.py"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("corrected_rates", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def people(
    script: ModuleType, public_data: Path, monkeypatch: pytest.MonkeyPatch
) -> dict[str, np.ndarray]:
    monkeypatch.setenv("JUDGE_DATA", str(public_data))
    found: dict[str, np.ndarray] = script.people_said()
    return found


def test_the_corrected_rate_of_a_judge_that_errs_both_ways_holds_what_people_say(
    script: ModuleType, people: dict[str, np.ndarray]
) -> None:
    verdicts = script.planted(people)

    for system, human in people.items():
        found = script.coverage(verdicts[system], human, seeds=300, draws=1000)

        # Of 300 draws of which .95 hold it, fewer than .905 are seen in 0.1 % of experiments.
        assert found.covered >= 0.905, system


def test_the_raw_rate_of_that_judge_misses_on_the_systems_it_errs_on(
    script: ModuleType, people: dict[str, np.ndarray]
) -> None:
    verdicts = script.planted(people)

    for system, sign in ((script.TOO_MUCH, 1), (script.TOO_LITTLE, -1)):
        error = sign * (verdicts[system].mean() - people[system].mean())
        sampling = 1.96 * np.sqrt(people[system].var() / people[system].size)

        assert error > sampling
