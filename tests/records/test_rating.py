import csv
import hashlib
import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from judge.errors import DataError
from judge.records.dataset import Dataset
from judge.records.label import LabelKey
from judge.records.rating import (
    Aggregate,
    Consensus,
    LabelSource,
    Rating,
    RatingSet,
    RatingSource,
    consensus,
    merged,
    read_ratings,
)
from judge.records.record import Item, RecordKey, Role, System, Target
from judge.records.scale import EQUIVALENCE, Scale, ScaleKind
from judge.records.strict_json import JsonValue

OUTPUTS = {
    "small": {"i1": "Paris", "i2": "Rome", "i3": ""},
    "large": {"i1": "Paris.", "i2": "Oslo"},
}
DATASET = Dataset(
    items=tuple(Item(item_id=name, cluster=name) for name in ("i1", "i2", "i3")),
    systems=tuple(System(name=name, role=Role.STUDENT) for name in OUTPUTS),
    outputs=OUTPUTS,
)
KNOWN = frozenset({"i1", "i2", "i3", "left out"})
SOURCE = RatingSource(
    path=Path(),
    fields={},
    labels={},
    criterion="equivalence",
    target=Target.REFERENCE,
    source=LabelSource.HUMAN,
    blind=False,
    random=False,
)
ROW: Mapping[str, JsonValue] = {
    "id": "i1",
    "system": "small",
    "rater": "ada",
    "label": "equivalent",
}
STARS = Scale(kind=ScaleKind.ORDINAL, categories=("1", "2", "3", "4", "5"))


def _write(path: Path, rows: Sequence[Mapping[str, JsonValue]]) -> Path:
    if path.suffix == ".csv":
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    else:
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def _read(
    folder: Path,
    *rows: Mapping[str, JsonValue],
    like: RatingSource = SOURCE,
    scale: Scale = EQUIVALENCE,
    ending: str = "jsonl",
) -> RatingSet:
    source = replace(like, path=_write(folder / f"ratings.{ending}", rows))
    return read_ratings(source, DATASET, scale, known_ids=KNOWN)


def _row(**changes: JsonValue) -> Mapping[str, JsonValue]:
    return {**ROW, **changes}


def _rated(*labels: str, item_id: str = "i1") -> list[Rating]:
    return [
        Rating(
            item_id=item_id,
            system="small",
            criterion="equivalence",
            target=Target.REFERENCE,
            rater=f"r{place}",
            label=label,
            source=LabelSource.HUMAN,
            blind=True,
            inclusion_probability=1.0,
            place="",
        )
        for place, label in enumerate(labels)
    ]


@pytest.mark.parametrize("ending", ["jsonl", "csv"])
def test_a_row_may_say_everything_itself(tmp_path: Path, ending: str) -> None:
    row = _row(
        criterion="equivalence",
        target="teacher",
        source="constructed",
        blind="TRUE" if ending == "csv" else True,
        chance=0.25,
        comment="Says so.",
        output_hash=hashlib.sha256(b"Paris").hexdigest(),
        seconds=12,
    )
    like = replace(SOURCE, target=Target.TEACHER, probability_field="chance")

    found = _read(tmp_path, row, like=like, ending=ending)

    assert found.set_aside == {}
    assert found.ratings == (
        Rating(
            item_id="i1",
            system="small",
            criterion="equivalence",
            target=Target.TEACHER,
            rater="ada",
            label="equivalent",
            source=LabelSource.CONSTRUCTED,
            blind=True,
            inclusion_probability=0.25,
            comment="Says so.",
            output_hash=hashlib.sha256(b"Paris").hexdigest(),
            place=f"ratings.{ending} line {2 if ending == 'csv' else 1}",
        ),
    )


@pytest.mark.parametrize(("drawn_at_random", "probability"), [(True, 1.0), (False, None)])
def test_what_a_row_does_not_say_holds_as_declared(
    tmp_path: Path, *, drawn_at_random: bool, probability: float | None
) -> None:
    like = replace(
        SOURCE, blind=True, random=drawn_at_random, fields={"id": "question", "label": "correct"}
    )
    row: Mapping[str, JsonValue] = {
        "question": "i2",
        "system": "large",
        "rater": 7,
        "correct": "different",
    }

    (rating,) = _read(tmp_path, row, like=like).ratings

    assert (rating.key, rating.rater) == (RecordKey(item_id="i2", system="large"), "7")
    assert (rating.label, rating.target) == ("different", Target.REFERENCE)
    assert (rating.source, rating.blind) == (LabelSource.HUMAN, True)
    assert rating.inclusion_probability == probability
    assert rating.output_hash == hashlib.sha256(b"Oslo").hexdigest()


