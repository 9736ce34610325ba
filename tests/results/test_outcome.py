from collections.abc import Mapping

import pytest

from judge.errors import ScoringError
from judge.records.record import Target
from judge.results.outcome import FateClass, FateCode, Score

OUTPUT, JUDGE = FateClass.OUTPUT, FateClass.JUDGE
INFRASTRUCTURE, BUG = FateClass.INFRASTRUCTURE, FateClass.BUG
CONFIGURATION = FateClass.CONFIGURATION

# Whose doing it is, and whether a plain resume tries again.
EXPECTED: Mapping[FateCode, tuple[FateClass, bool]] = {
    FateCode.OUTPUT_EMPTY: (OUTPUT, False),
    FateCode.OUTPUT_MISSING: (OUTPUT, False),
    FateCode.INPUT_TOO_LONG: (JUDGE, False),
    FateCode.JUDGE_REFUSED: (JUDGE, False),
    FateCode.JUDGE_UNPARSEABLE: (JUDGE, False),
    FateCode.JUDGE_TRUNCATED: (JUDGE, False),
    FateCode.JUDGE_IDENTITY_CHANGED: (JUDGE, False),
    FateCode.PANEL_NO_MAJORITY: (JUDGE, False),
    FateCode.VERDICT_NOT_RECORDED: (JUDGE, False),
    FateCode.JUDGE_UNAVAILABLE: (INFRASTRUCTURE, True),
    FateCode.JUDGE_REJECTED: (INFRASTRUCTURE, True),
    FateCode.QUOTA_EXHAUSTED: (INFRASTRUCTURE, True),
    FateCode.BUDGET_EXHAUSTED: (INFRASTRUCTURE, True),
    FateCode.EMBEDDING_INVALID: (INFRASTRUCTURE, True),
    FateCode.SCHEMA_REJECTED: (CONFIGURATION, False),
    FateCode.SCHEMA_TIMEOUT: (CONFIGURATION, False),
    FateCode.NOT_YET_SCORED: (INFRASTRUCTURE, True),
    FateCode.SENT_UNKNOWN: (INFRASTRUCTURE, True),
    FateCode.INTERNAL_ERROR: (BUG, True),
}


@pytest.mark.parametrize("code", FateCode)
def test_each_fate_says_whose_doing_it_is_and_whether_a_resume_tries_again(code: FateCode) -> None:
    assert (code.fate_class, code.resumable) == EXPECTED[code]


def _errors(root: type[ScoringError] = ScoringError) -> list[type[ScoringError]]:
    below = [error for error in root.__subclasses__() if error.__module__ == "judge.errors"]
    return [root, *(error for branch in below for error in _errors(branch))]


@pytest.mark.parametrize("error", _errors())
def test_every_scoring_error_names_a_fate(error: type[ScoringError]) -> None:
    assert error.fate in set(FateCode)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_a_score_that_is_no_number_cannot_be_made(value: float) -> None:
    with pytest.raises(ValueError, match="a score must be finite"):
        Score(scorer="similarity", target=Target.REFERENCE, value=value, signature="s")
