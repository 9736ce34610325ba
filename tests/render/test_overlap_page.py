from dataclasses import replace
from pathlib import Path

from judge.records.alike import AlikeText
from judge.records.overlap import Finding, Likeness, Overlap, SearchedFile
from judge.records.training import Unread
from judge.render.overlap_page import alike_section, leakage_sections, overlap_section
from judge.reports.leakage import LeakageFindings, LeakageRow
from judge.reports.summary import Status
from judge.stats.estimate import Estimate

FOUND = Estimate(value=0.5, low=0.4, high=0.6, level=0.95, n=40, n_clusters=40, method="wilson")
NEAR = Finding(
    item_id="a",
    part="input",
    likeness=Likeness.NEAR,
    similarity=0.914,
    file=Path("data/train.jsonl"),
    line=7,
    column="text",
    times=2,
)
SAME = replace(NEAR, item_id="b", likeness=Likeness.EXACT, similarity=1.0, column="", times=1)
FILE = SearchedFile(file=NEAR.file, texts=3000, unread=0, first_unread=())
CLEAN = Overlap(leaks=(), generic=(), texts=20, only_whole=0, files=(FILE,))
ROW = LeakageRow(
    metric="token_f1.reference",
    system="s",
    status=Status.SHOWN,
    n=42,
    n_leaked=2,
    every=FOUND,
    clean=FOUND,
)


def test_each_leak_says_which_item_how_alike_and_where_the_strongest_first() -> None:
    section = overlap_section(replace(CLEAN, leaks=(NEAR, SAME)), n_items=42)

    (table,) = section.tables
    assert table.rows == [
        ["b", "input", "exact", "1.00", "1", "train.jsonl line 7"],
        ["a", "input", "near", "0.91", "2", "train.jsonl line 7, text"],
    ]
    assert section.lines[:2] == [
        (
            "2 of 42 items stand in training files: 20 evaluation texts looked for in 3,000 texts "
            "of train.jsonl"
        ),
        "exact 1, near 1",
    ]


def test_a_clean_search_says_what_was_searched() -> None:
    section = overlap_section(CLEAN, n_items=42)

    assert section.lines == [
        "no item leaked: 20 evaluation texts looked for in 3,000 texts of train.jsonl"
    ]
    assert not section.tables


def test_what_the_search_cannot_tell_is_said() -> None:
    unread = replace(FILE, unread=2, first_unread=(Unread(line=4, reason="no JSON"),))

    lines = overlap_section(
        replace(CLEAN, generic=(NEAR,), only_whole=3, files=(unread,)), n_items=42
    ).lines

    assert [line[:22] for line in lines[1:]] == [
        "1 more texts stand the",
        "3 of the texts say too",
        "train.jsonl: rows that",
    ]


def test_of_many_leaks_a_page_shows_some_and_says_how_many_there_are() -> None:
    many = tuple(replace(NEAR, item_id=f"i{place}") for place in range(25))

    section = overlap_section(replace(CLEAN, leaks=many), n_items=42)

    assert len(section.tables[0].rows) == 20
    assert section.lines[-1] == "the strongest 20 are shown, the JSON has all 25"


def test_a_report_has_the_scores_with_and_without_the_leaked_items() -> None:
    found = LeakageFindings(
        overlap=replace(CLEAN, leaks=(NEAR,)),
        n_items=42,
        rows=(
            ROW,
            replace(ROW, metric="equivalence.reference", status=Status.WITHHELD, every=None),
        ),
    )

    (section,) = leakage_sections(found)

    assert section.tables[1].rows == [
        ["token_f1.reference  s", "42", "2", "0.500 [0.400, 0.600]", "0.500 [0.400, 0.600]"]
    ]
    assert section.lines[-1] == "equivalence.reference: withheld"


def test_where_nobody_looked_there_is_no_section() -> None:
    assert leakage_sections(None) == []


def test_texts_alike_in_meaning_stand_closest_first_and_are_to_be_read() -> None:
    alike = [
        AlikeText(
            item_id=f"i{place}",
            part="input",
            cosine=0.95 + place / 1000,
            file=Path("data/train.jsonl"),
            line=place,
            column="text",
        )
        for place in range(21)
    ]

    section = alike_section(alike)

    assert section.tables[0].rows[0] == ["i20", "input", "0.970", "train.jsonl line 20, text"]
    assert len(section.tables[0].rows) == 20
    assert section.lines[0].endswith("as asked: 21")
    assert section.lines[2] == "the closest 20 are shown, the JSON has all 21"
    assert alike_section([]).lines == ["no text is as close in meaning as asked"]
