import json

import pytest

from judge.errors import JudgeRefused, JudgeTruncated, JudgeUnparseable, ScoringError
from judge.judges.reply import ReadReply, ReplyReader
from judge.models.chat import Completion
from judge.records.scale import EQUIVALENCE
from judge.testing import completion, verdict

SCHEMA = json.dumps(
    {
        "type": "object",
        "properties": {
            "rationale": {"type": "string", "maxLength": 600},
            "verdict": {"enum": ["different", "equivalent"]},
        },
        "required": ["rationale", "verdict"],
        "additionalProperties": False,
    }
)


def _read(reply: Completion, *, schema: str = SCHEMA) -> ReadReply:
    return ReplyReader(schema=schema, scales={"equivalence": EQUIVALENCE}).read(reply)[
        "equivalence"
    ]


def _error(reply: Completion, *, schema: str = SCHEMA) -> ScoringError:
    with pytest.raises(ScoringError) as caught:
        _read(reply, schema=schema)
    return caught.value


@pytest.mark.parametrize("finish_reason", ["stop", "eos", "eos_token", "end_turn"])
@pytest.mark.parametrize("label", ["different", "equivalent"])
def test_one_complete_object_on_the_scale_is_a_verdict(label: str, finish_reason: str) -> None:
    read = _read(completion(f" {verdict(label, 'Why.')}\n", finish_reason=finish_reason))

    assert read == ReadReply(label=label, rationale="Why.")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no strict JSON"),
        ("equivalent", "no strict JSON"),
        ("The verdict is equivalent.", "no strict JSON"),
        (f"Here you are: {verdict()}", "no strict JSON"),
        (f"```json\n{verdict()}\n```", "no strict JSON"),
        (f"{verdict()} I hope this helps.", "something follows"),
        (f"{verdict()}\n{verdict('different')}", "something follows"),
        (verdict() + verdict(), "something follows"),
        (f"[{verdict()}, {verdict('different')}]", "breaks its schema"),
        ('{"rationale": "", "verdict": "different", "verdict": "equivalent"}', "stands twice"),
        ('{"rationale": "", "verdict": "equivalent", "verdict": "equivalent"}', "stands twice"),
        ('{"rationale": "", "verdict": ["different", "equivalent"]}', "breaks its schema"),
        ('{"rationale": "", "verdict": NaN}', "NaN"),
        ('{"rationale": Infinity, "verdict": "equivalent"}', "Infinity"),
        ('{"rationale": "\\ud800", "verdict": "equivalent"}', "surrogate"),
        ("[" * 100_000, "nested deeper"),
        ('{"verdict": "equivalent"}', '"rationale" is a required property'),
        ('{"rationale": ""}', '"verdict" is a required property'),
        ('{"rationale": "", "verdict": "equivalent", "score": 1}', "'score' was unexpected"),
        ('{"rationale": 7, "verdict": "equivalent"}', "not of type"),
        (verdict(rationale="x" * 601), "breaks its schema"),
        (verdict("Equivalent"), "breaks its schema"),
        (verdict("equivalent "), "breaks its schema"),
        (verdict("probably equivalent"), "breaks its schema"),
        ('{"rationale": "", "verdict": true}', "breaks its schema"),
        ('{"rationale": "", "verdict": null}', "breaks its schema"),
        ("null", "breaks its schema"),
        ("1", "breaks its schema"),
        ('"equivalent"', "breaks its schema"),
    ],
)
def test_what_is_not_exactly_one_verdict_is_none(text: str, words: str) -> None:
    error = _error(completion(text))

    assert type(error) is JudgeUnparseable
    assert words in str(error)


@pytest.mark.parametrize(
    "text", ['{"verdict": "same"}', '{"verdict": ["equivalent"]}', "{}", '["equivalent"]', "null"]
)
def test_a_schema_that_lets_more_through_does_not_widen_the_scale(text: str) -> None:
    assert type(_error(completion(text), schema="{}")) is JudgeUnparseable


def test_a_schema_without_a_rationale_gives_an_empty_one() -> None:
    assert _read(completion('{"verdict": "different"}'), schema="{}").rationale == ""


@pytest.mark.parametrize("finish_reason", ["length", "", "max_tokens"])
@pytest.mark.parametrize("text", [verdict(), '{"rationale": "The', ""])
def test_an_unfinished_reply_is_no_verdict_even_where_its_beginning_reads_well(
    text: str, finish_reason: str
) -> None:
    error = _error(completion(text, finish_reason=finish_reason))

    assert type(error) is JudgeTruncated
    assert (finish_reason or "none given") in str(error)


@pytest.mark.parametrize("finish_reason", ["tool_calls", "function_call", "unheard of"])
def test_a_reply_that_ended_otherwise_than_by_its_end_is_no_verdict(finish_reason: str) -> None:
    error = _error(completion(verdict(), finish_reason=finish_reason))

    assert type(error) is JudgeUnparseable
    assert finish_reason in str(error)


@pytest.mark.parametrize(
    "reply",
    [
        completion("", refusal="I will not judge this."),
        completion(verdict(), refusal="I will not judge this."),
        completion('{"rat', refusal="I will not judge this.", finish_reason="length"),
        completion("", finish_reason="content_filter"),
        completion(verdict(), finish_reason="content_filter"),
        completion("", finish_reason="refusal"),
    ],
)
def test_a_refusal_outweighs_whatever_else_was_said(reply: Completion) -> None:
    error = _error(reply)

    assert type(error) is JudgeRefused
    assert (reply.refusal or reply.finish_reason) in str(error)


@pytest.mark.parametrize(
    "reply",
    [
        completion("", refusal="no " * 10_000),
        completion(json.dumps({"x" * 10_000: 1})),
        completion('{"' + "x" * 10_000 + '": 1, "' + "x" * 10_000 + '": 1}'),
    ],
)
def test_a_flood_makes_no_long_message(reply: Completion) -> None:
    assert len(str(_error(reply))) < 400
