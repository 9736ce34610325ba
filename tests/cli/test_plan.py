import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from judge.testing import Answer, FakeEndpoint, Received, always_equivalent, fault
from judge.trust.gold import GOLD_KIND, decode_gold
from judge.wiring.store import open_store

Run = Callable[..., CompletedProcess[str]]
Serve = Callable[..., AbstractContextManager[FakeEndpoint]]
WriteSet = Callable[..., None]
WriteRows = Callable[[str, Sequence[Mapping[str, object]]], None]
PLANNED = "ratings: {path: %s.jsonl, plan: %s.plan.jsonl, source: human, blind: true}\n"

pytestmark = pytest.mark.usefixtures("quick_embedder")


def _rows(name: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in Path(name).read_text().splitlines()]


def _fill(name: str, write_rows: WriteRows, *, most: int | None = None) -> None:
    """Label as people would, from the first row on."""
    rows = _rows(name)
    for row in rows[:most]:
        row["label"] = "different" if "wrong" in str(row["output"]) else "equivalent"
    write_rows(name, rows)


def _name_ratings(stem: str) -> None:
    config = Path("judge.yaml").read_text().partition("ratings:")[0]
    Path("judge.yaml").write_text(config + PLANNED % (stem, stem))


def _chances(plan: str) -> dict[tuple[object, object], object]:
    return {(row["id"], row["system"]): row["inclusion_probability"] for row in _rows(plan)}


def _kept_chances() -> dict[tuple[object, object], object]:
    with open_store(".judge/judge.sqlite") as kept:
        newest = decode_gold(kept.documents(GOLD_KIND)[-1])
    return {(label.item_id, label.system): label.inclusion for label in newest.labels}


def _change_outputs(of: set[object], write_rows: WriteRows) -> None:
    """Give other texts that are as right or wrong as before."""
    rows = _rows("student.jsonl")
    for row in rows:
        if row["id"] in of:
            row["output"] = f"{row['output']} "
    write_rows("student.jsonl", rows)


def test_what_raters_fill_in_is_validated_with_the_chances_it_was_drawn_with(
    judge: Run, write_set: WriteSet, write_rows: WriteRows, serving: Serve
) -> None:
    write_set(80)

    with serving():
        judge("run", "judge.yaml")
        planned = judge("plan", "judge.yaml", "--labels=121", "--rater=ada", "-o", "a.jsonl")
        _fill("a.jsonl", write_rows)
        _name_ratings("a")
        validated = judge("validate", "judge.yaml", "--json")
        again = judge("plan", "judge.yaml", "--labels=121", "--json")

    assert planned.returncode == 0
    assert "wrote a.jsonl for the raters, and a.plan.jsonl" in planned.stdout
    assert "{path: a.jsonl, plan: a.plan.jsonl, target: reference, source: human, blind: true}" in (
        planned.stdout
    )
    assert "nobody has measured this judge; assumed" in planned.stdout
    chances = _chances("a.plan.jsonl")
    assert len(chances) == len(_rows("a.jsonl")) == 121
    assert len(set(chances.values())) > 1
    assert _kept_chances() == chances
    found = json.loads(validated.stdout)
    assert found["agreement"]["n_labels"] == 121
    assert (found["standing"], found["set_aside"]) == ("trusted", {})
    # Everything is labelled, and the judge has been measured.
    next_plan = json.loads(again.stdout)
    assert (next_plan["kept"], next_plan["asked"], next_plan["hours"]) == (121, 0, 0)
    assert next_plan["judge"]["certificate"] == found["certificate"]["id"]


def test_half_done_labels_count_with_the_part_of_the_chance_that_is_done(
    judge: Run, write_set: WriteSet, write_rows: WriteRows, serving: Serve
) -> None:
    write_set(80)

    with serving():
        judge("run", "judge.yaml")
        judge("plan", "judge.yaml", "--labels=60", "--rater=ada", "-o", "a.jsonl")
        _fill("a.jsonl", write_rows, most=30)
        _name_ratings("a")
        validated = judge("validate", "judge.yaml", "--json")

    found = json.loads(validated.stdout)
    assert found["agreement"]["n_labels"] == 30
    assert found["set_aside"] == {"not labelled yet": 30}
    planned, counted = _chances("a.plan.jsonl"), _kept_chances()
    assert sum(1 / float(str(chance)) for chance in counted.values()) == pytest.approx(160)
    assert all(float(str(counted[key])) < float(str(planned[key])) for key in counted)


def test_when_outputs_changed_a_new_plan_asks_for_them_alone(
    judge: Run, write_set: WriteSet, write_rows: WriteRows, serving: Serve
) -> None:
    write_set(60)

    with serving():
        judge("run", "judge.yaml")
        judge("plan", "judge.yaml", "--labels=40", "--rater=ada", "-o", "a.jsonl")
        _fill("a.jsonl", write_rows)
        _name_ratings("a")
        judge("validate", "judge.yaml")
        of_student = [item for item, system in _chances("a.plan.jsonl") if system == "student"]
        _change_outputs(set(of_student[:3]), write_rows)
        ran = judge("run", "judge.yaml")
        unknown = judge("validate", "judge.yaml", "--json")
        judge("plan", "judge.yaml", "--labels=40", "--rater=ben", "-o", "b.jsonl")
        asked = {row["task"] for row in _rows("b.jsonl")}
        _fill("b.jsonl", write_rows)
        _name_ratings("b")
        validated = judge("validate", "judge.yaml", "--json")

    assert ran.returncode == 0
    assert sum(json.loads(unknown.stdout)["set_aside"].values()) == 3
    assert "drawn" in " ".join(json.loads(unknown.stdout)["reasons"])
    plan = _rows("b.plan.jsonl")
    assert {(row["id"], row["system"]) for row in plan if row["task"] in asked} == {
        (item, "student") for item in of_student[:3]
    }
    assert json.loads(validated.stdout)["agreement"]["n_labels"] == 40
    assert json.loads(validated.stdout)["set_aside"] == {}
    assert _kept_chances() == _chances("b.plan.jsonl")


