import pytest

from judge.results.served import models_in, of_member, of_members, together

PANEL = of_members({"strict": "gpt-0501", "mild": "llama: 8b"})


def test_each_member_of_a_panel_has_a_line() -> None:
    assert PANEL == "strict: gpt-0501\nmild: llama: 8b"
    assert models_in([PANEL, "gpt-0501"]) == {"strict: gpt-0501", "mild: llama: 8b", "gpt-0501"}


def test_a_member_without_an_answer_takes_nothing_from_what_is_known_of_the_others() -> None:
    without = of_members({"strict": "gpt-0501", "mild": ""})

    assert models_in([without]) < models_in([PANEL])


@pytest.mark.parametrize(
    ("member", "served"),
    [("strict", "gpt-0501"), ("mild", "llama: 8b"), ("mil", None), ("absent", None)],
)
def test_what_answered_for_a_member_first_is_found_wherever_it_did(
    member: str, served: str | None
) -> None:
    texts = ["", "strict: gpt-0501", PANEL, "strict: gpt-0612"]

    assert of_member(texts, member) == served


def test_a_panel_within_a_panel_keeps_its_lines() -> None:
    outer = of_members({"panel": PANEL, "one": "m"})

    inner = of_member([outer], "panel")

    assert outer == "panel: strict: gpt-0501\npanel: mild: llama: 8b\none: m"
    assert inner == "strict: gpt-0501"


def test_who_answered_the_same_judge_twice_is_named_once() -> None:
    assert together(["gpt-0501", "", "gpt-0501", "gpt-0612"]) == "gpt-0501\ngpt-0612"
    assert together([]) == ""
