import json

import pytest

from judge.importers.texts import asked_text, input_text, is_chat, output_text, written_out
from judge.records.strict_json import JsonValue

CHAT: list[JsonValue] = [
    {"role": "system", "content": "Be short."},
    {"role": "user", "content": [{"type": "text", "text": "Hi"}, {"type": "image_url"}, "there"]},
]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("ask", "ask"),
        (None, ""),
        (CHAT, "system: Be short.\n\nuser: Hi\nthere"),
        ([{"role": "user", "content": "Hi"}], "Hi"),
        ({"messages": CHAT}, "system: Be short.\n\nuser: Hi\nthere"),
        ({"anything": "ask"}, "ask"),
        ({"question": "ask", "k": 3}, "ask"),
        ({"b": 1, "a": "x"}, '{"a":"x","b":1}'),
        (7, "7"),
    ],
)
def test_what_was_asked_is_one_text(value: JsonValue, text: str) -> None:
    assert input_text(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("said", "said"),
        (None, None),
        ([*CHAT, {"role": "assistant", "content": "Yes"}], "Yes"),
        ({"choices": [{"message": {"role": "assistant", "content": "Yes"}}], "id": "x"}, "Yes"),
        ({"choices": [{"text": "Yes"}]}, None),
        ({"messages": [{"role": "assistant", "content": "Yes"}]}, "Yes"),
        ({"role": "assistant", "content": "Yes"}, "Yes"),
        ({"response": "Yes"}, "Yes"),
        ({"total": 3, "at": "x"}, '{"at":"x","total":3}'),
    ],
)
def test_what_was_answered_is_the_raw_text(value: JsonValue, text: str | None) -> None:
    assert output_text(value) == text


def test_a_text_that_writes_out_a_chat_is_read_and_another_left_alone() -> None:
    assert asked_text(json.dumps([{"role": "user", "content": "Hi"}])) == "Hi"
    assert asked_text('{"question": "Hi"}') == '{"question": "Hi"}'
    assert not is_chat([])


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": 1}', {"a": 1}),
        ("{'a': True, 'b': None}", {"a": True, "b": None}),
        ("['x', 2]", ["x", 2]),
        ("{'a': {1, 2}}", "{'a': {1, 2}}"),
        ("{'a': b'x'}", "{'a': b'x'}"),
        ("{not: python}", "{not: python}"),
        ("__import__('os')", "__import__('os')"),
        ("[" * 2000 + "]" * 2000, "[" * 2000 + "]" * 2000),
        ("{" + "x" * 70_000 + "}", "{" + "x" * 70_000 + "}"),
        (3, 3),
    ],
    ids=range(10),
)
def test_only_what_is_written_out_as_data_is_read_again(text: JsonValue, value: JsonValue) -> None:
    assert written_out(text) == value
