"""Removing a run for good, and whatever no other run needs of its set."""

from collections.abc import Callable

import msgspec
import sqlalchemy as sql

from judge.results.production import production_kind
from judge.results.run import RunManifest
from judge.results.tables import ATTEMPTS, DOCUMENTS, ITEMS, OUTPUTS, RESULTS, RUNS
from judge.results.writer import Writer

_AT_ONCE = 5_000
"""Rows that one transaction takes away: others write in between."""


def remove_run(writing: Callable[[], Writer], run_id: str) -> None:
    """Remove a run: its outcomes, its calls, what is kept beside it, and its manifest last.

    A removal that was cut off is finished by the next one. Certificates and the labels of people
    are no part of a run, and stay.
    """
    _remove_rows(writing, RESULTS, RESULTS.c.sequence, RESULTS.c.run_id == run_id)
    _remove_rows(writing, ATTEMPTS, ATTEMPTS.c.attempt, ATTEMPTS.c.run_id == run_id)

    def write(connection: sql.Connection) -> None:
        # Read where it is written: a run that begins now may need the same set.
        rows = connection.execute(sql.select(RUNS.c.run_id, RUNS.c.manifest)).all()
        runs = {row.run_id: msgspec.json.decode(row.manifest, type=RunManifest) for row in rows}
        gone = runs.pop(run_id, None)
        beside = DOCUMENTS.c.kind == production_kind(run_id)
        named = sql.or_(
            DOCUMENTS.c.document_id == run_id, DOCUMENTS.c.document_id.like(f"{run_id}/%")
        )
        connection.execute(sql.delete(DOCUMENTS).where(sql.or_(beside, named)))
        connection.execute(sql.delete(RUNS).where(RUNS.c.run_id == run_id))
        if gone is None:
            return
        if gone.dataset not in {one.dataset for one in runs.values()}:
            connection.execute(sql.delete(ITEMS).where(ITEMS.c.dataset == gone.dataset))
        needed = {name for one in runs.values() for name in one.outputs.values()}
        for name in set(gone.outputs.values()) - needed:
            connection.execute(sql.delete(OUTPUTS).where(OUTPUTS.c.fingerprint == name))

    writing().now(write)


def _remove_rows(
    writing: Callable[[], Writer],
    table: sql.Table,
    key: sql.Column[int],
    wanted: sql.ColumnElement[bool],
) -> None:
    first = sql.select(key).where(wanted).limit(_AT_ONCE).scalar_subquery()

    def write(connection: sql.Connection) -> int:
        return connection.execute(sql.delete(table).where(key.in_(first))).rowcount

    while writing().now(write):
        pass
