import numpy as np
import pytest

from judge.records.record import Record, RecordKey, Target
from judge.reports.samples import LengthScale, watched_scores
from judge.results.outcome import Fate, FateCode, NotApplicable, Outcome, Score
from judge.results.run import SIMILARITY, Measure

MEASURE = Measure(
    scorer=SIMILARITY,
    target=Target.REFERENCE,
    judged=False,
    criterion="similarity",
    lower=-1.0,
    upper=1.0,
    identity={},
    empty_value=0.0,
)


def _record(number: int, output: str | None = "x", *, cluster: str = "") -> Record:
    return Record(
        item_id=f"i{number}",
        system="s",
        input="",
        output=output,
        references=(),
        teacher_output=None,
        schema="",
        slices={"kind": "ab"[number % 2]},
        cluster=cluster or f"i{number}",
    )


def _score(value: float) -> Score:
    return Score(scorer=SIMILARITY, target=Target.REFERENCE, value=value, signature="")


def test_scores_are_mapped_to_0_to_1_overall_and_by_slice() -> None:
    records = [_record(k) for k in range(4)]
    outcomes: dict[RecordKey, Outcome] = {
        r.key: _score(v) for r, v in zip(records, (-1.0, 0.0, 0.5, 1.0), strict=True)
    }

    scores, missing = watched_scores(records, outcomes, MEASURE)

    assert missing == 0
    assert {key: values.tolist() for key, values in scores.items()} == {
        ("similarity.reference", "overall"): [0.0, 0.5, 0.75, 1.0],
        ("similarity.reference", "kind=a"): [0.0, 0.75],
        ("similarity.reference", "kind=b"): [0.5, 1.0],
    }


def test_what_shares_a_cluster_is_one_score() -> None:
    records = [_record(k, cluster="same") for k in (0, 2, 4)]
    outcomes = {r.key: _score(v) for r, v in zip(records, (-1.0, 0.0, 1.0), strict=True)}

    scores, _ = watched_scores(records, outcomes, MEASURE)

    assert scores["similarity.reference", "overall"].tolist() == [0.5]


def test_what_has_no_value_is_counted_and_what_does_not_apply_is_not() -> None:
    records = [_record(k) for k in range(4)]
    target = Target.REFERENCE
    outcomes: dict[RecordKey, Outcome] = {
        records[0].key: Fate(
            scorer=SIMILARITY, target=target, code=FateCode.EMBEDDING_INVALID, message=""
        ),
        records[1].key: NotApplicable(scorer=SIMILARITY, target=target, reason=""),
        records[2].key: Fate(
            scorer=SIMILARITY, target=target, code=FateCode.OUTPUT_EMPTY, message=""
        ),
    }

    scores, missing = watched_scores(records, outcomes, MEASURE)

    assert missing == 1
    # An empty output counts as 0 by the policy of the measure, in the middle of its scale.
    assert scores["similarity.reference", "overall"].tolist() == [0.5]


def test_lengths_are_ranked_among_a_third_of_the_frozen_ones_that_counts_no_more() -> None:
    rng = np.random.default_rng(0)
    frozen = [_record(k, "x" * int(rng.integers(1, 500))) for k in range(600)]
    scale = LengthScale(frozen, rng=rng)

    like = scale.scores(scale.rest, "length")["length", "overall"]
    long = scale.scores([_record(0, "x" * 1000)], "length")["length", "overall"]
    short = scale.scores([_record(0, "")], "length")["length", "overall"]

    assert 350 < len(scale.rest) < 450
    assert like.mean() == pytest.approx(0.5, abs=0.06)
    assert (long.tolist(), short.tolist()) == ([1.0], [0.0])


def test_records_without_an_output_have_no_length() -> None:
    scale = LengthScale([_record(k, None) for k in range(9)], rng=np.random.default_rng(0))

    assert scale.scores([_record(1)], "length") == {}
    assert scale.rest == []
