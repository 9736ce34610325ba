"""Quality retained on EVOUNA-NQ, where what all people say is known; see also `benchmarks/`."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from judge.records.record import RecordKey, Target
from judge.results.outcome import Score
from judge.stats.estimate import Estimate
from judge.stats.retention import quality_retained

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "retention.py"
STUDENTS = ("chatgpt", "gpt35", "newbing", "fid")


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("retention", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def people(
    script: ModuleType, public_data: Path, monkeypatch: pytest.MonkeyPatch
) -> dict[RecordKey, float]:
    monkeypatch.setenv("JUDGE_DATA", str(public_data))
    found: dict[RecordKey, float] = script.people_said()
    return found


@pytest.fixture
def judged(script: ModuleType, people: dict[RecordKey, float]) -> object:
    """Return the verdicts of a judge that is wrong about one answer in seven."""
    wrong = np.random.default_rng(5).random(len(people)) < 1 / 7
    return script.Judged(
        records=script.answers(),
        outcomes={
            key: Score(
                scorer="equivalence",
                target=Target.REFERENCE,
                value=abs(right - turned),
                signature="planted",
                label="equivalent" if abs(right - turned) else "different",
            )
            for (key, right), turned in zip(people.items(), wrong.astype(float), strict=True)
        },
        cosines={},
    )


@pytest.mark.parametrize("student", STUDENTS)
def test_what_a_student_keeps_by_all_labels_is_what_a_plain_bootstrap_finds(
    student: str, script: ModuleType, people: dict[RecordKey, float], judged: object
) -> None:
    human = script.pairs_of(judged, people, student).human
    rng = np.random.default_rng(0)
    resamples = [human[rng.integers(0, len(human), len(human))].sum(axis=0) for _ in range(4000)]
    shares = np.array([mine / its for mine, its in resamples])

    found = quality_retained(
        np.zeros_like(human), human, labelled=np.arange(len(human)), estimand="population"
    )

    assert isinstance(found, Estimate)
    assert found.value == pytest.approx(human[:, 0].sum() / human[:, 1].sum(), abs=1e-12)
    assert found.low == pytest.approx(np.quantile(shares, 0.025), abs=0.004)
    assert found.high == pytest.approx(np.quantile(shares, 0.975), abs=0.004)


@pytest.mark.parametrize("questions", [150, 300])
def test_a_student_just_below_the_margin_is_hardly_ever_passed(
    questions: int, script: ModuleType, people: dict[RecordKey, float], judged: object
) -> None:
    passed = []
    for student in STUDENTS:
        pairs = script.pairs_of(judged, people, student)
        planned = script.draws(pairs, questions=questions)["planned draw and judge"]
        margin = pairs.kept + 1e-4

        passed += [script.answer(pairs, planned(seed), margin=margin) for seed in range(100)]

    # Of 400 draws of which .025 pass, over 21 are seen in one of a thousand experiments.
    assert passed.count("yes") <= 21
