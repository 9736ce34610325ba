from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from judge.records.record import Record, RecordKey, Target
from judge.results.outcome import Fate, FateCode, Outcome, Score
from judge.results.run import EQUIVALENCE
from judge.stats.correction import corrected_mean, double_sampling
from judge.stats.estimate import Estimate
from judge.stats.retention import quality_retained
from judge.trust.draw import (
    FEWEST,
    NO_OUTPUT,
    NO_VERDICT,
    Drawn,
    Strata,
    Stratum,
    draw,
    fewest_labels,
    strata_of,
)

LABELS = ("different", "equivalent")


def _record(number: int, *, system: str = "s", output: str | None = "text") -> Record:
    return Record(
        item_id=f"i{number}",
        system=system,
        input="",
        output=output,
        references=("right",),
        teacher_output=None,
        schema="",
        slices={"kind": ("even", "odd")[number % 2]},
        cluster=f"i{number}",
    )


def _outcome(verdict: bool | FateCode) -> Outcome:  # noqa: FBT001 - a verdict
    if isinstance(verdict, FateCode):
        return Fate(scorer=EQUIVALENCE, target=Target.REFERENCE, code=verdict, message="none")
    return Score(
        scorer=EQUIVALENCE,
        target=Target.REFERENCE,
        value=float(verdict),
        signature="",
        label=LABELS[verdict],
    )


def _strata(
    verdicts: Mapping[str, Sequence[bool | FateCode]],
    *,
    cosines: Mapping[str, Sequence[float]] | None = None,
    labels: int = 10_000,
) -> Strata:
    records = [
        _record(number, system=system, output="" if verdict is FateCode.OUTPUT_EMPTY else "text")
        for system, own in verdicts.items()
        for number, verdict in enumerate(own)
    ]
    outcomes = [_outcome(verdict) for own in verdicts.values() for verdict in own]
    return strata_of(
        records,
        {record.key: outcome for record, outcome in zip(records, outcomes, strict=True)},
        {
            RecordKey(item_id=f"i{number}", system=system): cosine
            for system, own in (cosines or {}).items()
            for number, cosine in enumerate(own)
        },
        labels=labels,
    )


def _random(seed: int, n: int, *, share: float = 0.7) -> list[bool | FateCode]:
    return [bool(one) for one in np.random.default_rng(seed).random(n) < share]


def _count(drawn: Sequence[Drawn], **wanted: object) -> int:
    return sum(
        all(getattr(one.stratum, name) == value for name, value in wanted.items()) for one in drawn
    )


def test_a_record_is_drawn_as_often_as_its_chance_says() -> None:
    strata = _strata({"t": _random(1, 30), "s": _random(2, 30, share=0.4)})
    draws = [draw(strata, labels=24, seed=seed) for seed in range(600)]
    chances = {one.key: one.chance for drawn in draws for one in drawn}

    seen = Counter(one.key for drawn in draws for one in drawn)

    assert chances.keys() == strata.keys()
    off = [
        (seen[key] / 600 - chance) / np.sqrt(chance * (1 - chance) / 600)
        for key, chance in chances.items()
        if chance < 1
    ]
    assert np.std(off) == pytest.approx(1, abs=0.25)
    assert np.abs(off).max() < 4
    assert all(seen[key] == 600 for key, chance in chances.items() if chance == 1)


@given(
    st.dictionaries(
        st.sampled_from("abc"),
        st.lists(
            st.sampled_from([True, False, FateCode.JUDGE_REFUSED, FateCode.OUTPUT_EMPTY]),
            min_size=1,
            max_size=30,
        ),
        min_size=1,
    ),
    st.floats(0, 1),
)
@settings(max_examples=100, deadline=None)
def test_every_stratum_gets_labels_and_none_more_than_it_holds(
    verdicts: dict[str, list[bool | FateCode]], part: float
) -> None:
    strata = _strata(verdicts)
    fewest = fewest_labels(strata)
    wanted = fewest + round(part * (len(strata) - fewest))

    drawn = draw(strata, labels=wanted, seed=0)

    assert len({one.key for one in drawn}) == wanted
    sizes, counts = Counter(strata.values()), Counter(one.stratum for one in drawn)
    for stratum, size in sizes.items():
        assert min(FEWEST, size) <= counts[stratum] <= size
    assert all(one.chance == counts[one.stratum] / sizes[one.stratum] for one in drawn)


