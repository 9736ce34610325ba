from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pytest

from judge.records.scale import EQUIVALENCE, Scale, ScaleKind
from judge.results.outcome import FateCode, Score, Vote
from judge.stats.estimate import Estimate, Undefined
from judge.stats.intervals import wilson_interval
from judge.testing import labelled_verdicts
from judge.trust.labels import LabelledVerdict, labels_of
from judge.trust.probes import Probes, probe, suspicions

PAIRS = Scale(kind=ScaleKind.PAIRWISE, categories=("b", "tie", "a"))


def _probe(
    verdicts: Sequence[LabelledVerdict],
    scale: Scale = EQUIVALENCE,
    *,
    families: Mapping[str, str] | None = None,
) -> Probes:
    return probe(verdicts, labels_of(verdicts, scale), families=families or {}, level=0.95)


def _with_votes(verdict: LabelledVerdict, votes: Sequence[Vote]) -> LabelledVerdict:
    assert isinstance(verdict.outcome, Score)
    outcome = replace(verdict.outcome, label=votes[0].label, votes=tuple(votes))
    return replace(verdict, outcome=outcome)


def _in_both_orders(human: Sequence[str], verdicts: Sequence[str]) -> list[LabelledVerdict]:
    """Pairs with verdicts as ``a/b``: what was said with a first, and what with b first."""
    codes = [PAIRS.code(label) for label in human]
    return [
        _with_votes(
            verdict,
            [
                Vote(label=label, order=order)
                for label, order in zip(said.split("/"), ("ab", "ba"), strict=True)
            ],
        )
        for verdict, said in zip(
            labelled_verdicts(codes, codes, scale=PAIRS), verdicts, strict=True
        )
    ]


def _asked_again(*verdicts: str) -> list[LabelledVerdict]:
    """Records with verdicts as ``10``: the first time equivalent, the second time different."""
    first = [int(said[0]) for said in verdicts]
    return [
        _with_votes(
            verdict,
            [
                Vote(label=EQUIVALENCE.categories[int(code)], repeat=place)
                for place, code in enumerate(said)
            ],
        )
        for verdict, said in zip(labelled_verdicts(first, first), verdicts, strict=True)
    ]


def _long_and_short(seed: int, n: int, *, favour: float) -> list[LabelledVerdict]:
    """Outputs of many lengths whose judge lets a wrong one pass the likelier the longer it is."""
    rng = np.random.default_rng(seed)
    human = rng.integers(0, 2, n)
    lengths = np.round(2 ** rng.uniform(4, 10, n)).astype(int)
    fooled = rng.random(n) < 0.1 + favour * (np.log2(lengths) - 4) / 6
    judge = np.where((human == 0) & fooled, 1, human)
    judge = np.where((human == 1) & (rng.random(n) < 0.1), 0, judge)
    return [
        replace(verdict, length=int(length))
        for verdict, length in zip(
            labelled_verdicts(human.tolist(), judge.tolist()), lengths, strict=True
        )
    ]


def test_a_judge_that_prefers_the_first_slot_is_told() -> None:
    human = ["a", "b"] * 30
    found = _probe(_in_both_orders(human, ["a/b"] * 60), PAIRS)

    assert found.order is not None
    assert isinstance(found.order.first_slot, Estimate)
    assert (found.order.first_slot.value, found.order.first_slot.n) == (1.0, 120)
    assert found.order.first_slot.n_clusters == 60
    assert "the judge prefers what stands first" in suspicions(found)


def test_a_judge_that_prefers_the_second_slot_is_told() -> None:
    found = _probe(_in_both_orders(["a", "b"] * 30, ["b/a"] * 60), PAIRS)

    assert "the judge prefers what stands second" in suspicions(found)


def test_a_judge_that_does_not_care_for_the_order_is_not_suspected() -> None:
    human = ["a", "b"] * 40
    found = _probe(_in_both_orders(human, [f"{label}/{label}" for label in human]), PAIRS)

    assert found.order is not None
    assert isinstance(found.order.first_slot, Estimate)
    assert found.order.first_slot.value == 0.5
    assert suspicions(found) == ()


def test_the_share_of_the_same_winner_is_of_the_pairs_judged_in_both_orders() -> None:
    verdicts = _in_both_orders(
        ["a"] * 8, ["a/a", "a/b", "b/b", "tie/tie", "tie/a", "b/a", "a/a", "a/a"]
    )
    once = [_with_votes(v, v.votes[:1]) for v in labelled_verdicts([2, 2], [2, 0], scale=PAIRS)]

    found = _probe([*verdicts, *once], PAIRS).order

    assert found is not None
    assert found.n_pairs == 8
    assert found.same_winner == wilson_interval(5, 8)


