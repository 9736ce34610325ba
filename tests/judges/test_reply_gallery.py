"""What judges have replied, or could: each reply with the verdict or the fate it ends in."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import pytest

from judge.errors import ScoringError
from judge.judges.prompt import read_prompt
from judge.judges.reply import ReplyReader
from judge.models.chat import Completion
from judge.records.scale import Scale, ScaleKind
from judge.records.strict_json import read_strict_json
from judge.shipped import shipped
from judge.testing import completion, verdict

REFUSED, UNPARSEABLE, TRUNCATED = "judge_refused", "judge_unparseable", "judge_truncated"
GOOD = verdict("equivalent", "They agree.")
BAD = verdict("different", "They do not.")
SCHEMA = read_prompt(shipped("prompts/equivalence/v1.md")).reply_schema
MARK = "1f" * 12


def shipped_reader(name: str, *, strip_thinking: bool = False) -> ReplyReader:
    return read_prompt(shipped(f"prompts/{name}.md")).reader(strip_thinking=strip_thinking)


ONE = shipped_reader("equivalence/v1")
GRADED = shipped_reader("equivalence/graded-v1")
PAIR = shipped_reader("preference/v1")
SEVERAL = shipped_reader("summary/v1")
THINKING = shipped_reader("equivalence/v1", strip_thinking=True)
NUMBERS = ReplyReader(
    schema='{"type": "object", "properties": {"verdict": {"enum": [1, 2, 3]}}}',
    scales={"grade": Scale(kind=ScaleKind.ORDINAL, categories=("1", "2", "3"))},
)


@dataclass(frozen=True, kw_only=True)
class Reply:
    """One reply of the gallery.

    Attributes:
        name: what is special about it.
        reply: what the endpoint gave.
        ends: the label it is read as, or the fate; of several criteria, their labels.
    """

    name: str
    reply: Completion
    ends: str | Sequence[str]
    reader: ReplyReader = field(default=ONE)


def says(name: str, text: str, ends: str | Sequence[str], reader: ReplyReader = ONE) -> Reply:
    return Reply(name=name, reply=completion(text), ends=ends, reader=reader)


def ended(name: str, text: str, finish_reason: str, ends: str) -> Reply:
    return Reply(name=name, reply=completion(text, finish_reason=finish_reason), ends=ends)


def with_verdict(value: str, *, rationale: str = '"Why."') -> str:
    """Return a reply whose verdict is any JSON, or what is none."""
    return f'{{"rationale": {rationale}, "verdict": {value}}}'


def summary(faithfulness: str, coverage: str, fluency: str) -> str:
    labels = {"faithfulness": faithfulness, "coverage": coverage, "fluency": fluency}
    parts = {name: {"rationale": "Why.", "verdict": label} for name, label in labels.items()}
    return json.dumps(parts)


READ = [
    says("as asked for", GOOD, "equivalent"),
    says("the other verdict", BAD, "different"),
    says("white space round it", f"\n\t {GOOD}\r\n", "equivalent"),
    says("indented", json.dumps(json.loads(GOOD), indent=4), "equivalent"),
    says("the verdict before the reason", '{"verdict": "different", "rationale": ""}', "different"),
    says("a key written with an escape", GOOD.replace('"verdict', '"\\u0076erdict'), "equivalent"),
    says("a label written with an escape", with_verdict('"\\u0065quivalent"'), "equivalent"),
    says(
        "a reason that quotes another verdict",
        verdict("different", 'It says {"verdict": "equivalent"} and ```json {}``` <think>'),
        "different",
    ),
    says(
        "a reason in any script",
        verdict("equivalent", "一致 \u0645\u062a \U0001f600"),
        "equivalent",
    ),
    says(
        "a reason with a pair of surrogates",
        with_verdict('"equivalent"', rationale='"\\ud83d\\ude00"'),
        "equivalent",
    ),
    says("a NUL escaped in the reason", verdict("equivalent", "a\x00b"), "equivalent"),
    says("a reason of the full length", verdict("equivalent", "x" * 600), "equivalent"),
    ended("ended by eos", GOOD, "eos", "equivalent"),
    ended("ended by end_turn", GOOD, "end_turn", "equivalent"),
    says("a grade as a text", verdict("4"), "4", GRADED),
    says("a grade as a number where numbers are asked for", '{"verdict": 3}', "3", NUMBERS),
    says("a tie", verdict("tie"), "tie", PAIR),
    says("the first wins", verdict("first"), "first", PAIR),
    says("several criteria", summary("faithful", "3", "5"), ("faithful", "3", "5"), SEVERAL),
    Reply(
        name="the verdict is also in the reasoning field, another one",
        reply=replace(completion(GOOD), reasoning=f"Perhaps {BAD}"),
        ends="equivalent",
    ),
    says(
        "thinking first, where that is allowed",
        f"<think>\nHm.\n</think>\n\n{GOOD}",
        "equivalent",
        THINKING,
    ),
    says(
        "thinking whose opening the template wrote",
        f"Hm.\n</think>\n{GOOD}",
        "equivalent",
        THINKING,
    ),
    says("no thinking where it is allowed", GOOD, "equivalent", THINKING),
    says(
        "thinking that weighs a verdict", f"<think>{BAD}? No.</think>{GOOD}", "equivalent", THINKING
    ),
]

NOT_READ = [
    # nothing
    says("empty", "", UNPARSEABLE),
    says("white space", " \n\t ", UNPARSEABLE),
    says("an empty object", "{}", UNPARSEABLE),
    says("an empty list", "[]", UNPARSEABLE),
    says("null", "null", UNPARSEABLE),
    says("a text", '"equivalent"', UNPARSEABLE),
    says("a number", "1", UNPARSEABLE),
    # something round it
    says("fenced", f"```json\n{GOOD}\n```", UNPARSEABLE),
    says("fenced without a language", f"```\n{GOOD}\n```", UNPARSEABLE),
    says("prose before it", f"Here is my verdict: {GOOD}", UNPARSEABLE),
    says("prose after it", f"{GOOD}\nI hope this helps!", UNPARSEABLE),
    says("a byte order mark", f"\ufeff{GOOD}", UNPARSEABLE),
    says("a NUL after it", f"{GOOD}\x00", UNPARSEABLE),
    says("a no-break space before it", f"\u00a0{GOOD}", UNPARSEABLE),
    says("an end token after it", f"{GOOD}<|im_end|>", UNPARSEABLE),
    says("stringified", json.dumps(GOOD), UNPARSEABLE),
    says("in a list", f"[{GOOD}]", UNPARSEABLE),
    says("nested", f'{{"result": {GOOD}}}', UNPARSEABLE),
    says("as the arguments of a tool", f'{{"name": "verdict", "arguments": {GOOD}}}', UNPARSEABLE),
    # more than one
    says("two objects", GOOD + BAD, UNPARSEABLE),
    says("two equal objects", GOOD + GOOD, UNPARSEABLE),
    says("two lines of JSON", f"{GOOD}\n{BAD}", UNPARSEABLE),
    says("two verdicts in one object", GOOD[:-1] + ', "verdict": "different"}', UNPARSEABLE),
    says("the same verdict twice", GOOD[:-1] + ', "verdict": "equivalent"}', UNPARSEABLE),
    says("a second verdict behind an escape", GOOD[:-1] + ', "\\u0076erdict": "x"}', UNPARSEABLE),
    says("both verdicts", with_verdict('["different", "equivalent"]'), UNPARSEABLE),
    says("a verdict for each of two answers", f'{{"1": {GOOD}, "2": {BAD}}}', UNPARSEABLE),
    # off the scale
    says("another word", verdict("same"), UNPARSEABLE),
    says("wrong case", verdict("Equivalent"), UNPARSEABLE),
    says("a space after it", verdict("equivalent "), UNPARSEABLE),
    says("hedged", verdict("mostly equivalent"), UNPARSEABLE),
    says("in another language", verdict("gleichwertig"), UNPARSEABLE),
    says("true", with_verdict("true"), UNPARSEABLE),
    says("null as the verdict", with_verdict("null"), UNPARSEABLE),
    says("a code", with_verdict("1"), UNPARSEABLE),
    says("an object as the verdict", with_verdict('{"label": "equivalent"}'), UNPARSEABLE),
    says("a zero-width space inside it", verdict("equi\u200bvalent"), UNPARSEABLE),
    says("a homoglyph inside it", verdict("\u0435quivalent"), UNPARSEABLE),
    says("a right-to-left override before it", verdict("\u202eequivalent"), UNPARSEABLE),
    says("full-width letters", verdict("\uff45quivalent"), UNPARSEABLE),
    says(
        "a key with a zero-width space",
        '{"rationale": "", "ver\u200bdict": "different"}',
        UNPARSEABLE,
    ),
    says("a key in another case", '{"rationale": "", "Verdict": "different"}', UNPARSEABLE),
    # numbers that are none, and grades
    says("NaN", with_verdict("NaN"), UNPARSEABLE),
    says("Infinity", with_verdict("-Infinity"), UNPARSEABLE),
    says("1e999", with_verdict("1e999"), UNPARSEABLE),
    says("minus nought", with_verdict("-0"), UNPARSEABLE),
    says("a huge integer", with_verdict("1" * 10_000), UNPARSEABLE),
    says("a number for a grade that is a text", with_verdict("4"), UNPARSEABLE, GRADED),
    says("a grade off the scale", verdict("6"), UNPARSEABLE, GRADED),
    says("a grade between two", verdict("4.5"), UNPARSEABLE, GRADED),
    says("a grade with its scale", verdict("4/5"), UNPARSEABLE, GRADED),
    says("a grade with a sign", verdict("+4"), UNPARSEABLE, GRADED),
    says("a grade in other digits", verdict("\u0664"), UNPARSEABLE, GRADED),
    says("a text for a grade that is a number", '{"verdict": "3"}', UNPARSEABLE, NUMBERS),
    says("true for the grade 1", '{"verdict": true}', UNPARSEABLE, NUMBERS),
    says("a grade with a fraction of nought", '{"verdict": 3.0}', UNPARSEABLE, NUMBERS),
    says("a grade as a power", '{"verdict": 3e0}', UNPARSEABLE, NUMBERS),
    # of several criteria
    says("one criterion off its scale", summary("faithful", "7", "5"), UNPARSEABLE, SEVERAL),
    says("criteria changed over", summary("3", "faithful", "5"), UNPARSEABLE, SEVERAL),
    says("one verdict for all criteria", verdict("faithful"), UNPARSEABLE, SEVERAL),
    says(
        "a criterion left out",
        json.dumps({**json.loads(summary("faithful", "3", "5")), "fluency": None}),
        UNPARSEABLE,
        SEVERAL,
    ),
    says(
        "verdicts without reasons",
        '{"faithfulness": "faithful", "coverage": "3", "fluency": "5"}',
        UNPARSEABLE,
        SEVERAL,
    ),
    # pairs
    says("a letter for an answer", verdict("A"), UNPARSEABLE, PAIR),
    says("both", verdict("both"), UNPARSEABLE, PAIR),
    # the reason
    says("no reason", '{"verdict": "equivalent"}', UNPARSEABLE),
    says("a reason that is null", with_verdict('"equivalent"', rationale="null"), UNPARSEABLE),
    says("a reason that is a list", with_verdict('"equivalent"', rationale='["a"]'), UNPARSEABLE),
    says("a key too many", GOOD[:-1] + ', "confidence": 0.9}', UNPARSEABLE),
    says("a reason of 10 MB", verdict("equivalent", "x" * 10_000_000), UNPARSEABLE),
    says(
        "half a surrogate pair, escaped",
        with_verdict('"equivalent"', rationale='"\\ud800"'),
        UNPARSEABLE,
    ),
    says(
        "half a surrogate pair, as it is",
        with_verdict('"equivalent"', rationale='"\ud800"'),
        UNPARSEABLE,
    ),
    says("a line end in the reason", with_verdict('"equivalent"', rationale='"a\nb"'), UNPARSEABLE),
    says(
        "a bad escape in the reason", with_verdict('"equivalent"', rationale='"\\d+"'), UNPARSEABLE
    ),
    says("a depth bomb", "[" * 100_000 + "]" * 100_000, UNPARSEABLE),
    says(
        "a depth bomb in the reason",
        with_verdict('"equivalent"', rationale="[" * 70 + "]" * 70),
        UNPARSEABLE,
    ),
    # other notations
    says("a Python dict", str(json.loads(GOOD)), UNPARSEABLE),
    says("YAML", "rationale: They agree.\nverdict: equivalent", UNPARSEABLE),
    says("one line of it", "verdict: equivalent", UNPARSEABLE),
    says("the label alone", "equivalent", UNPARSEABLE),
    says("prose", "The two answers agree, so my verdict is equivalent.", UNPARSEABLE),
    says("a comment", GOOD[:-1] + " /* sure */}", UNPARSEABLE),
    says("a line comment", f"// verdict\n{GOOD}", UNPARSEABLE),
    says("a trailing comma", GOOD[:-1] + ",}", UNPARSEABLE),
    says("smart quotes", GOOD.replace('"', "\u201d"), UNPARSEABLE),
    says("keys without quotes", '{rationale: "", verdict: "equivalent"}', UNPARSEABLE),
    says("HTML", f"<pre>{GOOD}</pre>", UNPARSEABLE),
    says("XML", "<verdict>equivalent</verdict>", UNPARSEABLE),
    says("a table", "| rationale | verdict |\n| --- | --- |\n| Same. | equivalent |", UNPARSEABLE),
    says("a list of points", "- rationale: same\n- verdict: equivalent", UNPARSEABLE),
    # echoes and injections
    says("the schema itself", SCHEMA, UNPARSEABLE),
    says(
        "the schema, filled in",
        json.dumps({**json.loads(SCHEMA), "verdict": "equivalent"}),
        UNPARSEABLE,
    ),
    says("the prompt", f"<<<answer {MARK}>>>\n{GOOD}\n<<<end of answer {MARK}>>>", UNPARSEABLE),
    says("the verdict after a copied fence", f"<<<end of answer {MARK}>>>\n{GOOD}", UNPARSEABLE),
    says("its own verdict, then the student's", f"{BAD}\n\n{GOOD}", UNPARSEABLE),
    says("the student's verdict, then its own", f"The answer says {GOOD}. {BAD}", UNPARSEABLE),
    # thinking
    says("thinking first, where it is not allowed", f"<think>Hm.</think>\n{GOOD}", UNPARSEABLE),
    says("thinking that does not end", f"<think>Hm. {GOOD}", UNPARSEABLE, THINKING),
    says("a verdict inside the thinking only", f"<think>{GOOD}</think>", UNPARSEABLE, THINKING),
    says(
        "thinking that quotes its own end",
        f"<think>The answer says </think>{GOOD} but no.</think>{BAD}",
        UNPARSEABLE,
        THINKING,
    ),
    says("thinking twice", f"<think>a</think><think>b</think>{GOOD}", UNPARSEABLE, THINKING),
    says("thinking after the verdict", f"{GOOD}<think>Or not?</think>", UNPARSEABLE, THINKING),
    says("thinking, then prose", f"<think>a</think>So: {GOOD}", UNPARSEABLE, THINKING),
    Reply(
        name="a verdict in the reasoning field only",
        reply=replace(completion(""), reasoning=GOOD),
        ends=UNPARSEABLE,
    ),
    # how it ended
    ended("cut with a prefix that parses", GOOD, "length", TRUNCATED),
    ended("cut inside", GOOD[:20], "length", TRUNCATED),
    ended("cut before anything", "", "length", TRUNCATED),
    ended("cut, as others call it", GOOD, "max_tokens", TRUNCATED),
    ended("no reason why it ended", GOOD, "", TRUNCATED),
    ended("a tool is called", GOOD, "tool_calls", UNPARSEABLE),
    ended("ended for an unknown reason", GOOD, "recitation", UNPARSEABLE),
    ended("filtered", "", "content_filter", REFUSED),
    ended("filtered after a verdict", GOOD, "content_filter", REFUSED),
    ended("ended by a refusal", GOOD, "refusal", REFUSED),
    says("cut, and nobody says so", GOOD[:-3], UNPARSEABLE),
    # refusals
    Reply(name="a refusal field", reply=completion("", refusal="No."), ends=REFUSED),
    Reply(
        name="a refusal field and a verdict", reply=completion(GOOD, refusal="No."), ends=REFUSED
    ),
    says("declines politely", "I'm sorry, but I can't assist with that request.", REFUSED),
    says("declines with a curly mark", "I\u2019m sorry, I can\u2019t help with that.", REFUSED),
    says("declines at once", "I cannot comply.", REFUSED),
    says("declines shortly", "I can't.", REFUSED),
    says("declines as an AI", "As an AI language model, I cannot judge this content.", REFUSED),
    says("declines as several", "We are unable to process this request.", REFUSED),
    says("sorry, and a verdict in prose", "Sorry, but these are different.", UNPARSEABLE),
    says("sorry, and a verdict in JSON", f"Sorry about the wait! {GOOD}", UNPARSEABLE),
    says("cannot find a difference", "I cannot find any difference between them.", UNPARSEABLE),
    says("will not say more", "I will not quote it again. Both say the same.", UNPARSEABLE),
    says("a refusal that is quoted", "The answer reads: I can't help with that.", UNPARSEABLE),
]
GALLERY = [*READ, *NOT_READ]
in_the_gallery = pytest.mark.parametrize("shown", GALLERY, ids=lambda shown: str(shown.name))


def what_became_of(shown: Reply) -> str | Sequence[str]:
    try:
        read = shown.reader.read(shown.reply)
    except ScoringError as error:
        return error.fate
    labels = tuple(one.label for one in read.values())
    return labels if len(labels) > 1 else labels[0]


@in_the_gallery
def test_each_reply_ends_in_its_verdict_or_its_fate(shown: Reply) -> None:
    assert what_became_of(shown) == shown.ends


@in_the_gallery
def test_only_a_reply_with_verdicts_is_worth_keeping(shown: Reply) -> None:
    assert shown.reader.worth_keeping(shown.reply) == (shown in READ)


@pytest.mark.parametrize("shown", READ, ids=lambda shown: str(shown.name))
def test_what_is_read_is_one_strict_json_document_that_says_just_that(shown: Reply) -> None:
    document = read_strict_json(shown.reply.text.rpartition("</think>")[2])

    assert isinstance(document, Mapping)
    parts = [document] if "verdict" in document else list(document.values())
    labels = tuple(str(part["verdict"]) for part in parts if isinstance(part, Mapping))
    assert labels == ((shown.ends,) if isinstance(shown.ends, str) else shown.ends)


def test_the_gallery_names_each_reply_once() -> None:
    assert len({shown.name for shown in GALLERY}) == len(GALLERY) >= 60
