"""Layout 1, of judge 0.1."""

import sqlalchemy as sql
from alembic import op
from sqlalchemy.dialects.postgresql import BYTEA

revision = "1"
down_revision = None
branch_labels = None
depends_on = None

# Names may hold NUL, which PostgreSQL takes in bytes only.
_NAME = sql.Text().with_variant(BYTEA(), "postgresql")
_NUMBER = sql.BigInteger().with_variant(sql.Integer(), "sqlite")


def upgrade() -> None:
    """Make the tables."""
    in_sqlite = op.get_context().dialect.name == "sqlite"
    op.create_table(
        "meta",
        sql.Column("name", sql.Text, primary_key=True),
        sql.Column("value", sql.Text, nullable=False),
    )
    op.execute(sql.text("INSERT INTO meta (name, value) VALUES ('schema_version', '1')"))
    op.create_table(
        "items",
        sql.Column("dataset", sql.Text, primary_key=True),
        sql.Column("position", sql.Integer, primary_key=True, autoincrement=False),
        sql.Column("body", sql.LargeBinary, nullable=False),
    )
    op.create_table(
        "outputs",
        sql.Column("fingerprint", sql.Text, nullable=False),
        sql.Column("item_id", _NAME, nullable=False),
        sql.Column("body", sql.LargeBinary, nullable=False),
        *([sql.PrimaryKeyConstraint("fingerprint", "item_id")] if in_sqlite else []),
    )
    op.create_table(
        "runs",
        sql.Column("sequence", _NUMBER, primary_key=True, autoincrement=True),
        sql.Column("run_id", sql.Text, nullable=False, unique=True),
        sql.Column("manifest", sql.LargeBinary, nullable=False),
    )
    named = ("run_id", "item_id", "system", "scorer", "target", "revision")
    op.create_table(
        "results",
        sql.Column("sequence", _NUMBER, primary_key=True, autoincrement=True),
        sql.Column("run_id", sql.Text, nullable=False),
        sql.Column("item_id", _NAME, nullable=False),
        sql.Column("system", _NAME, nullable=False),
        sql.Column("scorer", _NAME, nullable=False),
        sql.Column("target", sql.Text, nullable=False),
        sql.Column("revision", sql.Integer, nullable=False),
        sql.Column("kind", sql.Text, nullable=False),
        sql.Column("signature", sql.Text, nullable=False),
        sql.Column("content", sql.Text, nullable=False),
        sql.Column("duration_s", sql.Float, nullable=False),
        sql.Column("body", sql.LargeBinary, nullable=False),
        *([sql.UniqueConstraint(*named)] if in_sqlite else []),
    )
    op.create_index("results_by_signature", "results", ["signature", "target"])
    op.create_table(
        "attempts",
        sql.Column("attempt", _NUMBER, primary_key=True, autoincrement=True),
        sql.Column("run_id", sql.Text, nullable=False),
        sql.Column("call_id", _NAME, nullable=False),
        sql.Column("opened", sql.Text, nullable=False),
        sql.Column("closed", sql.Text),
        sql.Column("reply", sql.LargeBinary),
        sql.Column("error", _NAME),
    )
    op.create_index("attempts_by_call", "attempts", ["run_id", "call_id"])
    op.create_table(
        "documents",
        sql.Column("sequence", _NUMBER, primary_key=True, autoincrement=True),
        sql.Column("kind", sql.Text, nullable=False),
        sql.Column("document_id", _NAME, nullable=False),
        sql.Column("body", sql.LargeBinary, nullable=False),
        *([sql.UniqueConstraint("kind", "document_id")] if in_sqlite else []),
    )
    if not in_sqlite:
        _keep_unique_by_hash()


def _keep_unique_by_hash() -> None:
    """Index the hashes of names: PostgreSQL indexes 2.7 kB at most."""
    for name, table, columns in (
        ("outputs_once", "outputs", "fingerprint, sha256(item_id)"),
        (
            "results_once",
            "results",
            "run_id, sha256(item_id), sha256(system), sha256(scorer), target, revision",
        ),
        ("documents_once", "documents", "kind, sha256(document_id)"),
    ):
        op.execute(sql.text(f"CREATE UNIQUE INDEX {name} ON {table} ({columns})"))
