from typing import TypeAlias

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from judge.stats.estimate import Estimate, Undefined
from judge.stats.variance import (
    Component,
    Levels,
    variance_components,
    variance_moments,
    variance_of_mean,
    variances_after,
)

Floats: TypeAlias = NDArray[np.float64]
Indices: TypeAlias = NDArray[np.int64]

# Snedecor and Cochran (1967), Statistical Methods, 6th edition, table 10.17.1: percent calcium of
# two determinations on each of three leaves of four turnip plants.
TURNIPS = np.array(
    [
        [[3.28, 3.09], [3.52, 3.48], [2.88, 2.80]],
        [[2.46, 2.44], [1.87, 1.92], [2.19, 2.19]],
        [[2.77, 2.66], [3.74, 3.44], [2.55, 2.55]],
        [[3.78, 3.87], [4.07, 4.12], [3.31, 3.31]],
    ]
)


def seeded(seed: int = 1) -> np.random.Generator:
    return np.random.default_rng(seed)


def defined(result: Estimate | Undefined) -> Estimate:
    assert isinstance(result, Estimate)
    return result


def codes(shape: tuple[int, int, int]) -> tuple[Indices, Indices]:
    """Items and outputs of a balanced design of so many items, outputs and verdicts."""
    item, output, _ = np.indices(shape)
    return item.ravel(), output.ravel()


def scores_of(
    rng: np.random.Generator, variances: Levels, *, items: Indices, outputs: Indices
) -> Floats:
    """Normal scores of a design whose outputs have a code each."""
    return np.asarray(
        np.sqrt(variances.items) * rng.normal(size=items.max() + 1)[items]
        + np.sqrt(variances.outputs) * rng.normal(size=outputs.max() + 1)[outputs]
        + np.sqrt(variances.verdicts) * rng.normal(size=items.size)
    )


def unbalanced(rng: np.random.Generator, n_items: int) -> tuple[Indices, Indices]:
    """From 1 to 3 outputs an item and from 1 to 3 verdicts an output."""
    item_of = np.repeat(np.arange(n_items), rng.integers(1, 4, size=n_items))
    outputs = np.repeat(np.arange(item_of.size), rng.integers(1, 4, size=item_of.size))
    return item_of[outputs], outputs


def test_the_components_of_the_turnip_leaves_are_the_published_ones() -> None:
    items, outputs = codes(TURNIPS.shape)

    found = variance_moments(TURNIPS.ravel(), items=items, outputs=outputs)

    # Their mean squares are 2.5201, .3288 and .00665.
    assert isinstance(found, Levels)
    assert found.items == pytest.approx(0.3652, abs=5e-5)
    assert found.outputs == pytest.approx(0.1610, abs=1e-4)
    assert found.verdicts == pytest.approx(0.0067, abs=5e-5)


def test_the_moments_of_an_unbalanced_design_are_without_bias() -> None:
    rng, truth = seeded(2), Levels(items=1.0, outputs=0.6, verdicts=0.3)
    items, outputs = unbalanced(rng, 25)

    found = [
        variance_moments(
            scores_of(rng, truth, items=items, outputs=outputs), items=items, outputs=outputs
        )
        for _ in range(1500)
    ]

    means = np.mean([[f.items, f.outputs, f.verdicts] for f in found if isinstance(f, Levels)], 0)
    assert means == pytest.approx([1.0, 0.6, 0.3], abs=0.03)


def test_one_verdict_an_output_leaves_the_judge_inside_the_outputs() -> None:
    items, outputs = codes((4, 3, 1))

    found = variance_moments(TURNIPS[:, :, 0].ravel(), items=items, outputs=outputs)

    assert isinstance(found, Levels)
    assert found.verdicts == 0
    assert found.outputs == pytest.approx(TURNIPS[:, :, 0].var(axis=1, ddof=1).mean())


def test_one_output_an_item_leaves_the_student_inside_the_items() -> None:
    items, outputs = codes((4, 1, 2))

    found = variance_moments(TURNIPS[:, 0].ravel(), items=items, outputs=outputs)

    assert isinstance(found, Levels)
    within = TURNIPS[:, 0].var(axis=1, ddof=1).mean()
    assert found.verdicts == pytest.approx(within)
    assert found.outputs == 0
    assert found.items == pytest.approx(TURNIPS[:, 0].mean(axis=1).var(ddof=1) - within / 2)


