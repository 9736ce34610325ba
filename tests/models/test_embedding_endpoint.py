import asyncio
import json
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pytest

from judge.errors import (
    AccessDenied,
    EmbeddingInvalid,
    InputTooLong,
    JudgeRejected,
    JudgeUnavailable,
    ScoringError,
)
from judge.models.embedding import SharedEmbedder, Vectors
from judge.models.embedding_endpoint import EndpointEmbedder
from judge.testing import Answer, FakeEndpoint, HashEmbedder, Received, fault

KEY = "sk-secret-0123456789"
TEXTS = ["the invoice is due", "bananas are yellow", "the invoice is paid"]


def _asked(received: Received) -> list[str]:
    texts = received.body["input"]
    assert isinstance(texts, list)
    return texts


def _reply(texts: Sequence[str], *, dim: int = 256) -> dict[str, object]:
    vectors = HashEmbedder(dim=dim).embed(texts).tolist()
    data = [{"index": place, "embedding": vector} for place, vector in enumerate(vectors)]
    usage = {"prompt_tokens": 5 * len(texts)}
    return {"data": data, "model": "served-1", "usage": usage}


def _hashed(received: Received) -> Answer:
    return Answer(body=_reply(_asked(received)))


def _shuffled(received: Received) -> Answer:
    reply = _reply(_asked(received))
    data = reply["data"]
    assert isinstance(data, list)
    return Answer(body={**reply, "data": data[::-1]})


def _changed(change: Callable[[list[dict[str, object]]], object]) -> Callable[[Received], Answer]:
    def answer(received: Received) -> Answer:
        reply = _reply(_asked(received))
        data = reply["data"]
        assert isinstance(data, list)
        return Answer(body=json.dumps({**reply, "data": change(data)}))

    return answer


def _after(*first: Answer) -> Callable[[Received], Answer]:
    def answer(received: Received) -> Answer:
        return first[received.number - 1] if received.number <= len(first) else _hashed(received)

    return answer


def _embedder(
    base_url: str,
    *,
    dimensions: int = 0,
    headers: Mapping[str, str] | None = None,
    deadline_s: float = 30.0,
) -> EndpointEmbedder:
    return EndpointEmbedder(
        "text-embedding-9",
        base_url=base_url,
        api_key=KEY,
        dimensions=dimensions,
        headers=headers,
        deadline_s=deadline_s,
        pauses_s=(0.0, 0.0),
    )


@pytest.mark.parametrize("responder", [_hashed, _shuffled])
def test_each_text_gets_its_own_vector_in_whatever_order_they_come(
    responder: Callable[[Received], Answer],
) -> None:
    with FakeEndpoint(responder) as endpoint:
        embedder = _embedder(endpoint.base_url)
        vectors = embedder.embed(TEXTS)

    assert vectors == pytest.approx(HashEmbedder().embed(TEXTS), abs=1e-6)
    assert embedder.served == ("served-1",)
    assert embedder.input_tokens == 15


def test_many_texts_go_in_several_requests_and_each_text_once() -> None:
    texts = [f"text {place % 150} of many" for place in range(300)]

    with FakeEndpoint(_hashed) as endpoint:
        vectors = _embedder(endpoint.base_url).embed(texts)

    asked = [text for request in endpoint.requests for text in _asked(request)]
    assert sorted(asked) == sorted(set(texts))
    assert len(endpoint.requests) == 3
    assert vectors == pytest.approx(HashEmbedder().embed(texts), abs=1e-6)


def test_long_texts_are_spread_over_requests_by_their_characters() -> None:
    texts = [f"{place} " + "word " * 30_000 for place in range(3)]

    with FakeEndpoint(_hashed) as endpoint:
        _embedder(endpoint.base_url).embed(texts)

    assert [len(_asked(request)) for request in endpoint.requests] == [1, 1, 1]


def test_what_is_posted_where_and_with_which_key() -> None:
    with FakeEndpoint(_hashed) as endpoint:
        _embedder(endpoint.base_url, headers={"X-Team": "judges"}).embed(["", "one"])
    (request,) = endpoint.requests

    assert request.path == "/v1/embeddings"
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert request.headers["x-team"] == "judges"
    assert request.body == {
        "model": "text-embedding-9",
        "input": [" ", "one"],  # many servers refuse a text of nothing
        "encoding_format": "float",
    }


