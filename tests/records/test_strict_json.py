import json
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from judge.records.strict_json import (
    MAX_DEPTH,
    JsonFault,
    JsonValue,
    StrictJsonError,
    dump_json,
    read_strict_json,
)

_LARGEST = 10**19 - 1
_TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
_LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-_LARGEST, _LARGEST)
    | st.floats(allow_nan=False, allow_infinity=False)
    | _TEXTS
)
JSON_VALUES: st.SearchStrategy[JsonValue] = st.recursive(
    _LEAVES, lambda inner: st.lists(inner) | st.dictionaries(_TEXTS, inner), max_leaves=20
)


def _nested(depth: int) -> str:
    return "[" * depth + "]" * depth


def _turned(value: JsonValue) -> JsonValue:
    """Return the same value with the keys of its objects in another order."""
    if isinstance(value, dict):
        names = list(value)
        random.Random(len(names)).shuffle(names)  # noqa: S311 - any order will do
        return {name: _turned(value[name]) for name in names}
    if isinstance(value, list):
        return [_turned(member) for member in value]
    return value


@settings(deadline=None)
@given(value=JSON_VALUES, ascii_only=st.booleans(), indent=st.none() | st.integers(0, 2))
def test_what_json_writes_is_read_back_equal(
    value: JsonValue, *, ascii_only: bool, indent: int | None
) -> None:
    text = json.dumps(value, allow_nan=False, ensure_ascii=ascii_only, indent=indent)

    # Texts are compared, for to Python 1, 1.0 and True are equal, and so are 0.0 and -0.0.
    assert dump_json(read_strict_json(text)) == dump_json(value)


@settings(deadline=None)
@given(value=JSON_VALUES)
def test_a_value_has_one_canonical_text_whatever_the_order_of_its_keys(value: JsonValue) -> None:
    text = dump_json(value)

    assert dump_json(_turned(value)) == text
    assert dump_json(read_strict_json(text)) == text


def test_canonical_text_has_sorted_keys_no_spaces_and_plain_letters() -> None:
    value: JsonValue = {"z": [1, 1.5, True, None], "ä": "ß", "a": {"y": "", "b": {}}}

    assert dump_json(value) == '{"a":{"b":{},"y":""},"z":[1,1.5,true,null],"ä":"ß"}'


def test_a_number_that_is_none_has_no_canonical_text() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        dump_json(float("nan"))


@pytest.mark.parametrize(
    ("text", "fault", "position"),
    [
        ("", JsonFault.SYNTAX, 0),
        ("the total is 3", JsonFault.SYNTAX, 0),
        ("```json\n{}\n```", JsonFault.SYNTAX, 0),
        ("\ufeff{}", JsonFault.SYNTAX, 0),
        ("{'a': 1}", JsonFault.SYNTAX, 1),
        ("[1, 2", JsonFault.SYNTAX, 5),
        ("[01]", JsonFault.SYNTAX, 2),
        ("[.5]", JsonFault.SYNTAX, 1),
        ('["a\tb"]', JsonFault.SYNTAX, 3),
        ("[1]\u00a0", JsonFault.EXTRA_DATA, 3),
        ('{"a": 1} {"a": 2}', JsonFault.EXTRA_DATA, 9),
        ('{"a": 1, "a": 1}', JsonFault.DUPLICATE_KEY, 9),
        ('{"a": "a", "b": {"a": 1}, "\\u0061": 2}', JsonFault.DUPLICATE_KEY, 26),
        ('{"b": {"a": 1}, "a": 2, "a": 3}', JsonFault.DUPLICATE_KEY, 24),
        ('[{"a": 1}, {"a": {"b": 1, "b": 2}}]', JsonFault.DUPLICATE_KEY, 26),
        ("NaN", JsonFault.NOT_FINITE, 0),
        ('{"NaN": NaN}', JsonFault.NOT_FINITE, 8),
        ('["Infinity", Infinity]', JsonFault.NOT_FINITE, 13),
        ("[1, -Infinity]", JsonFault.NOT_FINITE, 4),
        ("[1, 1e999]", JsonFault.NOT_FINITE, 4),
        ("[-1e999]", JsonFault.NOT_FINITE, 1),
        (_nested(MAX_DEPTH + 1), JsonFault.TOO_DEEP, MAX_DEPTH),
        pytest.param('{"a":' * 200_000, JsonFault.TOO_DEEP, 5 * MAX_DEPTH, id="endless"),
        ('["\\ud800"]', JsonFault.LONE_SURROGATE, 1),
        ('["\\uDC00\\uD83D"]', JsonFault.LONE_SURROGATE, 1),
        ('{"a": 1, "\\ud83d": 2}', JsonFault.LONE_SURROGATE, 9),
        ('["a", "\ud83d\ude00"]', JsonFault.LONE_SURROGATE, 6),
        ("[12345678901234567890]", JsonFault.INTEGER_TOO_LONG, 1),
        ('["12345678901234567890", -12345678901234567890]', JsonFault.INTEGER_TOO_LONG, 25),
    ],
)
def test_a_fault_is_named_with_its_position(text: str, fault: JsonFault, position: int) -> None:
    with pytest.raises(StrictJsonError) as refused:
        read_strict_json(text)

    assert (refused.value.fault, refused.value.position) == (fault, position)
    assert f"column {position + 1}" in str(refused.value)


def test_the_message_names_the_line_where_there_are_several() -> None:
    with pytest.raises(StrictJsonError, match=r"NaN is not a JSON number \(line 3, column 8\)"):
        read_strict_json('{\n  "a": "NaN",\n  "b": NaN\n}')


def test_a_message_stays_short_whatever_the_text_holds() -> None:
    key, digits = "k" * 100_000, "9" * 100_000

    for text in (f'{{"{key}": 1, "{key}": 2}}', f"[{digits}]", f"[{digits}.0]"):
        with pytest.raises(StrictJsonError) as refused:
            read_strict_json(text)

        assert len(str(refused.value)) < 200


@pytest.mark.parametrize(
    "text",
    [
        _nested(MAX_DEPTH),
        '["' + "[{" * 200 + '"]',
        '["\\"' + "[" * 200 + '"]',
        "[" + ",".join(["[]"] * 200) + "]",
        "9999999999999999999",
        "-9999999999999999999",
        "123456789012345678901234567890.5",
        '"\\ud83d\\ude00 \\\\ud800"',
        '{"a": {"a": {"a": 1}}, "b": ["a", "a"]}',
        " \t\r\n1 \t\r\n",
    ],
)
def test_what_only_looks_like_a_fault_is_read(text: str) -> None:
    assert read_strict_json(text) == json.loads(text)


def test_quotes_and_brackets_without_an_end_are_refused_in_linear_time() -> None:
    # Looked at again from each quote, this text would take hours: the suite's limit ends it.
    text = '"' + '\\"' * 1_000_000 + "[" * (MAX_DEPTH + 1) + "\\"

    with pytest.raises(StrictJsonError) as refused:
        read_strict_json(text)

    assert refused.value.fault is JsonFault.SYNTAX
