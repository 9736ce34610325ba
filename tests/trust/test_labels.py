from dataclasses import replace

import numpy as np
import pytest

from judge.records.scale import EQUIVALENCE, Scale, ScaleKind
from judge.results.outcome import FateCode, Score, Vote
from judge.testing import labelled_verdicts
from judge.trust.labels import UNLABELLED, LabelledVerdict, labels_of, parts_of, rater_codes

PAIRS = Scale(kind=ScaleKind.PAIRWISE, categories=("b", "tie", "a"))


def _voted(verdict: LabelledVerdict, *labels: str) -> LabelledVerdict:
    assert isinstance(verdict.outcome, Score)
    votes = tuple(Vote(label=label, repeat=place) for place, label in enumerate(labels))
    return replace(verdict, outcome=replace(verdict.outcome, votes=votes))


def test_what_has_no_verdict_has_no_row_and_the_others_keep_their_place() -> None:
    verdicts = labelled_verdicts([0, 1, 1, 0], [0, FateCode.JUDGE_REFUSED, None, 1])

    found = labels_of(verdicts, EQUIVALENCE)

    assert found.human.tolist() == [0, 0]
    assert found.judge.tolist() == [0, 1]
    assert found.record.tolist() == [0, 3]
    assert found.n_items == 2
    assert [len(verdict.votes) for verdict in verdicts] == [1, 0, 0, 1]


def test_a_record_judged_twice_has_two_rows_of_one_cluster() -> None:
    first, second = labelled_verdicts([2, 0], [2, 0], scale=PAIRS)
    verdicts = [
        replace(_voted(first, "a", "tie"), inclusion=0.5, length=7),
        replace(second, inclusion=0.25, length=3),
    ]

    found = labels_of(verdicts, PAIRS)

    assert found.human.tolist() == [2, 2, 0]
    assert found.judge.tolist() == [2, 1, 0]
    assert found.record.tolist() == [0, 0, 1]
    assert found.inclusion.tolist() == [0.5, 0.5, 0.25]
    assert found.length.tolist() == [7, 7, 3]
    assert (found.n_items, found.clustered, found.unequal) == (2, True, True)


def test_what_a_rule_makes_of_votes_is_the_one_verdict_and_the_votes_are_kept_apart() -> None:
    (verdict,) = labelled_verdicts([1], [1])
    assert isinstance(verdict.outcome, Score)
    votes = [
        Vote(label="different", judge="strict", own=False),
        *[Vote(label="equivalent", judge=name, own=False) for name in ("mild", "kind")],
    ]
    panel = replace(verdict, outcome=replace(verdict.outcome, votes=tuple(votes)))

    assert panel.votes == (Vote(label="equivalent"),)
    assert panel.single_votes == tuple(votes)
    assert labels_of([panel], EQUIVALENCE).judge.tolist() == [1]
    assert labels_of([panel], EQUIVALENCE, single_votes=True).judge.tolist() == [0, 1, 1]


def test_a_judge_without_a_rule_has_no_other_votes_than_its_own() -> None:
    (first,) = labelled_verdicts([2], [2], scale=PAIRS)

    for verdict in (first, _voted(first, "a", "tie")):
        assert verdict.single_votes == verdict.votes


def test_chosen_rows_stay_beside_each_other_and_count_their_own_clusters() -> None:
    verdicts = labelled_verdicts([0, 1, 0, 1, 1], [1, 1, 0, 0, 1], per_cluster=2)
    whole = labels_of(verdicts, EQUIVALENCE)

    part = whole.where(np.array([True, False, False, True, True]))

    assert (whole.n_items, whole.clustered, whole.unequal) == (3, True, False)
    assert (part.human.tolist(), part.judge.tolist()) == ([0, 1, 1], [1, 0, 1])
    assert part.record.tolist() == [0, 3, 4]
    assert (part.n_items, part.clustered) == (3, False)


@pytest.mark.parametrize("judge", [[], [FateCode.JUDGE_UNAVAILABLE] * 3])
def test_without_a_verdict_there_are_no_rows_and_no_error(judge: list[FateCode]) -> None:
    found = labels_of(labelled_verdicts([0] * len(judge), judge), EQUIVALENCE)

    assert found.human.size == found.judge.size == found.inclusion.size == 0
    assert (found.n_items, found.clustered, found.unequal) == (0, False, False)


def test_parts_stand_in_order_of_first_appearance_and_may_overlap() -> None:
    found = parts_of([["kind=mail", "long"], [], ["kind=chat", "long"], ["kind=mail"]])

    assert list(found) == ["kind=mail", "long", "kind=chat"]
    assert found["kind=mail"].tolist() == [True, False, False, True]
    assert found["long"].tolist() == [True, False, True, False]
    assert found["kind=chat"].tolist() == [False, False, True, False]


def test_each_rater_has_a_column_and_what_nobody_said_is_no_label() -> None:
    one, two, three = labelled_verdicts([0, 1, 1], [0, 1, 1])
    verdicts = [
        replace(one, ratings={"bob": "different"}),
        two,
        replace(three, ratings={"ada": "equivalent", "bob": "different"}),
    ]

    raters, codes = rater_codes(verdicts, EQUIVALENCE)

    assert raters == ("bob", "ada")
    assert codes.tolist() == [[0, UNLABELLED], [UNLABELLED, UNLABELLED], [0, 1]]


def test_where_only_the_one_label_is_known_there_are_no_raters() -> None:
    raters, codes = rater_codes(labelled_verdicts([0, 1], [0, 1]), EQUIVALENCE)

    assert raters == ()
    assert codes.shape == (2, 0)
