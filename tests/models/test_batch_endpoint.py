import asyncio
import json

import msgspec
import pytest

from judge.errors import JudgeRejected, JudgeUnavailable, JudgeUnparseable, ScoringError
from judge.models.batch_endpoint import (
    MAX_LINE_BYTES,
    BatchEndpoint,
    BatchFault,
    BatchLine,
    LineResponse,
)
from judge.models.chat import ChatCall, Message, ReplyFormat, Sampling
from judge.models.chat_body import ChatBody
from judge.testing import Answer, FakeEndpoint, chat_completion, fault

KEY = "sk-secret-0123456789"
CALL = ChatCall(
    call_id="one",
    messages=(Message(role="user", content="Is it \u2028 so?\n"),),
    sampling=Sampling(seed=3),
    reply_schema='{"type": "object"}',
)


def made(base_url: str = "http://127.0.0.1:1/v1") -> BatchEndpoint:
    return BatchEndpoint(
        "tested-judge",
        base_url=base_url,
        api_key=KEY,
        reply_format=ReplyFormat.JSON_SCHEMA,
        identity={"model": "tested-judge"},
    )


def fetched(content: bytes) -> list[BatchLine]:
    """Fetch a file of answers."""

    async def fetch(base_url: str) -> list[BatchLine]:
        endpoint = made(base_url)
        try:
            return [line async for line in endpoint.lines("file-1")]
        finally:
            await endpoint.close()

    with FakeEndpoint(lambda _: Answer(body=content)) as stub:
        return asyncio.run(fetch(stub.base_url))


def test_a_line_is_one_line_and_asks_what_a_single_call_does() -> None:
    line = made().question("judge-1", CALL)

    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    read = json.loads(line)
    alone = ChatBody("tested-judge", reply_format=ReplyFormat.JSON_SCHEMA).of(CALL)
    assert read["body"] == json.loads(alone)
    assert read["custom_id"] == "judge-1"


def test_a_file_is_cut_at_line_feeds_alone() -> None:
    texts = ["one\u2028two", "three\u0085four", "five\x0bsix"]
    lines = [{"custom_id": text, "response": {"status_code": 200, "body": text}} for text in texts]
    content = "\n".join(json.dumps(line, ensure_ascii=False) for line in lines)

    assert [line.custom_id for line in fetched(content.encode())] == texts


def test_a_line_without_end_is_not_kept_in_memory() -> None:
    with pytest.raises(JudgeUnparseable, match="a line of the file file-1 is larger than"):
        fetched(b'{"custom_id": "' + b"x" * (MAX_LINE_BYTES + 200_000))


def test_an_answer_does_not_repeat_our_key() -> None:
    response = LineResponse(
        status_code=200, body=msgspec.Raw(json.dumps(chat_completion(f"the key is {KEY}")).encode())
    )

    completion = made().answer(response, call=CALL, latency_s=0.5)

    assert completion.text == "the key is ***"
    assert completion.latency_s == 0.5


def test_a_refusal_does_not_repeat_our_key() -> None:
    response = LineResponse(
        status_code=400, body=msgspec.Raw(json.dumps(fault(f"{KEY} may not do that")).encode())
    )

    with pytest.raises(JudgeRejected, match=r"HTTP 400: \*\*\* may not do that"):
        made().answer(response, call=CALL, latency_s=0.0)


@pytest.mark.parametrize(
    ("code", "ends"),
    [
        ("batch_expired", (JudgeUnavailable, False)),
        ("batch_cancelled", (JudgeUnavailable, False)),
        ("request_timeout", (JudgeUnavailable, True)),
        ("something_new", (JudgeRejected, False)),
    ],
)
def test_a_question_that_was_not_asked_cost_nothing_and_one_given_up_may_have(
    code: str, ends: tuple[type[ScoringError], bool]
) -> None:
    found = made().failure(BatchFault(code=code, message=f"no: {KEY}"))

    assert (type(found), found.possibly_paid) == ends
    assert KEY not in str(found)


def test_questions_are_not_carried_to_where_a_redirect_points() -> None:
    with FakeEndpoint() as elsewhere:
        moved = Answer(status=307, headers={"location": f"{elsewhere.base_url}/files"})

        async def upload(base_url: str) -> None:
            endpoint = made(base_url)
            try:
                await endpoint.upload(endpoint.question("judge-1", CALL))
            finally:
                await endpoint.close()

        with FakeEndpoint(lambda _: moved) as stub, pytest.raises(JudgeRejected, match="HTTP 307"):
            asyncio.run(upload(stub.base_url))

    assert elsewhere.requests == []