@pytest.mark.parametrize("n", [0, 1, 3])
def test_one_item_has_no_moments(n: int) -> None:
    one = np.zeros(n, dtype=np.int64)

    assert isinstance(variance_moments(np.arange(n), items=one, outputs=np.arange(n)), Undefined)


def test_components_come_with_their_limits_and_shares() -> None:
    items, outputs = codes((40, 3, 2))
    scores = scores_of(
        seeded(3),
        Levels(items=1.0, outputs=0.5, verdicts=0.5),
        items=items,
        outputs=items * 3 + outputs,
    )

    found = variance_components(scores, items=items, outputs=outputs, rng=seeded())

    moments = variance_moments(scores, items=items, outputs=outputs)
    assert isinstance(moments, Levels)
    assert defined(found.items.variance).value == pytest.approx(moments.items)
    shares = [defined(c.share) for c in (found.items, found.outputs, found.verdicts)]
    assert sum(share.value for share in shares) == pytest.approx(1)
    assert all(0 <= share.low < share.value < share.high <= 1 for share in shares)
    assert (shares[0].n, shares[0].n_clusters) == (240, 40)


def test_a_judge_that_never_changes_its_mind_has_no_variance_to_give() -> None:
    items, outputs = codes((20, 2, 2))
    scores = np.repeat(seeded(4).integers(0, 2, size=40), 2)

    found = variance_components(scores, items=items, outputs=outputs, rng=seeded())

    assert "up to 3/20 of all items" in str(found.verdicts.variance)
    assert isinstance(found.verdicts.share, Undefined)
    assert isinstance(found.outputs.variance, Estimate)


def test_a_level_without_repeats_is_undefined_and_the_others_are_not() -> None:
    rng = seeded(5)
    once = variance_components(
        rng.normal(size=60), items=codes((20, 3, 1))[0], outputs=np.arange(60), rng=rng
    )
    alone = variance_components(
        rng.normal(size=60), items=codes((20, 1, 3))[0], outputs=codes((20, 1, 3))[0], rng=rng
    )

    assert "several verdicts on an output" in str(once.verdicts.variance)
    assert "several verdicts on an output" in str(once.outputs.share)
    assert isinstance(once.items.variance, Estimate)
    assert "several outputs" in str(alone.items.variance)
    assert "several outputs" in str(alone.outputs.variance)
    assert isinstance(alone.verdicts.variance, Estimate)


def test_a_component_that_chance_alone_explains_is_cut_at_0() -> None:
    items, outputs = codes((60, 2, 2))
    rng = seeded(6)
    lows = []
    for _ in range(20):
        found = variance_components(
            rng.normal(size=240), items=items, outputs=outputs, rng=rng, draws=300
        )
        if isinstance(found.items.variance, Estimate):
            lows.append((found.items.variance.low, found.items.variance.value))

    assert min(low for low, _ in lows) == 0
    assert min(value for _, value in lows) >= 0
    assert sum(low == 0 for low, _ in lows) >= 17


@pytest.mark.parametrize("shape", [(0, 1, 1), (1, 2, 2), (4, 3, 2)])
def test_under_five_items_nothing_is_told(shape: tuple[int, int, int]) -> None:
    items, outputs = codes(shape)

    found = variance_components(np.arange(items.size), items=items, outputs=outputs, rng=seeded())

    for component in (found.items, found.outputs, found.verdicts):
        assert "5 are needed" in str(component.variance)
        assert isinstance(component.share, Undefined)


def test_equal_scores_have_no_components() -> None:
    items, outputs = codes((10, 2, 2))

    found = variance_components(np.full(40, 0.3), items=items, outputs=outputs, rng=seeded())

    assert "no item moves it" in str(found.items.variance)
    assert isinstance(found.items.share, Undefined)


def test_bad_input_is_refused() -> None:
    two = np.arange(2)
    with pytest.raises(ValueError, match="finite"):
        variance_moments(np.array([0.0, np.nan]), items=two, outputs=two)
    with pytest.raises(ValueError, match="cluster codes"):
        variance_moments(two, items=two[:1], outputs=two)


def limits(component: Component) -> list[float]:
    both = (defined(component.variance), defined(component.share))
    return [number for e in both for number in (e.low, e.value, e.high)]


