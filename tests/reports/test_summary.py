from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from judge.records.record import Target
from judge.reports.summary import MIN_RECORDS, Status, SummaryRow, summarize, value_of
from judge.results.outcome import Fate, FateCode
from judge.results.run import ADHERENCE, EQUIVALENCE, SIMILARITY, Measure
from judge.stats.intervals import wilson_interval
from judge.trust.admission import AdmittedResults
from judge.trust.certificate import Standing

JUDGED = Measure(
    scorer=EQUIVALENCE,
    target=Target.REFERENCE,
    judged=True,
    criterion="equivalence",
    lower=0.0,
    upper=1.0,
    categories=("different", "equivalent"),
    identity={"model": "judge-1"},
    empty_value=0.0,
)
ALIKE = Measure(
    scorer=SIMILARITY,
    target=Target.REFERENCE,
    judged=False,
    criterion="similarity",
    lower=-1.0,
    upper=1.0,
    identity={"embedder": "x"},
)
FORMAT = Measure(
    scorer=ADHERENCE,
    target=Target.SCHEMA,
    judged=False,
    criterion="adherence",
    lower=0.0,
    upper=1.0,
    identity={"parser": "1"},
)
Maker = Callable[..., AdmittedResults]
STORED = [code for code in FateCode if code not in {FateCode.NOT_YET_SCORED, FateCode.SENT_UNKNOWN}]
CELLS = st.one_of(
    st.sampled_from([0.0, 1.0]),
    st.sampled_from([(0.0, "flag_a"), (1.0, "flag_b")]),
    st.sampled_from(STORED),
    st.just("does not apply"),
    st.none(),
)
ITEMS = st.lists(
    st.tuples(CELLS, CELLS, st.sampled_from(["easy", "hard"]), st.sampled_from("abc")),
    min_size=1,
    max_size=70,
)


def _only(rows: list[SummaryRow]) -> SummaryRow:
    (row,) = rows
    return row


@given(
    ITEMS,
    st.sampled_from(["", "a", "abc"]),
    st.sampled_from([0.0, None]),
    st.sampled_from([None, *Standing]),
)
@settings(max_examples=80, deadline=None)
def test_n_is_the_scored_and_the_fates_and_no_row_says_more_than_it_may(
    admitted: Maker,
    items: list[tuple[object, object, str, str]],
    clustered: str,
    empty_value: float | None,
    standing: Standing | None,
) -> None:
    measure = replace(JUDGED, empty_value=empty_value)
    teacher, student, kinds, clusters = map(list, zip(*items, strict=True))
    found = admitted(
        (measure, {"teacher": teacher, "student": student}),
        slices=[{"kind": kind} for kind in kinds],
        clusters=[
            cluster if cluster in clustered else f"own {place}"
            for place, cluster in enumerate(clusters)
        ],
        standing=standing,
    )

    for row in summarize(found):
        counts = row.counts
        assert counts.n_records == counts.scored + sum(counts.fates.values())
        in_slice = len(items) if row.slice == "overall" else kinds.count(row.slice[5:])
        assert counts.n_records + counts.not_applicable == in_slice
        assert 0 <= counts.coverage <= 1
        assert counts.by_policy == (
            0
            if empty_value is None
            else sum(counts.fates.get(c, 0) for c in ("output_empty", "output_missing"))
        )
        shown = row.status is Status.SHOWN
        assert (row.estimate is not None) == (row.bounds is not None) == shown
        assert bool(row.reason) == (not shown)
        if row.estimate is not None and row.bounds is not None:
            assert standing is Standing.TRUSTED
            assert row.estimate.n == counts.scored + counts.by_policy >= MIN_RECORDS
            assert 0 <= row.bounds[0] <= row.estimate.value + 1e-12
            assert row.estimate.value <= row.bounds[1] + 1e-12 <= 1 + 1e-9


def test_a_share_has_the_wilson_interval_of_its_counts(admitted: Maker) -> None:
    row = _only(summarize(admitted((JUDGED, {"s": [1] * 30 + [0] * 10}))))

    assert row.estimate == wilson_interval(30, 40)
    assert row.bounds == (0.75, 0.75)
    assert row.counts.coverage == 1


def test_missing_scores_leave_the_mean_and_widen_the_bounds(admitted: Maker) -> None:
    cells = [1] * 30 + [0] * 10 + [FateCode.JUDGE_REFUSED] * 7 + [None] * 3

    row = _only(summarize(admitted((JUDGED, {"s": cells}))))

    assert row.estimate == wilson_interval(30, 40)
    assert row.bounds == (30 / 50, 40 / 50)
    assert row.counts.coverage == 0.8
    assert row.counts.fates == {"judge_refused": 7, "not_yet_scored": 3}


def test_empty_and_missing_outputs_count_by_the_policy_that_was_declared(admitted: Maker) -> None:
    cells = [1] * 30 + [FateCode.OUTPUT_EMPTY] * 6 + [FateCode.OUTPUT_MISSING] * 4

    row = _only(summarize(admitted((JUDGED, {"s": cells}))))

    assert row.estimate == wilson_interval(30, 40)
    assert row.bounds == (0.75, 0.75)
    assert (row.counts.scored, row.counts.by_policy, row.counts.coverage) == (30, 10, 1)
    assert row.counts.fates == {"output_empty": 6, "output_missing": 4}