@pytest.mark.parametrize(
    ("stored", "refused"),
    [
        (True, ["true", "True", 1, 1.0]),
        ("true", [True, 1, "True", "true "]),
        (1, [True, "1", 1.0]),
        (3, ["3", 3.0, "3.0"]),
        ("3", [3, 3.0, "3.0"]),
    ],
    ids=repr,
)
def test_json_keeps_the_types_of_labels_apart(
    tmp_path: Path, stored: LabelKey, refused: Sequence[JsonValue]
) -> None:
    like = replace(SOURCE, labels={stored: "equivalent"})

    assert _read(tmp_path, _row(label=stored), like=like).ratings[0].label == "equivalent"
    for label in refused:
        with pytest.raises(
            DataError, match=r"ratings\.jsonl line 1: the label .* is not on the sc"
        ):
            _read(tmp_path, _row(label=label), like=like)


@pytest.mark.parametrize(
    ("stored", "accepted", "refused"),
    [
        (True, ["true", "True", " TRUE "], ["1", "yes", "", "t"]),
        (1, ["1", " 1"], ["true", "1.0", "01", "one"]),
        (3, ["3"], ["3.0", "three"]),
        ("Good", ["good", "GOOD"], ["goo", "good!"]),
    ],
    ids=repr,
)
def test_csv_labels_are_compared_as_text(
    tmp_path: Path, stored: LabelKey, accepted: Sequence[str], refused: Sequence[str]
) -> None:
    like = replace(SOURCE, labels={stored: "equivalent"})

    for label in accepted:
        found = _read(tmp_path, _row(label=label), like=like, ending="csv")
        assert found.ratings[0].label == "equivalent"
    for label in refused:
        with pytest.raises(
            DataError, match=r"ratings\.csv line 2: the label .* is not on the scale"
        ):
            _read(tmp_path, _row(label=label), like=like, ending="csv")


@pytest.mark.parametrize("label", ["similar", "Equivalent", "", None, 1, True, 0.5, ["equivalent"]])
def test_a_label_off_the_scale_is_refused_with_those_that_are_on_it(
    tmp_path: Path, label: JsonValue
) -> None:
    with pytest.raises(DataError) as refused:
        _read(tmp_path, ROW, _row(id="i2", label=label))

    assert str(refused.value).startswith("ratings.jsonl line 2: the label ")
    assert "accepted are: 'different', 'equivalent' (map others under" in str(refused.value)


def test_without_a_mapping_a_whole_number_is_the_category_written_like_it(tmp_path: Path) -> None:
    rows = [_row(id="i1", label=4), _row(id="i2", label="4")]

    found = _read(tmp_path, *rows, scale=STARS)

    assert [rating.label for rating in found.ratings] == ["4", "4"]
    for label in (4.0, 6, True):
        with pytest.raises(DataError, match="is not on the scale"):
            _read(tmp_path, _row(label=label), scale=STARS)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"id": "i11"}, "a rating for the unknown item 'i11' (did you mean 'i1'?); every rating m"),
        ({"id": "i11", "criterion": "style"}, "a rating for the unknown item 'i11'"),
        ({"id": None}, "'id' must be text or a whole number, not null"),
        ({"rater": ""}, "'rater' is empty; every row needs one"),
        ({"system": None}, "'system' must be text or a whole number, not null"),
        ({"target": "refrence"}, "'target' is 'refrence'; it must be one of reference, teacher"),
        ({"source": "model"}, "'source' is 'model'; it must be one of human, constructed"),
        ({"blind": "yes"}, "'blind' must be true or false, not text"),
        ({"blind": 1}, "'blind' must be true or false, not the number 1"),
        ({"comment": 3}, "'comment' must be text, not the number 3"),
        ({"output_hash": "0" * 64}, "the rated text is not the output of this set; rate the new"),
        (
            {"label": "different"},
            "ada labels i1 of small 'different', but 'equivalent' in ratings.jsonl line 1; keep",
        ),
    ],
    ids=str,
)
def test_a_bad_rating_is_refused_with_its_file_and_row(
    tmp_path: Path, changes: Mapping[str, JsonValue], message: str
) -> None:
    with pytest.raises(DataError) as refused:
        _read(tmp_path, ROW, _row(**changes))

    assert str(refused.value).startswith("ratings.jsonl line 2: ")
    assert message in str(refused.value)


