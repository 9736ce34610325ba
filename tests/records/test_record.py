import pytest

from judge.records.record import Record, RecordKey, Target

FULL = Record(
    item_id="i1",
    system="student",
    input="Where?",
    output="Rome",
    references=("Paris", "the city of light"),
    teacher_output="",
    schema="{}",
    slices={},
    cluster="i1",
    opponent="Oslo",
)
BARE = Record(
    item_id="i1",
    system="student",
    input="",
    output=None,
    references=(),
    teacher_output=None,
    schema="",
    slices={},
    cluster="i1",
)


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        (Target.REFERENCE, ("Paris", "the city of light")),
        (Target.TEACHER, ("",)),
        (Target.OPPONENT, ("Oslo",)),
        (Target.SCHEMA, ()),
    ],
)
def test_each_target_has_its_own_texts_and_none_where_there_is_none(
    target: Target, expected: tuple[str, ...]
) -> None:
    assert FULL.answers(target) == expected
    assert BARE.answers(target) == ()


def test_a_record_is_named_by_its_item_and_its_system() -> None:
    assert FULL.key == BARE.key == RecordKey(item_id="i1", system="student")
