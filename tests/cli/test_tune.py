import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import partial
from hashlib import sha256
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from judge.testing import Answer, FakeEndpoint, Received, chat_completion, verdict

N_ITEMS = 240
RULE = "An amount without its currency is different, even where the number is right."

pytestmark = pytest.mark.usefixtures("quick_embedder")

Judge = Callable[..., CompletedProcess[str]]
Serving = Callable[..., AbstractContextManager[FakeEndpoint]]
WriteRows = Callable[[str, Sequence[Mapping[str, object]]], None]


def _luck(*words: object) -> float:
    return int.from_bytes(sha256(repr(words).encode()).digest()[:8]) / 2**64


def _is_bare(number: int) -> bool:
    """Whether an answer leaves the currency out."""
    return _luck("bare", number) < 0.35


def _write_set(folder: Path, write_rows: WriteRows, label: Callable[[int], str]) -> None:
    """Write a set with the labels of a rater."""
    write_rows(
        "items.jsonl",
        [
            {"id": f"i{k}", "input": f"What is fee {k}?", "reference": f"{k} euros"}
            for k in range(N_ITEMS)
        ],
    )
    outputs = [f"Fee: {k}" + ("" if _is_bare(k) else " euros") for k in range(N_ITEMS)]
    write_rows("student.jsonl", [{"id": f"i{k}", "output": o} for k, o in enumerate(outputs)])
    write_rows(
        "ratings.jsonl",
        [
            {"id": f"i{k}", "system": "student", "rater": "ann", "label": label(k)}
            for k in range(N_ITEMS)
        ],
    )
    (folder / "judge.yaml").write_text(
        """\
name: fees
dataset: {items: items.jsonl}
systems:
  student: {role: student, outputs: student.jsonl}
scorers:
  equivalence: {judge: {model: fake-judge}, against: [reference]}
ratings: {path: ratings.jsonl, source: human, blind: true, sampling: random}
cache: false
"""
    )


def _coin(seed: int, number: int) -> str:
    return ("different", "equivalent")[_luck(seed, number) < 0.5]


def _answer(text: str) -> str:
    """Return the output that stands in the fences of a question to the judge."""
    return next(line for line in text.splitlines() if line.startswith("Fee:"))


def _asks_for_rules(received: Received) -> bool:
    return "You help to write the instructions of a judge" in received.content.decode()


def _by_the_instructions(received: Received) -> Answer:
    """Answer as a judge who does what it is told, and who can learn from cases."""
    text = received.user_text
    if _asks_for_rules(received):
        cases = text.split("\n\nCase ")[1:]
        told = [case for case in cases if "People: different" in case and "euros\n" in case]
        return Answer(body=chat_completion(json.dumps({"rules": [RULE] if told else []})))
    knows = "currency" in json.dumps(received.body["messages"][0])  # type: ignore[index]
    different = knows and "euros" not in _answer(text)
    slips = _luck("slips", _answer(text)) < 0.04
    return Answer(body=chat_completion(verdict(("equivalent", "different")[different != slips])))


def _by_chance(received: Received) -> Answer:
    """Answer whatever comes to mind, another thing by every prompt."""
    if _asks_for_rules(received):
        rule = f"Look at it {received.number} times."
        return Answer(body=chat_completion(json.dumps({"rules": [rule]})))
    system = json.dumps(received.body["messages"][0])  # type: ignore[index]
    heads = _luck(system, _answer(received.user_text)) < 0.5
    return Answer(body=chat_completion(verdict(("equivalent", "different")[heads])))


def test_a_rubric_detail_that_only_labels_show_is_found_and_its_worth_measured_on_other_labels(
    folder: Path, judge: Judge, serving: Serving, write_rows: WriteRows
) -> None:
    _write_set(folder, write_rows, lambda k: "different" if _is_bare(k) else "equivalent")

    with serving(_by_the_instructions):
        done = judge("tune", "judge.yaml", "--json")

        assert done.returncode == 0, done.stderr
        found = json.loads(done.stdout)
        tuned = folder / "prompts" / "equivalence-tuned.md"
        assert found["chosen"] == "rules-1"
        assert RULE in tuned.read_text()
        # By hand: of the labels of test, all but the slips are agreed with afterwards.
        assert found["test"]["agreement"]["value"] == pytest.approx(0.96, abs=0.05)
        assert found["test"]["gain"]["value"] == pytest.approx(0.46, abs=0.1)
        assert found["test"]["gain"]["low"] > 0.2
        assert found["earlier_looks"] == 0
        assert found["standing"] == "trusted"

        config = (folder / "judge.yaml").read_text()
        (folder / "judge.yaml").write_text(
            config.replace(
                "model: fake-judge", "model: fake-judge, prompt: prompts/equivalence-tuned.md"
            )
        )
        again = json.loads(judge("validate", "judge.yaml", "--json").stdout)
        assert again["standing"] == "trusted"
        assert again["agreement"]["n_labels"] == found["test"]["n_labels"]


def test_labels_that_are_noise_improve_nothing_and_the_test_labels_are_not_looked_at(
    folder: Path, judge: Judge, serving: Serving, write_rows: WriteRows
) -> None:
    for seed in range(6):
        _write_set(folder, write_rows, partial(_coin, seed))

        with serving(_by_chance) as endpoint:
            done = judge("tune", "judge.yaml", "--json", "--store", f"{seed}.sqlite")

            found = json.loads(done.stdout)
            assert done.returncode == 3, found
            assert found["chosen"] is None
            assert found["test"] is None
            assert found["reason"] == "no wording is surely better on dev: the present one stays"
            n_seen = found["labels"]["train"] + found["labels"]["dev"]
            asked = {
                _answer(one.user_text) for one in endpoint.requests if not _asks_for_rules(one)
            }
            assert len(asked) == n_seen
    assert not (folder / "prompts").exists()


def test_a_second_look_at_the_test_labels_is_told(
    folder: Path, judge: Judge, serving: Serving, write_rows: WriteRows
) -> None:
    _write_set(folder, write_rows, lambda k: "different" if _is_bare(k) else "equivalent")

    with serving(_by_the_instructions):
        judge("tune", "judge.yaml", "-o", "first.md")
        again = judge("tune", "judge.yaml", "-o", "second.md")

    assert "looked at in 1 tunings before" in " ".join(again.stdout.split())


@pytest.mark.parametrize(
    "change",
    [
        ("judge: {model: fake-judge}", "judge: baseline", "needs a judge that is one prompt"),
        ("ratings: {path", "#", "names no ratings"),
    ],
)
def test_what_cannot_be_tuned_is_refused_before_anything_is_asked(
    change: tuple[str, str, str],
    folder: Path,
    judge: Judge,
    serving: Serving,
    write_rows: WriteRows,
) -> None:
    before, after, says = change
    _write_set(folder, write_rows, lambda k: "equivalent")
    config = (folder / "judge.yaml").read_text()
    (folder / "judge.yaml").write_text(config.replace(before, after))

    with serving(_by_the_instructions) as endpoint:
        done = judge("tune", "judge.yaml")

    assert done.returncode == 2
    assert says in done.stderr
    assert not endpoint.requests


def test_a_prompt_that_is_there_is_not_overwritten(
    folder: Path, judge: Judge, serving: Serving, write_rows: WriteRows
) -> None:
    _write_set(folder, write_rows, lambda k: "equivalent")
    (folder / "mine.md").write_text("mine")

    with serving(_by_the_instructions):
        done = judge("tune", "judge.yaml", "-o", "mine.md")

    assert done.returncode == 2
    assert (folder / "mine.md").read_text() == "mine"