@pytest.mark.parametrize("field", ["id", "system", "rater", "label"])
def test_a_rating_needs_each_of_its_fields(tmp_path: Path, field: str) -> None:
    row = {name: value for name, value in ROW.items() if name != field}

    with pytest.raises(DataError, match=f"^ratings.jsonl line 1: '{field}' is missing"):
        _read(tmp_path, row)


def test_in_a_set_of_one_system_nobody_needs_to_name_it(tmp_path: Path) -> None:
    alone = replace(DATASET, systems=DATASET.systems[:1], outputs={"small": OUTPUTS["small"]})
    row = {name: value for name, value in ROW.items() if name != "system"}
    source = replace(SOURCE, path=_write(tmp_path / "ratings.jsonl", [row]))

    found = read_ratings(source, alone, EQUIVALENCE, known_ids=KNOWN)

    assert found.ratings[0].system == "small"


@pytest.mark.parametrize("ending", ["jsonl", "csv"])
@pytest.mark.parametrize(
    "probability", [0, 0.0, -0.1, 1.0001, 2, "", "half", "nan", "inf", None, True, [0.5]]
)
def test_a_chance_that_is_none_is_refused(
    tmp_path: Path, probability: JsonValue, ending: str
) -> None:
    like = replace(SOURCE, probability_field="chance")

    with pytest.raises(DataError) as refused:
        _read(tmp_path, _row(chance=probability), like=like, ending=ending)

    line = 2 if ending == "csv" else 1
    assert (
        f"ratings.{ending} line {line}: the inclusion probability 'chance' must be in (0, 1]"
        in (str(refused.value))
    )


@pytest.mark.parametrize(("probability", "expected"), [(1, 1.0), (1e-9, 1e-9), ("0.5", 0.5)])
def test_a_chance_up_to_one_is_read(
    tmp_path: Path, probability: JsonValue, expected: float
) -> None:
    like = replace(SOURCE, probability_field="chance")

    (rating,) = _read(tmp_path, _row(chance=probability), like=like).ratings

    assert rating.inclusion_probability == expected


def test_a_declared_column_of_chances_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="line 1: 'chance' is missing"):
        _read(tmp_path, ROW, like=replace(SOURCE, probability_field="chance"))


def test_what_is_not_used_is_counted_by_reason(tmp_path: Path) -> None:
    rows = [
        ROW,
        ROW,
        _row(criterion="style", label=4),
        _row(criterion="style", label="different"),
        _row(target="teacher", label="different"),
        _row(system="tiny"),
        _row(id="left out"),
        _row(id="i3"),
        _row(id="i2", rater="bob"),
    ]

    found = _read(tmp_path, *rows, like=replace(SOURCE, quoted=frozenset({"i3"})))

    assert [(rating.item_id, rating.rater) for rating in found.ratings] == [
        ("i1", "ada"),
        ("i2", "bob"),
    ]
    assert found.set_aside == {
        "the same rating twice": 1,
        "on the criterion style": 2,
        "against the target teacher": 1,
        "of the system tiny, which is not in the config": 1,
        "of items left out by --limit or --filter": 1,
        "of items that the judge's prompt quotes": 1,
    }


def test_a_rating_of_a_missing_output_counts_as_one_of_an_empty_text(tmp_path: Path) -> None:
    nothing = hashlib.sha256(b"").hexdigest()
    rows = [_row(id="i3", system=name, output_hash=nothing) for name in OUTPUTS]

    assert len(_read(tmp_path, *rows).ratings) == 2


