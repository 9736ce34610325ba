"""What alembic runs: the migrations, on the connection it was handed and in its transaction."""

from alembic import context

from judge.results.tables import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
)
context.run_migrations()
