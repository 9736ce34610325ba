"""Looking for a run's evaluation set in training files, once, before anything is spent."""

import asyncio
from pathlib import Path

from judge.api.project import Project
from judge.records.overlap import Overlap
from judge.records.verification import search_training
from judge.results.leakage import LEAKAGE_KIND, Leakage, decode_leakage, encode_leakage
from judge.results.store import DocumentStore
from judge.runs.executor import Stop


async def found_in_training(project: Project, *, stop: Stop) -> Overlap | None:
    """Return what training files had; None where the config names none, or it was to stop.

    Raises:
        DataError: a file cannot be searched.
    """
    if project.training is None:
        return None

    def go_on(file: Path, line: int) -> None:
        del file, line
        if stop.reason:
            raise _Stopped

    try:
        return await asyncio.to_thread(
            search_training, project.dataset, project.training, on_batch=go_on
        )
    except _Stopped:
        return None


def keep_leakage(store: DocumentStore, run_id: str, overlap: Overlap | None) -> None:
    """Keep what training files had beside the run, so that each report of it can name it."""
    if overlap is not None:
        body = encode_leakage(Leakage(run_id=run_id, overlap=overlap))
        store.put_document(LEAKAGE_KIND, run_id, body)


def kept_leakage(store: DocumentStore, run_id: str) -> Overlap | None:
    """Return what training files had of a run's set; None where nobody looked."""
    kept = map(decode_leakage, store.documents(LEAKAGE_KIND))
    return next((one.overlap for one in kept if one.run_id == run_id), None)


class _Stopped(Exception):
    """The search was asked to stop."""
