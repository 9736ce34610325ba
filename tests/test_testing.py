import asyncio
import json
import socket
from collections.abc import Sequence
from contextlib import closing
from http.client import (
    HTTPConnection,
    HTTPException,
    HTTPResponse,
    IncompleteRead,
    RemoteDisconnected,
)

import numpy as np
import pytest

from judge.models.chat import ChatCall, Message, Sampling
from judge.testing import (
    Answer,
    Attempt,
    FakeChat,
    FakeEndpoint,
    HashEmbedder,
    MemoryAttemptLog,
    Received,
    chat_completion,
    completion,
    fault,
    verdict,
)

PATH = "/v1/chat/completions"
QUESTION = json.dumps({"messages": [{"content": "You judge."}, {"content": "Is it so?"}]})
CALL = ChatCall(
    call_id="one", messages=(Message(role="user", content="Is it so?"),), sampling=Sampling()
)
PATIENCE_S = 30.0


def _connection(endpoint: FakeEndpoint, *, timeout_s: float = PATIENCE_S) -> HTTPConnection:
    host, _, port = endpoint.base_url.removeprefix("http://").removesuffix("/v1").partition(":")
    return HTTPConnection(host, int(port), timeout=timeout_s)


def _ask(connection: HTTPConnection, body: str = QUESTION) -> HTTPResponse:
    connection.request("POST", PATH, body)
    return connection.getresponse()


def _answered(answer: Answer) -> tuple[HTTPResponse, bytes]:
    with FakeEndpoint(lambda _: answer) as endpoint, closing(_connection(endpoint)) as connection:
        response = _ask(connection)
        return response, response.read()


async def _ask_often(endpoint: FakeEndpoint, times: int) -> None:
    def once() -> None:
        with closing(_connection(endpoint)) as connection:
            _ask(connection).read()

    await asyncio.gather(*(asyncio.to_thread(once) for _ in range(times)))


def test_it_answers_as_a_judge_who_finds_everything_equivalent() -> None:
    with FakeEndpoint() as endpoint, closing(_connection(endpoint)) as connection:
        body = json.loads(_ask(connection).read())

    assert body == chat_completion('{"rationale": "They agree.", "verdict": "equivalent"}')
    assert body["choices"][0]["message"]["content"] == verdict()


@pytest.mark.parametrize(
    ("body", "content"),
    [
        (b"\xff\x00", b"\xff\x00"),
        ("caf\u00e9", b"caf\xc3\xa9"),
        ({"a": [1]}, b'{"a": [1]}'),
        (fault("no", code="c"), b'{"error": {"message": "no", "type": "fake_error", "code": "c"}}'),
        (b"", b""),
    ],
)
def test_the_body_is_sent_as_the_answer_gives_it(
    body: bytes | str | dict[str, object], content: bytes
) -> None:
    response, received = _answered(Answer(body=body))

    assert received == content
    assert response.headers["content-length"] == str(len(content))


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (200, "OK"),
        (307, "Temporary Redirect"),
        (404, "Not Found"),
        (503, "Service Unavailable"),
        (529, "Unnamed"),
    ],
)
def test_the_status_is_the_answers(status: int, reason: str) -> None:
    response, _ = _answered(Answer(status=status))

    assert (response.status, response.reason) == (status, reason)


def test_the_headers_are_the_answers_and_may_replace_the_usual_ones() -> None:
    response, _ = _answered(Answer(headers={"Retry-After": "7", "Content-Type": "text/html"}))

    assert response.headers["retry-after"] == "7"
    assert response.headers.get_all("content-type") == ["text/html"]


def test_a_content_length_that_lies_is_sent_as_it_is() -> None:
    lie = Answer(body=b"short", headers={"Content-Length": "100", "Connection": "close"})

    with pytest.raises(IncompleteRead):
        _answered(lie)


def test_a_dripping_answer_arrives_whole() -> None:
    _, received = _answered(Answer(body=b"drop by drop", drip_s=0.001))

    assert received == b"drop by drop"


@pytest.mark.parametrize("answer", [Answer(delay_s=60), Answer(hang=True)])
def test_a_late_answer_and_none_look_alike_to_who_does_not_wait(answer: Answer) -> None:
    with (
        FakeEndpoint(lambda _: answer) as endpoint,
        closing(_connection(endpoint, timeout_s=0.5)) as connection,
        pytest.raises(TimeoutError),
    ):
        _ask(connection)

    assert len(endpoint.requests) == 1


def test_a_dripping_answer_comes_byte_by_byte() -> None:
    answer = Answer(body=b"x" * 1000, drip_s=0.05)

    with FakeEndpoint(lambda _: answer) as endpoint, closing(_connection(endpoint)) as connection:
        response = _ask(connection)
        pieces = [response.read1() for _ in range(3)]

    assert all(pieces)
    assert len(b"".join(pieces)) < 1000


def test_a_reset_is_no_polite_end() -> None:
    with pytest.raises(ConnectionResetError) as caught:
        _answered(Answer(reset=True))

    assert type(caught.value) is ConnectionResetError
    assert not isinstance(caught.value, RemoteDisconnected)


def test_leaving_it_waits_for_nobody() -> None:
    with FakeEndpoint(lambda _: Answer(hang=True)) as endpoint:
        connection = _connection(endpoint)
        connection.request("POST", PATH, QUESTION)

    with closing(connection), pytest.raises((HTTPException, ConnectionError)):
        connection.getresponse()


