from dataclasses import replace

import pytest

from judge.errors import ConfigError
from judge.gates.checking import check_rules, teacher_of
from judge.gates.rule import Ask, Rule
from judge.records.record import Role, System, Target
from tests.reports.paired_sides import FACT, JUDGED

SYSTEMS = (System(name="big", role=Role.TEACHER), System(name="small", role=Role.STUDENT))
LIKENESS = replace(JUDGED, target=Target.TEACHER)
COSINE = replace(FACT, scorer="similarity", target=Target.REFERENCE, lower=-1.0)
RULE = Rule(metric=FACT.metric, system="small", ask=Ask.RETAINS, bound=0.9, place="c.yaml line 3")


def _check(rule: Rule, *, systems: tuple[System, ...] = SYSTEMS) -> None:
    measures = (FACT, JUDGED, LIKENESS, COSINE)
    check_rules([rule], measures=measures, systems=systems, slices=["overall", "kind=mail"])


def test_rules_about_what_is_there_are_accepted() -> None:
    for rule in (RULE, replace(RULE, slices=("overall", "kind=mail")), replace(RULE, of="big")):
        _check(rule)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"metric": "adherence.strickt"}, "no metric 'adherence.strickt' (did you mean"),
        ({"system": "smal"}, "no system 'smal' (did you mean 'small'?)"),
        ({"of": "bigg"}, "no system 'bigg' (did you mean 'big'?)"),
        ({"slices": ("kind=male",)}, "no slice 'kind=male' (did you mean 'kind=mail'?)"),
        ({"system": "big"}, "big would be held against itself"),
        ({"metric": LIKENESS.metric}, "says how like the teacher"),
        ({"metric": COSINE.metric}, "does not begin at 0"),
        ({"metric": "operations.cost"}, "retains is not asked of operations.cost"),
        (
            {"metric": "operations.latency_ms.p90", "ask": Ask.AT_MOST},
            "no metric 'operations.latency_ms.p90' (did you mean 'operations.latency_ms.p99'?)",
        ),
        (
            {"metric": "operations.cost", "ask": Ask.SAVES_AT_LEAST, "system": "big"},
            "big would be held against itself",
        ),
        ({"together": {FACT.metric: 1.0, "simlarity": 0.5}}, "no metric 'simlarity'"),
        (
            {"together": {FACT.metric: 2.0}},
            "goes from 0 to 1, so that at least 2 is reached by none",
        ),
        ({"together": {COSINE.metric: -1.0}}, "at least -1 is reached by every output"),
        (
            {"together": {FACT.metric: 1.0}, "ask": Ask.LOSES_AT_MOST},
            "loses_at_most is asked of one metric",
        ),
    ],
)
def test_a_rule_that_no_run_could_meet_is_refused_at_its_place(
    change: dict[str, object], said: str
) -> None:
    with pytest.raises(ConfigError) as refused:
        _check(replace(RULE, **change))  # type: ignore[arg-type]  # a table of changes

    assert str(refused.value).startswith("c.yaml line 3: ")
    assert said in str(refused.value)


def test_slices_that_were_looked_up_before_are_not_looked_up_again() -> None:
    rule = replace(RULE, slices=("kind=male",))

    check_rules([rule], measures=[FACT], systems=SYSTEMS, slices=None)


def test_a_share_needs_a_system_to_be_kept_of() -> None:
    without = (replace(SYSTEMS[0], role=Role.SFT), SYSTEMS[1])

    with pytest.raises(ConfigError, match="no system is the teacher"):
        _check(RULE, systems=without)
    _check(replace(RULE, of="big"), systems=without)
    assert (teacher_of(SYSTEMS), teacher_of(without)) == ("big", "")
