import re
from itertools import combinations

import pytest

from judge.cli.exits import MEANINGS, ExitCode, gravest

GRAVEST_FIRST = (130, 5, 2, 4, 1, 3, 0)


@pytest.mark.parametrize(("graver", "other"), list(combinations(GRAVEST_FIRST, 2)))
def test_of_two_codes_a_command_ends_with_the_graver(graver: int, other: int) -> None:
    codes = [ExitCode(other), ExitCode(graver)]

    assert gravest(codes) == gravest(codes[::-1]) == graver


def test_a_command_without_any_trouble_is_done() -> None:
    assert gravest([]) == 0


def test_every_code_has_its_meaning_in_the_help() -> None:
    explained = {int(number) for number in re.findall(r"\b(\d+) [a-z]", MEANINGS)}

    assert explained == {code.value for code in ExitCode}