def test_the_fingerprint_is_of_what_was_said_not_of_the_order_or_the_format(
    tmp_path: Path,
) -> None:
    rows = [_row(id=name, rater=rater) for name in ("i1", "i2", "i3") for rater in ("ada", "bob")]
    turned = random.Random(2).sample(rows, len(rows))  # noqa: S311 - any order will do

    first = _read(tmp_path, *rows).fingerprint

    assert _read(tmp_path, *turned, ending="csv").fingerprint == first
    for changes in ({"label": "different"}, {"rater": "eve"}, {"system": "large"}):
        assert _read(tmp_path, {**rows[0], **changes}, *rows[1:]).fingerprint != first
    assert _read(tmp_path, *rows[1:]).fingerprint != first


def test_the_consensus_is_what_most_raters_said_and_ties_are_counted() -> None:
    ratings = [
        *_rated("equivalent", "different", "equivalent", item_id="i1"),
        *_rated("different", "equivalent", item_id="i2"),
        *_rated("different", item_id="i3"),
    ]

    found, ties = consensus(ratings, EQUIVALENCE)

    assert ties == 1
    assert found == [
        Consensus(key=RecordKey(item_id="i1", system="small"), label="equivalent", n_raters=3),
        Consensus(key=RecordKey(item_id="i3", system="small"), label="different", n_raters=1),
    ]


@pytest.mark.parametrize(
    ("labels", "majority", "median", "mean"),
    [
        ("5", "5", "5", "5"),
        ("1155", None, "1", "3"),
        ("12", None, "1", "1"),
        ("1144455", "4", "4", "3"),
        ("11125", "1", "1", "2"),
        ("2255", None, "2", "3"),
        ("345", None, "4", "4"),
    ],
)
def test_several_labels_become_one_by_the_declared_rule(
    labels: str, majority: str | None, median: str, mean: str
) -> None:
    def said(aggregate: Aggregate) -> str | None:
        found, ties = consensus(_rated(*labels), STARS, aggregate=aggregate)
        assert len(found) + ties == 1
        return found[0].label if found else None

    assert said(Aggregate.MAJORITY) == majority
    assert said(Aggregate.MEDIAN) == median
    assert said(Aggregate.MEAN) == mean


def _plan_line(task: str, item_id: str, text: str, **changes: JsonValue) -> Mapping[str, JsonValue]:
    return {
        "task": task,
        "id": item_id,
        "system": "small",
        "criterion": "equivalence",
        "target": "reference",
        "output_hash": hashlib.sha256(text.encode()).hexdigest(),
        "stratum": "small / equivalent",
        "inclusion_probability": 0.5,
        "kept": {},
        **changes,
    }


PLAN = (_plan_line("t1", "i1", "Paris"), _plan_line("t2", "i2", "Rome"))


def _planned(
    folder: Path,
    *rows: Mapping[str, JsonValue],
    plan: Sequence[Mapping[str, JsonValue]] = PLAN,
    ending: str = "jsonl",
) -> RatingSet:
    like = replace(SOURCE, blind=True, plan=_write(folder / "to_label.plan.jsonl", plan))
    return _read(folder, *rows, like=like, ending=ending)


def _answer(task: str, label: JsonValue, rater: str = "ada") -> Mapping[str, JsonValue]:
    return {"task": task, "input": "ask", "label": label, "rater": rater}


@pytest.mark.parametrize("ending", ["jsonl", "csv"])
def test_a_planned_row_is_a_rating_of_its_record_with_the_planned_chance(
    tmp_path: Path, ending: str
) -> None:
    answers = [_answer("t2", "different"), _answer("t1", "equivalent")]

    found = _planned(tmp_path, *answers, ending=ending)

    assert [(r.item_id, r.system, r.label, r.rater) for r in found.ratings] == [
        ("i2", "small", "different", "ada"),
        ("i1", "small", "equivalent", "ada"),
    ]
    assert {r.inclusion_probability for r in found.ratings} == {0.5}
    assert all(r.blind and r.shared_draw for r in found.ratings)
    assert found.set_aside == {}


