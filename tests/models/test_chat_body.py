import json

import pytest

from judge.models.chat import ChatCall, Message, ReplyFormat, Sampling
from judge.models.chat_body import ChatBody

SCHEMA = """{
  "type": "object",
  "properties": {"rationale": {"type": "string"}, "verdict": {"enum": ["\u00e4", "b"]}}
}"""
MESSAGES = (
    Message(role="system", content='You "judge".\n'),
    Message(role="user", content="Is it so? \U0001f600"),
)


def written(
    sampling: Sampling, *, schema: str = "", reply_format: ReplyFormat = ReplyFormat.TEXT
) -> bytes:
    call = ChatCall(
        call_id="not sent", messages=MESSAGES, sampling=sampling, reply_schema=schema, mark="nor me"
    )
    return ChatBody('the "judge"', reply_format=reply_format).of(call)


def sent(sampling: Sampling) -> dict[str, object]:
    body = json.loads(written(sampling))
    assert body.pop("model") == 'the "judge"'
    assert body.pop("messages") == [
        {"role": "system", "content": 'You "judge".\n'},
        {"role": "user", "content": "Is it so? \U0001f600"},
    ]
    return dict(body)


@pytest.mark.parametrize(
    ("sampling", "fields"),
    [
        (Sampling(max_tokens=7), {"max_tokens": 7, "temperature": 0.0}),
        (Sampling(max_tokens=7, temperature=None), {"max_tokens": 7}),
        (
            Sampling(max_tokens=7, temperature=0.5, seed=0),
            {"max_tokens": 7, "temperature": 0.5, "seed": 0},
        ),
        (
            Sampling(max_tokens=7, temperature=None, effort="low"),
            {"max_completion_tokens": 7, "reasoning_effort": "low"},
        ),
        (
            Sampling(max_tokens=7, temperature=None, alternatives=5),
            {"max_tokens": 7, "logprobs": True, "top_logprobs": 5},
        ),
    ],
)
def test_the_body_holds_what_the_sampling_says_and_leaves_the_rest_open(
    sampling: Sampling, fields: dict[str, object]
) -> None:
    assert sent(sampling) == fields


@pytest.mark.parametrize(
    ("reply_format", "wanted"),
    [
        (
            ReplyFormat.JSON_SCHEMA,
            {
                "type": "json_schema",
                "json_schema": {"name": "verdict", "strict": True, "schema": json.loads(SCHEMA)},
            },
        ),
        (ReplyFormat.JSON_OBJECT, {"type": "json_object"}),
        (ReplyFormat.TEXT, None),
    ],
)
def test_the_form_of_the_reply_is_asked_for_as_told(
    reply_format: ReplyFormat, wanted: dict[str, object] | None
) -> None:
    body = json.loads(written(Sampling(), schema=SCHEMA, reply_format=reply_format))

    assert body.get("response_format") == wanted


def test_the_keys_of_the_schema_keep_their_order() -> None:
    body = written(Sampling(), schema=SCHEMA, reply_format=ReplyFormat.JSON_SCHEMA)

    assert body.index(b'"rationale"') < body.index(b'"verdict":')


def test_calls_of_another_sampling_or_schema_do_not_get_each_others() -> None:
    bodies = {
        written(Sampling(seed=seed), schema=schema, reply_format=reply_format)
        for seed in (1, 2)
        for schema in (SCHEMA, "{}")
        for reply_format in ReplyFormat
    }

    assert len(bodies) == 2 * (2 + 1 + 1)
