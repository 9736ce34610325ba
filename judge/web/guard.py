"""What every request passes before anything looks at it: host, origin, size, time."""

import asyncio
import logging
import re
import time
from collections.abc import Callable, Collection, Mapping
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from judge.web.access import ASKED_BY
from judge.web.metrics import Metrics
from judge.web.problems import Problem, response, unauthenticated

_LOGGER = logging.getLogger(__name__)

MAX_BODY_BYTES = 32 * 1024 * 1024
REQUEST_S = 30.0

_MOST_AT_A_DOOR_BYTES = 4096

_ID = re.compile(r"(?:job|validation)-[0-9a-f]{16}|[0-9]{8}-[0-9]{6}-[0-9a-f]{6}")
_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"})
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


class Guard:
    """Refuses what is no business of the routes.

    Args:
        app: the routes.
        hosts: names this server goes by; a request to another name was sent here by a trick.
        knows: whether somebody known makes a request; nobody else has a body read.
        doors: paths at which one that is not known yet may show a key.
        metrics: counts and times requests.
        limited: refuses whoever asks too often.
        request_s: how long a request may take, but for a stream that has begun.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        hosts: Collection[str],
        knows: Callable[[Headers], bool],
        metrics: Metrics,
        doors: Collection[str] = (),
        limited: Callable[[Headers], Problem | None] = lambda _: None,
        request_s: float = REQUEST_S,
    ) -> None:
        self._app = app
        self._hosts = frozenset(hosts)
        self._knows = knows
        self._metrics = metrics
        self._doors = frozenset(doors)
        self._limited = limited
        self._request_s = request_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        answer = _Answer(send)
        try:
            problem = self._refusal(scope) or await self._asked(scope, receive, answer)
            if problem is not None:
                await response(problem)(scope, receive, answer.send)
        finally:
            seconds = time.perf_counter() - started
            self._metrics.answered(scope, answer.status, seconds)
            _LOGGER.info("request", extra=_told(scope, answer.status, seconds))

    async def _asked(self, scope: Scope, receive: Receive, answer: "_Answer") -> Problem | None:
        """Ask the routes; return a problem where they gave no answer."""
        try:
            async with asyncio.timeout(self._request_s) as limit:
                answer.limit = limit
                await self._app(scope, _Body(receive).receive, answer.send)
        except TimeoutError:
            answer.limit = None  # what is said now is said in any case
            return Problem(408, "too_slow", f"a request may take {self._request_s:g} s")
        return None

    def _refusal(self, scope: Scope) -> Problem | None:
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if _name_of(host) not in self._hosts:
            return Problem(421, "wrong_host", "this server does not go by that name")
        if scope["method"] not in _SAFE_METHODS and (refused := self._write_refusal(scope, host)):
            return refused
        if (too_many := self._limited(headers)) is not None:
            return too_many
        if headers.get("content-encoding", "identity").lower() != "identity":
            return Problem(
                415, "encoded_body", "send the body as it is, without a content-encoding"
            )
        length = headers.get("content-length", "0")
        if not length.isascii() or not length.isdigit():
            return Problem(400, "bad_request", "content-length is a number of bytes")
        return _too_large() if int(length) > MAX_BODY_BYTES else None

    def _write_refusal(self, scope: Scope, host: str) -> Problem | None:
        headers = Headers(scope=scope)
        origin = headers.get("origin")
        if origin is not None and not _is_own(origin, host, headers):
            return Problem(403, "foreign_origin", "a page of another origin may not do that")
        if scope["path"] not in self._doors:
            return None if self._knows(headers) else unauthenticated()
        if not _is_at_most(headers.get("content-length", ""), _MOST_AT_A_DOOR_BYTES):
            return Problem(413, "body_too_large", "a key is shorter than that")
        return None


def _told(scope: Scope, status: int, seconds: float) -> Mapping[str, object]:
    """Return what is logged of a request: the route and who asked, and nothing of what was sent."""
    about = {
        name: value
        for name, value in scope.get("path_params", {}).items()
        if name.endswith("_id") and _ID.fullmatch(str(value))
    }
    return {
        "method": scope["method"] if scope["method"] in _METHODS else "other",
        "route": getattr(scope.get("route"), "path", "none"),
        "status": status,
        "seconds": round(seconds, 4),
        "key": scope.get(ASKED_BY, ""),
        **about,
    }


class _Answer:
    """Sends an answer with the headers that every answer has.

    Attributes:
        status: of HTTP; 500 until there is one.
        limit: of the request's time; a stream that has begun may go on.
    """

    def __init__(self, send: Send) -> None:
        self._send = send
        self.status = 500
        self.limit: asyncio.Timeout | None = None

    async def send(self, message: Message) -> None:
        """Pass on a part of the answer."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            if self.limit is not None:
                self.limit.reschedule(None)
            headers = MutableHeaders(scope=message)
            for name, value in _HEADERS.items():
                headers.setdefault(name, value)
        await self._send(message)


class _TooLarge(HTTPException):
    """More of a body came than may; of this class, it passes whoever reads a body."""

    def __init__(self) -> None:
        super().__init__(413, _too_large().detail)


class _Body:
    """Counts a body that does not say beforehand how long it is."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._bytes = 0

    async def receive(self) -> Message:
        message = await self._receive()
        self._bytes += len(message.get("body", b""))
        if self._bytes > MAX_BODY_BYTES:
            raise _TooLarge
        return message


def _too_large() -> Problem:
    return Problem(
        413,
        "body_too_large",
        f"a body may have {MAX_BODY_BYTES} bytes; put larger files into a folder the server "
        "allows and name their config by config_path",
    )


def _is_at_most(length: str, most: int) -> bool:
    return length.isascii() and length.isdigit() and int(length) <= most


def _is_own(origin: str, host: str, headers: Headers) -> bool:
    """Whether a page of this server writes.

    Pages of ours tell nobody where they are, and a browser then names no origin of a form that
    they send; it says itself, where no script can, that the form is of the same one.
    """
    if origin == "null":
        return headers.get("sec-fetch-site") == "same-origin"
    return urlsplit(origin).netloc == host


def _name_of(host: str) -> str:
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""
