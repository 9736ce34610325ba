"""Errors as the service tells them: one shape, RFC 9457, with a code that does not change."""

import logging
import secrets
from collections.abc import Callable, Mapping

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from judge.errors import (
    ConfigError,
    DataError,
    IllegalTransition,
    InputError,
    JobChanged,
    LeaseExpired,
    RatingConflict,
    RunNotFound,
    TooManyJobs,
)

_LOGGER = logging.getLogger(__name__)

PROBLEM_JSON = "application/problem+json"
_MOST_FAULTS = 20
_TOO_MANY = 429
_JOBS_LATER_S = 30
"""When to look again whether there is room for another job."""
_CODES: Mapping[type[InputError], tuple[int, str]] = {
    RunNotFound: (404, "not_found"),
    IllegalTransition: (409, "illegal_transition"),
    JobChanged: (409, "changed_meanwhile"),
    RatingConflict: (409, "rating_conflict"),
    LeaseExpired: (409, "lease_expired"),
    TooManyJobs: (429, "too_many_jobs"),
    ConfigError: (422, "config_invalid"),
    DataError: (422, "data_invalid"),
}
_OF_STATUS: Mapping[int, str] = {
    400: "bad_request",
    404: "not_found",
    405: "method_not_allowed",
    413: "body_too_large",
    415: "unsupported_media_type",
}


class Problem(Exception):
    """A request that is refused.

    Args:
        status: of HTTP, 4xx.
        code: names the reason for a program.
        detail: says it, and the remedy, for a person.
        headers: to be sent with it.
    """

    def __init__(
        self, status: int, code: str, detail: str, *, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.headers = headers


def not_found() -> Problem:
    """Return what is said of what does not exist, or belongs to others: one and the same."""
    return Problem(404, "not_found", "there is no such thing here; look at /v1/jobs for what is")


def unauthenticated() -> Problem:
    """Return what is said to whoever has no key, or none that opens anything."""
    return Problem(
        401,
        "unauthenticated",
        "send a key: 'Authorization: Bearer jk_...' (made with: judge keys create)",
        headers={"WWW-Authenticate": "Bearer"},
    )


def response(problem: Problem) -> Response:
    """Return a problem as the body of an answer."""
    return JSONResponse(
        {
            "type": "about:blank",
            "title": problem.code.replace("_", " "),
            "status": problem.status,
            "code": problem.code,
            "detail": problem.detail,
        },
        status_code=problem.status,
        media_type=PROBLEM_JSON,
        headers=dict(problem.headers or {}),
    )


def handle_errors(
    app: FastAPI, *, told: Callable[[Request, Problem], Response] | None = None
) -> None:
    """Have every error of an app told in the one shape.

    Args:
        app: the app.
        told: returns how a problem is told to whoever asked; None tells it as a program reads it.
    """

    def tell(request: Request, problem: Problem) -> Response:
        return told(request, problem) if told else response(problem)

    @app.exception_handler(Problem)
    def _problem(request: Request, error: Problem) -> Response:
        return tell(request, error)

    @app.exception_handler(InputError)
    def _input(request: Request, error: InputError) -> Response:
        status, code = _CODES.get(type(error), (422, "bad_input"))
        headers = {"Retry-After": str(_JOBS_LATER_S)} if status == _TOO_MANY else None
        return tell(request, Problem(status, code, str(error), headers=headers))

    @app.exception_handler(RequestValidationError)
    def _validation(request: Request, error: RequestValidationError) -> Response:
        faults = [
            f"{'.'.join(str(step) for step in fault['loc'] if step != 'body') or 'the body'}: "
            f"{fault['msg']}"
            for fault in error.errors()[:_MOST_FAULTS]
        ]
        return tell(request, Problem(422, "request_invalid", "; ".join(faults)))

    @app.exception_handler(HTTPException)
    def _http(request: Request, error: HTTPException) -> Response:
        code = _OF_STATUS.get(error.status_code, "refused")
        return tell(
            request, Problem(error.status_code, code, str(error.detail), headers=error.headers)
        )

    @app.exception_handler(Exception)
    def _bug(request: Request, error: Exception) -> Response:
        incident = secrets.token_hex(4)
        route = getattr(request.scope.get("route"), "path", "none")
        _LOGGER.error("incident %s in %s", incident, route, exc_info=error)
        return tell(
            request,
            Problem(500, "internal_error", f"incident {incident}: the server's log has the rest"),
        )
