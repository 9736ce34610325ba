from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from judge.records.alike import AlikeText
from judge.records.changes import changes_since
from judge.records.dataset import Dataset
from judge.records.frozen import freeze
from judge.records.overlap import Finding, Likeness, Overlap, SearchedFile
from judge.records.record import Item, Role, System
from judge.records.training import Unread
from judge.records.verification import Verification
from judge.render.verification_page import (
    frozen_json,
    frozen_page,
    verification_json,
    verification_page,
)

ITEMS = tuple(
    Item(item_id=name, cluster="c", input=name, slices={"kind": "mail"}) for name in ("a", "b")
)
DATASET = Dataset(
    items=ITEMS,
    systems=(System(name="teacher", role=Role.TEACHER),),
    outputs={"teacher": {"a": "x"}},
)
FROZEN = freeze(
    DATASET, name="mails", created=datetime(2026, 5, 1, 9, 30, tzinfo=UTC), outputs=["teacher"]
)
SAME = changes_since(FROZEN, DATASET)
OTHER = changes_since(
    FROZEN,
    replace(DATASET, items=(replace(ITEMS[0], input="A"),), outputs={"teacher": {"a": "y"}}),
)
CLEAN = Overlap(leaks=(), generic=(), texts=2, only_whole=0, files=())
LEAK = Finding(
    item_id="a",
    part="input",
    likeness=Likeness.EXACT,
    similarity=1.0,
    file=Path("train.txt"),
    line=1,
    column="",
    times=1,
)
LEAKED = replace(CLEAN, leaks=(LEAK,))
HALF_READ = replace(
    CLEAN,
    files=(
        SearchedFile(
            file=LEAK.file, texts=1, unread=1, first_unread=(Unread(line=2, reason="no JSON"),)
        ),
    ),
)
FOUND = Verification(name="mails", frozen=FROZEN, changes=SAME, overlap=None)


@pytest.mark.parametrize(
    ("found", "verdict"),
    [
        (FOUND, "the frozen set"),
        (replace(FOUND, overlap=CLEAN), "the frozen set and clean"),
        (replace(FOUND, frozen=None, changes=None, overlap=CLEAN), "clean"),
        (replace(FOUND, changes=OTHER, overlap=LEAKED), "changed and leaked"),
        (replace(FOUND, overlap=HALF_READ), "not wholly read"),
    ],
)
def test_the_title_and_the_json_give_the_verdict(found: Verification, verdict: str) -> None:
    page = verification_page(found, n_items=2)

    assert page.title == f"mails: {verdict}"
    assert verification_json(found)["verdict"] == verdict


def test_texts_alike_in_meaning_stand_beside_and_change_no_verdict() -> None:
    alike = AlikeText(
        item_id="a", part="input", cosine=0.97, file=Path("train.txt"), line=3, column=""
    )
    found = replace(FOUND, overlap=CLEAN, alike=(alike,))

    page = verification_page(found, n_items=2)

    assert page.title == "mails: the frozen set and clean"
    assert page.sections[-1].title == "Alike in meaning"
    assert verification_json(found)["alike_in_meaning"] == [
        {"id": "a", "part": "input", "cosine": 0.97, "file": "train.txt", "line": 3}
    ]


def test_a_changed_set_names_what_changed() -> None:
    found = replace(FOUND, changes=OTHER)

    (section,) = verification_page(found, n_items=1).sections

    assert section.lines[-4:] == [
        "the set is another one:",
        "1 item differs: 'a' (input)",
        "1 item is only in the frozen set: 'b'",
        "1 output of teacher differs: 'a'",
    ]
    assert verification_json(found)["changes"] == {
        "same": False,
        "changed": [{"id": "a", "parts": ["input"]}],
        "added": [],
        "removed": ["b"],
        "reordered": [],
        "outputs": [
            {"system": "teacher", "known": True, "changed": ["a"], "added": [], "removed": []}
        ],
    }


def test_a_manifest_says_what_it_holds() -> None:
    page = frozen_page(FROZEN, steps=["keep it"])

    held, following = page.sections
    assert held.lines == [
        "mails, frozen 2026-05-01 09:30 UTC",
        f"fingerprint {FROZEN.fingerprint}",
        "2 items in 1 clusters, 0 with a reference, 0 with a schema",
        "kind: mail 2",
        "outputs: teacher 1",
    ]
    assert following.lines == ["keep it"]
    assert frozen_json(FROZEN)["fingerprint"] == FROZEN.fingerprint
