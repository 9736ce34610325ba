import asyncio
from pathlib import Path

from judge.results.sql import SqlStore


def test_the_newest_answer_to_a_call_is_the_one_that_is_used_again(place: Path | str) -> None:
    async def ask(store: SqlStore) -> None:
        log = store.attempts("r", replay=False)
        for reply in (b"first", b"second"):
            await log.closed(await log.opened("m.t/s/i#1"), reply=reply)
        await log.opened("m.t/s/i#2")

    with SqlStore(place) as store:
        asyncio.run(ask(store))
        log = store.attempts("r", replay=True)

        found = [log.answered("m.t/s/i#1"), log.answered("m.t/s/i#2")]

    assert found == [b"second", None]
