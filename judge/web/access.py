"""Who may do what: keys, roles and workspaces; a route that says nothing is open to nobody."""

import hashlib
import hmac
import os
import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, Protocol

from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.routing import APIRoute
from starlette.datastructures import Headers
from starlette.requests import cookie_parser
from starlette.routing import BaseRoute

from judge.errors import ConfigError
from judge.results.sql_service import KeyRow
from judge.results.store import timestamp
from judge.web.problems import Problem, unauthenticated

if TYPE_CHECKING:
    from judge.results.sql_service import SqlService

COOKIE = "judge_session"
DEFAULT_WORKSPACE = "default"
PERMISSION = "judge_permission"
ASKED_BY = "judge_asked_by"
"""Where the scope of a request holds the id of the key it was made with."""

SESSION_S = 12 * 3600.0
"""How long somebody who came in stays in."""

_LOCAL = "local"
_PREFIX = "jk"
_SECRET_BYTES = 24  # 192 bits
_PEPPER_BYTES = 32
_LONGEST_BELIEVED_S = 0.5
"""How long a key that was looked up is believed: a revocation counts within a second."""


class Role(StrEnum):
    """What a key is good for."""

    SUBMIT = "submit"
    READ = "read"
    LABEL = "label"
    ADMIN = "admin"
    """All of the others, and keys and the audit log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who makes a request.

    Attributes:
        key_id: of the key; ``local`` for whoever opened the one-time link on this machine.
        name: of the key, for a reader; by it a person who labels is told from others.
    """

    key_id: str
    workspace: str
    roles: frozenset[Role]
    name: str = "local"

    def may(self, role: Role) -> bool:
        """Whether a role, or that of an admin, is among its roles."""
        return role in self.roles or Role.ADMIN in self.roles


@dataclass(slots=True)
class KeyRing:
    """Makes, checks and revokes keys.

    A key is shown once; what is kept is a hash of it under a secret that lies in a file of its
    own, so that a copy of the database alone opens nothing.

    Args:
        service: keeps them.
        pepper: that secret.
    """

    service: "SqlService"
    pepper: bytes
    _known: dict[str, KeyRow] = field(default_factory=dict)
    _read_at: float = -_LONGEST_BELIEVED_S
    _lock: Lock = field(default_factory=Lock)

    def create(
        self, *, name: str, workspace: str, roles: Sequence[Role], days: int | None = None
    ) -> tuple[KeyRow, str]:
        """Make a key; return what is kept of it, and the key, which is shown now or never."""
        key_id = secrets.token_hex(6)
        key = f"{_PREFIX}_{key_id}_{secrets.token_urlsafe(_SECRET_BYTES)}"
        expires = "" if days is None else (datetime.now(UTC) + timedelta(days=days)).isoformat()
        row = KeyRow(
            key_id=key_id,
            workspace=workspace,
            name=name,
            roles=tuple(roles),
            digest=self._digest(key),
            created=timestamp(),
            expires=expires,
        )
        self.service.put_key(row)
        self._read_at = -_LONGEST_BELIEVED_S
        return row, key

    def revoke(self, key_id: str) -> KeyRow | None:
        """Make a key void; return what is kept of it, None where there is none."""
        found = next((row for row in self.service.key_rows() if row.key_id == key_id), None)
        if found is None:
            return None
        revoked = replace(found, revoked=found.revoked or timestamp())
        self.service.put_key(revoked)
        self._read_at = -_LONGEST_BELIEVED_S
        return revoked

    def caller(self, key: str) -> Caller | None:
        """Return whose a key is; None where it is nobody's, expired or revoked."""
        _, _, rest = key.partition("_")
        row = self._rows().get(rest.partition("_")[0])
        # Hashed and compared also where there is none: the time it takes tells nothing.
        expected = row.digest if row is not None else bytes(len(self.pepper))
        if not hmac.compare_digest(self._digest(key), expected) or row is None:
            return None
        return _caller(row)

    def holder(self, key_id: str) -> Caller | None:
        """Return whose the key of an id is, which was shown before; None where it is void now."""
        row = self._rows().get(key_id)
        return _caller(row) if row is not None else None

    def _rows(self) -> dict[str, KeyRow]:
        with self._lock:
            if time.monotonic() - self._read_at > _LONGEST_BELIEVED_S:
                self._known = {row.key_id: row for row in self.service.key_rows()}
                self._read_at = time.monotonic()
            return self._known

    def _digest(self, key: str) -> bytes:
        return hmac.digest(self.pepper, key.encode(), hashlib.sha256)


def _caller(row: KeyRow) -> Caller | None:
    if row.revoked or (row.expires and row.expires <= timestamp()):
        return None
    roles = frozenset(Role(role) for role in row.roles)
    return Caller(key_id=row.key_id, workspace=row.workspace, roles=roles, name=row.name)