def test_systems_get_as_many_labels_and_verdicts_are_balanced_within_a_slice() -> None:
    strata = _strata({"t": _random(1, 200, share=0.9), "s": _random(2, 400, share=0.6)})

    drawn = draw(strata, labels=120, seed=0)

    assert [_count(drawn, system=name) for name in "ts"] == [60, 60]
    assert [_count(drawn, system="s", part=f"kind={kind}") for kind in ("even", "odd")] == [30, 30]
    for kind in ("even", "odd"):
        of_slice = [
            _count(drawn, system="s", part=f"kind={kind}", verdict=verdict) for verdict in LABELS
        ]
        assert of_slice == [15, 15]


def test_what_a_small_stratum_cannot_take_goes_to_the_others() -> None:
    strata = _strata({"s": [False] * 4 + [True] * 96})

    drawn = draw(strata, labels=40, seed=0)

    assert [_count(drawn, verdict=verdict) for verdict in LABELS] == [4, 36]


def test_no_verdict_is_a_verdict_of_its_own_and_no_output_takes_next_to_no_labels() -> None:
    silent = [FateCode.JUDGE_REFUSED] * 20 + [FateCode.OUTPUT_EMPTY] * 20
    strata = _strata({"s": [*_random(1, 60, share=0.5), *silent]})

    drawn = draw(strata, labels=40, seed=0)

    assert _count(drawn, verdict=NO_VERDICT) == pytest.approx(12, abs=1)
    assert _count(drawn, verdict=NO_OUTPUT) == 2 * FEWEST  # in either slice


def test_outputs_that_similarity_judges_otherwise_are_twice_as_likely_to_be_drawn() -> None:
    passed = [number < 80 for number in range(100)]
    cosines = [0.9 if ok else 0.1 for ok in passed]
    for number in (0, 2, 4, 6, 1, 3, 5, 7):
        cosines[number], cosines[92 + number] = 0.1, 0.9

    strata = _strata({"s": passed}, cosines={"s": cosines})
    drawn = draw(strata, labels=60, seed=0)

    doubted = {key.item_id for key, one in strata.items() if one.doubted}
    assert doubted == {f"i{number}" for number in (*range(8), *range(92, 100))}
    chances = {one.stratum.doubted: one.chance for one in drawn if one.stratum.verdict == LABELS[1]}
    assert chances[True] == pytest.approx(2 * chances[False], rel=0.2)


@pytest.mark.parametrize("verdict", [True, False])
def test_a_judge_of_one_verdict_only_leaves_nothing_to_doubt(*, verdict: bool) -> None:
    strata = _strata({"s": [verdict] * 6}, cosines={"s": [0.1, 0.2, 0.3, 0.4, 0.5, 0.9]})

    assert not any(one.doubted for one in strata.values())


@pytest.mark.parametrize(
    ("labels", "part", "doubted"), [(40, True, True), (39, False, True), (19, False, False)]
)
def test_strata_are_cut_only_as_finely_as_the_labels_allow(
    labels: int, *, part: bool, doubted: bool
) -> None:
    passed: list[bool] = [number % 8 < 4 for number in range(80)]
    cosines = [float(ok != (number % 8 in {0, 1, 4, 5})) for number, ok in enumerate(passed)]

    strata = _strata({"s": passed}, cosines={"s": cosines}, labels=labels)

    assert any(one.part for one in strata.values()) is part
    assert any(one.doubted for one in strata.values()) is doubted


def test_the_same_records_are_drawn_again_whatever_their_texts_became() -> None:
    verdicts = {"t": _random(1, 60), "s": _random(2, 60)}
    turned = {**verdicts, "s": [*verdicts["s"][:59], not verdicts["s"][59]]}

    once, again, other = (
        {one.key for one in draw(_strata(each), labels=40, seed=0)}
        for each in (verdicts, verdicts, turned)
    )

    assert once == again
    assert len(once & other) >= 37
    assert once != {one.key for one in draw(_strata(verdicts), labels=40, seed=1)}


