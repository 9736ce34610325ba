from collections.abc import Callable

import pytest

from judge.records.record import Target
from judge.reports.instrument_suspicions import instrument_suspicions
from judge.reports.suspicions import Pattern, Seen
from judge.results.outcome import FateCode
from judge.results.run import NUMBERS_AND_NAMES, SIMILARITY, Measure
from judge.testing import judged_measure
from judge.trust.admission import AdmittedResults

N = 100
ALIKE = Measure(
    scorer=SIMILARITY,
    target=Target.REFERENCE,
    judged=False,
    criterion="similarity",
    lower=-1.0,
    upper=1.0,
    identity={"embedder": "x"},
)
FACTS = Measure(
    scorer=NUMBERS_AND_NAMES,
    target=Target.REFERENCE,
    judged=False,
    criterion=NUMBERS_AND_NAMES,
    lower=0.0,
    upper=1.0,
    identity={"facts": "1"},
    continuous=True,
)

Make = Callable[..., AdmittedResults]


def _suspected(results: AdmittedResults) -> set[tuple[Pattern, str]]:
    found = instrument_suspicions(Seen(results))
    return {(one.pattern, one.system) for one in found if one.p_value < 1e-4}


def test_scores_that_are_missing_of_one_system_are_named(admitted: Make) -> None:
    refused = [FateCode.JUDGE_REFUSED] * 30 + [1.0] * 70
    cells = {"teacher": [1.0] * N, "student": refused}

    assert _suspected(admitted((judged_measure(), cells))) == {
        (Pattern.MISSING_IN_ONE_SYSTEM, "student")
    }


def test_what_had_no_turn_yet_is_not_missing(admitted: Make) -> None:
    cells = {"teacher": [1.0] * N, "student": [None] * 30 + [1.0] * 70}

    assert _suspected(admitted((judged_measure(), cells))) == set()


@pytest.mark.parametrize(("cosine", "named"), [(0.95, True), (0.5, False)])
def test_similarity_is_blind_where_it_is_high_and_numbers_differ(
    cosine: float, *, named: bool, admitted: Make
) -> None:
    alike = {"teacher": [1.0] * N, "student": [cosine] * N}
    facts = {"teacher": [1.0] * N, "student": [(0.5, "numbers_differ")] * 40 + [1.0] * 60}

    found = _suspected(admitted((ALIKE, alike), (FACTS, facts)))

    assert found == ({(Pattern.SIMILARITY_BLIND, "student")} if named else set())
