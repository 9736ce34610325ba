import json
from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from judge.records.record import Item, RecordKey
from judge.render.annotation_files import argilla, label_studio
from judge.trust.said import RatingRow, Said, VerdictRow

RATING = RatingRow(
    id="i0",
    system="s",
    rater="ann@example.org",
    label="equivalent",
    criterion="equivalence",
    target="reference",
    output_hash="",
    inclusion_probability=None,
    source="human",
    blind=True,
    comment="looks right",
)
VERDICT = VerdictRow(
    id="i0",
    system="s",
    judge="equivalence.reference",
    label="different",
    criterion="equivalence",
    target="reference",
    value=0.0,
    reply="since",
)
SAID = Said(
    items={
        "i0": Item(
            item_id="i0", cluster="i0", input="ask", references=("a", "b"), slices={"kind": "x"}
        )
    },
    outputs={RecordKey(item_id="i0", system="s"): "said"},
    ratings=(RATING,),
    verdicts=(VERDICT,),
    changed=0,
)


def _rows(body: bytes) -> Sequence[Mapping[str, object]]:
    rows = json.loads(body)
    assert isinstance(rows, list)
    return rows


def test_a_task_of_label_studio_has_annotations_and_predictions() -> None:
    def result(name: str, kind: str, value: object) -> object:
        return {"from_name": name, "to_name": "output", "type": kind, "value": value}

    (task,) = _rows(label_studio(SAID))

    assert task == {
        "id": 1,
        "data": {
            "id": "i0",
            "system": "s",
            "input": "ask",
            "reference": ["a", "b"],
            "output": "said",
        },
        "meta": {"kind": "x"},
        "annotations": [
            {
                "completed_by": {"email": "ann@example.org"},
                "result": [
                    result("equivalence", "choices", {"choices": ["equivalent"]}),
                    result("comment", "textarea", {"text": ["looks right"]}),
                ],
                "was_cancelled": False,
            }
        ],
        "predictions": [
            {
                "model_version": "equivalence.reference",
                "score": 0.0,
                "result": [
                    result("equivalence", "choices", {"choices": ["different"]}),
                    result("reasons", "textarea", {"text": ["since"]}),
                ],
            }
        ],
    }


@pytest.mark.parametrize(
    ("rater", "named"),
    [("7", 7), ("07", {"email": "07"}), ("ann", {"email": "ann"}), ("²", {"email": "²"})],
)
def test_a_rater_is_named_as_exports_name_people(rater: str, named: object) -> None:
    (task,) = _rows(label_studio(replace(SAID, ratings=(replace(RATING, rater=rater),))))

    annotations = task["annotations"]
    assert isinstance(annotations, list)
    assert annotations[0]["completed_by"] == named


def test_a_record_of_argilla_has_responses_and_suggestions() -> None:
    (record,) = _rows(argilla(SAID))

    assert record == {
        "id": "i0/s",
        "fields": {"input": "ask", "reference": "a\nb", "output": "said"},
        "metadata": {"kind": "x", "item_id": "i0", "system": "s"},
        "responses": {"equivalence": [{"value": "equivalent", "user_id": "ann@example.org"}]},
        "suggestions": {
            "equivalence": {"value": "different", "score": None, "agent": "equivalence.reference"}
        },
    }


def test_a_second_judge_of_the_same_question_keeps_its_suggestion() -> None:
    other = replace(VERDICT, judge="panel.reference")

    (record,) = _rows(argilla(replace(SAID, verdicts=(VERDICT, other))))

    suggestions = record["suggestions"]
    assert isinstance(suggestions, dict)
    assert [(name, one["agent"]) for name, one in suggestions.items()] == [
        ("equivalence", "equivalence.reference"),
        ("panel_reference", "panel.reference"),
    ]


def test_an_output_that_is_missing_is_no_text_of_a_task_and_an_empty_field_of_a_record() -> None:
    missing = replace(SAID, outputs={RecordKey(item_id="i0", system="s"): None})

    (task,), (record,) = _rows(label_studio(missing)), _rows(argilla(missing))

    assert isinstance(task["data"], dict)
    assert isinstance(record["fields"], dict)
    assert (task["data"]["output"], record["fields"]["output"]) == (None, "")
