import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import pytest

from judge.cli.progress import RunProgress
from judge.records.record import RecordKey, Target
from judge.results.outcome import Fate, FateCode, Outcome, Score
from judge.results.run import EQUIVALENCE, Result

NOTHING: Mapping[str, object] = {}


class Clock:
    """Stands still until it is told to go on."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def _results(scored: int, **fates: int) -> list[Result]:
    score = Score(scorer=EQUIVALENCE, target=Target.REFERENCE, value=1.0, signature="s")
    outcomes: list[Outcome] = [score] * scored
    for code, count in fates.items():
        fate = Fate(scorer=EQUIVALENCE, target=Target.REFERENCE, code=FateCode(code), message="why")
        outcomes += [fate] * count
    key = RecordKey(item_id="i1", system="student")
    return [Result(run_id="r", key=key, outcome=o, content="c", duration_s=0.0) for o in outcomes]


def _lines(printed: str) -> Sequence[str]:
    return printed.splitlines()


def test_at_the_end_one_line_says_how_many_how_fast_and_with_what_fates(
    capsys: pytest.CaptureFixture[str],
) -> None:
    clock = Clock()

    with RunProgress(clock=clock) as progress:
        progress.expect(40)
        clock.now_s += 2
        progress.watch(_results(6, judge_refused=1, judge_unavailable=3))

    printed = capsys.readouterr()
    assert printed.out == ""
    assert _lines(printed.err) == [
        "judge: 10 of 40 scores, 5/s, 6 s left, judge_unavailable 3, judge_refused 1"
    ]


def test_what_the_scores_cost_so_far_is_told_with_how_many_are_of_unknown_cost(
    capsys: pytest.CaptureFixture[str],
) -> None:
    clock = Clock()
    known: Mapping[str, object] = {"cost": 0.25}
    unknown: Mapping[str, object] = {"cost": None}
    results = [
        replace(one, outcome=replace(one.outcome, details=details))
        for one, details in zip(_results(4), [known, known, unknown, NOTHING], strict=True)
        if isinstance(one.outcome, Score)
    ]

    with RunProgress(clock=clock) as progress:
        progress.expect(4)
        clock.now_s += 1
        progress.watch(results)

    (line,) = _lines(capsys.readouterr().err)
    assert "at least $0.50; 1 call of unknown cost" in line


def test_in_between_a_line_comes_now_and_then_and_not_for_every_result(
    capsys: pytest.CaptureFixture[str],
) -> None:
    clock = Clock()

    with RunProgress(clock=clock) as progress:
        progress.expect(100)
        for _ in range(100):
            clock.now_s += 0.25
            progress.watch(_results(1))

    assert [line.split(",")[0] for line in _lines(capsys.readouterr().err)] == [
        "judge: 41 of 100 scores",
        "judge: 82 of 100 scores",
        "judge: 100 of 100 scores",
    ]


def test_what_was_never_announced_is_counted_without_a_total(
    capsys: pytest.CaptureFixture[str],
) -> None:
    clock = Clock()

    with RunProgress(clock=clock) as progress:
        clock.now_s += 1
        progress.watch(_results(3))

    assert _lines(capsys.readouterr().err) == ["judge: 3 scores, 3/s"]


def test_where_nothing_was_scored_nothing_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    with RunProgress() as progress:
        progress.expect(4)

    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("no_color", [False, True])
def test_on_a_terminal_a_bar_moves_and_is_gone_at_the_end(
    no_color: bool,  # noqa: FBT001 - a case of the table
    on_a_terminal: Callable[[str, Callable[[], None]], str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def score() -> None:
        with RunProgress() as progress:
            progress.expect(8)
            progress.watch(_results(3, judge_refused=2))

    if no_color:
        monkeypatch.setenv("NO_COLOR", "1")

    received = on_a_terminal("stderr", score)

    assert "5/8" in received
    assert "judge_refused 2" in received
    assert received.endswith(("\x1b[2K", "\x1b[?25h"))  # the line is erased, the cursor is back
    assert bool(re.search(r"\x1b\[[\d;]*3[0-8]", received)) is not no_color
