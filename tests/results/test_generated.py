from pathlib import Path

import pytest

from judge.results.generated import Generated
from judge.stats.money import Money


@pytest.mark.parametrize(
    ("failed", "left", "complete"),
    [({}, 0, True), ({"unavailable": 1}, 0, False), ({}, 1, False)],
)
def test_a_system_is_done_when_every_item_has_an_output(
    failed: dict[str, int], left: int, *, complete: bool
) -> None:
    found = Generated(
        system="s",
        path=Path("s.jsonl"),
        kept=0,
        made=1,
        failed=failed,
        left=left,
        halted="",
        cost=Money(),
    )

    assert found.complete is complete
