"""The tables of a store, on SQLite and on PostgreSQL.

A new store is made of them as they stand here; one of an earlier layout is brought to them by
`judge/results/migrations`. Whoever changes a table raises `SCHEMA_VERSION` and adds a migration.
"""

from typing import Any

import sqlalchemy as sql
from sqlalchemy.engine.interfaces import Dialect
from sqlalchemy.types import TypeDecorator, TypeEngine

SCHEMA_VERSION = "4"
"""The layout of these tables, kept in the table `meta`."""

METADATA = sql.MetaData()


class Name(TypeDecorator[str]):
    """Text that others chose: it may hold NUL, which PostgreSQL takes in bytes only."""

    impl = sql.Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name == "postgresql":
            return dialect.type_descriptor(sql.LargeBinary())
        return dialect.type_descriptor(sql.Text())

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | bytes | None:
        return value.encode() if value is not None and dialect.name == "postgresql" else value

    def process_result_value(self, value: str | bytes | None, dialect: Dialect) -> str | None:
        del dialect  # what comes tells
        return value.decode() if isinstance(value, bytes) else value


# SQLite gives numbers by itself to a key that is called INTEGER and nothing else.
_NUMBER = sql.BigInteger().with_variant(sql.Integer(), "sqlite")

META = sql.Table(
    "meta",
    METADATA,
    sql.Column("name", sql.Text, primary_key=True),
    sql.Column("value", sql.Text, nullable=False),
)
# Evaluation sets are kept by content, once, however many runs score them.
ITEMS = sql.Table(
    "items",
    METADATA,
    sql.Column("dataset", sql.Text, primary_key=True),
    sql.Column("position", sql.Integer, primary_key=True, autoincrement=False),
    sql.Column("body", sql.LargeBinary, nullable=False),
)
OUTPUTS = sql.Table(
    "outputs",
    METADATA,
    sql.Column("fingerprint", sql.Text, nullable=False),
    sql.Column("item_id", Name, nullable=False),
    sql.Column("body", sql.LargeBinary, nullable=False),
    sql.PrimaryKeyConstraint("fingerprint", "item_id").ddl_if(dialect="sqlite"),
)
RUNS = sql.Table(
    "runs",
    METADATA,
    sql.Column("sequence", _NUMBER, primary_key=True, autoincrement=True),
    sql.Column("run_id", sql.Text, nullable=False, unique=True),
    sql.Column("manifest", sql.LargeBinary, nullable=False),
)
RESULTS = sql.Table(
    "results",
    METADATA,
    sql.Column("sequence", _NUMBER, primary_key=True, autoincrement=True),
    sql.Column("run_id", sql.Text, nullable=False),
    sql.Column("item_id", Name, nullable=False),
    sql.Column("system", Name, nullable=False),
    sql.Column("scorer", Name, nullable=False),
    sql.Column("target", sql.Text, nullable=False),
    sql.Column("revision", sql.Integer, nullable=False),
    sql.Column("kind", sql.Text, nullable=False),
    sql.Column("signature", sql.Text, nullable=False),
    sql.Column("content", sql.Text, nullable=False),
    sql.Column("duration_s", sql.Float, nullable=False),
    sql.Column("body", sql.LargeBinary, nullable=False),
    sql.UniqueConstraint("run_id", "item_id", "system", "scorer", "target", "revision").ddl_if(
        dialect="sqlite"
    ),
    sql.Index("results_by_signature", "signature", "target"),
)
ATTEMPTS = sql.Table(
    "attempts",
    METADATA,
    sql.Column("attempt", _NUMBER, primary_key=True, autoincrement=True),
    sql.Column("run_id", sql.Text, nullable=False),
    sql.Column("call_id", Name, nullable=False),
    sql.Column("opened", sql.Text, nullable=False),
    sql.Column("closed", sql.Text),
    sql.Column("reply", sql.LargeBinary),
    sql.Column("error", Name),
    sql.Column("possibly_paid", sql.Integer, nullable=False, server_default="0"),
    sql.Column("input_tokens", sql.Integer),
    sql.Column("output_tokens", sql.Integer),
    sql.Column("cost", sql.Float),
    sql.Index("attempts_by_run", "run_id"),
)
DOCUMENTS = sql.Table(
    "documents",
    METADATA,
    sql.Column("sequence", _NUMBER, primary_key=True, autoincrement=True),
    sql.Column("kind", sql.Text, nullable=False),
    sql.Column("document_id", Name, nullable=False),
    sql.Column("body", sql.LargeBinary, nullable=False),
    sql.UniqueConstraint("kind", "document_id").ddl_if(dialect="sqlite"),
)
COMPLETIONS = sql.Table(
    "completions",
    METADATA,
    sql.Column("key", sql.Text, primary_key=True),
    sql.Column("kept", sql.Text, nullable=False),
    sql.Column("cost", sql.Float),
    sql.Column("body", sql.LargeBinary, nullable=False),
)
# What a service keeps beside its runs.
JOBS = sql.Table(
    "jobs",
    METADATA,
    sql.Column("sequence", _NUMBER, primary_key=True, autoincrement=True),
    sql.Column("job_id", sql.Text, nullable=False, unique=True),
    sql.Column("workspace", sql.Text, nullable=False),
    sql.Column("name", Name, nullable=False),
    sql.Column("state", sql.Text, nullable=False),
    sql.Column("wish", sql.Text, nullable=False),
    sql.Column("priority", sql.Integer, nullable=False),
    sql.Column("config_path", sql.Text, nullable=False),
    sql.Column("options", sql.Text, nullable=False),
    sql.Column("run_id", sql.Text, nullable=False),
    sql.Column("total", sql.Integer, nullable=False),
    sql.Column("error", Name, nullable=False),
    sql.Column("submitted", sql.Text, nullable=False),
    sql.Column("changed", sql.Text, nullable=False),
    sql.Column("revision", sql.Integer, nullable=False),
    sql.Column("fingerprint", sql.Text, nullable=False),
    sql.Column("idempotency_key", sql.Text, nullable=False),
    sql.Index(
        "jobs_by_submission",
        "workspace",
        "idempotency_key",
        unique=True,
        sqlite_where=sql.text("idempotency_key <> ''"),
        postgresql_where=sql.text("idempotency_key <> ''"),
    ),
    sql.Index("jobs_by_state", "state"),
)
KEYS = sql.Table(
    "keys",
    METADATA,
    sql.Column("key_id", sql.Text, primary_key=True),
    sql.Column("workspace", sql.Text, nullable=False),
    sql.Column("name", sql.Text, nullable=False),
    sql.Column("roles", sql.Text, nullable=False),
    sql.Column("digest", sql.LargeBinary, nullable=False),
    sql.Column("created", sql.Text, nullable=False),
    sql.Column("expires", sql.Text, nullable=False),
    sql.Column("revoked", sql.Text, nullable=False),
)
AUDIT = sql.Table(
    "audit",
    METADATA,
    sql.Column("sequence", _NUMBER, primary_key=True, autoincrement=True),
    sql.Column("at", sql.Text, nullable=False),
    sql.Column("who", sql.Text, nullable=False),
    sql.Column("workspace", sql.Text, nullable=False),
    sql.Column("what", sql.Text, nullable=False),
    sql.Column("about", sql.Text, nullable=False),
    sql.Column("details", sql.LargeBinary, nullable=False),
)
# What workers share; times are seconds since 1970 by the clock of the database.
CHUNKS = sql.Table(
    "chunks",
    METADATA,
    sql.Column("job_id", sql.Text, primary_key=True),
    sql.Column("no", sql.Integer, primary_key=True, autoincrement=False),
    sql.Column("queue", sql.Text, nullable=False),
    sql.Column("kind", sql.Text, nullable=False),
    sql.Column("first", sql.Integer, nullable=False),
    sql.Column("last", sql.Integer, nullable=False),
    sql.Column("state", sql.Text, nullable=False),
    sql.Column("attempts", sql.Integer, nullable=False),
    sql.Column("token", sql.Integer, nullable=False),
    sql.Column("worker", sql.Text, nullable=False),
    sql.Column("leased_until", sql.Float, nullable=False),
    sql.Column("undone", sql.Integer, nullable=False),
    sql.Column("suspect", Name, nullable=False),
    sql.Index("chunks_by_state", "state", "job_id"),
)
WORKERS = sql.Table(
    "workers",
    METADATA,
    sql.Column("worker", sql.Text, primary_key=True),
    sql.Column("queue", sql.Text, primary_key=True),
    sql.Column("slots", sql.Integer, nullable=False),
    sql.Column("seen", sql.Float, nullable=False),
)


def _once(name: str, table: sql.Table, *columns: str) -> None:
    """Let PostgreSQL keep rows unique by the hash of a name: it indexes 2.7 kB at most."""
    parts = [
        sql.func.sha256(table.c[column])
        if isinstance(table.c[column].type, Name)
        # Without the table's name, which no index may hold.
        else table.c[column]
        for column in columns
    ]
    sql.Index(name, *parts, unique=True).ddl_if(dialect="postgresql")


_once("outputs_once", OUTPUTS, "fingerprint", "item_id")
_once("results_once", RESULTS, "run_id", "item_id", "system", "scorer", "target", "revision")
_once("documents_once", DOCUMENTS, "kind", "document_id")
