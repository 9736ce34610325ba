import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from judge.records.strict_json import JsonValue, StrictJsonError, read_strict_json
from judge.scorers.json_reading import LenientReading, read_document, read_leniently

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=12,
)


@st.composite
def texts(draw: st.DrawFn) -> str:
    text = json.dumps(
        draw(VALUES),
        ensure_ascii=draw(st.booleans()),
        indent=draw(st.sampled_from([None, 1])),
        separators=draw(st.sampled_from([None, (",", ":"), (" , ", " : ")])),
    )
    if draw(st.booleans()):
        return text
    start, end = sorted(draw(st.tuples(*[st.integers(0, len(text))] * 2)))
    piece = text[start:end]
    return draw(st.sampled_from([text[:start] + text[end:], text[:end] + piece + text[end:]]))


def _read(text: str, reader: object) -> tuple[object, ...]:
    assert callable(reader)
    try:
        value = reader(text)
    except StrictJsonError as error:
        return error.fault, str(error), error.position
    return (repr(value),)


@given(text=texts() | st.text(max_size=8))
@example(text='{"a":1,"a":2}')
@example(text='{"a":1,"a"\n:2}')
@example(text='{"\\u0061\\u003a":1,"a:":2,"b":":"}')
@example(text='{"a":"\\u003a","a":":"}')
@example(text='["\\ud800"]')
@example(text='["\ud800"]')
@example(text='["\\ud83d\\ude00"]')
@example(text="12345678901234567890")
@example(text="-9999999999999999999")
@example(text='["12345678901234567890", 0.12345678901234567890]')
@example(text="1e999")
@example(text="[-0, -0.0, 1E5, 5e-324]")
@example(text="[" * 64 + "]" * 64)
@example(text="[" * 65 + "]" * 65)
@example(text="[" + "[]," * 70 + "{}]")
@example(text="[" * 200_000)
@example(text="\ufeff{}")
@example(text='"\t"')
def test_the_fast_reader_says_what_the_strict_one_says(text: str) -> None:
    assert _read(text, read_document) == _read(text, read_strict_json)


def _lenient(text: str) -> LenientReading:
    with pytest.raises(StrictJsonError) as failed:
        read_document(text)
    return read_leniently(text, failed.value)


@pytest.mark.parametrize(
    ("text", "shapes", "document", "distance"),
    [
        ('```json\n{"a": 1}\n```', ["fenced"], {"a": 1}, 10),
        ('~~ ```\n{"a": "```"}\n```', ["fenced", "prose_around"], {"a": "```"}, 8),
        ("Sure:\n```\n[1]\n```\nBye", ["fenced", "prose_around"], [1], 14),
        ('```json\n{"a": 1,}\n```', ["fenced", "trailing_comma"], {"a": 1}, 11),
        ('```json\n{"a": 1,\n', ["fenced", "truncated"], {"a": 1}, 9),
        ("```\n42\n```", ["fenced"], 42, 6),
        ('Here it is: {"a": 1}. Bye', ["prose_around"], {"a": 1}, 13),
        ('As [1] says: {"a": 1}', ["prose_around"], {"a": 1}, 10),
        ('\ufeff{"a": 1}', ["prose_around"], {"a": 1}, 1),
        ('{"a": 1} ]', ["prose_around"], {"a": 1}, 1),
        ('{"a": [1, 2,],}', ["trailing_comma"], {"a": [1, 2]}, 2),
        ('{"a": ",}",}', ["trailing_comma"], {"a": ",}"}, 1),
        ('{"a": 1, "b": {"c": "wor', ["truncated"], {"a": 1, "b": {"c": "wor"}}, 3),
        ('{"a": [1,], "b": tru', ["trailing_comma", "truncated"], {"a": [1], "b": True}, 3),
        ('So: {"a": 1', ["prose_around", "truncated"], {"a": 1}, 4),
    ],
)
def test_what_was_meant_is_read_with_what_had_to_be_forgiven(
    text: str, shapes: list[str], document: JsonValue, distance: int
) -> None:
    found = _lenient(text)

    assert [shape.value for shape in found.shapes] == shapes
    assert (found.readable, found.document, found.distance) == (True, document, distance)


@pytest.mark.parametrize(
    ("text", "shapes", "distance"),
    [
        ('{"a": 1}\n{"a": 2}', ["several_documents"], 7),
        ("[1]\n[1, 2]", ["several_documents"], 3),
        ('```json\n{"a":1}\n```\n```json\n{"a":2}\n```', ["fenced", "several_documents"], 27),
        ('{"a": 1, "a": 2}', ["ambiguous"], None),
        ('See {"a": NaN}.', ["prose_around", "ambiguous"], None),
        ('```\n{"a": 1, "a": 2}\n```', ["fenced", "ambiguous"], None),
        ("[" * 65 + "]" * 65, ["ambiguous"], None),
        ("I cannot do that", ["not_json"], None),
        ("{'a': 1}", ["not_json"], None),
        ("```\nno\n```", ["fenced", "not_json"], None),
        ("[see above]", ["not_json"], None),
        ("yes, 42", ["not_json"], None),
        ("[" + "{" * 100_000, ["ambiguous"], None),
    ],
)
def test_where_it_is_not_clear_what_was_meant_nothing_is_read(
    text: str, shapes: list[str], distance: int | None
) -> None:
    found = _lenient(text)

    assert [shape.value for shape in found.shapes] == shapes
    assert (found.readable, found.document, found.distance) == (False, None, distance)
