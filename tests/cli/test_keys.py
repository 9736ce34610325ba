from pathlib import Path

import pytest
from typer.testing import CliRunner

from judge.cli.app import app
from judge.errors import ConfigError
from judge.web.access import KeyRing, Role, read_pepper
from judge.wiring.store import open_store

RUNNER = CliRunner()


def _keys(*words: str, store: Path) -> str:
    result = RUNNER.invoke(app, ["keys", *words, "--store", str(store)])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.stdout


def test_a_key_is_shown_once_and_opens_what_it_was_made_for(tmp_path: Path) -> None:
    store = tmp_path / "judge.sqlite"

    key = _keys("create", "ci", "--role", "read", "--workspace", "team", store=store).splitlines()[
        0
    ]

    with open_store(str(store)) as kept:
        caller = KeyRing(kept.service, read_pepper(tmp_path / "service" / "key-secret")).caller(key)
    assert caller is not None
    assert (caller.workspace, caller.roles) == ("team", frozenset({Role.READ}))
    listed = _keys("list", store=store)
    assert "ci" in listed
    assert key not in listed


def test_a_revoked_key_is_listed_as_such(tmp_path: Path) -> None:
    store = tmp_path / "judge.sqlite"
    key_id = _keys("create", "ci", store=store).split("_")[1]

    _keys("revoke", key_id, store=store)

    assert "revoked" in _keys("list", store=store)


@pytest.mark.parametrize(
    ("words", "said"),
    [(("create", "x", "--role", "raed"), "did you mean 'read'"), (("revoke", "zz"), "no key")],
)
def test_what_cannot_be_done_is_said(words: tuple[str, ...], said: str, tmp_path: Path) -> None:
    _keys("create", "first", store=tmp_path / "judge.sqlite")

    with pytest.raises(ConfigError, match=said):
        _keys(*words, store=tmp_path / "judge.sqlite")
