from judge.reports.history import history
from tests.reports.two_runs import judged, run_of

TEXTS = [f"text {k}" for k in range(40)]


def test_a_metric_is_told_run_by_run_with_breaks_where_set_or_judge_changed() -> None:
    values = {"student": [1.0, 0.0] * 20}
    same = run_of(judged(), values, texts={"student": TEXTS})
    runs = [
        same,
        run_of(judged(), {"student": [1.0] * 40}, texts={"student": TEXTS[::-1]}),
        run_of(judged("judge-2"), values, texts={"student": TEXTS}),
        run_of(judged("judge-2"), values, texts={"student": TEXTS}, served="served-2"),
        run_of(
            judged("judge-2"), values, texts={"student": TEXTS}, served="served-2", dataset_name="e"
        ),
    ]

    found = history(runs)

    assert [[one.words for one in point.breaks] for point in found.points] == [
        [],
        [],
        ["model was 'judge-1', is 'judge-2'"],
        ["served-1 answered, now served-2"],
        ["another evaluation set"],
    ]
    assert [point.new_outputs for point in found.points[:2]] == [(), ("student",)]
    shown = [point.rows["equivalence.reference", "student"].estimate for point in found.points]
    assert [one.value for one in shown if one] == [0.5, 1.0, 0.5, 0.5, 0.5]


def test_only_what_is_asked_for_is_told() -> None:
    run = run_of(judged(), {"student": [1.0, 0.0] * 20}, texts={"student": TEXTS})

    assert history([run], metrics=["none"]).metrics == ()
    assert history([run], systems=["none"]).systems == ()


def test_a_slice_is_told_instead_of_all_items() -> None:
    slices = [{"kind": "a" if k < 20 else "b"} for k in range(40)]
    values = {"student": [1.0] * 20 + [0.0] * 20}
    run = run_of(judged(), values, texts={"student": TEXTS}, slices=slices)

    row = history([run], slice_name="kind=b").points[0].rows["equivalence.reference", "student"]

    assert row.estimate is not None
    assert row.estimate.value == 0.0
