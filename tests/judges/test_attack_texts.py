import re

import pytest

from judge.judges.attack_texts import (
    CHAT_TEMPLATES,
    COMMENTS,
    FENCES,
    ORDERS,
    SPOKEN,
    TRANSLATED,
)

TABLES = {
    **SPOKEN,
    "orders": ORDERS,
    **{
        name: tuple(table.values())
        for name, table in (
            ("translated", TRANSLATED),
            ("chat_templates", CHAT_TEMPLATES),
            ("comments", COMMENTS),
            ("fences", FENCES),
        )
    },
}
KNOWN = {"best", "worst", "key", "order", "mark", "short"}


@pytest.mark.parametrize("name", sorted(TABLES))
def test_a_family_has_eight_wordings_or_more_and_none_twice(name: str) -> None:
    texts = TABLES[name]

    assert len(texts) >= 8
    assert len({" ".join(text.split()) for text in texts}) == len(texts)


@pytest.mark.parametrize("name", sorted(TABLES))
def test_every_placeholder_is_one_that_is_filled_in(name: str) -> None:
    for text in TABLES[name]:
        assert set(re.findall(r"%([a-z]+)%", text)) <= KNOWN, text
        assert not re.search(r"%(?:best|worst|key|order|mark|short)(?!%)", text), text
