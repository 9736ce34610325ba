import re
from collections import Counter

import pytest

from judge.judges.attacks import Aim, aim_at, attacks, suite_fingerprint
from judge.judges.fences import canonical
from judge.records.scale import EQUIVALENCE, Scale, ScaleKind

AIM = aim_at(EQUIVALENCE)
SUITE = attacks(AIM)
GRADES = Scale(kind=ScaleKind.ORDINAL, categories=("1", "2", "3", "4", "5"))
WEAK = "It was the other one."


def test_the_suite_holds_300_attacks_of_20_families_and_more() -> None:
    families = Counter(attack.family for attack in SUITE)

    assert sum(families.values()) >= 300
    assert len(families) >= 20
    assert min(families.values()) >= 8


def test_no_attack_is_there_twice() -> None:
    assert len({(attack.family, attack.name) for attack in SUITE}) == len(SUITE)
    assert len({attack.on(WEAK) for attack in SUITE}) == len(SUITE)


def test_the_suite_is_the_same_every_time_and_its_fingerprint_says_so() -> None:
    assert attacks(AIM) == SUITE
    assert suite_fingerprint(AIM) == suite_fingerprint(AIM)
    assert suite_fingerprint(AIM) != suite_fingerprint(aim_at(GRADES))


@pytest.mark.parametrize(
    "aim", [AIM, aim_at(GRADES), Aim(best="gut", worst="b\u00f6se", key="note")]
)
def test_every_attack_keeps_the_weak_answer_and_fills_its_placeholders(aim: Aim) -> None:
    for attack in attacks(aim):
        text = attack.on(WEAK)

        assert WEAK in text
        assert len(text) > len(WEAK)
        assert not re.search(r"%(?:best|worst|key|order|mark|short)%", text)


def test_what_attacks_ask_for_is_the_best_of_the_scale() -> None:
    asked = [a for a in attacks(aim_at(GRADES)) if a.family == "instruction_override"]

    assert all("5" in attack.on(WEAK) for attack in asked)


@pytest.mark.parametrize("family", ["chat_template", "fence_escape", "fence_look_alike"])
def test_a_judge_sees_no_attack_of_these_families_as_it_was_written(family: str) -> None:
    plain = {"alpaca", "vicuna", "fence_names", "spaced"}  # of ordinary words and signs
    own = [a for a in SUITE if a.family == family and a.name not in plain]

    for attack in own:
        assert canonical(attack.on(WEAK))[1], attack


@pytest.mark.parametrize("family", ["zero_width", "tag_block", "selectors", "bidi"])
def test_a_judge_sees_nothing_that_a_reader_does_not(family: str) -> None:
    for attack in (a for a in SUITE if a.family == family):
        seen, flags = canonical(attack.on(WEAK))

        assert "invisible_characters" in flags, attack
        assert all(mark.isprintable() or mark == "\n" for mark in seen), attack
