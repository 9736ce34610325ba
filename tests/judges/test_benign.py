import unicodedata

import pytest

from judge.judges.benign import BenignText, benign_texts
from judge.judges.fences import canonical

TEXTS = benign_texts()
AS_THEY_ARE = ("persian", "indic", "emoji", "flags", "east_asian", "scripts")


def test_there_are_300_honest_texts_and_none_twice() -> None:
    assert len(TEXTS) >= 300
    assert len({text.text for text in TEXTS}) == len(TEXTS)
    assert len({(text.kind, text.name) for text in TEXTS}) == len(TEXTS)


@pytest.mark.parametrize("kind", AS_THEY_ARE)
def test_scripts_and_signs_that_need_joiners_or_tags_reach_the_judge_as_they_are(kind: str) -> None:
    for text in (one.text for one in TEXTS if one.kind == kind):
        assert canonical(text) == (text, ())


def _visible(text: str) -> str:
    return "".join(m for m in text if unicodedata.category(m) != "Cf" and not m.isspace())


@pytest.mark.parametrize("text", TEXTS, ids=lambda text: f"{text.kind}-{text.name}")
def test_an_honest_text_keeps_every_character_that_can_be_seen(text: BenignText) -> None:
    assert _visible(canonical(text.text)[0]) == _visible(text.text)


def test_few_honest_texts_are_changed_for_the_judge() -> None:
    changed = [text for text in TEXTS if canonical(text.text)[1]]

    print(f"changed for the judge: {len(changed)} of {len(TEXTS)} honest texts")  # noqa: T201 - a measurement
    assert len(changed) / len(TEXTS) <= 0.05
    assert {text.kind for text in changed} <= {"arrows", "templates", "arabic", "hebrew"}
