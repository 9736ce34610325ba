"""Layout 4: chunks of jobs, and who works on them."""

import sqlalchemy as sql
from alembic import op
from sqlalchemy.dialects.postgresql import BYTEA

revision = "4"
down_revision = "3"
branch_labels = None
depends_on = None

_NAME = sql.Text().with_variant(BYTEA(), "postgresql")


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "chunks",
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
        sql.Column("suspect", _NAME, nullable=False),
    )
    op.create_index("chunks_by_state", "chunks", ["state", "job_id"])
    op.create_table(
        "workers",
        sql.Column("worker", sql.Text, primary_key=True),
        sql.Column("queue", sql.Text, primary_key=True),
        sql.Column("slots", sql.Integer, nullable=False),
        sql.Column("seen", sql.Float, nullable=False),
    )