def test_each_member_of_a_panel_is_held_to_its_own_other_order() -> None:
    plain = labelled_verdicts([2, 2], [2, 2], scale=PAIRS)
    votes = [
        Vote(label=label, judge=judge, order=order, own=False)
        for judge, said in (("one", "aa"), ("two", "ab"))
        for label, order in zip(said, ("ab", "ba"), strict=True)
    ]

    found = _probe([_with_votes(pair, votes) for pair in plain], PAIRS).order

    assert found is not None
    assert found.n_pairs == 4
    assert isinstance(found.same_winner, Estimate)
    assert found.same_winner.value == 1 / 2


def test_of_repeats_in_both_orders_what_was_made_of_each_order_counts() -> None:
    plain = labelled_verdicts([2, 2], [2, 2], scale=PAIRS)
    repeats = [
        Vote(label=label, order=order, repeat=repeat, own=False)
        for order, said in (("ab", "baa"), ("ba", "aaa"))
        for repeat, label in enumerate(said)
    ]
    own = [Vote(label="a", order="ab"), Vote(label="a", order="ba")]

    found = _probe([_with_votes(pair, [*own, *repeats]) for pair in plain], PAIRS)

    assert found.order is not None
    assert isinstance(found.order.same_winner, Estimate)
    assert found.order.same_winner.value == 1.0
    assert isinstance(found.repeat, Estimate)
    assert (found.repeat.value, found.repeat.n) == (1 / 2, 4)


def test_two_members_of_a_panel_are_no_repeat_of_each_other() -> None:
    verdicts = [
        _with_votes(v, [Vote(label="different", judge=name, own=False) for name in "xyz"])
        for v in labelled_verdicts([0, 0], [0, 0])
    ]

    assert _probe(verdicts).repeat is None


def test_ties_have_no_slot_and_leave_the_share_of_the_first() -> None:
    verdicts = _in_both_orders(["a"] * 4, ["tie/tie", "tie/a", "a/b", "b/a"])

    found = _probe(verdicts, PAIRS).order

    # Said without a tie: a second (tie/a), a first and b first (a/b), b second and a second (b/a).
    assert found is not None
    assert isinstance(found.first_slot, Estimate)
    assert (found.first_slot.value, found.first_slot.n) == (2 / 5, 5)


def test_a_judge_that_knows_only_ties_has_no_slot() -> None:
    found = _probe(_in_both_orders(["a", "b"] * 20, ["tie/tie"] * 40), PAIRS)

    assert found.order is not None
    assert isinstance(found.order.first_slot, Undefined)
    assert suspicions(found) == ()


def test_pairs_and_repeats_that_share_their_luck_are_not_taken_for_independent_ones() -> None:
    # Ten documents of twelve pairs; six of them prefer the first slot throughout, and six are asked
    # again in vain.
    pairs = _in_both_orders(["a"] * 120, ["a/b"] * 72 + ["a/a"] * 24 + ["b/a"] * 24)
    repeats = _asked_again(*["10"] * 72, *["00"] * 48)

    def in_documents(verdicts: Sequence[LabelledVerdict]) -> list[LabelledVerdict]:
        return [replace(v, cluster=f"d{place // 12}") for place, v in enumerate(verdicts)]

    alone, shared = _probe(pairs, PAIRS), _probe(in_documents(pairs), PAIRS)
    again = _probe(in_documents(repeats)).repeat

    assert shared.order is not None
    for figure in (shared.order.same_winner, shared.order.first_slot, again):
        assert isinstance(figure, Estimate)
        assert figure.n_clusters == 10
    assert "the judge prefers what stands first" in suspicions(alone)
    assert suspicions(shared) == ()


def test_how_often_the_judge_is_right_is_told_by_order() -> None:
    verdicts = _in_both_orders(["a", "a", "b", "b"], ["a/a", "a/b", "b/a", "a/a"])

    found = _probe(verdicts, PAIRS).order

    assert found is not None
    values = {order: f.value for order, f in found.accuracy.items() if isinstance(f, Estimate)}
    assert values == {"ab": 0.75, "ba": 0.25}


def test_without_a_pair_in_both_orders_nothing_is_said_of_the_order() -> None:
    plain = labelled_verdicts([2, 0] * 20, [2, 0] * 20, scale=PAIRS)
    one_order = [_with_votes(v, [Vote(label=v.human, order="ab")]) for v in plain]
    no_pairs = labelled_verdicts([1, 0] * 20, [1, 0] * 20)

    assert _probe(plain, PAIRS).order is None
    assert _probe(one_order, PAIRS).order is None
    assert _probe(no_pairs).order is None


