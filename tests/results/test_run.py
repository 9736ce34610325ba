import hashlib
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from judge.records.record import Record, RecordKey, Role, System, Target
from judge.records.strict_json import dump_json
from judge.results.run import ADHERENCE, EQUIVALENCE, Measure, RunManifest, content_of

IDENTITY = {"model": "judge-1", "endpoint": "https://api.example.com", "seed": "unset"}
MEASURE = Measure(
    scorer=EQUIVALENCE,
    target=Target.REFERENCE,
    judged=True,
    criterion="equivalence",
    lower=0.0,
    upper=1.0,
    categories=("different", "equivalent"),
    identity=IDENTITY,
)
RECORD = Record(
    item_id="i1",
    system="student",
    input="two and two?",
    output="four",
    references=("4", "four"),
    teacher_output="it is four",
    schema='{"type":"string"}',
    slices={"difficulty": "easy"},
    cluster="i1",
    opponent="five",
)


@pytest.mark.parametrize("name", IDENTITY)
def test_whatever_changes_in_the_identity_changes_the_signature(name: str) -> None:
    changed = {**IDENTITY, name: "another"}
    without = {key: value for key, value in IDENTITY.items() if key != name}
    renamed = {**without, f"{name}_": IDENTITY[name]}

    signatures = {
        replace(MEASURE, identity=identity).signature
        for identity in (IDENTITY, changed, without, renamed)
    }

    assert len(signatures) == 4


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"a": "1", "b": "2"}, {"a": "2", "b": "1"}),
        ({"a": '1","b":"2'}, {"a": "1", "b": "2"}),
        ({"a": ""}, {}),
    ],
)
def test_identities_that_only_look_alike_have_signatures_of_their_own(
    one: Mapping[str, str], other: Mapping[str, str]
) -> None:
    assert replace(MEASURE, identity=one).signature != replace(MEASURE, identity=other).signature


def test_the_order_of_an_identity_does_not_matter() -> None:
    turned = dict(reversed(IDENTITY.items()))

    assert replace(MEASURE, identity=turned).signature == MEASURE.signature


@pytest.mark.parametrize(
    ("scorer", "target", "metric"),
    [
        (EQUIVALENCE, Target.TEACHER, "equivalence.teacher"),
        (EQUIVALENCE, Target.OPPONENT, "equivalence.opponent"),
        (ADHERENCE, Target.SCHEMA, "adherence.strict"),
    ],
)
def test_a_metric_is_named_by_its_scorer_and_target(
    scorer: str, target: Target, metric: str
) -> None:
    assert replace(MEASURE, scorer=scorer, target=target).metric == metric


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("meta", "llama/7"), ("meta/llama", "7")),
        (("meta%2Fllama", "7"), ("meta/llama", "7")),
        (("a", "b"), ("b", "a")),
    ],
)
def test_no_two_records_share_the_name_of_their_question(
    one: tuple[str, str], other: tuple[str, str]
) -> None:
    first, second = (
        MEASURE.case_id(RecordKey(system=system, item_id=item)) for system, item in (one, other)
    )

    assert first != second


def test_a_question_is_named_without_its_texts_so_that_a_crash_does_not_change_it() -> None:
    name = MEASURE.case_id(RECORD.key)

    assert name == "equivalence.reference/student/i1"


def test_categories_stand_in_equal_steps_unless_their_values_are_given() -> None:
    three = replace(MEASURE, categories=("bad", "fair", "good"))

    assert three.values == (0.0, 0.5, 1.0)
    assert replace(three, category_values=(0.0, 0.0, 1.0)).values == (0.0, 0.0, 1.0)
    assert replace(MEASURE, judged=False, categories=()).values == ()


