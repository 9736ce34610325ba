import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

Cli = Callable[..., CompletedProcess[str]]

TEXT = "the harbour town reopened its public swimming hall after nineteen months of repair"
FROZEN = "dataset: {items: items.jsonl, frozen: judge.frozen.json}"


@pytest.fixture
def frozen(
    judge: Cli, write_set: Callable[..., None], write_rows: Callable[..., None]
) -> Callable[[], None]:
    """Return what writes a set, freezes it, and names the manifest in its config."""

    def make() -> None:
        write_set()
        rows = [{"id": f"i{k}", "input": f"{TEXT} {k}", "kind": "even"} for k in range(6)]
        write_rows("items.jsonl", rows)
        judge("freeze", "judge.yaml")
        config = Path("judge.yaml").read_text()
        Path("judge.yaml").write_text(config.replace("dataset: {items: items.jsonl}", FROZEN))

    return make


def _change_an_item() -> None:
    items = Path("items.jsonl").read_text()
    Path("items.jsonl").write_text(items.replace("nineteen", "twenty", 1))


@pytest.mark.parametrize(
    ("rows", "code", "verdict"),
    [
        ('{"text": "nothing that anybody asked of the student"}\n', 0, "the frozen set and clean"),
        (f'{{"text": "{TEXT.upper()} 3!"}}\n', 1, "leaked"),
        ('{"text": "something else"}\n{"text\n', 3, "not wholly read"),
        (f'{{"text": "{TEXT} 3"}}\n{{"text\n', 1, "leaked and not wholly read"),
    ],
)
def test_the_exit_code_says_whether_the_set_is_the_same_and_clean(
    rows: str, code: int, verdict: str, judge: Cli, frozen: Callable[[], None]
) -> None:
    frozen()
    Path("train.jsonl").write_text(rows)

    found = judge("verify", "judge.yaml", "--training", "train.jsonl", "--json")

    assert found.returncode == code, found.stderr
    assert json.loads(found.stdout)["verdict"] == verdict


def test_a_changed_set_is_told_item_by_item_where_a_run_only_refuses_it(
    judge: Cli, frozen: Callable[[], None]
) -> None:
    frozen()
    _change_an_item()

    verified = judge("verify", "judge.yaml")
    run = judge("run", "judge.yaml", "--dry-run")

    assert verified.returncode == 1
    assert "1 item differs: 'i0' (input)" in verified.stdout
    assert run.returncode == 2
    assert "is not the one frozen in judge.frozen.json: 1 item differs" in run.stderr


def test_a_part_of_a_frozen_set_may_be_run(judge: Cli, frozen: Callable[[], None]) -> None:
    frozen()
    config = Path("judge.yaml").read_text().replace("  equivalence:", "  # equivalence:")
    Path("judge.yaml").write_text(config)

    found = judge("run", "judge.yaml", "--dry-run", "--limit", "2")

    assert found.returncode == 0, found.stderr


def test_a_manifest_alone_is_checked_for_slips_of_an_editor(
    judge: Cli, frozen: Callable[[], None]
) -> None:
    frozen()
    whole = judge("verify", "judge.frozen.json")
    manifest = Path("judge.frozen.json")
    manifest.write_text(manifest.read_text().replace('"i0"', '"i9"', 1))

    edited = judge("verify", "judge.frozen.json")

    assert whole.returncode == 0
    assert "fingerprint" in whole.stdout
    assert edited.returncode == 2
    assert "was edited after it was written" in edited.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["judge.frozen.json", "--training", "x.jsonl"], "is a manifest, which holds hashes"),
        (["judge.yaml", "--manifest", "items.jsonl"], "is no manifest of a frozen set"),
        (["judge.yaml", "--training", "none.jsonl"], "none.jsonl: cannot be read"),
        (["judge.yaml", "--column", "text"], "add --training FILE"),
        (["judge.yaml", "--meaning", "0.9"], "add --training FILE"),
        (
            ["judge.yaml", "--training", "items.jsonl", "--outputs", "techer"],
            "--outputs: there is no system 'techer' (did you mean 'teacher'?)",
        ),
        (["judge.yaml", "--training", "items.jsonl", "--column", "tex"], "no row has a column"),
    ],
)
def test_what_cannot_be_verified_is_bad_input(
    arguments: list[str], words: str, judge: Cli, frozen: Callable[[], None]
) -> None:
    frozen()

    found = judge("verify", *arguments)

    assert found.returncode == 2
    assert words in found.stderr


def test_a_config_that_pins_nothing_has_nothing_to_be_held_against(
    judge: Cli, write_set: Callable[..., None]
) -> None:
    write_set()

    found = judge("verify", "judge.yaml")

    assert found.returncode == 2
    assert "judge freeze judge.yaml" in found.stderr


def test_the_training_files_of_the_config_are_the_default(
    judge: Cli, frozen: Callable[[], None]
) -> None:
    frozen()
    Path("train.csv").write_text(f"text,note\nfree of it,{TEXT} 3\n")
    training = "training: {files: [train.csv], columns: [%s]}}"
    config = Path("judge.yaml").read_text()

    codes = []
    for column in ("text", "note"):
        Path("judge.yaml").write_text(
            config.replace("judge.frozen.json}", f"judge.frozen.json, {training % column}")
        )
        codes.append(judge("verify", "judge.yaml").returncode)

    assert codes == [0, 1]


@pytest.mark.usefixtures("quick_embedder")
def test_texts_alike_in_meaning_are_told_and_are_no_leaks(
    judge: Cli, frozen: Callable[[], None]
) -> None:
    frozen()
    backwards = " ".join(reversed(f"{TEXT} 3".split()))
    Path("train.txt").write_text(f"something else altogether\n{backwards}\n")

    found = judge("verify", "judge.yaml", "--training", "train.txt", "--meaning", "0.99", "--json")

    assert found.returncode == 0
    body = json.loads(found.stdout)
    assert body["training_overlap"]["leaks"] == []
    (alike,) = body["alike_in_meaning"]
    assert (alike["id"], alike["part"], alike["line"]) == ("i3", "input", 2)
    assert alike["cosine"] == pytest.approx(1.0)