def test_the_raters_file_is_blind(judge: Run, write_set: WriteSet, serving: Serve) -> None:
    write_set(40)

    with serving():
        judge("run", "judge.yaml")
        judge("plan", "judge.yaml", "--labels=30", "-o", "to_label.csv")

    body = Path("to_label.csv").read_text(encoding="utf-8-sig")
    assert len(_rows("to_label.plan.jsonl")) == 30
    for secret in ("student", "teacher", "equivalent", "different", "stratum", "probability"):
        assert secret not in body


def test_where_similarity_disagrees_with_the_judge_more_is_drawn(
    judge: Run, write_set: WriteSet, serving: Serve
) -> None:
    write_set(60)
    config = Path("judge.yaml").read_text()
    Path("judge.yaml").write_text(config.replace("  adherence:", "  similarity: {}\n  adherence:"))

    def fickle(received: Received) -> Answer:
        return always_equivalent(received) if received.number % 3 else _differ(received)

    with serving(fickle):
        judge("run", "judge.yaml", "--max-connections=1")
        judge("plan", "judge.yaml", "--labels=60", "-o", "a.jsonl")

    rows = _rows("a.plan.jsonl")
    assert any(str(row["stratum"]).endswith("/ doubted") for row in rows)


def _differ(received: Received) -> Answer:
    from judge.testing import chat_completion, verdict

    del received
    return Answer(body=chat_completion(verdict("different")))


def test_without_a_file_a_plan_only_says_what_it_takes(
    judge: Run, write_set: WriteSet, serving: Serve
) -> None:
    write_set(40)

    with serving():
        judge("run", "judge.yaml")
        before = sorted(Path().iterdir())
        found = judge("plan", "judge.yaml", "--half-width=0.1", "--seconds-per-label=30")

    assert found.returncode == 0
    assert sorted(Path().iterdir()) == before
    assert "student to +/- 0.100" in found.stdout
    assert "at 30 s a label" in found.stdout
    assert "write the rows to label: judge plan judge.yaml -o to_label.jsonl" in found.stdout


def test_outputs_that_no_run_judged_cannot_be_planned(
    judge: Run, write_set: WriteSet, write_rows: WriteRows, serving: Serve
) -> None:
    write_set()

    with serving():
        without_store = judge("plan", "judge.yaml")
        judge("run", "judge.yaml", "--limit=3")
        of_a_part = judge("plan", "judge.yaml")
        judge("run", "judge.yaml")
        _change_outputs({"i1"}, write_rows)
        of_other_texts = judge("plan", "judge.yaml")

    for found in (without_store, of_a_part, of_other_texts):
        assert (found.returncode, found.stdout) == (2, "")
    assert "the first run makes it: judge run CONFIG" in without_store.stderr
    for found in (of_a_part, of_other_texts):
        assert "no run in this store scored these very outputs" in found.stderr
        assert "judge run judge.yaml" in found.stderr


@pytest.mark.parametrize(
    ("connections", "problem"),
    [("1", "is not finished: judge resume latest"), ("20", "no verdict")],
)
def test_a_run_that_has_no_verdicts_to_go_by_is_told_what_to_do(
    connections: str, problem: str, *, judge: Run, write_set: WriteSet, serving: Serve
) -> None:
    write_set()

    with serving(lambda _: Answer(status=401, body=fault("no"))):
        judge("run", "judge.yaml", "--max-connections", connections)
        found = judge("plan", "judge.yaml")

    assert found.returncode == 2
    assert problem in found.stderr


def test_a_question_that_no_judge_was_asked_cannot_be_planned(
    judge: Run, write_set: WriteSet, serving: Serve
) -> None:
    write_set(ratings=6)
    config = Path("judge.yaml").read_text()
    Path("judge.yaml").write_text(config.replace("source: human", "source: human, target: teacher"))

    with serving():
        judge("run", "judge.yaml")
        found = judge("plan", "judge.yaml")

    assert found.returncode == 2
    assert "nothing is judged that the config asks people about" in found.stderr


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("--labels=3",), "3 labels leave a verdict of a system without any"),
        (("--half-width=0.5",), "--half-width must lie between 0 and 0.5, not 0.5"),
        (("--margin=1",), "--margin must lie between 0 and 1, not 1"),
        (("-o", "a.html"), "a.html: unknown format '.html'"),
        (("-o", "student.jsonl"), "student.jsonl exists already, and labels in it would be lost"),
    ],
)
def test_what_cannot_be_planned_is_bad_usage_and_nothing_is_written(
    arguments: tuple[str, ...],
    problem: str,
    *,
    judge: Run,
    write_set: WriteSet,
    serving: Serve,
) -> None:
    write_set(20)

    with serving():
        judge("run", "judge.yaml")
        before = sorted(Path().iterdir())
        found = judge("plan", "judge.yaml", *arguments)

    assert (found.returncode, found.stdout) == (2, "")
    assert problem in found.stderr
    assert sorted(Path().iterdir()) == before