def test_a_connection_serves_many_requests() -> None:
    with FakeEndpoint() as endpoint, closing(_connection(endpoint)) as connection:
        _ask(connection).read()
        first = connection.sock
        _ask(connection).read()

        assert connection.sock is first
    assert [request.number for request in endpoint.requests] == [1, 2]


@pytest.mark.parametrize(
    ("header", "answer"),
    [
        (b"Connection: close\r\n", Answer(body=b"Goodbye.")),
        (b"", Answer(body=b"Goodbye.", headers={"Connection": "close"})),
    ],
)
def test_a_connection_ends_when_either_side_says_so(header: bytes, answer: Answer) -> None:
    with FakeEndpoint(lambda _: answer) as endpoint:
        host, port = endpoint.base_url.removeprefix("http://").removesuffix("/v1").split(":")
        with socket.create_connection((host, int(port)), PATIENCE_S) as connection:
            connection.sendall(b"GET / HTTP/1.1\r\n" + header + b"\r\n")

            received = connection.makefile("rb").read()

    assert received.endswith(b"\r\n\r\nGoodbye.")


def test_what_it_received_can_be_looked_at() -> None:
    with FakeEndpoint() as endpoint, closing(_connection(endpoint)) as connection:
        connection.request("POST", PATH, QUESTION, {"Authorization": "Bearer k"})
        connection.getresponse().read()
    (request,) = endpoint.requests

    assert (request.number, request.method, request.path) == (1, "POST", PATH)
    assert request.headers["authorization"] == "Bearer k"
    assert request.content == QUESTION.encode()
    assert request.body == json.loads(QUESTION)
    assert request.user_text == "Is it so?"


@pytest.mark.parametrize("content", [b"[]", b'{"messages": "none"}'])
def test_a_request_of_another_form_is_not_taken_for_a_chat(content: bytes) -> None:
    received = Received(number=4, method="POST", path=PATH, headers={}, content=content)

    with pytest.raises(TypeError, match="request 4 holds no"):
        _ = received.user_text


def test_each_answer_may_depend_on_the_request() -> None:
    def echo(received: Received) -> Answer:
        return Answer(status=200 + received.number, body=received.content)

    with FakeEndpoint(echo) as endpoint, closing(_connection(endpoint)) as connection:
        responses = (_ask(connection, text) for text in ("a", "b"))
        found = [(response.status, response.read()) for response in responses]

    assert found == [(201, b"a"), (202, b"b")]


def test_it_counts_how_many_were_being_answered_at_once() -> None:
    with FakeEndpoint(lambda _: Answer(delay_s=0.5)) as endpoint:
        asyncio.run(_ask_often(endpoint, 4))

    assert 2 <= endpoint.most_in_flight <= 4
    assert sorted(request.number for request in endpoint.requests) == [1, 2, 3, 4]


def test_a_mistake_in_a_test_is_not_taken_for_a_fault_of_the_endpoint() -> None:
    def mistaken(_: Received) -> Answer:
        raise KeyError("a typo in a test")

    with (
        pytest.raises(KeyError, match="a typo in a test"),
        FakeEndpoint(mistaken) as endpoint,
        closing(_connection(endpoint)) as connection,
        pytest.raises((HTTPException, ConnectionError)),
    ):
        _ask(connection)


def test_a_mistake_does_not_hide_the_error_of_the_test_itself() -> None:
    def mistaken(_: Received) -> Answer:
        raise KeyError("a typo in a test")

    with (
        pytest.raises((HTTPException, ConnectionError)),
        FakeEndpoint(mistaken) as endpoint,
        closing(_connection(endpoint)) as connection,
    ):
        _ask(connection)


def test_a_fake_chat_answers_from_its_script_and_keeps_the_calls() -> None:
    scripted = FakeChat(lambda call: completion(call.call_id, finish_reason="length", model="m"))

    found = asyncio.run(scripted.complete(CALL))

    assert (found.text, found.finish_reason, found.model) == ("one", "length", "m")
    assert scripted.calls == [CALL]
    assert asyncio.run(FakeChat().complete(CALL)) == completion(verdict())


@pytest.mark.parametrize("texts", [["one two", "two one", "three"], ["", " ", "!?"]])
def test_a_hash_embedder_counts_what_it_was_asked(texts: Sequence[str]) -> None:
    embedder = HashEmbedder(dim=32)

    vectors = embedder.embed(texts)
    embedder.embed(texts[:1])

    assert vectors.shape == (3, 32)
    assert (embedder.asked[texts[0]], embedder.asked[texts[1]]) == (2, 1)


def test_a_hash_embedder_knows_words_and_not_their_order() -> None:
    vectors = HashEmbedder().embed(["the cat sat", "sat the CAT", "the cat ran", "rates rose"])

    alike, near, far = vectors[1:] @ vectors[0]

    assert alike == pytest.approx(1, abs=1e-6)
    assert near == pytest.approx(2 / 3, abs=1e-6)
    assert np.abs(far) < 0.2


def test_a_memory_ledger_shows_what_is_open_and_knows_only_what_it_was_given() -> None:
    log = MemoryAttemptLog({"earlier": b"reply"})

    async def use() -> None:
        first, second, _ = [await log.opened(call_id) for call_id in "abc"]
        await log.closed(second, error="no")
        await log.closed(first, reply=b"yes")

    asyncio.run(use())

    assert log.attempts == [
        Attempt(call_id="a", reply=b"yes"),
        Attempt(call_id="b", error="no"),
        Attempt(call_id="c"),
    ]
    assert log.answered("earlier") == b"reply"
    assert log.answered("a") is None
