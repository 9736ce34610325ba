from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import log

import pytest

from judge.judges.weighting import category_chances
from judge.models.chat import Completion, TokenAlternatives
from judge.records.scale import EQUIVALENCE, Scale, ScaleKind
from judge.stats.estimate import Undefined
from judge.testing import completion

GRADES = Scale(kind=ScaleKind.ORDINAL, categories=("1", "2", "3"))


def token(text: str, **chances: float) -> TokenAlternatives:
    """Return a token and its probabilities; its own is what is left of 1."""
    others = {name: log(chance) for name, chance in chances.items()}
    return weighed(text, others, own=1 - sum(chances.values()))


def weighed(text: str, others: Mapping[str, float], *, own: float) -> TokenAlternatives:
    return TokenAlternatives(token=text, logprob=log(own), others=others)


def reply(*tokens: TokenAlternatives | str, text: str = "") -> Completion:
    read = tuple(token(one) if isinstance(one, str) else one for one in tokens)
    return replace(completion(text or "".join(one.token for one in read)), alternatives=read)


def chances(
    answer: Completion,
    *,
    label: str,
    scale: Scale = EQUIVALENCE,
    path: Sequence[str] = ("verdict",),
    spoken: str = "",
) -> tuple[float, ...] | Undefined:
    return category_chances(
        answer, spoken=spoken or answer.text, path=path, label=label, scale=scale
    )


def test_the_probability_at_the_verdict_is_shared_out_over_the_scale() -> None:
    answer = reply('{"verdict": "', token("equivalent", different=0.15, same=0.1), '"}')

    assert chances(answer, label="equivalent") == pytest.approx((0.15 / 0.9, 0.75 / 0.9))


@pytest.mark.parametrize(
    ("tokens", "expected"),
    [
        # the first piece of a word speaks for the word that begins so
        (('{"verdict": "', token("equ", diff=0.2), "ivalent", '"}'), (0.2, 0.8)),
        (('{"verdict": "', token("e", d=0.2), *"quivalent", '"}'), (0.2, 0.8)),
        # pieces of different lengths are added up
        (('{"verdict": "', token("equ", diff=0.1, d=0.1, e=0.2), "ivalent", '"}'), (0.2, 0.8)),
        # what stands before the verdict in its token, or after it
        (('{"verdict":', weighed(' "equ', {' "diff': log(0.2)}, own=0.8), 'ivalent"}'), (0.2, 0.8)),
        (('{"verdict": "', weighed('equivalent"}', {'different"': log(0.2)}, own=0.8)), (0.2, 0.8)),
        # another segmentation is another event, and says nothing of the verdict
        (
            (
                '{"verdict":',
                weighed(' "equ', {' "': log(0.2), "d": log(0.2)}, own=0.6),
                'ivalent"}',
            ),
            (0.0, 1.0),
        ),
        # the written token may stand among its own alternatives
        (
            (
                '{"verdict": "',
                weighed("equivalent", {"equivalent": log(0.8), "different": log(0.2)}, own=0.8),
                '"}',
            ),
            (0.2, 0.8),
        ),
    ],
)
def test_a_token_speaks_for_the_one_category_it_begins(
    tokens: Sequence[TokenAlternatives | str], expected: tuple[float, ...]
) -> None:
    found = chances(reply(*tokens), label="equivalent")

    assert found == pytest.approx(expected)


@pytest.mark.parametrize(
    ("tokens", "path"),
    [
        (
            (
                '{"rationale": "\\"verdict\\": 1, {[", "verdict": ',
                token("3", **{"1": 0.1, "2": 0.2}),
                "}",
            ),
            ("verdict",),
        ),
        (
            (
                '{"a": {"verdict": 1, "b": [2, "verdict"]}, "c": {"verdict": ',
                token("3", **{"1": 0.1, "2": 0.2}),
                "}}",
            ),
            ("c", "verdict"),
        ),
        (
            ('{"verdict": "', token("3", **{"1": 0.1, "2": 0.2}), '", "rationale": "verdict"}'),
            ("verdict",),
        ),
    ],
)
def test_the_verdict_is_found_where_it_stands(
    tokens: Sequence[TokenAlternatives | str], path: Sequence[str]
) -> None:
    found = chances(reply(*tokens), label="3", scale=GRADES, path=path)

    assert found == pytest.approx((0.1, 0.2, 0.7))


def test_what_stands_before_the_reply_is_passed_over() -> None:
    answer = reply('<think>{"verdict": "', "1", '"}</think>{"verdict": "', token("3"), '"}')

    found = chances(answer, label="3", scale=GRADES, spoken='{"verdict": "3"}')

    assert found == (0, 0, 1)


def test_tokens_at_the_end_that_show_nothing_are_passed_over() -> None:
    text = '{"verdict": "equivalent"}'

    answer = reply('{"verdict": "', token("equivalent", different=0.5), '"}', "<eos>", text=text)

    assert chances(answer, label="equivalent") == pytest.approx((0.5, 0.5))


def test_a_character_in_pieces_in_the_reason_does_not_hide_the_verdict() -> None:
    text = '{"rationale": "\U0001f600", "verdict": "equivalent"}'
    tokens = ['{"rationale": "', "\\xf0\\x9f", "\\x98\\x80", '", "verdict": "']

    answer = reply(*tokens, token("equivalent", different=0.25), '"}', text=text)

    assert chances(answer, label="equivalent") == pytest.approx((0.25, 0.75))


@pytest.mark.parametrize(
    ("answer", "label", "scale", "words"),
    [
        (completion('{"verdict": "3"}'), "3", GRADES, "gave no probabilities"),
        (reply("{", "}", text='{"verdict": "3"}'), "3", GRADES, "not those of the reply"),
        (reply("3", text='{"verdict": "3"}'), "3", GRADES, "not those of the reply"),
        (reply('{"verdict": "\\u0033"}'), "3", GRADES, "written with escapes"),
        (
            reply('{"verdict": "', token("3", **{"8": 0.6, "1": 0.1}), '"}'),
            "3",
            GRADES,
            "only 0.40 of the probability",
        ),
        (
            reply('{"verdict": "', "un", 'clear"}'),
            "unclear",
            Scale(kind=ScaleKind.NOMINAL, categories=("clear", "unclear", "unknown")),
            "two categories begin with the same token",
        ),
        (
            reply('{"verdict": "', "1", '0"}'),
            "10",
            Scale(kind=ScaleKind.ORDINAL, categories=("1", "10")),
            "two categories begin with the same token",
        ),
    ],
)
def test_where_no_probability_can_be_told_the_reason_is_named(
    answer: Completion, label: str, scale: Scale, words: str
) -> None:
    found = chances(answer, label=label, scale=scale)

    assert isinstance(found, Undefined)
    assert words in found.reason


def test_a_verdict_where_none_is_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match=r"nothing at a\.verdict"):
        chances(reply('{"verdict": "3"}'), label="3", scale=GRADES, path=("a", "verdict"))
