"""Keeping beside a run what its similarities mean, and finding it again."""

from collections.abc import Sequence
from contextlib import suppress

from judge.api.project import Instrument, Project
from judge.errors import ScoringError
from judge.results.store import DocumentStore
from judge.results.yardstick import (
    YARDSTICK_KIND,
    Yardstick,
    decode_yardstick,
    encode_yardstick,
)
from judge.runs.executor import Stop


async def keep_yardsticks(
    project: Project,
    store: DocumentStore,
    instruments: Sequence[Instrument],
    *,
    run_id: str,
    stop: Stop,
) -> None:
    """Measure the baselines that are not kept yet, where there is time for it.

    An embedder that cannot be asked now leaves them to a resume: the run's scores stand without.
    """
    known = kept_yardsticks(store, run_id)
    for instrument in instruments:
        measure = instrument.scorer.measure
        if instrument.yardstick is None or measure.metric in known or stop.reason:
            continue
        with suppress(ScoringError):
            found = await instrument.yardstick.measure(
                project.dataset.records(), measure, run_id=run_id, seed=project.seed
            )
            store.put_document(YARDSTICK_KIND, found.document_id, encode_yardstick(found))


def kept_yardsticks(store: DocumentStore, run_id: str) -> dict[str, Yardstick]:
    """Return the baselines that were measured in a run, by metric."""
    kept = map(decode_yardstick, store.documents(YARDSTICK_KIND))
    return {one.metric: one for one in kept if one.run_id == run_id}
