from collections.abc import Sequence

import pytest

from judge.errors import ConfigError
from judge.records.record import Item
from judge.scorers.classification import LabelAccuracy
from judge.scorers.task import Compared, Incomparable

LABELS = ("spam", "not spam", "3")


@pytest.mark.parametrize(
    ("output", "label"),
    [
        ("spam", "spam"),
        (" not spam\n", "not spam"),
        ("Spam", None),
        ("spam.", None),
        ('"spam"', None),
        ("not  spam", None),
        ("The label is spam", None),
        ("spam\nnot spam", None),
        ("", None),
    ],
)
def test_a_label_is_the_whole_output_or_none(output: str, label: str | None) -> None:
    assert LabelAccuracy(LABELS).read(output) == label


@pytest.mark.parametrize(
    ("output", "label"),
    [
        ('{"out": {"label": "spam"}, "why": "not spam"}', "spam"),
        ('{"out": {"label": 3}}', "3"),
        ('{"out": {"label": " SPAM "}}', "spam"),
        ('{"out": {"label": ["spam"]}}', None),
        ('{"out": {"label": null}}', None),
        ('{"out": "spam"}', None),
        ('{"out": {"label": "spam", "label": "3"}}', None),
        ("spam", None),
    ],
)
def test_a_label_in_a_json_output_is_read_at_its_place(output: str, label: str | None) -> None:
    scorer = LabelAccuracy(LABELS, place="/out/label", ignore_case=True)

    assert scorer.read(output) == label


@pytest.mark.parametrize(
    ("output", "answers", "value", "flags", "details"),
    [
        ("spam", ["spam"], 1.0, (), {"expected": "spam", "found": "spam"}),
        ("3", ["spam", "3"], 1.0, (), {"expected": "3", "found": "3"}),
        ("3", ["spam"], 0.0, (), {"expected": "spam", "found": "3"}),
        (
            "it is spam",
            ["spam"],
            0.0,
            ("output_not_a_label",),
            {"expected": "spam", "output": "it is spam"},
        ),
    ],
)
def test_the_right_label_scores_one_and_the_evidence_says_both(
    output: str,
    answers: Sequence[str],
    value: float,
    flags: tuple[str, ...],
    details: dict[str, str],
) -> None:
    found = LabelAccuracy(LABELS).compare(output, answers)

    assert found == Compared(value=value, flags=flags, details=details)


def test_an_answer_off_the_labels_is_outside_n_and_its_item_is_named() -> None:
    scorer = LabelAccuracy(LABELS, place="/label")
    items = [
        Item(item_id="good", references=("spam",), cluster="1"),
        Item(item_id="also", references=('{"label": "3"}',), cluster="2"),
        Item(item_id="bad", references=("ham",), cluster="3"),
        Item(item_id="none", cluster="4"),
    ]

    assert isinstance(scorer.compare('{"label": "spam"}', ["ham"]), Incomparable)
    assert scorer.off_labels(items) == ["bad"]


@pytest.mark.parametrize(
    ("labels", "place", "message"),
    [
        (["yes"], "", "at least two"),
        (["yes", "Yes "], "", "read the same"),
        (["yes", " "], "", "not blank"),
        (["yes", "no"], "label", "JSON Pointer"),
    ],
)
def test_labels_that_cannot_be_told_apart_are_refused(
    labels: list[str], place: str, message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        LabelAccuracy(labels, place=place, ignore_case=True)


def test_the_order_of_the_labels_changes_no_signature_and_the_reading_does() -> None:
    one = LabelAccuracy(["a", "b"]).identity

    assert LabelAccuracy(["b", "a"]).identity == one
    assert LabelAccuracy(["a", "b"], ignore_case=True).identity != one
    assert LabelAccuracy(["a", "b"], place="/x").identity != one
