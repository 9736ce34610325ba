"""The diagnosis; the full self test is `benchmarks/planted_defects.py`, and below marked slow."""

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from judge.reports.diagnosis import WORDS, diagnosis
from judge.reports.suspicions import Pattern
from judge.testing import judged_measure
from judge.trust.admission import AdmittedResults

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "planted_defects.py"
DEFECTS = (
    "teacher ceiling",
    "one slice regressed",
    "length padder",
    "format-only learner",
    "overconfident",
    "distilled = SFT",
    "leaked training items",
)
FULL_SEEDS = 20


@pytest.fixture(scope="module")
def planted() -> ModuleType:
    spec = importlib.util.spec_from_file_location("planted_defects", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_every_pattern_has_its_words() -> None:
    assert set(WORDS) == set(Pattern)


def test_a_pattern_that_is_found_overall_is_not_named_again_for_slices(
    admitted: Callable[..., AdmittedResults],
) -> None:
    half = [float(place % 2) for place in range(200)]
    slices = [{"part": "a" if place < 100 else "b"} for place in range(200)]
    cells = {"teacher": half, "student": half}

    (found,) = diagnosis(admitted((judged_measure(), cells), slices=slices))

    assert (found.suspicion.pattern, found.suspicion.slice) == (
        Pattern.TEACHER_IS_CEILING,
        "overall",
    )
    assert found.p_value >= found.suspicion.p_value
    assert len(found.suspicion.examples) == 5


@pytest.mark.parametrize("title", DEFECTS)
def test_a_planted_defect_is_named_and_its_clean_twin_is_silent(
    title: str, planted: ModuleType, tmp_path: Path
) -> None:
    defect = planted.DEFECTS[title]

    found = planted.findings(defect, seed=1, planted=True, folder=tmp_path)
    clean = planted.findings(defect, seed=1001, planted=False, folder=tmp_path)

    assert planted.names(defect, found)
    assert list(clean) == []


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_each_defect_is_named_in_19_of_20_seeds_and_few_clean_twins_show_anything(
    planted: ModuleType, tmp_path: Path
) -> None:
    loud = 0
    for title, defect in planted.DEFECTS.items():
        named = 0
        for seed in range(FULL_SEEDS):
            found = planted.findings(defect, seed=seed, planted=True, folder=tmp_path)
            named += planted.names(defect, found)
            clean = planted.findings(defect, seed=1000 + seed, planted=False, folder=tmp_path)
            loud += bool(clean)

        assert named >= 19, title
    assert loud <= 14
