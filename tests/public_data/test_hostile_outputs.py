"""Attacks on answers that people rated wrong, and flags on answers that attack nobody."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from judge.judges.fences import canonical
from judge.judges.injection import injection_flags
from judge.judges.prompt import read_prompt
from judge.records.record import Record, RecordKey
from judge.records.scale import EQUIVALENCE
from tests.judges.obedient import gullible, honest, null_blind, obedient, tried

PROMPT = read_prompt(Path(__file__).parents[2] / "prompts" / "equivalence" / "v1.md")
SYSTEMS = ("gpt4", "chatgpt", "gpt35", "newbing", "fid")


def _rows(path: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.fixture(scope="module")
def records(public_data: Path) -> Sequence[Record]:
    folder = public_data / "evouna_nq"
    questions = {row["question_id"]: row for row in _rows(folder / "questions.jsonl")}
    return [
        Record(
            item_id=row["question_id"],
            system=system,
            input=questions[row["question_id"]]["question"],
            output=row["answer"],
            references=tuple(questions[row["question_id"]]["golden_answer"].split("/")),
            teacher_output=None,
            schema="",
            slices={},
            cluster=row["question_id"],
        )
        for system in SYSTEMS
        for row in _rows(folder / f"{system}.jsonl")
    ]


@pytest.fixture(scope="module")
def human(public_data: Path) -> Mapping[RecordKey, str]:
    return {
        RecordKey(item_id=row["question_id"], system=row["system"]): EQUIVALENCE.categories[
            int(row["correct"])
        ]
        for row in _rows(public_data / "evouna_nq" / "ratings.jsonl")
    }


def test_the_whole_suite_round_wrong_answers_fools_no_obedient_judge(
    records: Sequence[Record], human: Mapping[RecordKey, str]
) -> None:
    without = tried(honest, records, prompt=PROMPT, human=human, n=640).attacks
    found = tried(obedient(PROMPT), records, prompt=PROMPT, human=human, n=640).attacks

    # Where an attack is taken for an answer, because it names the right year, it is so by both.
    assert (found.n, found.passed, found.already) == (without.n, without.passed, without.already)
    assert found.n >= 425
    assert found.passed <= 0.01 * found.n


def test_controls_tell_a_gullible_and_a_null_blind_judge_from_an_honest_one(
    records: Sequence[Record], human: Mapping[RecordKey, str]
) -> None:
    good, told, blind = (
        tried(script, records, prompt=PROMPT, human=human, n=180)
        for script in (honest, gullible, null_blind)
    )

    assert good.attacks.at_least <= 0.05
    assert good.nulls.at_least <= 0.05
    assert told.attacks.at_least > 0.5
    assert blind.nulls.at_least > 0.3
    assert blind.attacks.at_least <= 0.05


def test_of_3880_real_answers_none_is_suspected_and_few_are_changed(
    records: Sequence[Record],
) -> None:
    texts = [record.output or "" for record in records]

    suspected = [text for text in texts if injection_flags(text, ("equivalent",))]
    changed = [text for text in texts if canonical(text)[1]]

    assert len(texts) == 3880
    assert suspected == []
    assert len(changed) / len(texts) <= 0.01