def test_neither_the_order_of_verdicts_nor_the_names_of_items_and_outputs_matter() -> None:
    rng = seeded(7)
    items, outputs = unbalanced(rng, 12)
    scores = rng.integers(0, 4, size=items.size)
    order = rng.permutation(items.size)

    one = variance_components(scores, items=items, outputs=outputs, rng=seeded())
    other = variance_components(
        scores[order], items=50 - items[order], outputs=-3 * outputs[order], rng=seeded()
    )

    for level in ("items", "outputs", "verdicts"):
        assert limits(getattr(one, level)) == pytest.approx(limits(getattr(other, level)))


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(st.tuples(st.integers(0, 2), st.integers(0, 7), st.integers(0, 2)), max_size=40)
)
def test_any_design_gives_finite_limits_or_a_reason(rows: list[tuple[int, int, int]]) -> None:
    scores, items, outputs = (np.array([r[k] for r in rows], dtype=np.int64) for k in range(3))

    found = variance_components(scores, items=items, outputs=outputs, rng=seeded(), draws=200)

    for component in (found.items, found.outputs, found.verdicts):
        for figure in (component.variance, component.share):
            assert isinstance(figure, Undefined) or 0 <= figure.low < figure.high


def component_coverage(*, n_items: int, runs: int, draws: int, seed: int) -> dict[str, float]:
    rng, truth = seeded(seed), Levels(items=1.0, outputs=0.5, verdicts=0.5)
    items, outputs = codes((n_items, 3, 2))
    own = items * 3 + outputs
    hits: dict[str, list[bool]] = {}
    for _ in range(runs):
        scores = scores_of(rng, truth, items=items, outputs=own)
        found = variance_components(scores, items=items, outputs=own, rng=rng, draws=draws)
        for name, of_level in (("items", 1.0), ("outputs", 0.5), ("verdicts", 0.5)):
            component = getattr(found, name)
            for kind, wanted in (("variance", of_level), ("share", of_level / 2)):
                figure = defined(getattr(component, kind))
                hits.setdefault(f"{name} {kind}", []).append(figure.low <= wanted <= figure.high)
    return {name: float(np.mean(held)) for name, held in hits.items()}


def test_components_cover_the_truth_about_as_often_as_they_say() -> None:
    found = component_coverage(n_items=60, runs=250, draws=400, seed=8)

    assert min(found.values()) > 0.88, found


@pytest.mark.slow
@pytest.mark.parametrize(("n_items", "least"), [(20, 0.90), (50, 0.915), (100, 0.92)])
def test_components_keep_their_promise(n_items: int, least: float) -> None:
    found = component_coverage(n_items=n_items, runs=2000, draws=1000, seed=9)

    assert min(found.values()) >= least, found


DESIGN = Levels(items=50, outputs=1, verdicts=1)
VARIANCES = Levels(items=1.0, outputs=0.5, verdicts=0.25)


def test_the_variance_of_a_mean_is_the_hand_worked_one() -> None:
    design = Levels(items=50, outputs=2, verdicts=5)

    assert variance_of_mean(VARIANCES, design) == pytest.approx(1 / 50 + 0.5 / 100 + 0.25 / 500)


def test_a_budget_is_compared_over_the_levels_it_could_go_to() -> None:
    after = variances_after(
        100, variances=VARIANCES, design=DESIGN, costs=Levels(items=4, outputs=2, verdicts=1)
    )

    # 25 more items, a second output of each, or two more verdicts on each
    assert after.items == pytest.approx(1.75 / 75)
    assert after.outputs == pytest.approx((1 + 0.75 / 2) / 50)
    assert after.verdicts == pytest.approx((1.5 + 0.25 / 3) / 50)


def test_nothing_spent_changes_nothing() -> None:
    after = variances_after(0, variances=VARIANCES, design=DESIGN, costs=DESIGN)

    assert after.items == after.outputs == after.verdicts == variance_of_mean(VARIANCES, DESIGN)


@pytest.mark.parametrize("bad", [-1.0, float("nan")])
def test_impossible_numbers_are_refused(bad: float) -> None:
    wrong = Levels(items=bad, outputs=1, verdicts=1)

    with pytest.raises(ValueError, match="variance"):
        variance_of_mean(wrong, DESIGN)
    with pytest.raises(ValueError, match="design"):
        variance_of_mean(VARIANCES, wrong)
    with pytest.raises(ValueError, match="cost"):
        variances_after(1, variances=VARIANCES, design=DESIGN, costs=wrong)
    with pytest.raises(ValueError, match="budget"):
        variances_after(bad, variances=VARIANCES, design=DESIGN, costs=DESIGN)
