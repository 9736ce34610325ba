import json

import pytest

from judge.errors import JudgeUnavailable, JudgeUnparseable
from judge.models.envelope import read_completion
from judge.models.streaming import arrived_at, put_together

END = b"data: [DONE]\n\n"


def event(delta: object = None, **more: object) -> bytes:
    choices = [] if delta is None else [{"index": 0, "delta": delta, **more}]
    return b"data: " + json.dumps({"model": "m-1", "choices": choices}).encode() + b"\n\n"


def usage(tokens_in: int, tokens_out: int) -> bytes:
    counts = {"prompt_tokens": tokens_in, "completion_tokens": tokens_out}
    return b"data: " + json.dumps({"model": "m-1", "choices": [], "usage": counts}).encode() + b"\n"


def test_the_pieces_of_a_stream_read_as_the_answer_they_make() -> None:
    start = event({"role": "assistant", "content": ""})
    first = event({"content": "It is "})
    rest = event({"content": "5\u2028."}) + event({}, finish_reason="stop") + usage(7, 3)

    found = put_together(start + b": still there\n\n" + first + rest + END)

    read = read_completion(found.body, latency_s=1.0)
    assert (read.text, read.finish_reason, read.model) == ("It is 5\u2028.", "stop", "m-1")
    assert (read.input_tokens, read.output_tokens) == (7, 3)
    assert found.first == len(start) + len(b": still there\n\n") + len(first) - 1


def test_the_first_piece_of_text_may_be_of_the_thinking() -> None:
    found = put_together(event({"reasoning_content": "Hm"}) + event({"content": "5"}) + END)

    assert found.first == len(event({"reasoning_content": "Hm"})) - 1
    assert read_completion(found.body, latency_s=1.0).reasoning == "Hm"


def test_a_stream_without_text_has_no_first_piece() -> None:
    assert put_together(event({}, finish_reason="length") + END).first is None


def test_a_stream_that_ends_before_its_answer_is_a_broken_connection_that_may_be_paid() -> None:
    with pytest.raises(JudgeUnavailable, match="ended before") as raised:
        put_together(event({"content": "It is"}))

    assert raised.value.possibly_paid


def test_an_error_in_the_middle_of_a_stream_is_the_error_it_names() -> None:
    fault = b'data: {"error": {"message": "out of memory", "code": 500}}\n\n'

    found = put_together(event({"content": "It is"}) + fault)

    with pytest.raises(JudgeUnavailable, match="out of memory"):
        read_completion(found.body, latency_s=1.0)


@pytest.mark.parametrize("data", [b"data: {", b'data: {"choices": 3}', b"data: \xff"])
def test_an_event_that_is_no_part_of_an_answer_is_refused(data: bytes) -> None:
    with pytest.raises(JudgeUnparseable, match="no chat completion"):
        put_together(data + b"\n\n" + END)


def test_several_choices_are_refused() -> None:
    second = b'data: {"choices": [{"index": 1, "delta": {"content": "a"}}]}\n\n'

    with pytest.raises(JudgeUnparseable, match="several choices"):
        put_together(second + END)


def test_a_place_was_there_with_the_part_that_reached_it() -> None:
    arrivals = [(10, 1.0), (25, 2.0), (30, 3.0)]

    assert [arrived_at(place, arrivals) for place in (1, 10, 11, 30)] == [1.0, 1.0, 2.0, 3.0]


def test_what_each_piece_says_of_its_tokens_is_put_together() -> None:
    tokens = [
        {"token": token, "logprob": -0.5, "top_logprobs": [{"token": "x", "logprob": -2.0}]}
        for token in ("It", " is")
    ]
    stream = b"".join(
        event({"content": one["token"]}, logprobs={"content": [one]}) for one in tokens
    )

    body = put_together(stream + event({}, finish_reason="stop", logprobs=None) + END).body

    found = read_completion(body, latency_s=1.0, alternatives=True).alternatives
    assert [(one.token, one.logprob, one.others) for one in found] == [
        ("It", -0.5, {"x": -2.0}),
        (" is", -0.5, {"x": -2.0}),
    ]


@pytest.mark.parametrize("logprobs", [[], {"content": 3}, 7])
def test_log_probabilities_of_another_form_are_refused(logprobs: object) -> None:
    with pytest.raises(JudgeUnparseable, match="log-probabilities of another form"):
        put_together(event({"content": "It"}, logprobs=logprobs) + END)
