"""Layout 2: what attempts cost."""

import sqlalchemy as sql
from alembic import op

revision = "2"
down_revision = "1"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add what a call took and cost, and find attempts by run."""
    op.add_column(
        "attempts", sql.Column("possibly_paid", sql.Integer, nullable=False, server_default="0")
    )
    op.add_column("attempts", sql.Column("input_tokens", sql.Integer))
    op.add_column("attempts", sql.Column("output_tokens", sql.Integer))
    op.add_column("attempts", sql.Column("cost", sql.Float))
    op.drop_index("attempts_by_call", "attempts")
    op.create_index("attempts_by_run", "attempts", ["run_id"])
