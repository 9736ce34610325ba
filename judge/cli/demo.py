"""``judge demo``: the main job on a shipped example, in under a minute."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from judge.cli.options import DEFAULT_STORE, StoreOption

if TYPE_CHECKING:
    from judge.api.project import Project
    from judge.records.rating import Rating
    from judge.reports.report import Example, Report

CONFIG = "human_labels/demo/judge.yaml"
REPORT = "judge-demo.html"

_STUDENT, _TEACHER = "distilled", "teacher"
_COSINE = "similarity.reference"
_CLOSE = 0.95
_MOST_SHOWN = 3


def demo(*, store: StoreOption = DEFAULT_STORE) -> None:
    """Run, validate and report a shipped example: no key, no network, under a minute."""
    from datetime import UTC, datetime

    from judge.api.reporting import report
    from judge.cli.output import write_whole
    from judge.cli.run import score_and_report
    from judge.cli.validate import validate_and_report
    from judge.render.report_html import report_html
    from judge.results.store import find_run
    from judge.shipped import shipped
    from judge.wiring.project import open_project
    from judge.wiring.store import open_store

    config = os.path.relpath(shipped(CONFIG))
    project = open_project(Path(config))
    with open_store(store) as kept:
        _title(f"$ judge run {config}")
        score_and_report(project, kept, as_json=False)
        _title(f"$ judge validate {config}")
        validate_and_report(project, kept, outputs=[], as_json=False)
        found = report(kept, find_run(kept, "latest"), now=datetime.now(UTC))
    _title("What a report of averages would have told you")
    _list(_trap(project, found))
    _title("Next")
    _list(
        [
            "your own two files:         judge run --teacher teacher.jsonl --student student.jsonl",
            "a config from your columns: judge init --help",
            "this report as a file:      judge report latest -o report.html -o report.json",
        ]
    )
    write_whole(Path(REPORT), report_html(found))
    print(f"\nOpen the report in a browser: {REPORT}")


def _title(line: str) -> None:
    print(f"\n{line}\n{'=' * len(line)}")


def _list(lines: Sequence[str]) -> None:
    print("\n".join(f"  {line}" for line in lines))


def _trap(project: "Project", report: "Report") -> list[str]:
    """Set the average cosine beside what the labels say of the same outputs."""
    from judge.render.text import number

    n_items = len(project.dataset.items)
    wrong = _labelled_wrong(project, _STUDENT)
    right_of_teacher = n_items - len(_labelled_wrong(project, _TEACHER))
    close = [
        (example, cosine)
        for example in report.examples
        if example.record.system == _STUDENT
        and example.record.item_id in wrong
        and (cosine := _cosine(example)) >= _CLOSE
    ]
    shown = sorted(close, key=lambda pair: -pair[1])[:_MOST_SHOWN]
    return [
        *_average(report),
        (
            f"By the (constructed) labels the teacher is right on {right_of_teacher} of {n_items} "
            f"items, the student on {n_items - len(wrong)}."
        ),
        (
            f"{len(close)} of the student's {len(wrong)} wrong outputs have a cosine of {_CLOSE} "
            "or more to the reference:"
        ),
        *(
            f"  {number(cosine)}  {example.record.item_id}: {wrong[example.record.item_id].comment}"
            for example, cosine in shown
        ),
        "The judge that could tell is withheld above: nobody has measured it against people yet.",
    ]


def _average(report: "Report") -> list[str]:
    from judge.render.text import percent_interval
    from judge.reports.groups import OVERALL

    wanted = (_COSINE, _STUDENT, OVERALL)
    return [
        f"By embedding similarity the {_STUDENT} student keeps "
        f"{percent_interval(row.estimate)} of its teacher: ship it."
        for row in report.retention
        if (row.metric, row.student, row.slice) == wanted and row.estimate is not None
    ]


def _labelled_wrong(project: "Project", system: str) -> "Mapping[str, Rating]":
    from judge.records.rating import read_ratings

    ratings = project.ratings
    if ratings is None:
        return {}
    found = read_ratings(
        ratings.source, project.dataset, ratings.scale, known_ids=ratings.known_ids
    )
    worst = ratings.scale.categories[0]
    return {r.item_id: r for r in found.ratings if r.system == system and r.label == worst}


def _cosine(example: "Example") -> float:
    from judge.results.outcome import Score

    outcome = example.outcomes[_COSINE]
    return outcome.value if isinstance(outcome, Score) else 0.0
