import json

from judge.render.history_page import history_json, history_page
from judge.render.markdown import as_markdown
from judge.reports.history import history
from tests.reports.two_runs import judged, run_of

TEXTS = {"student": [f"text {k}" for k in range(40)]}
VALUES = {"student": [1.0, 0.0] * 20}


def test_each_run_is_a_line_and_a_break_stands_between_what_cannot_be_compared() -> None:
    first = run_of(judged(), VALUES, texts=TEXTS, run_id="A")
    second = run_of(judged("judge-2"), VALUES, texts=TEXTS, run_id="B", standing=None)
    found = history([first, second])

    page = as_markdown(history_page(found))

    assert "| A | 2026-05-01 00:00 | 0.500 \\[0.352, 0.648\\] |" in page
    assert "| -- model was 'judge-1', is 'judge-2' |  |  |" in page
    assert "| B | 2026-05-01 00:00 | withheld |" in page
    runs = json.loads(history_json(found))["runs"]
    assert [run["estimates"][0]["status"] for run in runs] == ["shown", "withheld"]
    assert "value" not in runs[1]["estimates"][0]
    assert runs[1]["breaks"] == [
        {"metric": "equivalence.reference", "reason": "model was 'judge-1', is 'judge-2'"}
    ]


def test_without_a_break_the_page_says_that_all_is_comparable() -> None:
    run = run_of(judged(), VALUES, texts=TEXTS)

    (section,) = history_page(history([run, run])).sections

    assert section.lines == ["the same set and the same instrument throughout"]