def test_without_a_policy_an_empty_output_is_missing_and_widens_the_bounds(admitted: Maker) -> None:
    cells = [1] * 30 + [FateCode.OUTPUT_EMPTY] * 10

    row = _only(summarize(admitted((replace(JUDGED, empty_value=None), {"s": cells}))))

    assert row.estimate == wilson_interval(30, 30)
    assert row.bounds == (0.75, 1.0)
    assert (row.counts.by_policy, row.counts.coverage) == (0, 0.75)


def test_a_fate_that_is_not_the_outputs_doing_never_counts_as_a_value() -> None:
    for code in FateCode:
        fate = Fate(scorer=EQUIVALENCE, target=Target.REFERENCE, code=code, message="")
        expected = 0.0 if code.value.startswith("output_") else None

        assert value_of(fate, JUDGED) == expected


def test_a_flagged_verdict_counts_and_is_missing_in_the_bounds(admitted: Maker) -> None:
    cells = [(1, "fence_look_alike")] * 5 + [1] * 25 + [0] * 10

    row = _only(summarize(admitted((JUDGED, {"s": cells}))))

    assert row.estimate == wilson_interval(30, 40)
    assert row.bounds == (25 / 40, 30 / 40)
    assert row.counts.flags == {"fence_look_alike": 5}


def test_the_flag_of_a_format_score_is_a_fact_and_leaves_the_bounds(admitted: Maker) -> None:
    cells = [(0, "output_not_json")] * 10 + [1] * 30

    row = _only(summarize(admitted((FORMAT, {"s": cells}))))

    assert row.bounds == (0.75, 0.75)
    assert row.counts.flags == {"output_not_json": 10}


def test_a_cosine_has_bounds_on_its_own_scale(admitted: Maker) -> None:
    cells = [0.5, 0.7] * 15 + [FateCode.EMBEDDING_INVALID] * 10

    row = _only(summarize(admitted((ALIKE, {"s": cells}))))

    assert row.estimate is not None
    assert row.estimate.value == pytest.approx(0.6)
    assert row.bounds == pytest.approx(((18 - 10) / 40, (18 + 10) / 40))


def test_clusters_widen_the_interval_and_leave_the_value(admitted: Maker) -> None:
    cells = [float(place // 5 % 3 > 0) for place in range(60)]

    alone = _only(summarize(admitted((JUDGED, {"s": cells})))).estimate
    clustered = _only(
        summarize(admitted((JUDGED, {"s": cells}), clusters=[f"c{p // 5}" for p in range(60)]))
    ).estimate

    assert alone is not None
    assert clustered is not None
    assert clustered.value == alone.value
    assert clustered.n_clusters == 12
    assert clustered.high - clustered.low > 1.5 * (alone.high - alone.low)


@pytest.mark.parametrize("n", [1, MIN_RECORDS - 1])
def test_a_small_slice_is_insufficient_and_has_no_number(admitted: Maker, n: int) -> None:
    slices = [{"kind": "rare"}] * n + [{"kind": "common"}] * 40

    _, rare, common = summarize(admitted((JUDGED, {"s": [1] * (n + 40)}), slices=slices))

    assert (rare.slice, rare.status) == ("kind=rare", Status.INSUFFICIENT)
    assert (rare.estimate, rare.bounds) == (None, None)
    assert rare.reason == f"{n} scored records, {MIN_RECORDS} are needed"
    assert rare.counts.n_records == n
    assert common.status is Status.SHOWN


def test_one_cluster_is_undefined_with_its_reason(admitted: Maker) -> None:
    row = _only(summarize(admitted((JUDGED, {"s": [0, 1] * 20}), clusters=["the one"] * 40)))

    assert (row.status, row.estimate) == (Status.UNDEFINED, None)
    assert "one cluster" in row.reason


def test_a_scorer_that_applies_to_nothing_is_undefined(admitted: Maker) -> None:
    row = _only(summarize(admitted((FORMAT, {"s": ["the item has no schema"] * 30}))))

    assert (row.status, row.counts.n_records, row.counts.not_applicable) == (
        Status.UNDEFINED,
        0,
        30,
    )


def test_a_judge_without_a_certificate_keeps_its_counts_and_no_number(admitted: Maker) -> None:
    row = _only(summarize(admitted((JUDGED, {"s": [1] * 30}), standing=None)))

    assert (row.status, row.estimate, row.bounds) == (Status.WITHHELD, None, None)
    assert row.reason.startswith("judge unvalidated")
    assert row.counts.scored == 30


def test_rows_stand_overall_first_then_the_slices_for_each_metric_and_system(
    admitted: Maker,
) -> None:
    cells = {"teacher": [1.0] * 4, "student": [0.0] * 4}
    slices = [{"kind": "mail", "length": "long"}] * 2 + [{"kind": "chat", "length": "long"}] * 2

    rows = summarize(admitted((JUDGED, cells), (FORMAT, cells), slices=slices))

    names = ["overall", "kind=mail", "kind=chat", "length=long"]
    assert [(row.metric, row.system, row.slice) for row in rows] == [
        (metric, system, name)
        for metric in ("equivalence.reference", "adherence.strict")
        for system in ("teacher", "student")
        for name in names
    ]