def read_pepper(path: Path) -> bytes:
    """Return the secret under which keys are hashed; made, for its owner alone, if there is none.

    Raises:
        ConfigError: it cannot be read or made.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileExistsError):
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "wb") as file:
                file.write(secrets.token_bytes(_PEPPER_BYTES))
        pepper = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path} cannot be used: {error.strerror}") from error
    if len(pepper) != _PEPPER_BYTES:
        raise ConfigError(
            f"{path} is not the secret this server made; restore it, or remove it and create all "
            "keys anew"
        )
    return pepper


class KeyHolder(Protocol):
    """Whoever knows keys."""

    def caller(self, key: str) -> Caller | None:
        """Return whose a key is; None where it is nobody's."""
        ...

    def holder(self, key_id: str) -> Caller | None:
        """Return whose the key of an id is; None where it is nobody's any more."""
        ...


class NoKeys:
    """Knows no key: what it guards opens by a link alone."""

    def caller(self, key: str) -> Caller | None:
        """Return nobody."""
        del key
        return None

    def holder(self, key_id: str) -> Caller | None:
        """Return nobody."""
        del key_id
        return None


class Links:
    """One-time links for whoever sits at this machine, and the sessions of all who came in.

    Args:
        clock: the time in seconds, which only grows.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._links: set[str] = set()
        self._sessions: dict[str, tuple[str, float]] = {}

    def new_link(self) -> str:
        """Return the token of a link that opens one session."""
        token = secrets.token_urlsafe(_SECRET_BYTES)
        self._links.add(token)
        return token

    def open(self, token: str) -> str | None:
        """Return the cookie of a session; None where the link is unknown or was used."""
        if token not in self._links:
            return None
        self._links.discard(token)
        return self.open_with(_LOCAL)

    def open_with(self, key_id: str) -> str:
        """Return the cookie of a session of the key of an id, which ends when that key is void."""
        now = self._clock()
        self._sessions = {name: one for name, one in self._sessions.items() if one[1] > now}
        session = secrets.token_urlsafe(_SECRET_BYTES)
        self._sessions[session] = (key_id, now + SESSION_S)
        return session

    def close(self, session: str) -> None:
        """End a session."""
        self._sessions.pop(session, None)

    def caller(self, session: str, keys: KeyHolder) -> Caller | None:
        """Return who a session belongs to; None where it is unknown, over, or its key is void."""
        key_id, until = self._sessions.get(session, ("", 0.0))
        if not key_id or until <= self._clock():
            return None
        if key_id != _LOCAL:
            return keys.holder(key_id)
        roles = frozenset({Role.ADMIN})
        return Caller(key_id=_LOCAL, workspace=DEFAULT_WORKSPACE, roles=roles)


# FastAPI's own word for what a dependency returns.
def needs(role: Role) -> Any:  # noqa: ANN401
    """Return the dependency of a route: a caller that has a role."""

    def caller(request: Request) -> Caller:
        server = request.app.state.server
        found = caller_of(request.headers, keys=server.keys, links=server.links)
        if found is None:
            raise unauthenticated()
        request.scope[ASKED_BY] = found.key_id
        if not found.may(role):
            raise Problem(403, "forbidden", f"the key has not the role {role.value}")
        return found

    setattr(caller, PERMISSION, role)
    return Depends(caller)


def caller_of(headers: Headers, *, keys: KeyHolder, links: Links) -> Caller | None:
    """Return who makes a request; None where nobody that is known does."""
    scheme, _, key = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return keys.caller(key.strip())
    session = session_of(headers)
    return links.caller(session, keys) if session else None


def session_of(headers: Headers) -> str:
    """Return the session that a request names; empty for none."""
    return cookie_parser(headers.get("cookie", "")).get(COOKIE, "")


def public(endpoint: Callable[..., object]) -> Callable[..., object]:
    """Mark a route as one that anybody may use."""
    setattr(endpoint, PERMISSION, None)
    return endpoint


def refuse_undeclared(app: FastAPI) -> None:
    """Check that every route says who may use it.

    Raises:
        AssertionError: one does not: the service does not start.
    """
    for route in all_routes(app.routes):
        if not isinstance(route, APIRoute) or not _is_declared(route):
            raise AssertionError(f"{route} does not say who may use it")


def all_routes(routes: Iterable[BaseRoute]) -> Iterator[BaseRoute]:
    """Yield every route there is, also those of routers that were included."""
    for route in routes:
        # Newer versions of FastAPI keep a router that is included as one route.
        included = getattr(route, "original_router", None)
        if isinstance(included, APIRouter):
            yield from all_routes(included.routes)
        else:
            yield route


def permission_of(route: APIRoute) -> Role | None:
    """Return the role a caller of a route must have; None where anybody may use it."""
    declared = [getattr(call, PERMISSION, None) for call in _calls(route)]
    return next((role for role in declared if role is not None), None)


def _is_declared(route: APIRoute) -> bool:
    return any(hasattr(call, PERMISSION) for call in _calls(route))


def _calls(route: APIRoute) -> Iterator[object]:
    yield route.endpoint
    yield from (one.call for one in route.dependant.dependencies)