def test_asking_again_is_the_share_of_records_with_the_same_verdict() -> None:
    found = _probe(_asked_again("00", "11", "10", "11", "01", "00", "00"))

    assert found.repeat == wilson_interval(5, 7)


def test_of_many_repeats_the_first_two_count_whatever_order_the_file_has_them_in() -> None:
    verdicts = _asked_again("110", "100", "001", "111")
    turned = [_with_votes(v, [v.votes[2], v.votes[0], v.votes[1]]) for v in verdicts]

    assert _probe(verdicts).repeat == _probe(turned).repeat == wilson_interval(3, 4)


def test_a_record_that_was_asked_once_says_nothing_of_asking_again() -> None:
    once = labelled_verdicts([0, 1, 1], [0, 1, FateCode.JUDGE_REFUSED])

    assert _probe(once).repeat is None
    assert _probe([*once, *_asked_again("11", "00", "10")]).repeat == wilson_interval(2, 3)
    # Two orders of a pair are two questions, not one asked twice.
    assert _probe(_in_both_orders(["a"] * 20, ["a/b"] * 20), PAIRS).repeat is None


def test_a_judge_that_lets_long_outputs_pass_is_told() -> None:
    found = [_probe(_long_and_short(seed, 600, favour=0.6)) for seed in range(10)]

    # Half of the outputs are wrong, and .6 more of them pass over six doublings: .05 a doubling.
    values = [one.length.value for one in found if isinstance(one.length, Estimate)]
    assert np.mean(values) == pytest.approx(0.05, abs=0.01)
    assert all("the judge overrates longer outputs" in suspicions(one) for one in found)


def test_a_judge_that_lets_short_outputs_pass_is_told() -> None:
    verdicts = [
        replace(v, length=max(1, 1100 - v.length)) for v in _long_and_short(0, 600, favour=0.6)
    ]

    assert "the judge overrates shorter outputs" in suspicions(_probe(verdicts))


def test_favour_for_long_outputs_is_rarely_found_where_there_is_none() -> None:
    # At most .05 of such judges: of 100 more than 11 are suspected in 0.4 % of such experiments.
    found = [suspicions(_probe(_long_and_short(seed, 200, favour=0.0))) for seed in range(100)]

    assert sum(bool(words) for words in found) <= 11


def test_outputs_of_one_length_leave_its_influence_unknown() -> None:
    found = _probe(labelled_verdicts([0, 1] * 30, [1, 0] * 30))

    assert isinstance(found.length, Undefined)
    assert suspicions(found) == ()


FAMILIES = {"judge": "smol", "student": "smol", "teacher": "gem"}


def test_a_judge_of_a_systems_family_is_warned_of_also_where_nothing_can_be_measured() -> None:
    found = _probe(labelled_verdicts([0, 1] * 30, [0, 1] * 30), families=FAMILIES)

    assert found.family is not None
    assert (found.family.family, found.family.related) == ("smol", ("student",))
    assert isinstance(found.family.excess, Undefined)
    (words,) = suspicions(found)
    assert words.startswith("the judge is of the family smol, like student")


@pytest.mark.parametrize(
    "families",
    [
        {},
        {"judge": "smol"},
        {"judge": "other", "student": "smol"},
        {"student": "smol", "teacher": "smol"},
        {"judge": "", "student": ""},
    ],
)
def test_without_a_system_of_the_judges_family_there_is_no_warning(
    families: Mapping[str, str],
) -> None:
    found = _probe(labelled_verdicts([0, 1] * 30, [0, 1] * 30), families=families)

    assert found.family is None
    assert suspicions(found) == ()


def _of_two_systems(own_bias: float, other_bias: float) -> list[LabelledVerdict]:
    """Wrong outputs only, 200 a system: that share of them passes the judge."""
    return [
        verdict
        for system, bias in (("student", own_bias), ("teacher", other_bias))
        for verdict in labelled_verdicts(
            [0] * 200, [int(place < bias * 200) for place in range(200)], system=system
        )
    ]


def test_favour_for_the_own_family_is_measured_against_the_other_systems() -> None:
    found = _probe(_of_two_systems(0.4, 0.1), families=FAMILIES)

    assert found.family is not None
    assert isinstance(found.family.excess, Estimate)
    assert found.family.excess.value == pytest.approx(0.3)
    assert suspicions(found)[1] == "and it does: it overrates student more than the others"


@pytest.mark.parametrize(("own", "other"), [(0.2, 0.2), (0.1, 0.4)])
def test_a_judge_that_overrates_all_alike_does_not_favour_its_own(own: float, other: float) -> None:
    found = _probe(_of_two_systems(own, other), families=FAMILIES)

    (words,) = suspicions(found)
    assert words.startswith("the judge is of the family smol")