def test_the_number_of_dimensions_is_asked_for_and_checked() -> None:
    with (
        FakeEndpoint(_hashed) as endpoint,
        pytest.raises(EmbeddingInvalid, match="of 256 numbers came where 8 were expected"),
    ):
        _embedder(endpoint.base_url, dimensions=8).embed(TEXTS)

    assert endpoint.requests[0].body["dimensions"] == 8


def test_an_endpoint_that_changes_its_dimension_between_replies_is_refused() -> None:
    def shrinking(received: Received) -> Answer:
        return Answer(body=_reply(_asked(received), dim=256 if received.number == 1 else 8))

    with FakeEndpoint(shrinking) as endpoint:
        embedder = _embedder(endpoint.base_url)
        embedder.embed(TEXTS)

        with pytest.raises(EmbeddingInvalid, match="of 8 numbers came where 256 were expected"):
            embedder.embed(["another"])


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data[:-1],
        lambda data: [*data, data[0]],
        lambda data: [{**one, "index": 0} for one in data],
        lambda data: [{**one, "embedding": [0.0] * 256} for one in data],
        lambda data: [{**data[0], "embedding": [float("nan")] * 256}, *data[1:]],
        lambda data: [{**data[0], "embedding": [1.0] * 255}, *data[1:]],
    ],
    ids=["short", "long", "one-index", "zeros", "nan", "dimension"],
)
def test_a_lie_is_a_named_error_and_is_not_asked_for_again(
    change: Callable[[list[dict[str, object]]], object],
) -> None:
    with FakeEndpoint(_changed(change)) as endpoint, pytest.raises(EmbeddingInvalid):
        _embedder(endpoint.base_url).embed(TEXTS)

    assert len(endpoint.requests) == 1


@pytest.mark.parametrize(
    "first",
    [
        Answer(status=500),
        Answer(status=429, headers={"retry-after": "0"}),
        Answer(body=fault("overloaded")),
        Answer(reset=True, after=9),
    ],
    ids=["500", "429", "200-error", "reset"],
)
def test_what_passes_is_asked_for_again(first: Answer) -> None:
    with FakeEndpoint(_after(first, first)) as endpoint:
        vectors = _embedder(endpoint.base_url).embed(TEXTS)

    assert vectors == pytest.approx(HashEmbedder().embed(TEXTS), abs=1e-6)
    assert len(endpoint.requests) == 3


@pytest.mark.parametrize(
    ("answer", "error", "requests"),
    [
        (Answer(status=503), JudgeUnavailable, 3),
        (Answer(status=429, headers={"retry-after": "3600"}), JudgeUnavailable, 1),
        (Answer(status=401, body=fault(f"bad key {KEY}")), AccessDenied, 1),
        (Answer(status=404), JudgeRejected, 1),
        (Answer(status=302, headers={"location": "/elsewhere"}), JudgeRejected, 1),
        (Answer(status=400, body=fault("maximum context length is 8192")), InputTooLong, 1),
        (Answer(body="<html>"), EmbeddingInvalid, 1),
    ],
)
def test_an_endpoint_that_gives_nothing_ends_in_a_named_error_without_the_key(
    answer: Answer, error: type[ScoringError], requests: int
) -> None:
    with FakeEndpoint(lambda _: answer) as endpoint, pytest.raises(error) as raised:
        _embedder(endpoint.base_url).embed(TEXTS)

    assert len(endpoint.requests) == requests
    assert KEY not in str(raised.value)


def test_an_endpoint_that_hangs_is_left_at_the_deadline() -> None:
    with (
        FakeEndpoint(lambda _: Answer(hang=True)) as endpoint,
        pytest.raises(JudgeUnavailable, match=r"no embeddings within 0\.05 s") as late,
    ):
        _embedder(endpoint.base_url, deadline_s=0.05).embed(TEXTS)

    assert late.value.attempts == 3
    assert late.value.possibly_paid


def test_it_serves_an_event_loop_from_its_thread() -> None:
    async def twice(base_url: str) -> tuple[Vectors, Vectors]:
        shared = SharedEmbedder(_embedder(base_url))
        return await asyncio.gather(shared.embed(TEXTS), shared.embed(["and", *TEXTS]))

    with FakeEndpoint(_hashed) as endpoint:
        first, second = asyncio.run(twice(endpoint.base_url))

    assert np.array_equal(first, second[1:])
    assert len(endpoint.requests) == 1


def test_its_identity_names_model_and_place_and_no_key() -> None:
    embedder = _embedder("https://user:secret@example.org/v1", dimensions=8)

    assert dict(embedder.identity) == {
        "embedder": "text-embedding-9",
        "endpoint": "https://example.org",
        "dimensions": "8",
    }