@pytest.mark.parametrize(
    ("measure", "expected"),
    [
        (MEASURE, True),
        (replace(MEASURE, categories=("bad", "fair", "good")), False),
        (replace(MEASURE, categories=("a", "b", "c"), category_values=(0.0, 0.0, 1.0)), True),
        (replace(MEASURE, judged=False, categories=()), True),
        (replace(MEASURE, judged=False, categories=(), lower=-1.0), False),
    ],
)
def test_a_measure_knows_whether_it_passes_or_fails(measure: Measure, *, expected: bool) -> None:
    assert measure.passes_or_fails is expected


def test_a_manifest_finds_its_measures_and_knows_of_no_others() -> None:
    other = replace(MEASURE, target=Target.TEACHER)
    manifest = RunManifest(
        run_id="r",
        name="test",
        purpose="score",
        started=datetime(2026, 5, 1, tzinfo=UTC),
        dataset="d",
        population="p",
        outputs={},
        n_items=1,
        systems=(System(name="student", role=Role.STUDENT),),
        slices={},
        measures=(MEASURE, other),
        seed=0,
        rated=False,
        versions={},
        config="",
        config_path="",
    )

    assert manifest.measure(EQUIVALENCE, Target.TEACHER) is other
    with pytest.raises(KeyError, match="similarity"):
        manifest.measure("similarity", Target.REFERENCE)


@pytest.mark.parametrize(
    ("target", "changed"),
    [
        (Target.REFERENCE, replace(RECORD, input="two plus two?")),
        (Target.REFERENCE, replace(RECORD, output="five")),
        (Target.REFERENCE, replace(RECORD, output=None)),
        (Target.REFERENCE, replace(RECORD, output="")),
        (Target.REFERENCE, replace(RECORD, output="null")),
        (Target.REFERENCE, replace(RECORD, references=("4",))),
        (Target.REFERENCE, replace(RECORD, references=("four", "4"))),
        (Target.REFERENCE, replace(RECORD, references=("4", "four", ""))),
        (Target.TEACHER, replace(RECORD, teacher_output="it is five")),
        (Target.TEACHER, replace(RECORD, teacher_output=None)),
        (Target.OPPONENT, replace(RECORD, opponent="six")),
        (Target.SCHEMA, replace(RECORD, schema="")),
    ],
)
def test_every_text_that_is_looked_at_changes_the_content(target: Target, changed: Record) -> None:
    assert content_of(changed, target) != content_of(RECORD, target)


@pytest.mark.parametrize(
    ("target", "changed"),
    [
        (Target.REFERENCE, replace(RECORD, item_id="i2", system="sft", cluster="c", slices={})),
        (Target.REFERENCE, replace(RECORD, teacher_output=None, opponent=None)),
        (Target.TEACHER, replace(RECORD, references=())),
        (Target.OPPONENT, replace(RECORD, references=(), teacher_output=None)),
    ],
)
def test_what_is_not_looked_at_leaves_the_content_as_it_is(target: Target, changed: Record) -> None:
    assert content_of(changed, target) == content_of(RECORD, target)


def test_no_output_an_empty_one_and_the_word_null_are_three_contents() -> None:
    records = [replace(RECORD, output=output) for output in (None, "", "null")]

    assert len({content_of(record, Target.REFERENCE) for record in records}) == 3


def test_texts_that_move_between_fields_are_another_content() -> None:
    one = replace(RECORD, references=("a",), schema="b")
    other = replace(RECORD, references=("a", "b"), schema="")
    third = replace(RECORD, references=('a","b',), schema="")

    assert len({content_of(record, Target.REFERENCE) for record in (one, other, third)}) == 3


@pytest.mark.parametrize(
    "text", ["", "plain", 'a "quoted" one\n\ttab\x00\x1f\x7f/\\', "é中\U0001f525\u2028"]
)
def test_the_hash_of_texts_is_the_same_as_ever(text: str) -> None:
    record = replace(RECORD, input=text, output=None)
    canonical = dump_json([text, None, *record.references, record.schema])

    assert content_of(record, Target.REFERENCE) == hashlib.sha256(canonical.encode()).hexdigest()
