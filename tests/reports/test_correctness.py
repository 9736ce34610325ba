from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import pytest

from judge.records.record import RecordKey, Target
from judge.reports.correctness import Correctness, correctness
from judge.reports.evidence import Basis
from judge.results.run import ADHERENCE, SIMILARITY, Measure
from judge.stats.estimate import Undefined
from judge.testing import judged_measure
from judge.trust.admission import AdmittedResults
from judge.trust.gold import Gold, GoldLabel

Maker = Callable[..., AdmittedResults]
N = 100
RIGHT = [float(place % 3 > 0) for place in range(N)]
JUDGED = judged_measure()


def _fact(scorer: str, target: Target, *, continuous: bool = False) -> Measure:
    return Measure(
        scorer=scorer,
        target=target,
        judged=False,
        criterion=scorer,
        lower=0.0,
        upper=1.0,
        identity={"words": "1"},
        continuous=continuous,
    )


def _labelled(
    results: AdmittedResults, chances: Mapping[int, float | None], *, why_not: str = ""
) -> AdmittedResults:
    """Return results with labels that call the items of even place right."""
    gold = Gold(
        labels={
            RecordKey(item_id=f"i{place}", system="s"): GoldLabel(
                item_id=f"i{place}",
                system="s",
                output_hash="x",
                label=JUDGED.categories[place % 2 == 0],
                inclusion=chance,
            )
            for place, chance in chances.items()
        },
        why_not=why_not,
    )
    return replace(
        results,
        measures=tuple(
            replace(one, gold=gold) if one.measure.judged else one for one in results.measures
        ),
    )


def _known(results: AdmittedResults) -> Correctness:
    found = correctness(results, "s")
    assert isinstance(found, Correctness), found
    return found


def test_people_come_before_the_judge_and_need_not_be_believed(admitted: Maker) -> None:
    results = _labelled(
        admitted((JUDGED, {"s": RIGHT}), standing=None), dict.fromkeys(range(40), 0.4)
    )

    found = _known(results)

    assert found.basis is Basis.LABELS
    assert found.right == {f"i{place}": place % 2 == 0 for place in range(40)}


def test_few_or_constructed_labels_leave_it_to_a_believed_judge(admitted: Maker) -> None:
    results = admitted((JUDGED, {"s": RIGHT}))
    few = _labelled(results, dict.fromkeys(range(19), 0.4))
    made = _labelled(results, dict.fromkeys(range(40), 0.4), why_not="the labels are constructed")

    for found in (_known(few), _known(made)):
        assert found.basis is Basis.JUDGE
        assert found.right == {f"i{place}": one == 1 for place, one in enumerate(RIGHT)}


def test_labels_of_unequal_chances_are_thinned_to_one_chance(admitted: Maker) -> None:
    # What is right was labelled four times as often as what is wrong.
    chances = {place: 0.8 if place % 2 == 0 else 0.2 for place in range(N)}
    results = admitted((JUDGED, {"s": RIGHT}), standing=None)

    shares = []
    for seed in range(200):
        seeded = replace(results, manifest=replace(results.manifest, seed=seed))
        kept = _known(_labelled(seeded, chances)).right
        assert sum(not one for one in kept.values()) == N // 2
        shares.append(sum(kept.values()) / (N // 2))

    assert np.mean(shares) == pytest.approx(0.25, abs=0.02)


def test_only_facts_about_right_and_wrong_are_taken(admitted: Maker) -> None:
    columns = [
        (_fact(ADHERENCE, Target.SCHEMA), {"s": [1.0] * N}),
        (_fact("exact_match", Target.TEACHER), {"s": [1.0] * N}),
        (_fact("token_f1", Target.REFERENCE, continuous=True), {"s": [0.5] * N}),
        (replace(_fact(SIMILARITY, Target.REFERENCE), lower=-1.0), {"s": [0.5] * N}),
    ]

    nobody = correctness(admitted(*columns), "s")
    found = _known(admitted(*columns, (_fact("exact_match", Target.REFERENCE), {"s": RIGHT})))

    assert isinstance(nobody, Undefined)
    assert "exact match or accuracy" in nobody.reason
    assert (found.metric, found.basis) == ("exact_match.reference", Basis.SCORER)


def test_a_doubted_verdict_says_nothing(admitted: Maker) -> None:
    cells = [(1.0, "fence_look_alike"), *RIGHT[1:]]

    assert "i0" not in _known(admitted((JUDGED, {"s": cells}))).right


def test_where_nothing_may_say_it_all_reasons_stand(admitted: Maker) -> None:
    results = _labelled(
        admitted((JUDGED, {"s": RIGHT}), standing=None), dict.fromkeys(range(5), 0.4)
    )

    found = correctness(results, "s")

    assert isinstance(found, Undefined)
    assert "judge unvalidated" in found.reason
    assert "labels: 5 on s; 20 are needed" in found.reason
