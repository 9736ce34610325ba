from math import exp, log
from pathlib import Path

import pytest

from judge.errors import DataError
from judge.records.rows import Row
from judge.records.strict_json import JsonValue, dump_json
from judge.records.token_logprobs import TokenLogprob, read_token_logprobs, token_probability


def _row(value: JsonValue, *, typed: bool = True) -> Row:
    return Row(
        path=Path("o.jsonl"), line=3, values={"id": "a", "logprobs": value}, fields={}, typed=typed
    )


def _read(value: JsonValue, *, typed: bool = True) -> tuple[TokenLogprob, ...]:
    return read_token_logprobs(_row(value, typed=typed), "logprobs")


YES: dict[str, JsonValue] = {
    "token": "yes",
    "logprob": -0.5,
    "top_logprobs": [{"token": "yes", "logprob": -0.5}, {"token": "no", "logprob": -2}],
}


def test_a_list_of_numbers_is_one_of_tokens() -> None:
    assert _read([-1, -0.25]) == (
        TokenLogprob(token=None, logprob=-1.0, top={}),
        TokenLogprob(token=None, logprob=-0.25, top={}),
    )


def test_what_endpoints_give_is_read_with_and_without_its_envelope_and_from_a_cell() -> None:
    found = (
        TokenLogprob(token="yes", logprob=-0.5, top={"yes": -0.5, "no": -2}),  # noqa: S106
    )

    assert _read({"content": [YES], "refusal": None}) == found
    assert _read([YES]) == found
    assert _read(dump_json({"content": [YES]}), typed=False) == found


@pytest.mark.parametrize("value", [None, [], {"content": None}, {"content": []}])
def test_what_is_not_given_is_none(value: JsonValue) -> None:
    assert _read(value) == ()
    assert _read("", typed=False) == ()


def test_a_token_that_is_none_of_the_likeliest_stands_with_them() -> None:
    (found,) = _read([{**YES, "token": "maybe", "logprob": -4}])

    assert found.top == {"yes": -0.5, "no": -2, "maybe": -4}


def test_tokens_spelt_alike_are_as_probable_as_their_sum() -> None:
    pieces: list[JsonValue] = [
        {"token": "\ufffd", "logprob": log(0.25)},
        {"token": "\ufffd", "logprob": log(0.5)},
    ]

    (found,) = _read([{"token": "\ufffd", "logprob": log(0.5), "top_logprobs": pieces}])

    assert exp(found.top["\ufffd"]) == pytest.approx(0.75)


def test_rounding_over_0_is_0() -> None:
    assert _read([1e-9])[0].logprob == 0


OVER: list[JsonValue] = [{"token": "b", "logprob": 1}]
LIKELY: list[JsonValue] = [{"token": "b", "logprob": -0.1}]


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ([-1, 0.1], "holds 0.1 at place 1, which is over 0"),
        ([True], "holds no number at place 0"),
        (["-1"], "holds no number at place 0"),
        ([None], "holds no number at place 0"),
        ([[-1]], "holds no number at place 0"),
        (-1, "is no list"),
        ({"tokens": ["a"]}, "is no list"),
        ("[-1]", "is no list"),
        ([{"token": 7, "logprob": -1}], "no text as 'token'"),
        ([{"token": "a"}], "holds no number at place 0"),
        ([{**YES, "top_logprobs": 5}], "no list as 'top_logprobs'"),
        ([{**YES, "top_logprobs": [-1]}], "no 'token' in 'top_logprobs'"),
        ([{**YES, "top_logprobs": OVER}], "holds 1 at place 0"),
        ([{**YES, "logprob": -0.1, "top_logprobs": LIKELY}], "sum to"),
    ],
)
def test_what_is_no_log_probability_is_refused_with_row_and_remedy(
    value: JsonValue, words: str
) -> None:
    with pytest.raises(DataError, match=r"^o\.jsonl line 3: 'logprobs' ") as caught:
        _read(value)

    assert words in str(caught.value)
    assert "natural logarithms" in str(caught.value)


@pytest.mark.parametrize("cell", ["[NaN]", "[-1", "-Infinity"])
def test_a_cell_that_is_no_json_is_refused(cell: str) -> None:
    with pytest.raises(DataError, match="natural logarithms"):
        _read(cell, typed=False)


def test_the_confidence_of_tokens_is_their_geometric_mean() -> None:
    assert token_probability(_read([log(0.5), log(0.125)])) == pytest.approx(0.25)
    assert token_probability(_read([log(0.9)] * 5000)) == pytest.approx(0.9)
    assert token_probability(_read([-1e308] * 3)) == 0
    assert token_probability(()) is None
