import re
from collections.abc import Iterator

import pytest

from judge.records.strict_json import StrictJsonError, read_strict_json
from judge.scorers.json_repair import repair

DOCUMENTS = (
    '{"a":[1,true],"b":"x"}',
    '[{"k":null},-2.5e3]',
    '{"a":{"b":{}},"c":[[],false]}',
    '["\\u00e9","\\ud83d\\ude00","\\\\"]',
    '{ "a" : 1 , "b" : [ 2 ] }',
)
CUT = [text[:end] for text in DOCUMENTS for end in range(1, len(text))]
ALPHABET = '":,0]}truefalsn'


@pytest.mark.parametrize("text", DOCUMENTS)
def test_a_whole_document_costs_nothing_and_ends_at_its_last_bracket(text: str) -> None:
    found = repair(f"see: {text} and more }}", 5)

    assert found is not None
    assert read_strict_json(found.text) == read_strict_json(text)
    assert (found.end, found.commas, found.cut, found.distance) == (5 + len(text), 0, False, 0)


@pytest.mark.parametrize("text", CUT)
def test_wherever_a_document_is_cut_what_came_before_is_read(text: str) -> None:
    found = repair(text, 0)

    assert found is not None
    assert (found.end, found.cut) == (len(text), True)
    assert isinstance(read_strict_json(found.text), dict | list)
    assert found.distance >= 1


def _brackets(text: str) -> str:
    return re.sub(r'"(?:[^"\\]|\\.)*"?|[^{}\[\]"]', "", text)


def _is_repaired(candidate: str, text: str) -> bool:
    if not _brackets(candidate).startswith(_brackets(text)):
        return False
    try:
        read_strict_json(candidate)
    except StrictJsonError:
        return False
    return True


def _edits(text: str) -> Iterator[str]:
    for place in range(len(text) + 1):
        yield text[:place] + text[place + 1 :]
        for mark in ALPHABET:
            yield text[:place] + mark + text[place:]


def _is_quickly_searched(text: str) -> bool:
    found = repair(text, 0)
    return found is not None and len(text) <= {1: 20, 2: 14, 3: 5}.get(found.distance, 0)


@pytest.mark.parametrize("text", sorted(set(filter(_is_quickly_searched, CUT))))
def test_no_fewer_edits_than_the_distance_make_a_cut_document_strict(text: str) -> None:
    found = repair(text, 0)

    assert found is not None
    reached = {text}
    for _ in range(found.distance - 1):
        reached |= {edited for one in reached for edited in _edits(one)}
    assert not [candidate for candidate in reached if _is_repaired(candidate, text)]
    assert any(_is_repaired(edited, text) for one in reached for edited in _edits(one))


@pytest.mark.parametrize(
    ("text", "repaired", "commas"),
    [
        ('{"a":1,}', '{"a":1}', 1),
        ("[1,2, ]", "[1,2]", 1),
        ('{"a":[1,],"b":{"c":2,},}', '{"a":[1],"b":{"c":2}}', 3),
        ('{"a":",]",}', '{"a":",]"}', 1),
    ],
)
def test_a_comma_after_which_nothing_comes_is_left_out(
    text: str, repaired: str, commas: int
) -> None:
    found = repair(text, 0)

    assert found is not None
    assert (found.text, found.commas, found.distance) == (repaired, commas, commas)


@pytest.mark.parametrize(
    ("text", "repaired"),
    [
        ('{"a":1,"b', '{"a":1}'),
        ('{"a":1,"b":', '{"a":1}'),
        ('{"a":1,"b":-', '{"a":1}'),
        ('{"a":1,"b":12.', '{"a":1}'),
        ('{"a":1,"b":nu', '{"a":1,"b":null}'),
        ('{"a":"wor', '{"a":"wor"}'),
        ('{"a":"wor\\', '{"a":"wor"}'),
        ('{"a":"wor\\ud83d\\ud', '{"a":"wor"}'),
        ('["C:\\\\', '["C:\\\\"]'),
    ],
)
def test_what_is_incomplete_is_left_out_and_nothing_invented(text: str, repaired: str) -> None:
    found = repair(text, 0)

    assert found is not None
    assert found.text == repaired


@pytest.mark.parametrize(
    "text",
    ["{'a':1}", '{"a" 1}', '{"a":}', "[1 2]", "[1,,2]", "[,1]", "{]", "[1}", '{"a":1 "b"', "[so"],
)
def test_what_no_comma_and_no_end_would_mend_is_no_document(text: str) -> None:
    assert repair(text, 0) is None