@pytest.mark.parametrize(("ending", "nothing"), [("jsonl", None), ("csv", "")])
def test_a_planned_row_without_a_label_waits_and_lowers_the_chance_of_the_others(
    tmp_path: Path, ending: str, nothing: JsonValue
) -> None:
    answers = [_answer("t1", "equivalent"), _answer("t2", nothing, rater="")]

    found = _planned(tmp_path, *answers, ending=ending)

    assert [(r.item_id, r.inclusion_probability) for r in found.ratings] == [("i1", 0.25)]
    assert not any(r.shared_draw for r in found.ratings)
    assert found.set_aside == {"not labelled yet": 1}


def test_a_kept_label_is_a_rating_without_anybody_being_asked(tmp_path: Path) -> None:
    plan = (PLAN[0], _plan_line("t2", "i2", "Rome", kept={"ben": "different"}))

    found = _planned(tmp_path, _answer("t1", "equivalent"), plan=plan)

    assert [(r.item_id, r.rater, r.label, r.place) for r in found.ratings] == [
        ("i1", "ada", "equivalent", "ratings.jsonl line 1"),
        ("i2", "ben", "different", "to_label.plan.jsonl line 2"),
    ]
    assert {(r.source, r.inclusion_probability) for r in found.ratings} == {
        (LabelSource.HUMAN, 0.5)
    }


def test_when_a_planned_text_has_changed_the_other_labels_have_no_known_chance(
    tmp_path: Path,
) -> None:
    plan = (PLAN[0], _plan_line("t2", "i2", "Roma"))

    found = _planned(tmp_path, _answer("t1", "equivalent"), _answer("t2", "different"), plan=plan)

    assert [(r.item_id, r.inclusion_probability) for r in found.ratings] == [("i1", None)]
    assert sum(found.set_aside.values()) == 1


@pytest.mark.parametrize(
    ("answers", "problem"),
    [
        ([_answer("t7", "different")], "ratings.jsonl line 1: the task 't7' is not in the plan"),
        (
            [_answer("t1", "different"), _answer("t1", "equivalent")],
            "ratings.jsonl line 2: ada labels i1 of small 'equivalent', but 'different' in ratings",
        ),
        ([_answer("t1", "same")], "ratings.jsonl line 1: the label 'same' is not on the scale"),
        ([_answer("t1", "different", rater="")], "ratings.jsonl line 1: 'rater' is empty"),
        ([{"label": "different", "rater": "ada"}], "ratings.jsonl line 1: 'task' is missing"),
    ],
)
def test_a_planned_row_that_cannot_be_used_is_refused_with_its_place(
    tmp_path: Path, answers: Sequence[Mapping[str, JsonValue]], problem: str
) -> None:
    with pytest.raises(DataError) as refused:
        _planned(tmp_path, *answers)

    assert str(refused.value).startswith(problem)


def test_a_kept_label_that_its_rater_contradicts_is_refused(tmp_path: Path) -> None:
    plan = (_plan_line("t1", "i1", "Paris", kept={"ada": "different"}),)

    with pytest.raises(DataError, match=r"plan.jsonl line 1: ada labels i1 .* in ratings.jsonl"):
        _planned(tmp_path, _answer("t1", "equivalent"), plan=plan)


def _said(path: Path, *rows: Mapping[str, JsonValue]) -> RatingSet:
    source = replace(SOURCE, path=_write(path, [{**ROW, **row} for row in rows]))
    return read_ratings(source, DATASET, EQUIVALENCE, known_ids=KNOWN)


def test_ratings_from_two_places_are_one_set_in_which_nobody_counts_twice(tmp_path: Path) -> None:
    one = _said(tmp_path / "one.jsonl", {"id": "i1"}, {"id": "i2"})
    other = _said(tmp_path / "other.jsonl", {"id": "i2"}, {"id": "i2", "rater": "ben"})

    found = merged(one, other)

    assert [(rating.item_id, rating.rater) for rating in found.ratings] == [
        ("i1", "ada"),
        ("i2", "ada"),
        ("i2", "ben"),
    ]
    assert found.set_aside == {"the same rating twice": 1}


def test_a_rater_who_says_two_things_in_two_places_is_refused_with_both(tmp_path: Path) -> None:
    one = _said(tmp_path / "one.jsonl", {"id": "i1"})
    other = _said(tmp_path / "other.jsonl", {"id": "i1", "label": "different"})

    with pytest.raises(DataError, match=r"other.jsonl line 1: ada .* in one.jsonl line 1"):
        merged(one, other)
