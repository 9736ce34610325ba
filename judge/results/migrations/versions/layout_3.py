"""Layout 3: kept answers, and what a service keeps, belong to it."""

import sqlalchemy as sql
from alembic import op
from sqlalchemy.dialects.postgresql import BYTEA

revision = "3"
down_revision = "2"
branch_labels = None
depends_on = None

_NAME = sql.Text().with_variant(BYTEA(), "postgresql")
_NUMBER = sql.BigInteger().with_variant(sql.Integer(), "sqlite")


def upgrade() -> None:
    """Make the tables; many stores of layout 2 have some, made when they were needed."""
    op.create_table(
        "completions",
        sql.Column("key", sql.Text, primary_key=True),
        sql.Column("kept", sql.Text, nullable=False),
        sql.Column("cost", sql.Float),
        sql.Column("body", sql.LargeBinary, nullable=False),
        if_not_exists=True,
    )
    op.create_table(
        "jobs",
        sql.Column("sequence", _NUMBER, primary_key=True, autoincrement=True),
        sql.Column("job_id", sql.Text, nullable=False, unique=True),
        sql.Column("workspace", sql.Text, nullable=False),
        sql.Column("name", _NAME, nullable=False),
        sql.Column("state", sql.Text, nullable=False),
        sql.Column("wish", sql.Text, nullable=False),
        sql.Column("priority", sql.Integer, nullable=False),
        sql.Column("config_path", sql.Text, nullable=False),
        sql.Column("options", sql.Text, nullable=False),
        sql.Column("run_id", sql.Text, nullable=False),
        sql.Column("total", sql.Integer, nullable=False),
        sql.Column("error", _NAME, nullable=False),
        sql.Column("submitted", sql.Text, nullable=False),
        sql.Column("changed", sql.Text, nullable=False),
        sql.Column("revision", sql.Integer, nullable=False),
        sql.Column("fingerprint", sql.Text, nullable=False),
        sql.Column("idempotency_key", sql.Text, nullable=False),
        if_not_exists=True,
    )
    op.create_index(
        "jobs_by_submission",
        "jobs",
        ["workspace", "idempotency_key"],
        unique=True,
        sqlite_where=sql.text("idempotency_key <> ''"),
        postgresql_where=sql.text("idempotency_key <> ''"),
        if_not_exists=True,
    )
    op.create_index("jobs_by_state", "jobs", ["state"], if_not_exists=True)
    op.create_table(
        "keys",
        sql.Column("key_id", sql.Text, primary_key=True),
        sql.Column("workspace", sql.Text, nullable=False),
        sql.Column("name", sql.Text, nullable=False),
        sql.Column("roles", sql.Text, nullable=False),
        sql.Column("digest", sql.LargeBinary, nullable=False),
        sql.Column("created", sql.Text, nullable=False),
        sql.Column("expires", sql.Text, nullable=False),
        sql.Column("revoked", sql.Text, nullable=False),
        if_not_exists=True,
    )
    op.create_table(
        "audit",
        sql.Column("sequence", _NUMBER, primary_key=True, autoincrement=True),
        sql.Column("at", sql.Text, nullable=False),
        sql.Column("who", sql.Text, nullable=False),
        sql.Column("workspace", sql.Text, nullable=False),
        sql.Column("what", sql.Text, nullable=False),
        sql.Column("about", sql.Text, nullable=False),
        sql.Column("details", sql.LargeBinary, nullable=False),
        if_not_exists=True,
    )
