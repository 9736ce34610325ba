from judge.reports.run_changes import mapping_changes, run_changes
from tests.reports.two_runs import judged, run_of

CONFIG = "name: test\nsystems: {}\nseed: 0\n"


def test_everything_that_differs_is_named_and_nothing_else() -> None:
    before = run_of(
        judged("judge-1"),
        {"student": [1.0] * 3, "teacher": [1.0] * 3},
        texts={"student": ["a", "b", "c"], "teacher": ["x", "y", "z"]},
        config=CONFIG,
        versions={"judge": "1", "numpy": "2"},
    )
    after = run_of(
        judged("judge-2"),
        {"student": [1.0] * 3, "other": [1.0] * 3},
        texts={"student": ["a", "B", "c"], "other": ["x", "y", "z"]},
        config=CONFIG.replace("seed: 0", "seed: 1"),
        versions={"judge": "1.1", "numpy": "2"},
    )

    found = run_changes(before, after)

    (student,) = found.outputs
    assert (student.system, student.changed, student.n_changed) == ("student", ("i1",), 1)
    assert found.systems == ("teacher (in the first run only)", "other (in the second run only)")
    assert found.metrics == ()
    assert found.instruments == {"equivalence.reference": ("model was 'judge-1', is 'judge-2'",)}
    assert found.config == ("-seed: 0", "+seed: 1")
    assert found.versions == ("judge was '1', is '1.1'",)


def test_two_runs_of_the_same_have_no_changes() -> None:
    run = run_of(judged(), {"student": [1.0]}, texts={"student": ["a"]}, config=CONFIG)

    found = run_changes(run, run)

    assert [one.n_changed for one in found.outputs] == [0]
    assert (found.instruments, found.config, found.versions) == ({}, (), ())


def test_a_name_that_is_new_or_gone_was_or_is_absent() -> None:
    assert list(mapping_changes({"a": "1"}, {"b": "2"})) == [
        "a was '1', is 'absent'",
        "b was 'absent', is '2'",
    ]
