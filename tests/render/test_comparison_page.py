from judge.render.comparison_page import comparison_page
from judge.render.markdown import as_markdown
from judge.reports.comparison import Comparison, compare
from tests.reports.two_runs import contents, judged, run_of, score

N = 60
OLD, NEW = [f"old {k}" for k in range(N)], [f"new {k}" for k in range(N)]
VALUES = [1.0] * 20 + [0.0] * 40
BETTER = [1.0] * 40 + [0.0] * 20


def _same_judge() -> Comparison:
    before = run_of(
        judged(), {"student": VALUES}, texts={"student": OLD}, run_id="A", config="x: 1"
    )
    after = run_of(judged(), {"student": BETTER}, texts={"student": NEW}, run_id="B", config="x: 2")
    return compare(before, after)


def _another_judge(*, asked: bool) -> Comparison:
    second = judged("judge-2")
    before = run_of(judged(), {"student": VALUES}, texts={"student": OLD}, run_id="A")
    after = run_of(second, {"student": BETTER}, texts={"student": NEW}, run_id="B")
    again = {
        content: score(second, float(int(key.item_id[1:]) < 30))
        for key, content in contents(before, second).items()
    }
    return compare(before, after, again={"equivalence.reference": again} if asked else {})


def test_the_page_says_what_was_found_what_changed_and_what_to_do_next() -> None:
    page = as_markdown(comparison_page(_same_judge()))

    assert page.startswith("# test: run B less run A\n")
    assert "better: equivalence.reference of student, overall: 0.333 -&gt; 0.667" in page
    assert "student: 60 of 60 outputs differ (i0, i1, i2, i3, i4, ...)" in page
    assert "config -x: 1" in page
    assert "the same judge; no text was judged in both runs" in page
    assert "+0.333 \\[+0.211, +0.456\\]" in page


def test_another_judge_withholds_the_number_and_names_the_command_that_brings_it() -> None:
    withheld = as_markdown(comparison_page(_another_judge(asked=False)))
    told_apart = as_markdown(comparison_page(_another_judge(asked=True)))

    assert "withheld: the judge is another one" in withheld
    assert "judge compare A B --rejudge" in withheld
    assert "differs from the first by +0.167" in told_apart
    assert "+0.167 \\[+0.070, +0.264\\]" in told_apart
    assert "--rejudge" not in told_apart
