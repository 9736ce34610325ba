"""Single records of a run with all that came of them, read by their place in the set."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import sqlalchemy as sql

from judge.records.dataset import Dataset
from judge.records.record import Item, Record, RecordKey, Role, Target
from judge.results.outcome import Fate, NotApplicable, Outcome, Score
from judge.results.run import RunManifest, metric_of
from judge.results.tables import DOCUMENTS, ITEMS, OUTPUTS, RESULTS, RUNS

_KINDS: Mapping[str, msgspec.json.Decoder[Outcome]] = {
    kind.__name__: msgspec.json.Decoder(kind) for kind in (Score, Fate, NotApplicable)
}


class SqlExamples:
    """Reads a few records out of many, by the database's own indexes.

    Args:
        engine: reads.
    """

    def __init__(self, engine: sql.Engine) -> None:
        self._engine = engine

    def n_results(self, run_id: str) -> int:
        """Return how many results of a run there are, those of a resume counted apart."""
        query = sql.select(sql.func.count().label("n")).where(RESULTS.c.run_id == run_id)
        (row,) = self._read(query)
        return int(row.n)

    def newest_document(self, kinds: Sequence[str]) -> int:
        """Return the place of the newest document of some kinds; it grows with each."""
        newest = sql.func.coalesce(sql.func.max(DOCUMENTS.c.sequence), 0).label("n")
        (row,) = self._read(sql.select(newest).where(DOCUMENTS.c.kind.in_(list(kinds))))
        return int(row.n)

    def manifest(self, run_id: str) -> RunManifest | None:
        """Return the manifest of a run; None where there is none."""
        rows = self._read(sql.select(RUNS.c.manifest).where(RUNS.c.run_id == run_id))
        return msgspec.json.decode(rows[0].manifest, type=RunManifest) if rows else None

    def records(self, manifest: RunManifest, places: Sequence[int]) -> list[Record]:
        """Return the records that stand at some places of the run's set.

        Args:
            manifest: of the run.
            places: in the order of `Dataset.records`: all items of one system, then of the next.
        """
        positions = {place: place % manifest.n_items for place in places}
        items = self._items(manifest.dataset, sorted(set(positions.values())))
        names = [item.item_id for item in items.values()]
        outputs = {
            system: self._outputs(fingerprint, names)
            for system, fingerprint in manifest.outputs.items()
            if system in self._needed(manifest, places)
        }
        found = []
        for place in places:
            system = manifest.systems[place // manifest.n_items]
            one = Dataset(
                items=(items[positions[place]],),
                systems=manifest.systems,
                outputs={s.name: outputs.get(s.name, {}) for s in manifest.systems},
            )
            found += [r for r in one.records_of(one.items[0]) if r.system == system.name]
        return found

    def outcomes(
        self, run_id: str, item_ids: Sequence[str]
    ) -> Mapping[RecordKey, Mapping[str, Outcome]]:
        """Return what came of items in a run, by record and metric; the newest of each."""
        key = (RESULTS.c.item_id, RESULTS.c.system, RESULTS.c.scorer, RESULTS.c.target)
        query = (
            sql.select(*key, RESULTS.c.kind, RESULTS.c.body)
            .where(RESULTS.c.run_id == run_id, self._is_named(RESULTS.c.item_id, item_ids))
            .order_by(RESULTS.c.revision)
        )
        found: dict[RecordKey, dict[str, Outcome]] = {}
        for row in self._read(query):  # the newest comes last
            record = RecordKey(item_id=row.item_id, system=row.system)
            metric = metric_of(row.scorer, Target(row.target))
            found.setdefault(record, {})[metric] = _KINDS[row.kind].decode(bytes(row.body))
        return found

    def _needed(self, manifest: RunManifest, places: Sequence[int]) -> frozenset[str]:
        """Return the systems whose outputs are looked at: those asked for, and the teacher."""
        asked = {manifest.systems[place // manifest.n_items].name for place in places}
        teachers = {one.name for one in manifest.systems if one.role is Role.TEACHER}
        return frozenset(asked | teachers)

    def _items(self, dataset: str, positions: Sequence[int]) -> Mapping[int, Item]:
        query = sql.select(ITEMS.c.position, ITEMS.c.body).where(
            ITEMS.c.dataset == dataset, ITEMS.c.position.in_(positions)
        )
        return {row.position: msgspec.json.decode(row.body, type=Item) for row in self._read(query)}

    def _outputs(self, fingerprint: str, item_ids: Sequence[str]) -> Mapping[str, str]:
        query = sql.select(OUTPUTS.c.item_id, OUTPUTS.c.body).where(
            OUTPUTS.c.fingerprint == fingerprint, self._is_named(OUTPUTS.c.item_id, item_ids)
        )
        return {row.item_id: msgspec.json.decode(row.body, type=str) for row in self._read(query)}

    def _is_named(self, column: sql.Column[str], names: Sequence[str]) -> sql.ColumnElement[bool]:
        if self._engine.dialect.name != "postgresql":
            return column.in_(list(names))
        # There the index holds the hash of a name; see `judge.results.tables`.
        hashes = [hashlib.sha256(name.encode()).digest() for name in names]
        return sql.func.sha256(column, type_=sql.LargeBinary).in_(hashes)

    # The element types differ from query to query; each caller reads named columns only.
    def _read(self, query: sql.Executable) -> Sequence[sql.Row[Any]]:
        with self._engine.connect() as connection:
            return connection.execute(query).all()
