from dataclasses import replace
from datetime import UTC, datetime

from judge.records.dataset import Dataset
from judge.records.rating import LabelSource, text_hash
from judge.records.record import Item, Role, System, Target
from judge.results.outcome import Fate, FateCode, Score
from judge.results.run import Measure, Result, RunManifest
from judge.trust.gold import GoldLabel, GoldSet, KeptRating
from judge.trust.said import Said, question, said_of

JUDGED = Measure(
    scorer="equivalence",
    target=Target.REFERENCE,
    judged=True,
    criterion="equivalence",
    lower=0.0,
    upper=1.0,
    identity={},
)
DATASET = Dataset(
    items=tuple(Item(item_id=f"i{k}", cluster=f"i{k}") for k in range(3)),
    systems=(System(name="s", role=Role.STUDENT),),
    outputs={"s": {f"i{k}": f"said {k}" for k in range(3)}},
)
MANIFEST = RunManifest(
    run_id="run",
    name="set",
    purpose="score",
    started=datetime(2026, 1, 1, tzinfo=UTC),
    dataset=DATASET.fingerprint,
    population="set",
    outputs={},
    n_items=3,
    systems=DATASET.systems,
    slices={},
    measures=(JUDGED, replace(JUDGED, scorer="other", judged=False)),
    seed=0,
    rated=True,
    versions={},
    config="",
    config_path="",
)


def _rating(number: int, rater: str, label: str, *, text: str = "") -> KeptRating:
    return KeptRating(
        item_id=f"i{number}",
        system="s",
        rater=rater,
        label=label,
        output_hash=text_hash(text or f"said {number}"),
        source=LabelSource.HUMAN,
        blind=True,
        inclusion=0.5,
        comment="why",
    )


def _gold(*ratings: KeptRating, population: str = "set", fingerprint: str = "f") -> GoldSet:
    return GoldSet(
        criterion="equivalence",
        target=Target.REFERENCE,
        categories=("different", "equivalent"),
        population=population,
        fingerprint=fingerprint,
        source=LabelSource.HUMAN,
        blind=True,
        labels=(),
        ratings=ratings,
    )


def _result(number: int, *, scorer: str = "equivalence", label: str = "equivalent") -> Result:
    score = Score(
        scorer=scorer,
        target=Target.REFERENCE,
        value=1.0,
        signature="",
        label=label,
        rationale="since",
    )
    return _stored(number, score)


def _stored(number: int, outcome: Score | Fate) -> Result:
    record = next(one for one in DATASET.records() if one.item_id == f"i{number}")
    return Result(run_id="run", key=record.key, content="", outcome=outcome, duration_s=0.0)


def _said(*sets: GoldSet, results: tuple[Result, ...] = ()) -> Said:
    return said_of(MANIFEST, DATASET, results, sets)


def test_every_word_is_kept_also_where_raters_contradict_each_other() -> None:
    found = _said(_gold(_rating(0, "ann", "different"), _rating(0, "bob", "equivalent")))

    assert [(one.id, one.system, one.rater, one.label) for one in found.ratings] == [
        ("i0", "s", "ann", "different"),
        ("i0", "s", "bob", "equivalent"),
    ]
    first = found.ratings[0]
    assert (first.criterion, first.target, first.source) == ("equivalence", "reference", "human")
    assert (first.blind, first.inclusion_probability, first.comment) == (True, 0.5, "why")


def test_a_word_on_a_text_that_changed_is_counted_and_not_written() -> None:
    found = _said(
        _gold(_rating(0, "ann", "different", text="before"), _rating(1, "ann", "different"))
    )

    assert [one.id for one in found.ratings] == ["i1"]
    assert found.changed == 1


def test_the_newest_labels_of_the_same_set_count() -> None:
    old = _gold(_rating(0, "ann", "different"))
    new = _gold(_rating(0, "ann", "equivalent"), fingerprint="g")
    elsewhere = _gold(_rating(0, "ann", "different"), population="other")

    assert [one.label for one in _said(old, new, elsewhere).ratings] == ["equivalent"]


def test_labels_that_were_kept_without_their_ratings_still_say_who_gave_them() -> None:
    label = GoldLabel(
        item_id="i0",
        system="s",
        output_hash=text_hash("said 0"),
        label="equivalent",
        inclusion=None,
        ratings={"ann": "equivalent", "bob": "equivalent"},
    )

    found = _said(replace(_gold(), labels=(label,)))

    assert [(one.rater, one.inclusion_probability) for one in found.ratings] == [
        ("ann", None),
        ("bob", None),
    ]


def test_verdicts_are_those_of_judges_in_the_order_of_the_items() -> None:
    fate = Fate(
        scorer="equivalence",
        target=Target.REFERENCE,
        code=FateCode.JUDGE_UNAVAILABLE,
        message="",
    )

    found = _said(results=(_result(2), _stored(1, fate), _result(0), _result(0, scorer="other")))

    assert [(one.id, one.judge, one.label, one.reply) for one in found.verdicts] == [
        ("i0", "equivalence.reference", "equivalent", "since"),
        ("i2", "equivalence.reference", "equivalent", "since"),
    ]


def test_a_question_names_its_target_only_where_there_are_two() -> None:
    one = _said(_gold(_rating(0, "ann", "different")), results=(_result(0),))
    teacher = replace(_gold(_rating(0, "ann", "different")), target=Target.TEACHER)
    two = _said(_gold(_rating(0, "ann", "different")), teacher)

    assert question("equivalence", "reference", one) == "equivalence"
    assert question("equivalence", "teacher", two) == "equivalence_teacher"
