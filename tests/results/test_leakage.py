from pathlib import Path

import pytest

from judge.errors import StoreError
from judge.records.overlap import Finding, Likeness, Overlap, SearchedFile
from judge.records.training import Unread
from judge.results.leakage import Leakage, decode_leakage, encode_leakage

LEAK = Finding(
    item_id="a",
    part="input",
    likeness=Likeness.NEAR,
    similarity=0.9,
    file=Path("data/train.jsonl"),
    line=7,
    column="text",
    times=2,
)
FILE = SearchedFile(
    file=LEAK.file, texts=3, unread=1, first_unread=(Unread(line=4, reason="no JSON"),)
)


def test_an_overlap_reads_back_as_what_was_kept() -> None:
    kept = Leakage(
        run_id="r1",
        overlap=Overlap(leaks=(LEAK,), generic=(), texts=2, only_whole=0, files=(FILE,)),
    )

    assert decode_leakage(encode_leakage(kept)) == kept


def test_something_else_is_refused() -> None:
    with pytest.raises(StoreError, match="cannot be read"):
        decode_leakage(b'{"run_id": "r1"}')
