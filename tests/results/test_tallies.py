import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from judge.records.record import RecordKey, Target
from judge.results.outcome import Fate, FateCode, NotApplicable, Outcome, Score
from judge.results.run import Result
from judge.results.sql import SqlStore

RUN = "20260501-120000-abcdef"
SCORE = Score(scorer="x", target=Target.REFERENCE, value=1.0, signature="s")
FATE = Fate(scorer="x", target=Target.REFERENCE, code=FateCode.JUDGE_REFUSED, message="no")
OUTSIDE = NotApplicable(scorer="x", target=Target.REFERENCE, reason="nothing to compare")


@pytest.fixture
def store(place: Path | str) -> Iterator[SqlStore]:
    with SqlStore(place) as found:
        yield found


def _keep(store: SqlStore, outcomes: Sequence[Outcome], *, first: int = 0) -> None:
    results = [
        Result(
            run_id=RUN,
            key=RecordKey(item_id=f"i{number}", system="s"),
            outcome=outcome,
            content="c",
            duration_s=0.0,
        )
        for number, outcome in enumerate(outcomes, start=first)
    ]
    asyncio.run(store.put(results))


def test_outcomes_are_counted_from_the_first_look_on_and_each_once(store: SqlStore) -> None:
    _keep(store, [SCORE, FATE])
    tally = store.service.tally()

    before = dict(tally.look().outcomes)
    _keep(store, [SCORE, SCORE, FATE, OUTSIDE], first=2)
    after = dict(tally.look().outcomes)
    again = dict(tally.look().outcomes)

    assert before == {}
    assert after == {"score": 2, "judge_refused": 1, "not_applicable": 1}
    assert again == after


def test_calls_are_counted_when_they_are_closed(store: SqlStore) -> None:
    tally = store.service.tally()
    tally.look()
    log = store.attempts(RUN, replay=False)

    async def call() -> int:
        first, second, third = [await log.opened(f"c{n}#1") for n in range(3)]
        await log.closed(first, reply=b"yes", input_tokens=10, output_tokens=2, cost=0.25)
        await log.closed(second, error="down")
        return third

    left_open = asyncio.run(call())
    found = tally.look()
    before = (dict(found.calls), dict(found.tokens), found.dollars, found.unpriced)
    asyncio.run(log.closed(left_open, reply=b"yes"))
    after = tally.look()

    assert before == ({"answered": 1, "failed": 1}, {"input": 10, "output": 2}, 0.25, 0)
    assert (after.calls["answered"], after.unpriced) == (2, 1)


def test_more_than_a_page_is_counted_whole(
    store: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("judge.results.tallies._PAGE", 3)
    monkeypatch.setattr("judge.results.tallies._GAP", 2)
    tally = store.service.tally()
    tally.look()

    _keep(store, [SCORE] * 10)
    first = tally.look().outcomes["score"]
    _keep(store, [SCORE] * 4, first=10)

    assert (first, tally.look().outcomes["score"]) == (10, 14)
