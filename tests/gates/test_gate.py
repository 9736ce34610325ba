from dataclasses import replace

import pytest

from judge.errors import ConfigError
from judge.gates.finding import GateStatus
from judge.gates.gate import gate
from judge.gates.rule import Ask, Rule
from judge.reports.comparison import compare
from judge.reports.evidence import Basis
from judge.results.outcome import FateCode
from judge.results.terms import DecisionTerms, Unscored
from judge.trust.admission import AdmittedResults
from tests.reports.conftest import Cell
from tests.reports.conftest import _admitted as made
from tests.reports.paired_sides import FACT, JUDGED

N = 200
PASSES = [1.0] * N
RULE = Rule(
    metric=FACT.metric,
    system="student",
    ask=Ask.AT_LEAST,
    bound=0.9,
    place="judge.yaml line 9: gate.0",
)
LOST = FateCode.JUDGE_REFUSED


def _run(wrong: int = 0, lost: int = 0) -> AdmittedResults:
    cells = [0.0] * wrong + [1.0] * (N - wrong - lost) + [LOST] * lost
    halves = [{"kind": "mail" if place < N // 2 else "chat"} for place in range(N)]
    return made((FACT, {"teacher": PASSES, "student": cells}), slices=halves)


def _statuses(run: AdmittedResults, rule: Rule, *, before: AdmittedResults | None = None) -> str:
    comparison = None if before is None else compare(before, run)
    found = gate(run, [rule], comparison=comparison).findings
    return " ".join(finding.status.value for finding in found)


@pytest.mark.parametrize(
    ("wrong", "status"), [(2, "pass"), (20, "inconclusive"), (60, "fail")], ids=str
)
@pytest.mark.parametrize("ask", [Ask.AT_LEAST, Ask.RETAINS])
def test_a_rule_passes_fails_or_is_left_open(wrong: int, status: str, ask: Ask) -> None:
    assert _statuses(_run(wrong), replace(RULE, ask=ask)) == status


@pytest.mark.parametrize(
    ("wrong", "status"), [(0, "pass"), (3, "pass"), (8, "inconclusive"), (60, "fail")], ids=str
)
def test_a_loss_against_the_baseline_is_held_against_what_is_allowed(
    wrong: int, status: str
) -> None:
    rule = replace(RULE, ask=Ask.LOSES_AT_MOST, bound=0.05)

    assert _statuses(_run(wrong), rule, before=_run()) == status


def test_a_rule_holds_on_each_of_its_slices_or_not_at_all() -> None:
    rule = replace(RULE, bound=0.8, slices=("overall", "kind=mail", "kind=chat"))

    result = gate(_run(25), [rule])

    assert [finding.status.value for finding in result.findings] == [
        "pass",
        "inconclusive",
        "pass",
    ]
    assert result.status is GateStatus.INCONCLUSIVE


@pytest.mark.parametrize(
    ("unscored", "status"),
    [
        (Unscored.BOUNDS, "inconclusive"),
        (Unscored.LOWEST, "fail"),
        (Unscored.SET_ASIDE, "pass"),
    ],
)
@pytest.mark.parametrize("ask", [Ask.AT_LEAST, Ask.RETAINS])
def test_missing_scores_count_as_was_declared(unscored: Unscored, status: str, ask: Ask) -> None:
    run = _run(lost=60)
    manifest = replace(run.manifest, terms=DecisionTerms(unscored=unscored))

    assert _statuses(replace(run, manifest=manifest), replace(RULE, ask=ask)) == status


def test_a_judge_that_is_not_believed_lets_nothing_pass_and_says_why() -> None:
    cells = {"teacher": PASSES, "student": PASSES}
    rule = replace(RULE, metric=JUDGED.metric)

    (refused,) = gate(made((JUDGED, cells), standing=None), [rule]).findings
    (believed,) = gate(made((JUDGED, cells)), [rule]).findings

    assert refused.status is GateStatus.INCONCLUSIVE
    assert refused.reason.startswith("judge unvalidated")
    assert (believed.status, believed.basis) == (GateStatus.PASS, Basis.JUDGE)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"metric": "adherence.strickt"}, "no metric 'adherence.strickt' (did you mean"),
        ({"system": "studend"}, "no system 'studend' (did you mean 'student'?)"),
        ({"ask": Ask.RETAINS, "of": "teecher"}, "no system 'teecher' (did you mean 'teacher'?)"),
        ({"slices": ("kind=male",)}, "no slice 'kind=male' (did you mean 'kind=mail'?)"),
        ({"ask": Ask.LOSES_AT_MOST}, "--baseline RUN"),
    ],
)
def test_a_rule_about_what_the_run_has_not_is_refused_with_its_line(
    change: dict[str, object], said: str
) -> None:
    with pytest.raises(ConfigError) as refused:
        gate(_run(), [replace(RULE, **change)])  # type: ignore[arg-type]  # a table of changes

    assert str(refused.value).startswith("judge.yaml line 9: gate.0")
    assert said in str(refused.value)


def test_a_share_needs_a_system_to_be_kept_of() -> None:
    run = made((FACT, {"sft": PASSES, "student": PASSES}))

    with pytest.raises(ConfigError, match="no system is the teacher"):
        gate(run, [replace(RULE, ask=Ask.RETAINS)])
    assert _statuses(run, replace(RULE, ask=Ask.RETAINS, of="sft")) == "pass"


def test_a_run_that_can_be_resumed_or_hit_a_bug_of_ours_says_so() -> None:
    waiting: list[Cell] = [*PASSES[:-1], None]
    broken: list[Cell] = [*PASSES[:-1], FateCode.INTERNAL_ERROR]

    unfinished = gate(made((FACT, {"teacher": waiting, "student": waiting})), [RULE])
    bug = gate(made((FACT, {"teacher": broken, "student": broken})), [RULE])

    assert (unfinished.complete, bug.bug, gate(_run(), [RULE]).complete) == (False, True, True)
