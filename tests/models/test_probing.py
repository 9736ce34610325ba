import asyncio
import json

import pytest

from judge.errors import (
    AccessDenied,
    JudgeRejected,
    JudgeTruncated,
    JudgeUnavailable,
    JudgeUnparseable,
    ScoringError,
)
from judge.models.chat import Completion, ReplyFormat, Sampling
from judge.models.openai import OpenAIChat
from judge.models.probing import probe_call, probe_reply_format
from judge.testing import Answer, FakeEndpoint, Received, chat_completion, completion, fault

SCHEMA, OBJECT, TEXT = ReplyFormat.JSON_SCHEMA, ReplyFormat.JSON_OBJECT, ReplyFormat.TEXT
Said = str | ScoringError | Completion

KEPT = '{"verdict": "yes"}'
UNKNOWN = JudgeRejected("HTTP 400: 'response_format.type' must be one of 'text', 'json_object'")
CUT = completion('{"verd', finish_reason="length")


def probed(**said: Said) -> tuple[ReplyFormat, list[ReplyFormat]]:
    asked: list[ReplyFormat] = []

    async def ask(reply_format: ReplyFormat) -> Completion:
        asked.append(reply_format)
        answer = said[reply_format.value]
        if isinstance(answer, ScoringError):
            raise answer
        return answer if isinstance(answer, Completion) else completion(answer)

    return asyncio.run(probe_reply_format(ask)), asked


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ({"json_schema": KEPT}, SCHEMA),
        ({"json_schema": UNKNOWN, "json_object": KEPT}, OBJECT),
        (
            {
                "json_schema": JudgeRejected("HTTP 422: unknown field json_schema"),
                "json_object": KEPT,
            },
            OBJECT,
        ),
        ({"json_schema": "Yes, it is.", "json_object": KEPT}, OBJECT),
        ({"json_schema": '{"verdict": "maybe"}', "json_object": KEPT}, OBJECT),
        ({"json_schema": '{"verdict": "yes", "why": ""}', "json_object": KEPT}, OBJECT),
        ({"json_schema": "", "json_object": f"```json\n{KEPT}\n```", "text": KEPT}, TEXT),
        ({"json_schema": UNKNOWN, "json_object": UNKNOWN, "text": KEPT}, TEXT),
    ],
)
def test_the_strictest_form_that_is_kept_to_is_found(
    said: dict[str, Said], kept: ReplyFormat
) -> None:
    found, asked = probed(**said)

    assert found is kept
    assert asked == [SCHEMA, OBJECT, TEXT][: len(said)]


@pytest.mark.parametrize(
    ("said", "error"),
    [
        ({"json_schema": JudgeRejected("HTTP 404: no such model")}, JudgeRejected),
        ({"json_schema": AccessDenied("HTTP 401: response_format")}, AccessDenied),
        ({"json_schema": JudgeUnavailable("HTTP 503")}, JudgeUnavailable),
        ({"json_schema": CUT}, JudgeTruncated),
        ({"json_schema": "a", "json_object": "b", "text": "c"}, JudgeUnparseable),
    ],
)
def test_what_says_nothing_about_the_form_is_no_reason_to_ask_for_less(
    said: dict[str, Said], error: type[ScoringError]
) -> None:
    with pytest.raises(error):
        probed(**said)


def test_a_schema_is_not_put_in_words_too_and_a_json_object_is() -> None:
    texts = {
        form: probe_call(form, sampling=Sampling()).messages[0].content for form in ReplyFormat
    }

    assert "JSON" not in texts[SCHEMA]
    assert "JSON" in texts[OBJECT]  # OpenAI refuses the form where the messages do not name it
    assert texts[OBJECT] == texts[TEXT]
    assert probe_call(SCHEMA, sampling=Sampling()).call_id == "probe/json_schema"


def respond(received: Received) -> Answer:
    """Answer like a server that knows JSON mode only."""
    asked = received.body.get("response_format")
    if isinstance(asked, dict) and asked["type"] == "json_schema":
        return Answer(status=400, body=fault("response_format: json_schema is not supported"))
    told = json.dumps({"verdict": "yes"}) if "JSON" in received.user_text else "Yes."
    return Answer(body=chat_completion(told))


def test_an_endpoint_that_knows_json_mode_only_is_found_out() -> None:
    async def probe(base_url: str) -> ReplyFormat:
        async def ask(reply_format: ReplyFormat) -> Completion:
            chat = OpenAIChat(
                "m", base_url=base_url, api_key="k", reply_format=reply_format, connections=1
            )
            try:
                return await chat.complete(probe_call(reply_format, sampling=Sampling()))
            finally:
                await chat.close()

        return await probe_reply_format(ask)

    with FakeEndpoint(respond) as endpoint:
        assert asyncio.run(probe(endpoint.base_url)) is OBJECT
    assert len(endpoint.requests) == 2
