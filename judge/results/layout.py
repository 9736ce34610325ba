"""Bringing a database to the layout of our tables."""

from pathlib import Path

import sqlalchemy as sql

from judge.errors import StoreUnusable
from judge.results.database import Database
from judge.results.tables import META, METADATA, SCHEMA_VERSION

_MIGRATIONS = Path(__file__).with_name("migrations")
_OURS = META.c.name == "schema_version"


def prepare(database: Database) -> None:
    """Make the tables of a new store, and bring one of an earlier layout up to date.

    Raises:
        StoreUnusable: a newer version made it, or nobody knows which.
        SQLAlchemyError: the database refuses; it is left as it was.
    """
    with database.engine.connect() as connection:
        if layout_of(connection) == SCHEMA_VERSION:
            return
        # Several processes may open a new store at once, and one may be killed while it does.
        database.begin_alone(connection)
        found = layout_of(connection)
        if found is None:
            METADATA.create_all(connection)
            row = {"name": "schema_version", "value": SCHEMA_VERSION}
            connection.execute(sql.insert(META).values(row))
        elif found != SCHEMA_VERSION:
            _upgrade(connection, database, found)
        connection.exec_driver_sql("COMMIT")


def layout_of(connection: sql.Connection) -> str | None:
    """Return the layout that a database says it has; None where no store is in it."""
    if not sql.inspect(connection).has_table(META.name):
        return None
    return connection.execute(sql.select(META.c.value).where(_OURS)).scalar_one_or_none()


def _upgrade(connection: sql.Connection, database: Database, found: str) -> None:
    known = [str(layout) for layout in range(1, int(SCHEMA_VERSION))]
    if found not in known:
        raise StoreUnusable(
            f"the store {database.name} has layout {found}, this version of judge reads "
            f"{known[0]} to {SCHEMA_VERSION}: use a newer judge, or another --store"
        )
    # Half a second to import: only where there is something to upgrade.
    from alembic import command
    from alembic.config import Config
    from alembic.migration import MigrationContext
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    # What `meta` says is the truth: a new store has no note of alembic's own.
    MigrationContext.configure(connection).stamp(ScriptDirectory.from_config(config), found)
    command.upgrade(config, SCHEMA_VERSION)
    connection.execute(sql.update(META).where(_OURS).values(value=SCHEMA_VERSION))