def test_the_order_of_the_records_changes_nothing() -> None:
    strata = _strata({"t": _random(1, 40), "s": _random(2, 40)})
    turned = dict(reversed(list(strata.items())))

    one, other = (draw(each, labels=30, seed=0) for each in (strata, turned))

    assert {found.key for found in one} == {found.key for found in other}


def test_two_systems_of_an_item_are_drawn_together_with_the_lesser_of_their_chances() -> None:
    strata = _strata({"t": _random(1, 200, share=0.8), "s": _random(2, 200, share=0.5)})
    chances: dict[RecordKey, float] = {}
    together: Counter[str] = Counter()
    for seed in range(200):
        drawn = {one.key: one.chance for one in draw(strata, labels=120, seed=seed)}
        chances |= drawn
        together.update(
            key.item_id for key in drawn if key.system == "s" and replace(key, system="t") in drawn
        )

    expected = [
        min(chances[RecordKey(item_id=f"i{k}", system=name)] for name in "ts") for k in range(200)
    ]

    assert sum(together.values()) / 200 == pytest.approx(sum(expected), rel=0.06)


@pytest.mark.parametrize("labels", [3, 11])
def test_too_few_and_too_many_labels_are_refused(labels: int) -> None:
    strata = _strata({"s": [True] * 5 + [False] * 5}, labels=0)

    with pytest.raises(ValueError, match=f"{labels} labels for 2 strata of 10 records"):
        draw(strata, labels=labels, seed=0)


def test_a_stratum_has_a_name_in_words() -> None:
    one = Stratum(system="s", part="kind=odd", verdict="different", doubted=True)

    assert one.name == "s / kind=odd / different / doubted"
    assert replace(one, part="", doubted=False).name == "s / different"


@pytest.mark.parametrize("by_strata", [True, False])
def test_a_score_corrected_by_drawn_labels_covers_the_truth(*, by_strata: bool) -> None:
    covered = []
    for population in range(20):
        rng = np.random.default_rng(population)
        truths = (rng.random(200) < 0.75).astype(np.float64)
        judged = np.where(rng.random(200) < 0.85, truths, 1 - truths)
        cosines = 0.3 * truths + rng.random(200)
        strata = _strata({"s": (judged == 1).tolist()}, cosines={"s": cosines.tolist()}, labels=60)
        names = list(dict.fromkeys(strata.values()))
        codes = np.array([names.index(stratum) for stratum in strata.values()])
        for seed in range(20):
            drawn = draw(strata, labels=60, seed=seed)
            places = np.array([int(one.key.item_id[1:]) for one in drawn])
            found = (
                double_sampling(
                    judged,
                    truths[places],
                    labelled=places,
                    strata=codes,
                    estimand="finite",
                    rng=rng,
                    draws=500,
                )
                if by_strata
                else corrected_mean(
                    judged,
                    truths[places],
                    labelled=places,
                    inclusion=np.array([one.chance for one in drawn]),
                    estimand="finite",
                )
            )
            assert isinstance(found, Estimate)
            covered.append(found.low <= truths.mean() <= found.high)

    assert np.mean(covered) >= 0.92


def test_quality_retained_by_drawn_labels_covers_the_truth() -> None:
    covered = []
    for population in range(15):
        rng = np.random.default_rng(population)
        truths = (rng.random((150, 2)) < [0.65, 0.8]).astype(np.float64)  # student, teacher
        judged = np.where(rng.random((150, 2)) < 0.85, truths, 1 - truths)
        strata = _strata({"s": (judged[:, 0] == 1).tolist(), "t": (judged[:, 1] == 1).tolist()})
        for seed in range(15):
            drawn = {one.key: one.chance for one in draw(strata, labels=150, seed=seed)}
            chances = [
                [drawn.get(RecordKey(item_id=f"i{k}", system=name), 0.0) for name in "st"]
                for k in range(150)
            ]
            both = np.array(chances).min(axis=1)
            labelled = np.flatnonzero(both)
            found = quality_retained(
                judged,
                truths[labelled],
                labelled=labelled,
                inclusion=both[labelled],
                estimand="finite",
            )
            assert isinstance(found, Estimate)
            covered.append(found.low <= truths[:, 0].mean() / truths[:, 1].mean() <= found.high)

    assert np.mean(covered) >= 0.92
